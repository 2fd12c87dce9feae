import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, rotations, solvers
from niki_tf.body import kinematics

SKELETON = body.mannequin_skeleton()
MAKERS = {
    "analytic": lambda: solvers.Analytic(SKELETON),
    "mlp": lambda: solvers.MLP(SKELETON, hidden=16),
    "one_stage": lambda: solvers.OneStage(SKELETON, hidden=16, couplings=4),
    "one_stage, betas": lambda: solvers.OneStage(SKELETON, hidden=16, couplings=4, condition="betas"),
    "one_stage, not canonical": lambda: solvers.OneStage(SKELETON, hidden=16, couplings=4, canonical=False),
}
LEARNED = [name for name in MAKERS if name != "analytic"]
INVERTIBLE = [name for name in MAKERS if name.startswith("one_stage")]


def _strong(solver):
    for variable in solver.trainable_variables:
        if len(variable.shape) == 2:
            variable.assign(keras.random.normal(variable.shape, stddev=variable.shape[0] ** -0.5, seed=1))
    return solver


def _inputs(rng, *leading):
    turns = 0.3 * rng.normal(size=[*leading, 24, 3])
    betas = rng.normal(size=[*leading, 10]).astype(np.float32)
    rest = SKELETON(tf.constant(betas))
    local = rotations.rotvec_to_matrix(tf.constant(turns, tf.float32))
    joints, _ = kinematics.forward_kinematics(local, rest)
    _, twist = body.rotations_to_swing_twist(local, rest)
    sigma = 0.03 * rng.uniform(size=[*leading, 29])
    arrays = {"joints": joints - joints[..., :1, :], "betas": betas, "joint_sigma": sigma, "twist": twist}
    return {name: np.asarray(value, np.float32) for name, value in arrays.items()}


@pytest.fixture(params=MAKERS)
def solver(request):
    return _strong(MAKERS[request.param]())


@pytest.mark.parametrize("leading", [(), (3,), (2, 3)], ids=str)
def test_the_contract_holds_for_any_leading_axes(solver, leading, rng):
    inputs = _inputs(rng, *leading)
    outputs = solver(inputs)
    assert outputs["global_orient"].shape == (*leading, 1, 3, 3)
    assert outputs["body_pose"].shape == (*leading, 23, 3, 3)
    matrices = np.concatenate([outputs["global_orient"], outputs["body_pose"]], -3)
    np.testing.assert_allclose(
        matrices @ matrices.swapaxes(-1, -2), np.broadcast_to(np.eye(3), matrices.shape), atol=1e-5
    )
    if isinstance(solver, solvers.OneStage):
        assert outputs["z"].shape == (*leading, 32)


def test_call_ik_predict_and_graph_agree(solver, rng):
    inputs = _inputs(rng, 5)
    found = solver(inputs)
    others = [
        solver.ik(**inputs),
        solver.predict(inputs, batch_size=2, verbose=0),
        tf.function(solver)({name: tf.constant(value) for name, value in inputs.items()}),
    ]
    for other in others:
        for name, value in found.items():
            np.testing.assert_allclose(other[name], value, atol=2e-5)


def test_same_input_same_output(solver, rng):
    inputs = _inputs(rng, 3)
    first, second = solver(inputs), solver(inputs)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_keras_file_round_trip(solver, rng, tmp_path):
    inputs = _inputs(rng, 3)
    solver.save(tmp_path / "x.keras")
    again = keras.saving.load_model(tmp_path / "x.keras")
    json.dumps(solver.get_config())
    assert type(again) is type(solver)
    for name, value in solver(inputs).items():
        np.testing.assert_allclose(again(inputs)[name], value, atol=1e-6)


@pytest.mark.parametrize("name", LEARNED)
def test_output_moves_with_every_input(name, rng):
    solver = _strong(MAKERS[name]())
    inputs = {key: tf.constant(value) for key, value in _inputs(rng, 3).items() if key != "twist"}
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = solver(inputs)
        summed = tf.reduce_sum(outputs["body_pose"] * rng.normal(size=[3, 23, 3, 3]).astype(np.float32))
    for key, gradient in tape.gradient(summed, inputs).items():
        assert np.isfinite(gradient).all(), key
        moving = np.abs(gradient).max(0) > 0
        # Without the canonical frame, joint 0 is the origin whatever it is.
        assert (moving[1:] if key == "joints" else moving).all(), key


@pytest.mark.parametrize("name", LEARNED)
def test_every_weight_gets_a_gradient(name, rng):
    solver = _strong(MAKERS[name]())
    inputs = _inputs(rng, 4)
    with tf.GradientTape() as tape:
        outputs = solver(inputs)
        total = sum(tf.reduce_sum(v * rng.normal(size=v.shape).astype(np.float32)) for v in outputs.values())
    weights = [variable.value for variable in solver.trainable_variables]
    for variable, gradient in zip(solver.trainable_variables, tape.gradient(total, weights), strict=True):
        assert gradient is not None, variable.path
        assert np.abs(gradient).max() > 0, variable.path


@pytest.mark.parametrize("name", ["analytic", "mlp", "one_stage"])
def test_a_turned_person_is_the_same_pose(name, rng):
    solver = _strong(MAKERS[name]())
    inputs = _inputs(rng, 6)
    turn = np.asarray(rotations.rotvec_to_matrix(tf.constant(rng.normal(size=[6, 3]), tf.float32)))
    turned = inputs | {"joints": np.einsum("nij,nkj->nki", turn, inputs["joints"])}
    upright, found = solver(inputs), solver(turned)
    np.testing.assert_allclose(found["body_pose"], upright["body_pose"], atol=2e-4)
    np.testing.assert_allclose(found["global_orient"], turn[:, None] @ upright["global_orient"], atol=2e-4)


@pytest.mark.parametrize("name", ["analytic", "mlp", "one_stage"])
def test_where_the_person_stands_does_not_matter(name, rng):
    solver = _strong(MAKERS[name]())
    inputs = _inputs(rng, 4)
    moved = inputs | {"joints": inputs["joints"] + np.float32([0.3, -1.0, 2.0])}
    np.testing.assert_allclose(solver(moved)["body_pose"], solver(inputs)["body_pose"], atol=1e-4)


@pytest.mark.parametrize("name", INVERTIBLE)
def test_the_flow_leads_there_and_back(name, rng):
    solver = _strong(MAKERS[name]())
    joints, sigma, padding, condition = (
        tf.constant(rng.normal(size=[5, *shape]), tf.float32)
        for shape in ((29, 3), (29,), (60,), (solver.condition_size,))
    )
    pose, z = solver.to_pose(joints, sigma, padding, condition)
    for found, given in zip(solver.to_joints(pose, z, condition), (joints, sigma, padding), strict=True):
        np.testing.assert_allclose(found, given, atol=2e-4)


@pytest.mark.parametrize("name", INVERTIBLE)
def test_fk_shapes_and_its_dependence_on_z(name, rng):
    solver = _strong(MAKERS[name]())
    pose = solver(_inputs(rng, 2, 3))
    still = solver.fk(pose["global_orient"], pose["body_pose"])
    moved = solver.fk(pose["global_orient"], pose["body_pose"], z=pose["z"], betas=tf.ones([2, 3, 10]))
    assert still["joints"].shape == (2, 3, 29, 3)
    assert still["joint_sigma"].shape == (2, 3, 29)
    assert still["padding"].shape == (2, 3, 60)
    assert np.abs(still["joints"] - moved["joints"]).max() > 1e-3
    np.testing.assert_array_equal(still["joints"][..., 0, :], np.zeros([2, 3, 3]))


@pytest.mark.parametrize("name", ["mlp", "one_stage"])
def test_the_same_weights_serve_another_body(name, rng):
    solver = _strong(MAKERS[name]())
    taller = body.RestSkeleton(1.1 * SKELETON.joints, directions=SKELETON.directions[..., :4])
    other = solver.with_skeleton(taller)
    joints = _inputs(rng, 3)["joints"]
    assert other.skeleton.num_betas == 4
    np.testing.assert_array_equal(other.get_weights()[0], solver.get_weights()[0])
    assert np.abs(other.ik(joints)["body_pose"] - solver.ik(joints)["body_pose"]).max() > 1e-4


def test_analytic_recovers_a_clean_pose(rng):
    inputs = _inputs(rng, 20)
    found = MAKERS["analytic"]()(inputs)
    local = tf.concat([found["global_orient"], found["body_pose"]], -3)
    joints, _ = kinematics.forward_kinematics(local, SKELETON(inputs["betas"]))
    np.testing.assert_allclose(joints - joints[:, :1], inputs["joints"], atol=1e-4)


BAD = {
    "wrong joint set": ({"joints": np.zeros([4, 24, 3])}, r"`joints` must end in shape \(29, 3\); got \(4, 24, 3\)"),
    "no joints": ({"betas": np.zeros([4, 10])}, "`joints` .* is missing; got betas"),
    "unknown name": ({"joints": np.zeros([4, 29, 3]), "pose": np.zeros(3)}, "`pose` is no input"),
    "wrong betas": ({"joints": np.zeros([4, 29, 3]), "betas": np.zeros([4, 16])}, r"`betas` must end in shape \(10,\)"),
    "leading axes": (
        {"joints": np.zeros([4, 29, 3]), "betas": np.zeros([3, 10])},
        r"`betas` must have the leading axes of `joints`, \(4,\); got \(3, 10\)",
    ),
    "twist": ({"joints": np.zeros([4, 29, 3]), "twist": np.zeros([4, 23])}, r"`twist` must end in shape \(23, 2\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_inputs_are_named(case):
    inputs, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        MAKERS["mlp"]()(inputs)


def test_bad_poses_are_named():
    solver = MAKERS["one_stage"]()
    with pytest.raises(ValueError, match="`body_pose` must end in shape"):
        solver.fk(np.zeros([1, 3, 3]), np.zeros([22, 3, 3]))


def test_unknown_condition_is_named():
    with pytest.raises(ValueError, match='`condition` must be "bones" or "betas"; got \'height\''):
        solvers.MLP(SKELETON, condition="height")


def test_loading_names_what_is_missing(tmp_path):
    with pytest.raises(ValueError, match=r"model\.keras"):
        solvers.load(tmp_path)
    keras.Sequential([keras.Input([1]), keras.layers.Dense(1)]).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="must hold a solver"):
        solvers.load(tmp_path)
