import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, rotations, solvers
from niki_tf.body import kinematics
from niki_tf.solvers import invertible, learned

SKELETON = body.mannequin_joints()
PUBLISHED = {"canonical": False, "twist_known": False, "compose_twist": False}
MAKERS = {
    "analytic": lambda: solvers.Analytic(SKELETON),
    "mlp": lambda: solvers.MLP(SKELETON, hidden_dim=16),
    "one_stage": lambda: solvers.OneStage(SKELETON, hidden_dim=16, num_couplings=2),
    "one_stage, betas": lambda: solvers.OneStage(SKELETON, hidden_dim=16, num_couplings=2, condition="betas"),
    "one_stage, not canonical": lambda: solvers.OneStage(SKELETON, hidden_dim=16, num_couplings=2, canonical=False),
    "one_stage, twist": lambda: solvers.OneStage(SKELETON, hidden_dim=16, num_couplings=2, takes_twist=True),
    "twist_swing": lambda: _twist_swing(twist_hidden_dim=16),
    "twist_swing, as published": lambda: _twist_swing(condition="betas", **PUBLISHED),
}
LEARNED = [name for name in MAKERS if name != "analytic"]
INVERTIBLE = [name for name in LEARNED if name != "mlp"]


def _twist_swing(**options):
    return solvers.TwistSwing(
        SKELETON, hidden_dim=16, num_couplings=2, rotation_hidden_dim=16, num_rotation_couplings=2, **options
    )


@functools.cache
def _strong(name, size=1.0):
    """The solver of that name with weights large enough to matter, one for all tests: none changes it."""
    solver = MAKERS[name]()
    for variable in solver.trainable_variables:
        if len(variable.shape) == 2:
            variable.assign(keras.random.normal(variable.shape, stddev=size * variable.shape[0] ** -0.5, seed=1))
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
    return {name: np.array(value, np.float32) for name, value in arrays.items()}


@functools.cache
def _solved(name, *leading):
    """Inputs of those leading axes and what the strong solver of that name answers."""
    inputs = _inputs(np.random.default_rng(0), *leading)
    return inputs, _strong(name)(inputs)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)], ids=str)
def test_the_contract_holds_for_any_leading_axes(name, leading):
    solver, (_, outputs) = _strong(name), _solved(name, *leading)
    assert outputs["global_orient"].shape == (*leading, 1, 3, 3)
    assert outputs["body_pose"].shape == (*leading, 23, 3, 3)
    matrices = np.concatenate([outputs["global_orient"], outputs["body_pose"]], -3)
    np.testing.assert_allclose(
        matrices @ matrices.swapaxes(-1, -2), np.broadcast_to(np.eye(3), matrices.shape), atol=1e-5
    )
    if isinstance(solver, solvers.InvertibleSolver):
        assert outputs["z"].shape == (*leading, {"OneStage": 32, "TwistSwing": 78}[type(solver).__name__])


@pytest.mark.parametrize(
    "name", ["one_stage", *(pytest.param(x, marks=pytest.mark.slow) for x in ("analytic", "mlp", "twist_swing"))]
)
def test_call_ik_predict_and_graph_agree(name, rng):
    # With larger weights some rotations come from two rows that are almost parallel, which makes much of rounding.
    solver, inputs = _strong(name, size=0.6), _inputs(rng, 4)
    found = solver(inputs)
    graph = tf.function(solver, autograph=False)
    others = [
        solver.ik(**inputs),
        solver.predict(inputs, batch_size=2, verbose=0),
        graph({name: tf.constant(value) for name, value in inputs.items()}),
    ]
    for other in others:
        for name, value in found.items():
            np.testing.assert_allclose(other[name], value, atol=2e-5)


@pytest.mark.parametrize("name", MAKERS)
def test_same_input_same_output(name):
    inputs, first = _solved(name, 3)
    second = _strong(name)(inputs)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.parametrize("name", MAKERS)
def test_keras_file_round_trip(name, tmp_path):
    solver, (inputs, outputs) = _strong(name), _solved(name, 3)
    solver.save(tmp_path / "x.keras")
    again = keras.saving.load_model(tmp_path / "x.keras")
    json.dumps(solver.get_config())
    assert type(again) is type(solver)
    found = again(inputs)
    for key, value in outputs.items():
        np.testing.assert_allclose(found[key], value, atol=1e-6)


@pytest.mark.parametrize("name", LEARNED)
def test_output_moves_with_every_input(name, rng):
    solver = _strong(name)
    inputs = {key: tf.constant(value) for key, value in _inputs(rng, 3).items()}
    if not solver.uses_twist:
        del inputs["twist"]
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
    solver = _strong(name)
    inputs = _inputs(rng, 4)
    inputs["twist"][:2] = 0.0  # unknown, so that a network that guesses it has something to do
    with tf.GradientTape() as tape:
        outputs = solver(inputs)
        total = sum(
            tf.reduce_sum(v * rng.normal(size=v.shape).astype(np.float32))
            for v in outputs.values()
            if v.dtype.is_floating
        )
    weights = [variable.value for variable in solver.trainable_variables]
    for variable, gradient in zip(solver.trainable_variables, tape.gradient(total, weights), strict=True):
        assert gradient is not None, variable.path
        assert np.abs(gradient).max() > 0, variable.path


@pytest.mark.parametrize("name", ["analytic", "mlp", "one_stage", "twist_swing"])
def test_a_turned_person_is_the_same_pose(name, rng):
    solver = _strong(name)
    inputs = _inputs(rng, 6)
    turn = np.asarray(rotations.rotvec_to_matrix(tf.constant(rng.normal(size=[6, 3]), tf.float32)))
    turned = inputs | {"joints": np.einsum("nij,nkj->nki", turn, inputs["joints"])}
    upright, found = solver(inputs), solver(turned)
    np.testing.assert_allclose(found["body_pose"], upright["body_pose"], atol=2e-4)
    np.testing.assert_allclose(found["global_orient"], turn[:, None] @ upright["global_orient"], atol=2e-4)


@pytest.mark.parametrize("name", ["analytic", "mlp", "one_stage", "twist_swing"])
def test_where_the_person_stands_does_not_matter(name, rng):
    solver = _strong(name)
    inputs = _inputs(rng, 4)
    moved = inputs | {"joints": inputs["joints"] + np.float32([0.3, -1.0, 2.0])}
    np.testing.assert_allclose(solver(moved)["body_pose"], solver(inputs)["body_pose"], atol=1e-4)


@pytest.mark.parametrize("name", INVERTIBLE)
def test_the_network_leads_there_and_back(name, rng):
    solver = _strong(name)
    joints, sigma, padding, condition, twist = (
        tf.constant(rng.normal(size=[5, *shape]), tf.float32)
        for shape in ((29, 3), (29,), (solver.padding_size,), (solver.condition_size,), (23, 2))
    )
    seen = invertible.Observation(joints, sigma, padding, twist if solver.num_twists else None)
    shape = invertible.BodyCondition(condition, SKELETON(tf.zeros([5, 10])))
    pose, z, _ = solver.to_pose(seen, shape)
    back, _ = solver.to_observation(pose, z, shape)
    for part, value in vars(seen).items():
        if value is not None:
            close = 5e-4 if solver.num_twists else 2e-4  # two networks round twice
            np.testing.assert_allclose(getattr(back, part), value, atol=close, err_msg=part)


@pytest.mark.parametrize("name", INVERTIBLE)
def test_pose_to_joints_to_pose_without_error_and_with_some(name, rng):
    solver = _strong(name, size=0.5)
    inputs = _inputs(rng, 50)
    pose = {key: np.stack([value] * 2) for key, value in solver(inputs).items()}
    betas = np.stack([inputs["betas"]] * 2)
    z = np.float32(rng.normal(size=[2, 50, solver.embedding_size])) * np.float32([0.0, 0.3])[:, None, None]
    there = solver.fk(pose["global_orient"], pose["body_pose"], z=z, betas=betas)
    assert np.linalg.norm(there["padding"], axis=(1, 2)).min() > 1e-2
    back = solver.ik(**there, betas=betas)
    for part in ("global_orient", "body_pose"):
        angle = np.degrees(rotations.geodesic_angle(back[part], pose[part])).reshape(2, -1)
        assert np.median(angle, 1).max() < 1e-3
        assert np.percentile(angle, 90, axis=1).max() < 0.05
    assert np.median(np.abs(back["z"] - z), (1, 2)).max() < 1e-5


@pytest.mark.parametrize("name", INVERTIBLE)
def test_fk_shapes_and_its_dependence_on_z(name, rng):
    solver = _strong(name)
    pose = solver(_inputs(rng, 2, 3))
    still = solver.fk(pose["global_orient"], pose["body_pose"])
    moved = solver.fk(pose["global_orient"], pose["body_pose"], z=pose["z"], betas=tf.ones([2, 3, 10]))
    shapes = {key: value.shape[2:].as_list() for key, value in still.items()}
    twist = {"twist": [23, 2]} if solver.num_twists else {}
    assert (
        shapes
        == {"joints": [29, 3], "joint_sigma": [29], "padding": [solver.padding_size + 6 + solver.num_twists]} | twist
    )
    assert np.abs(still["joints"] - moved["joints"]).max() > 1e-3
    np.testing.assert_array_equal(still["joints"][..., 0, :], np.zeros([2, 3, 3]))


def test_a_twist_of_no_length_is_unknown(rng):
    solver = _strong("twist_swing")
    inputs = _inputs(rng, 6)
    without = {key: value for key, value in inputs.items() if key != "twist"}
    unknown = solver(without | {"twist": np.zeros([6, 23, 2])})["body_pose"]
    np.testing.assert_array_equal(solver(without)["body_pose"], unknown)
    some = inputs["twist"].copy()
    some[:, 11:] = 0.0
    told, half = (solver(without | {"twist": twist})["body_pose"] for twist in (inputs["twist"], some))
    assert min(np.abs(told - half).max(), np.abs(half - unknown).max()) > 1e-3


def test_only_the_direction_of_a_twist_counts(rng):
    inputs = _inputs(rng, 6)
    for name in ("twist_swing", "twist_swing, as published"):
        solver = _strong(name)
        longer = solver(inputs | {"twist": 3.0 * inputs["twist"]})["body_pose"]
        np.testing.assert_allclose(longer, solver(inputs)["body_pose"], atol=1e-4)


def test_the_twist_is_asked_for_where_nothing_guesses_it(rng):
    with pytest.raises(ValueError, match="`twist` .* is needed"):
        _strong("twist_swing, as published").ik(_inputs(rng, 2)["joints"])


def test_composed_answers_are_swing_times_twist_before_training(rng):
    solver = _twist_swing(twist_hidden_dim=16)
    for variable in solver.rotation_flow.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    inputs = _inputs(rng, 4)
    shape = solver.body_condition(tf.constant(inputs["betas"]), SKELETON(tf.constant(inputs["betas"])))
    seen = invertible.Observation(
        *(tf.constant(x) for x in (inputs["joints"], inputs["joint_sigma"], np.zeros([4, 60], "f"), inputs["twist"]))
    )
    pose, _, between = solver.to_pose(seen, shape)
    swing, found = (rotations.sixd_to_matrix(tf.reshape(sixd, [4, 24, 6])) for sixd in (between["swing"], pose))
    wanted = body.swing_twist_to_rotations(swing, seen.twist, shape.rest_joints)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("name", ["mlp", "one_stage"])
def test_the_same_weights_serve_another_body(name, rng):
    solver = _strong(name)
    taller = body.BodyJoints(1.1 * SKELETON.joints, directions=SKELETON.directions[..., :4])
    other = solver.for_body(taller)
    joints = _inputs(rng, 3)["joints"]
    assert other.body_joints.num_betas == 4
    np.testing.assert_array_equal(other.get_weights()[0], solver.get_weights()[0])
    assert np.abs(other.ik(joints)["body_pose"] - solver.ik(joints)["body_pose"]).max() > 1e-4


@pytest.fixture
def stranger(rng):
    """A body of the mannequin's kind no more: bones longer or shorter by 15 % and turned by 0.1 radians."""
    steps = kinematics.bones(tf.constant(SKELETON.joints[None], tf.float32))
    turns = rotations.rotvec_to_matrix(tf.constant(0.1 * rng.normal(size=[1, 29, 3]), tf.float32))
    factors = tf.constant(rng.uniform(0.85, 1.15, [1, 29, 1]), tf.float32)
    joints = kinematics.sum_bones(factors * tf.linalg.matvec(turns, steps))
    return body.BodyJoints(joints[0].numpy(), directions=SKELETON.directions)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["one_stage", "twist_swing"])
def test_a_body_that_training_has_not_seen_is_solved_as_well(name, stranger, repo, rng):
    solver = solvers.load(repo / "saved_models" / name)
    local = rotations.rotvec_to_matrix(tf.constant(0.15 * rng.normal(size=[20, 24, 3]), tf.float32))
    errors = []
    for body_joints in (SKELETON, stranger):
        rest = body_joints(tf.zeros([20, 10]))
        joints, _ = kinematics.forward_kinematics(local, rest)
        told = {"twist": body.rotations_to_swing_twist(local, rest)[1]} if name == "twist_swing" else {}
        which = solver if body_joints is SKELETON else solver.for_body(body_joints)
        found = which({"joints": joints, **told})
        answer, _ = kinematics.forward_kinematics(tf.concat([found["global_orient"], found["body_pose"]], 1), rest)
        errors.append(float(tf.reduce_mean(tf.norm(answer - joints, axis=-1))))
    assert errors[1] < 1.3 * errors[0]


def test_a_twist_is_told_about_the_bones_of_another_body(stranger, rng):
    local = rotations.rotvec_to_matrix(tf.constant(0.3 * rng.normal(size=[3, 24, 3]), tf.float32))
    rest, others = (body_joints(tf.zeros([3, 10])) for body_joints in (SKELETON, stranger))
    twist, wanted = (body.rotations_to_swing_twist(local, joints)[1].numpy() for joints in (rest, others))
    assert np.abs(twist - wanted).max() > 0.01
    twist[:, 4] = wanted[:, 4] = 0.0
    np.testing.assert_allclose(learned._retargeted_twist(twist, local, rest, others), wanted, atol=1e-5)


def test_the_way_back_stays_exact_for_another_body(stranger, rng):
    solver = _strong("one_stage", size=0.3).for_body(stranger)
    pose = solver.ik(_inputs(rng, 4)["joints"])
    there = solver.fk(pose["global_orient"], pose["body_pose"], z=pose["z"])
    np.testing.assert_allclose(solver.ik(**there)["body_pose"], pose["body_pose"], atol=2e-3)


def test_analytic_recovers_a_clean_pose(rng):
    inputs = {**_inputs(rng, 20), "joint_sigma": np.zeros([20, 29])}
    found = _strong("analytic")(inputs)
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
    "padding": ({"joints": np.zeros([4, 29, 3]), "padding": np.zeros([4, 60])}, "`padding` is no input"),
    "twist": ({"joints": np.zeros([4, 29, 3]), "twist": np.zeros([4, 23])}, r"`twist` must end in shape \(23, 2\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_inputs_are_named(case):
    inputs, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        _strong("mlp")(inputs)


def test_bad_poses_are_named():
    solver = _strong("one_stage")
    with pytest.raises(ValueError, match="`body_pose` must end in shape"):
        solver.fk(np.zeros([1, 3, 3]), np.zeros([22, 3, 3]))


def test_weights_of_the_paper():
    solver = solvers.TwistSwing(SKELETON, condition="none", dropout=0.5, **PUBLISHED)
    assert solver.published_weights == 29_011_392
    assert solver.count_params() == 22_845_152


def test_the_residual_is_the_distance_from_the_answer(rng):
    solver = _strong("twist_swing")
    inputs = _inputs(rng, 5)
    found = solver(inputs)
    local = tf.concat([found["global_orient"], found["body_pose"]], -3)
    posed, _ = kinematics.forward_kinematics(local, SKELETON(inputs["betas"]))
    away = inputs["joints"] - posed
    weights = 1.0 / (inputs["joint_sigma"] ** 2 + 0.02**2)
    away -= np.average(away, axis=1, weights=np.repeat(weights[..., None], 3, -1))[:, None]
    np.testing.assert_allclose(found["residual"], np.linalg.norm(away, axis=-1), atol=1e-5)


def test_bad_padding_and_z_are_named(rng):
    solver = _strong("twist_swing")
    with pytest.raises(ValueError, match=r"`padding` must end in shape \(89,\); got \(2, 60\)"):
        solver.ik(_inputs(rng, 2)["joints"], padding=np.zeros([2, 60]))
    with pytest.raises(ValueError, match=r"`z` must end in shape \(78,\); got \(2, 32\)"):
        solver.fk(np.tile(np.eye(3), [2, 1, 1, 1]), np.tile(np.eye(3), [2, 23, 1, 1]), z=np.zeros([2, 32]))


def test_unknown_condition_is_named():
    with pytest.raises(ValueError, match='`condition` must be "bones", "betas" or "none"; got \'height\''):
        solvers.MLP(SKELETON, condition="height")


def test_loading_names_what_is_missing(tmp_path):
    with pytest.raises(ValueError, match=r"model\.keras"):
        solvers.load(tmp_path)
    keras.Sequential([keras.Input([1]), keras.layers.Dense(1)]).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="must be a solver"):
        solvers.load(tmp_path)
