"""What holds for every solver that the package has: a new one takes a line in `MAKERS`."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, contract, rotations, skeletons, solvers
from niki_tf.body import kinematics

SKELETON = body.mannequin_joints()
FLOW = {"hidden_dim": 8, "num_couplings": 2}
TWIST = {**FLOW, "rotation_hidden_dim": 8, "num_rotation_couplings": 2, "twist_hidden_dim": 8}
WINDOW = {"num_temporal_pairs": 1, "temporal_hidden_dim": 8}
MAKERS = {
    solvers.Analytic: {},
    solvers.MLP: {"hidden_dim": 8},
    solvers.OneStage: FLOW,
    solvers.TwistSwing: TWIST,
    solvers.Temporal: {**FLOW, **WINDOW},
    solvers.TemporalTwistSwing: {**TWIST, **WINDOW},
    solvers.TemporalPrior: {
        "first": {**FLOW, **WINDOW},
        "completion": {"hidden_dim": 8},
        **{"hidden_dim": 12, "num_layers": 1},
    },
    solvers.Recurrent: {"hidden_dim": 8},
    solvers.MapFit: {"components": 1, "steps": 5},
}
"""Class -> arguments that make a small one."""
BASES = {
    solvers.Solver,
    solvers.LearnedSolver,
    solvers.InvertibleSolver,
    solvers.WindowSolver,
    solvers.TemporalSolver,
}


@functools.cache
def made(kind):
    """The small solver of a class, one for all tests: none changes it."""
    return kind(SKELETON, **MAKERS[kind])


@pytest.fixture(params=MAKERS, ids=lambda kind: kind.__name__)
def solver(request):
    return made(request.param)


def _joints(rng):
    """Joints (2, 4, 29, 3) of two people in four frames."""
    return (SKELETON.joints + 0.1 * rng.normal(size=[2, 4, 29, 3])).astype(np.float32)


@pytest.fixture
def keras_precision():
    """A function that sets Keras's global dtype policy and floatx, which are set back afterwards."""
    policy, floatx = keras.config.dtype_policy(), keras.config.floatx()

    def choose(name):
        if name in ("float16", "float64"):
            keras.config.set_floatx(name)
        keras.config.set_dtype_policy(name)

    yield choose
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)


def _answer_of_a_new(kind, joints):
    """What a new solver of a class answers, its weights drawn from one seed."""
    keras.utils.set_random_seed(0)
    return kind(body.mannequin_joints(), **MAKERS[kind]).ik(joints)


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKERS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("policy", ["mixed_float16", "float64"])
def test_the_answer_does_not_depend_on_the_dtype_policy(kind, policy, rng, keras_precision):
    joints = _joints(rng)
    wanted = _answer_of_a_new(kind, joints)
    keras_precision(policy)
    found = _answer_of_a_new(kind, joints)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5, err_msg=name)
        assert found[name].dtype == value.dtype, name
    assert keras.config.dtype_policy().name == policy


@pytest.mark.slow
@pytest.mark.parametrize("floatx", ["float16", "float64"])
@pytest.mark.parametrize("kind", [solvers.OneStage, solvers.Temporal])
def test_solvers_and_their_files_do_not_depend_on_floatx(kind, floatx, rng, tmp_path):
    solver, joints, before = made(kind), _joints(rng), keras.config.floatx()
    solvers.save(solver, tmp_path)
    people = {"joints": joints[:, 0]} if solver.event_axes == 1 else {"joints": joints}
    wanted = [solver.ik(joints), solver.predict(people, verbose=0)]
    try:
        keras.config.set_floatx(floatx)
        loaded = solvers.load(tmp_path)
        found = [loaded.ik(joints), loaded.predict(people, verbose=0)]
        assert keras.config.floatx() == floatx
    finally:
        keras.config.set_floatx(before)
    for answer, expected in zip(found, wanted, strict=True):
        for name, value in expected.items():
            assert answer[name].dtype == value.dtype, name
            np.testing.assert_allclose(answer[name], value, atol=1e-5, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in MAKERS if issubclass(kind, solvers.WindowSolver)])
def test_xla_compiles_what_sees_time(kind, rng):
    solver, joints = made(kind), _joints(rng)
    found = tf.function(lambda x: solver({"joints": x}), jit_compile=True)(joints)
    wanted = solver({"joints": joints})
    for name in ("global_orient", "body_pose", "transl"):
        np.testing.assert_allclose(found[name], wanted[name], atol=1e-4, err_msg=name)


def test_every_solver_is_here():
    public = (getattr(solvers, name) for name in solvers.__all__)
    kinds = {kind for kind in public if isinstance(kind, type) and issubclass(kind, solvers.Solver)}
    assert kinds == set(MAKERS) | BASES


def test_the_answer_is_that_of_the_contract(solver, rng):
    answer = solver.ik(_joints(rng), betas=rng.normal(size=[2, 4, 10]))
    for name, shape in contract.ANSWER.items():
        assert answer[name].shape == (2, 4, *shape), name
    for name, value in answer.items():
        assert np.isfinite(value).all(), name
    local = contract.local_rotations(answer)
    np.testing.assert_allclose(local @ local.swapaxes(-1, -2), np.broadcast_to(np.eye(3), local.shape), atol=1e-5)
    assert ("residual" in answer) == solver.has_residual


def test_it_says_how_sure_it_is(solver, rng):
    joints, sigma = _joints(rng), np.zeros([2, 4, 29])
    joints[0, 1, 5], sigma[..., 20] = np.nan, skeletons.ABSENT
    answer = solver.ik(joints, joint_sigma=sigma)
    state = answer["state"].numpy()
    over_time = solver.event_axes == 2
    assert state.dtype == np.int32
    assert (state[..., 20] == contract.JointState.GUESSED).all()
    assert state[0, 1, 5] == (contract.JointState.FILLED if over_time else contract.JointState.GUESSED)
    state[..., 20] = state[0, 1, 5] = contract.JointState.SEEN
    assert (state == contract.JointState.SEEN).all()
    error = answer["expected_error"].numpy()
    assert (error[..., 0] == 0.0).all()
    assert error[..., 1:].min() > 0.0
    assert error.dtype == np.float32


def test_it_comes_back_from_its_file(solver, rng, tmp_path):
    joints = _joints(rng)
    solvers.save(solver, tmp_path)
    again = solvers.load(tmp_path)
    one, other = ({**which.get_config(), "body_joints": None} for which in (solver, again))
    assert one == other
    wanted, found = solver.ik(joints), again.ik(joints)
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5, err_msg=name)


@pytest.mark.slow
def test_an_absent_joint_is_not_read(solver, rng):
    joints, sigma = _joints(rng), np.zeros([2, 4, 29])
    sigma[..., [0, 7, 20]] = skeletons.ABSENT
    answers = []
    for place in (np.nan, 3.0):
        joints[..., [0, 7, 20], :] = place
        answers.append(solver.ik(joints, joint_sigma=sigma))
    for name in contract.ANSWER:
        np.testing.assert_array_equal(answers[0][name], answers[1][name], err_msg=name)


def test_a_joint_with_a_nan_is_absent(solver, rng):
    joints, sigma = _joints(rng), np.zeros([2, 4, 29])
    sigma[1, 2, [0, 7, 20]] = skeletons.ABSENT
    wanted = solver.ik(joints, joint_sigma=sigma)
    joints[1, 2, [0, 7, 20], [0, 1, 2]] = np.nan
    for found in (solver.ik(joints), solver.ik(joints, joint_sigma=np.zeros([2, 4, 29]))):
        for name in contract.ANSWER:
            np.testing.assert_allclose(found[name], wanted[name], atol=1e-5, err_msg=name)


def test_a_joint_of_a_sigma_beyond_training_counts_as_absent(solver, rng):
    if np.isinf(solver.largest_sigma):
        pytest.skip("it weighs joints by their sigma, however large")
    joints, sigma = _joints(rng), np.full([2, 4, 29], 0.02)
    sigma[..., 20] = skeletons.ABSENT
    wanted = solver.ik(joints, joint_sigma=sigma)
    sigma[..., 20] = 1.01 * solver.largest_sigma
    for name in contract.ANSWER:
        found = solver.ik(joints, joint_sigma=sigma)[name]
        np.testing.assert_allclose(found, wanted[name], atol=1e-5, err_msg=name)


def test_where_in_the_world_the_joints_are_does_not_matter(solver, rng):
    joints = _joints(rng)
    wanted, found = solver.ik(joints), solver.ik(joints + [3e5, 0.0, -7e5])
    for name in ("global_orient", "body_pose", "expected_error"):
        np.testing.assert_allclose(found[name], wanted[name], atol=1e-4, err_msg=name)
    np.testing.assert_allclose(found["transl"], wanted["transl"] + np.float32([3e5, 0.0, -7e5]), atol=0.1)


def test_a_root_at_the_origin_is_seen_whatever_is_absent(solver, rng):
    joints, sigma = _joints(rng), np.zeros([2, 4, 29], np.float32)
    joints -= joints[..., :1, :]
    sigma[..., [1, 4, 7]] = skeletons.ABSENT
    joints[..., [1, 4, 7], :] = 0.0
    wanted, found = (solver.ik(joints + apart, joint_sigma=sigma) for apart in ([0.5, 1.0, 0.0], 0.0))
    for name in ("global_orient", "body_pose", "state"):
        np.testing.assert_allclose(found[name], wanted[name], atol=1e-4, err_msg=name)


def test_absent_joints_do_not_move_the_others(solver, rng):
    joints, sigma = _joints(rng) + [600.0, 0.0, 0.0], np.zeros([2, 4, 29])
    sigma[..., 20] = skeletons.ABSENT
    joints[..., 20, :] = np.nan
    joints[..., 7, :] = np.nan
    wanted = solver.ik(joints, joint_sigma=sigma)
    joints[..., 20, :], joints[..., 7, :] = 1e7, 0.0
    found = solver.ik(joints, joint_sigma=sigma)
    for name in ("global_orient", "body_pose", "transl", "state"):
        np.testing.assert_allclose(found[name], wanted[name], atol=1e-4, err_msg=name)


def _some_rotations(rng):
    """Known rotations (2, 4, 24, 3, 3) of root, head and left wrist, others zeros, but for one with a NaN."""
    known = np.zeros([2, 4, 24, 3, 3], np.float32)
    turns = rotations.rotvec_to_matrix(tf.constant(rng.normal(size=[2, 4, 3, 3]), tf.float32))
    known[:, :, [0, 15, 20]] = turns
    known[1, 2, 15, 0, 0] = np.nan
    return known


def test_known_rotations_are_kept(solver, rng):
    joints, known = _joints(rng), _some_rotations(rng)
    joints[:, :, [3, 18, 22]] = np.nan
    found = solver.ik(joints, known_rotations=known)
    _assert_kept(found, known)
    assert np.isfinite(found["transl"]).all()


@pytest.mark.slow
def test_a_reference_of_another_shape_is_named():
    with pytest.raises(ValueError, match=r"`reference` must have shape \(29, 3\); got \(0,\)"):
        solvers.MLP(SKELETON, hidden_dim=4, reference=[])


def test_predict_keeps_them_too(rng):
    known = _some_rotations(rng)
    found = made(solvers.Analytic).predict({"joints": _joints(rng), "known_rotations": known}, verbose=0)
    _assert_kept(found, known)


def _assert_kept(found, known):
    held = ~np.isnan(known).any((-1, -2)) & known.any((-1, -2))
    world = kinematics.world_rotations(tf.constant(contract.local_rotations(found))).numpy()
    np.testing.assert_allclose(world[held], known[held], atol=1e-5)
    assert held.sum() == 23


@pytest.mark.slow
def test_rotations_of_which_none_is_known_change_nothing(solver, rng):
    joints = _joints(rng)
    wanted, found = solver.ik(joints), solver.ik(joints, known_rotations=np.zeros([2, 4, 24, 3, 3]))
    for name in contract.ANSWER:
        np.testing.assert_allclose(found[name], wanted[name], atol=2e-5, err_msg=name)


def test_what_is_not_finite_is_named(solver, rng):
    joints = _joints(rng)
    with pytest.raises(ValueError, match="`betas` must be finite; got NaN or infinity"):
        solver.ik(joints, betas=np.full([2, 4, 10], np.nan))
    joints[1, 2, 20, 0] = np.inf
    with pytest.raises(ValueError, match="`joint_sigma` must be metres, 0 or more; got -0.1."):
        solver.ik(_joints(rng), joint_sigma=np.full([2, 4, 29], -0.1))
    with pytest.raises(ValueError, match="`joints` must be finite; got NaN or infinity. NaN is for a joint that was"):
        solver.ik(joints)
    with pytest.raises(ValueError, match="`known_rotations` must be rotation matrices, orthonormal"):
        solver.ik(_joints(rng), known_rotations=np.full([2, 4, 24, 3, 3], np.eye(3)) * [1, 1, -1])
    with pytest.raises(ValueError, match="`joints` must be finite"):
        solver.predict({"joints": joints}, verbose=0)


@pytest.mark.slow
def test_a_person_elsewhere_is_the_same_pose_elsewhere(solver, rng):
    joints, place = _joints(rng), np.float32([2.0, -1.0, 0.5])
    here, there = solver.ik(joints), solver.ik(joints + place)
    np.testing.assert_allclose(there["body_pose"], here["body_pose"], atol=2e-3)
    np.testing.assert_allclose(there["transl"], here["transl"] + place, atol=2e-3)


def test_what_does_not_fit_is_named(solver):
    with pytest.raises(ValueError, match="`pose` is no input of a solver"):
        solver({"joints": np.zeros([2, 4, 29, 3]), "pose": np.zeros(3)})
    with pytest.raises(ValueError, match=r"`joints` must end in shape \(29, 3\)"):
        solver.ik(np.zeros([2, 4, 24, 3]))


def test_weights_have_the_same_names_each_time(solver):
    """TensorFlow keeps some 30 KB for ever for each name of a weight that there was."""
    names = [
        [weight.value.name.removeprefix(f"{one.name}/") for weight in one.weights]
        for one in (solver, type(solver)(SKELETON, **MAKERS[type(solver)]))
    ]
    assert names[0] == names[1]
