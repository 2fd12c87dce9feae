"""Bodies and solvers compute in float32 under every dtype policy of Keras, and leave the policy as it is."""

import keras
import numpy as np
import pytest

from niki_tf import body, precision, solvers

POLICIES = ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64"]


@pytest.fixture(params=POLICIES)
def policy(request):
    before, floatx = keras.config.dtype_policy(), keras.config.floatx()
    keras.config.set_dtype_policy(request.param)
    if request.param in ("float16", "float64"):
        keras.config.set_floatx(request.param)
    yield request.param
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(before)


def _posed(toy_body, rng):
    turns = np.linalg.qr(rng.normal(size=[2, 24, 3, 3]))[0].astype(np.float32)
    betas = rng.normal(size=[2, 10]).astype(np.float32)
    return body.Body(toy_body)(global_orient=turns[:, :1], body_pose=turns[:, 1:], betas=betas)


@pytest.fixture
def in_float32(toy_body):
    """What is computed before the policy is set."""
    return _posed(toy_body, np.random.default_rng(0))


def test_bodies_are_posed_in_single_precision(in_float32, policy, toy_body):
    found = _posed(toy_body, np.random.default_rng(0))
    for name, array in in_float32.items():
        assert found[name].dtype == "float32"
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("policy", ["float16"], indirect=True)
def test_solvers_solve_in_single_precision(policy, rng, tmp_path):
    joints = body.mannequin_joints().joints + 0.05 * rng.normal(size=[2, 29, 3])
    solver = solvers.OneStage(body.mannequin_joints(), num_couplings=2, hidden_dim=8)
    assert {weight.dtype for weight in solver.weights} == {"float32"}
    answer = solver.ik(joints)
    assert answer["residual"].dtype == "float32"
    solvers.save(solver, tmp_path)
    np.testing.assert_array_equal(solvers.load(tmp_path).ik(joints)["body_pose"], answer["body_pose"])
    predicted = solver.predict({"joints": joints}, verbose=0)["body_pose"]
    np.testing.assert_allclose(predicted, answer["body_pose"], atol=1e-5)
    assert keras.config.dtype_policy().name == policy


def test_the_policy_is_set_back_whatever_happens(policy):
    with precision.float32():
        assert keras.config.dtype_policy().name == "float32"
    assert keras.config.dtype_policy().name == policy
    with pytest.raises(ValueError, match="`refine` must be"):
        solvers.Analytic(body.mannequin_joints(), refine=-1)
    assert keras.config.dtype_policy().name == policy
