"""Motion of any length in overlapping windows."""

import numpy as np
import pytest
import tensorflow as tf
from window_makers import MAKERS, made, random_inputs, strong

from niki_tf import body, contract, motion, rotations, solvers
from niki_tf.body import kinematics
from niki_tf.inference import windows


@pytest.fixture(params=MAKERS)
def solver(request):
    return made(request.param)


def test_starts_cover_every_frame():
    for length in (1, 15, 16, 17, 24, 61):
        first = windows.starts(length, frames=16, step=8)
        assert first[0] == 0
        assert max(first) == max(0, length - 16)
        assert max(np.diff([*first, first[-1]])) <= 8


@pytest.mark.slow
def test_long_motion_equals_a_window_where_there_is_but_one(solver, rng):
    for frames in (9, 16):
        inputs = random_inputs(rng, frames)
        found = windows.solve_motion(solver, inputs)
        alone = solver({name: array[None] for name, array in inputs.items()})
        np.testing.assert_allclose(found["body_pose"], alone["body_pose"][0], atol=1e-4)
        np.testing.assert_allclose(found["global_orient"], alone["global_orient"][0], atol=1e-4)


def test_overlapping_windows_are_blended(rng):
    def solve(inputs):
        """Turns by 0.1 times the number of the window's first frame, which the first joint's x tells."""
        angle = np.float32(0.1) * inputs["joints"][:, :1, 0, 0] * np.float32([0.0, 0.0, 1.0])[:, None, None]
        turn = rotations.rotvec_to_matrix(tf.transpose(tf.tile(angle, [1, 1, 16]), [1, 2, 0]))[:, :, None].numpy()
        transl = np.tile(inputs["joints"][:, :1, 0], [1, 16, 1])
        return {"global_orient": turn, "body_pose": np.tile(turn, [1, 1, 23, 1, 1]), "transl": transl}

    joints = np.zeros([24, 29, 3], np.float32)
    joints[:, 0, 0] = np.arange(24)
    found = windows.solve_motion(solve, {"joints": joints}, step=8)
    angles = rotations.matrix_to_rotvec(found["global_orient"][:, 0]).numpy()[:, 2]
    np.testing.assert_allclose(angles[:8], 0.0, atol=1e-6)
    np.testing.assert_allclose(angles[16:], 0.8, atol=1e-5)
    assert (np.diff(angles[7:17]) > 0).all()
    assert abs(angles[11] - 0.8 * 4 / 9) < 0.02  # there the first window weighs 5 and the second 4
    wanted = np.concatenate([np.zeros(8), 8.0 * np.arange(1, 9) / 9.0, np.full(8, 8.0)])
    np.testing.assert_allclose(found["transl"], wanted[:, None] * [1.0, 0.0, 0.0], atol=1e-5)


def test_of_states_that_windows_disagree_on_the_most_is_known_and_errors_are_means():
    def solve(inputs):
        """The state and error that the first joint's x tells at the window's first frame."""
        first = np.tile(inputs["joints"][:, :1, :1, 0], [1, 16, 24])
        padding = 1.0 - inputs["frame_mask"][..., None]
        return {"state": np.int32(first * (1.0 - padding)), "expected_error": first + 100.0 * padding}

    joints = np.zeros([24, 29, 3], np.float32)
    joints[0, 0, 0], joints[8, 0, 0] = 2.0, 1.0
    found = windows.solve_motion(solve, {"joints": joints}, step=8)
    assert found["state"][:, 3].tolist() == [2] * 8 + [1] * 16
    assert found["state"].dtype == np.int32
    np.testing.assert_allclose(found["expected_error"][:8, 3], 2.0, atol=1e-6)
    assert found["expected_error"][11, 5] == pytest.approx(2.0 * 5 / 9 + 1.0 * 4 / 9)
    short = windows.solve_motion(solve, {"joints": joints[:5]})
    assert short["state"][:, 0].tolist() == [2] * 5
    np.testing.assert_allclose(short["expected_error"], 2.0)


def test_what_follows_the_network_is_done_once_for_each_frame():
    completed = []

    def estimate(inputs):
        turn = np.tile(np.eye(3, dtype=np.float32), [*inputs["joints"].shape[:2], 24, 1, 1])
        turn[..., 0, :, :] = rotations.rotvec_to_matrix(inputs["joints"][:, :, 0]).numpy()
        return {"global_orient": turn[..., :1, :, :], "body_pose": turn[..., 1:, :, :]}

    def complete(inputs, blended):
        assert set(inputs) == {"joints", "frame_mask"}
        completed.append(inputs["joints"][..., 0, 2])
        return {**blended, "transl": inputs["joints"][:, :, 0], "state": np.zeros([*inputs["joints"].shape[:2], 24])}

    joints = np.zeros([1000, 29, 3], np.float32)
    joints[:, 0, 2] = np.linspace(0.0, 3.0, 1000)
    found = windows.solve_motion(windows.Stages(estimate, complete), {"joints": joints})
    assert sum(part.size for part in completed) < 1.4 * len(joints)
    assert max(part.size for part in completed) <= 512
    np.testing.assert_array_equal(np.unique(np.concatenate([part.ravel() for part in completed])), joints[:, 0, 2])
    np.testing.assert_allclose(found["transl"], joints[:, 0], atol=1e-5)
    wanted = rotations.rotvec_to_matrix(tf.constant(joints[:, 0])).numpy()
    np.testing.assert_allclose(found["global_orient"][:, 0], wanted, atol=1e-5)


def test_means_of_rotations_have_the_nearest_rotations(rng):
    turns = rotations.rotvec_to_matrix(tf.constant(rng.normal(size=[60, 3, 3]), tf.float32))
    near = rotations.rotvec_to_matrix(tf.constant(0.2 * rng.normal(size=[60, 3, 3]), tf.float32)) @ turns[:, :1]
    means = np.concatenate([tf.reduce_mean(turns, 1), tf.reduce_mean(near, 1), turns[:, 0]])
    left, _, right = np.linalg.svd(means.astype(np.float64))
    signs = np.stack([np.ones(180), np.ones(180), np.linalg.det(left @ right)], -1)
    np.testing.assert_allclose(windows.nearest_rotations(means), left * signs[:, None] @ right, atol=2e-5)


def test_bad_motion_is_named(rng):
    solver = made("recurrent")
    for inputs, step in ((random_inputs(rng, 0), 4), (random_inputs(rng, 3), 17)):
        with pytest.raises(ValueError, match="`inputs` must hold frames and `step` be 1 to 16; got"):
            windows.solve_motion(solver, inputs, step=step)


@pytest.mark.slow
@pytest.mark.parametrize("steps", [0, 4])
def test_a_lost_frame_harms_no_other(steps):
    """One frame of NaN in 40 of clean motion: others move by less than 1 mm, without the finish by up to 17."""
    poser = body.BodyPoser(body.mannequin())
    joints = motion.observe(motion.made_motion(3, frames=40), poser=poser, noise_mm=0, seed=0).joints
    solver = solvers.zoo.load("temporal")
    solver.refine = steps
    whole = _posed(windows.solve_motion(solver, {"joints": joints}))
    joints[20] = np.nan
    found = _posed(windows.solve_motion(solver, {"joints": joints}))
    assert np.isfinite(found).all()
    away = np.linalg.norm(found - whole, axis=-1).mean(-1)
    assert np.delete(away, 20).max() < (0.001 if steps else 0.017)
    joints[5, 3, 1] = np.inf
    with pytest.raises(ValueError, match="`joints` must be finite"):
        windows.solve_motion(solver, {"joints": joints})


def _posed(answer):
    local, rest = contract.local_rotations(answer), body.mannequin_joints()(tf.zeros([len(answer["transl"]), 10]))
    return kinematics.forward_kinematics(tf.constant(local), rest)[0].numpy() + answer["transl"][:, None]


@pytest.mark.slow
@pytest.mark.usefixtures("with_graphs")
def test_what_was_compiled_gives_the_same_until_the_weights_change(rng):
    compiled, plain = (strong(MAKERS["temporal"]()) for _ in range(2))
    plain.set_weights(compiled.get_weights())
    compiled.refine = plain.refine = 1
    assert windows.warm_up(compiled, at_once=4) > 0.0
    assert len(compiled._graphs._frozen) == 2
    joints = random_inputs(rng, 450)["joints"]  # nine windows of the finish, of which eight are at once
    for changed in (False, True):
        if changed:
            weights = [1.1 * weight for weight in compiled.get_weights()]
            compiled.set_weights(weights)
            plain.set_weights(weights)
        found, wanted = (windows.solve_motion(one, {"joints": joints}, at_once=4) for one in (compiled, plain))
        assert len(compiled._graphs._frozen) == (0 if changed else 2)
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name], value, atol=5e-5, err_msg=name)  # of strong weights and noise
    with pytest.raises(ValueError, match="`inputs` must be of joints, joint_sigma, betas, known_rotations; got ground"):
        windows.warm_up(plain, inputs=["ground"])
