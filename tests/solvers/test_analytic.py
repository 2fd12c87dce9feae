"""The analytic solver and what the contract says of its inputs."""

import numpy as np
import pytest

from niki_tf import body, solvers

SKELETON = body.mannequin_joints()


def test_a_twist_that_is_not_known_is_as_none(rng):
    solver, joints = solvers.Analytic(SKELETON), SKELETON.joints + 0.05 * rng.normal(size=[3, 29, 3])
    twist = np.zeros([3, 23, 2])
    np.testing.assert_allclose(solver.ik(joints, twist=twist)["body_pose"], solver.ik(joints)["body_pose"], atol=1e-6)
    twist[:, 4] = [0.0, 2.0]
    told = solver.ik(joints, twist=twist)["body_pose"].numpy()
    np.testing.assert_allclose(np.linalg.det(told), 1.0, atol=1e-5)
    assert np.abs(told[:, 4] - solver.ik(joints)["body_pose"][:, 4]).max() > 0.1
    known = np.tile([1.0, 0.0], [3, 23, 1])
    known[:, 4] = [0.0, 1.0]
    np.testing.assert_allclose(told, solver.ik(joints, twist=known)["body_pose"], atol=1e-5)


def test_lists_and_what_is_given_once_will_do(rng):
    solver, joints = solvers.Analytic(SKELETON), SKELETON.joints + 0.05 * rng.normal(size=[3, 29, 3])
    betas, sigma = rng.normal(size=10), np.where(np.arange(29) == 20, 10.0, 0.01)
    whole = solver.ik(joints, betas=np.tile(betas, [3, 1]), joint_sigma=np.tile(sigma, [3, 1]))
    for shared in (betas, betas[None], betas.tolist()):
        for found in (
            solver.ik(joints.tolist(), betas=shared, joint_sigma=sigma),
            solver.predict({"joints": joints, "betas": shared, "joint_sigma": sigma[None]}, batch_size=2, verbose=0),
        ):
            for name, array in whole.items():
                np.testing.assert_allclose(found[name], array, atol=1e-5)
    with pytest.raises(ValueError, match=r"`betas` must have the leading axes of `joints`, \(3,\); got \(2, 10\)"):
        solver.ik(joints, betas=np.zeros([2, 10]))


def test_no_examples_have_an_empty_answer():
    solver = solvers.Analytic(SKELETON)
    found = solver.predict({"joints": np.zeros([0, 29, 3]), "betas": np.zeros(10)}, verbose=0)
    one = solver.predict({"joints": SKELETON.joints[None]}, verbose=0)
    assert {name: array.shape[1:] for name, array in found.items()} == {k: v.shape[1:] for k, v in one.items()}
    assert {type(array) for array in found.values()} == {np.ndarray}
    assert {len(array) for array in found.values()} == {0}


def test_predict_wants_several_examples():
    with pytest.raises(ValueError, match=r"`joints` must be several examples, .* got \(29, 3\). Use ik"):
        solvers.Analytic(SKELETON).predict({"joints": SKELETON.joints}, verbose=0)


def test_joints_that_are_no_metres_are_told(caplog, monkeypatch):
    monkeypatch.setattr("niki_tf.solvers.solver._SECONDS_BETWEEN_WARNINGS", 0.0)
    analytic = solvers.Analytic(SKELETON)
    for joints in (1000.0 * SKELETON.joints, SKELETON.joints):
        analytic.ik(joints)
    told = [record.getMessage().partition(".")[0] for record in caplog.records]
    assert told == ["The points look like mm, not metres"]


@pytest.mark.parametrize(("sigma", "told"), [(0.9, 1), (20.0, 1), (0.03, 0), (10.0, 0)])
def test_sigma_that_is_no_metres_is_told(caplog, monkeypatch, sigma, told):
    monkeypatch.setattr("niki_tf.solvers.solver._SECONDS_BETWEEN_WARNINGS", 0.0)
    solvers.Analytic(SKELETON).ik(SKELETON.joints, joint_sigma=np.full(29, sigma))
    assert ["`joint_sigma` does not look like metres" in record.getMessage() for record in caplog.records] == [
        True
    ] * told


def test_one_limb_that_is_uncertain_is_no_other_unit(caplog):
    sigma = np.where(np.arange(29) % 3 == 0, 0.9, 0.02)
    solvers.Analytic(SKELETON).ik(SKELETON.joints, joint_sigma=sigma)
    assert not caplog.records
