"""The one call from joints to poses, and the motion that it gives."""

import importlib

import numpy as np
import pytest
import tensorflow as tf

import niki_tf
from niki_tf import body, contract, io, motion, skeletons, solvers
from niki_tf.motion import observed_motion

SKELETON = body.mannequin_joints()


@pytest.fixture(scope="module")
def observed(toy_body):
    """Twenty frames of made motion, joints without noise, somewhere in the world."""
    clip = motion.made_motion(1, frames=20)
    return observed_motion.observe(clip, poser=body.BodyPoser(toy_body), noise_mm=0, seed=0)


@pytest.fixture(scope="module")
def solved(observed):
    betas = observed.inputs["betas"][0]
    return niki_tf.solve(observed.joints, betas=betas, twist=observed.inputs["twist"], fps=25, solver="analytic")


def test_as_many_frames_at_the_same_rate_come_out(observed, solved):
    assert (len(solved), solved.fps) == (20, 25)
    assert solved.rotations.shape == (20, 24, 3, 3)
    np.testing.assert_array_equal(np.concatenate([solved.global_orient, solved.body_pose], 1), solved.rotations)
    assert solved.residual.shape == (20, 29)
    assert solved.residual.max() < 1e-3


def test_the_posed_body_stands_where_the_joints_are(observed, solved, toy_body):
    posed = body.Body(toy_body)
    np.testing.assert_allclose(solved.joints(posed), observed.joints, atol=1e-3)
    vertices = posed(
        betas=solved.betas, global_orient=solved.global_orient, body_pose=solved.body_pose, transl=solved.transl
    )["vertices"]
    np.testing.assert_allclose(solved.vertices(posed), vertices, atol=1e-6)


def test_rotation_vectors_are_the_rotations(solved):
    again = niki_tf.rotations.rotvec_to_matrix(tf.constant(solved.rotation_vectors))
    np.testing.assert_allclose(again, solved.rotations, atol=1e-5)


def test_a_saved_motion_comes_back(solved, tmp_path):
    path = solved.save(tmp_path / "walk.npz")
    clip = io.load_clips(path, fps=25)[0]
    np.testing.assert_allclose(clip.poses, solved.rotation_vectors, atol=1e-6)
    np.testing.assert_allclose(clip.trans, solved.transl, atol=1e-6)
    np.testing.assert_allclose(clip.betas, solved.betas[0], atol=1e-6)
    assert (clip.fps, path.name) == (25, "walk.npz")
    with pytest.raises(ValueError, match="must end in .npz, .bvh"):
        solved.save(tmp_path / "walk.fbx")


@pytest.mark.slow
def test_a_single_frame_is_that_frame_alone(observed):
    first = niki_tf.solve(observed.joints[0], solver="one_stage")
    both = niki_tf.solve(observed.joints[:2], solver="one_stage")
    assert len(first) == 1
    np.testing.assert_allclose(first.rotations[0], both.rotations[0], atol=1e-5)


def test_motion_is_solved_over_time_and_a_frame_alone_unless_told(observed, monkeypatch):
    asked, analytic = [], solvers.Analytic(SKELETON)

    def loaded(name):
        asked.append(name)
        return analytic

    monkeypatch.setattr(importlib.import_module("niki_tf.inference.solve"), "_loaded", loaded)
    several, single = observed.joints[:2], observed.joints[:1]
    for joints, options in (
        (several, {}),
        (single, {}),
        (several, {"solver": "mlp"}),
        (several, {"smoothing": "off"}),
        (several, {"smoothing": "light"}),
    ):
        niki_tf.solve(joints, **options, finish="off")
    assert asked == ["temporal_prior", "one_stage", "mlp", "one_stage", "temporal_prior"]


def test_the_finish_follows_the_joints_and_can_be_left_out(observed):
    finished, plain = (niki_tf.solve(observed.joints, solver="one_stage", finish=finish) for finish in ("full", "off"))
    assert finished.residual.mean() < 0.3 * plain.residual.mean()


@pytest.fixture(scope="module")
def small():
    return solvers.OneStage(SKELETON, num_couplings=2, hidden_dim=8, refine=1)


def test_a_solver_given_is_taken_as_it_is(observed, small):
    found = niki_tf.solve(observed.joints, solver=small, betas=np.zeros(10))
    answer = small({"joints": observed.inputs["joints"]})
    np.testing.assert_allclose(found.rotations, contract.local_rotations(answer), atol=1e-4)


def test_rows_of_all_coordinates_are_joints(observed):
    for joints in (observed.joints, observed.joints[:, :24]):
        name = f"smpl_{joints.shape[1]}"
        whole, rows = (
            niki_tf.solve(given, skeleton=name, betas=np.zeros(10), solver="analytic")
            for given in (joints, joints.reshape(20, -1))
        )
        np.testing.assert_array_equal(rows.rotations, whole.rotations)


def test_lists_and_joints_that_were_not_seen_are_taken(observed, small):
    sigma = np.zeros(29)
    sigma[20] = skeletons.ABSENT
    lost = observed.joints.copy()
    lost[:, 20] = np.nan
    found = niki_tf.solve(lost.tolist(), joint_sigma=sigma, solver=small)
    assert np.isfinite(found.rotations).all()
    other = np.where(np.isnan(lost), 7.0, lost)
    again = niki_tf.solve(other, joint_sigma=sigma, solver=small)
    np.testing.assert_allclose(again.rotations, found.rotations, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"joints": np.zeros([4, 24, 3])}, r"`joints` must have shape .* got \(4, 24, 3\)"),
        ({"joints": np.full([4, 29, 3], np.nan)}, "`joints` must hold at least one joint that was seen"),
        ({"solver": "no such"}, "`solver` must be one of analytic, .* got 'no such'"),
        (
            {"joints": np.zeros([0, 29, 3])},
            r"`joints` must have shape \(T, J, 3\), with at least one frame; got \(0, 29",
        ),
        ({"joints": 1.0}, r"`joints` must have shape \(T, J, 3\), with at least one frame; got \(\)"),
        ({"joints": None}, "`joints` must be an array of real numbers"),
        ({"joints": np.ones([2, 29, 3]) * 1j}, "`joints` must be an array of real numbers; got complex128"),
        ({"betas": np.zeros(13)}, r"`betas` must have shape .* got \(13,\)"),
        ({"fps": 0}, "fps"),
    ],
)
def test_bad_input_is_named_before_any_work(arguments, message):
    with pytest.raises(ValueError, match=message):
        niki_tf.solve(**{"joints": np.zeros([4, 29, 3]), "solver": "analytic", **arguments})


@pytest.fixture(scope="module")
def without_a_guess():
    return solvers.TwistSwing(SKELETON, num_couplings=2, hidden_dim=8, num_rotation_couplings=2)


def test_a_solver_without_a_guess_asks_for_the_twist(without_a_guess):
    with pytest.raises(ValueError, match=r"`twist` \(T, 23, 2\) must be given"):
        niki_tf.solve(np.zeros([4, 29, 3]), solver=without_a_guess)


def test_a_single_frame_can_be_saved(observed, tmp_path):
    betas, twist = np.linspace(-1.0, 1.0, 10), observed.inputs["twist"][0]
    found = niki_tf.solve(observed.joints[0], betas=betas, twist=twist, solver="analytic")
    path = found.save(tmp_path / "frame.npz")
    np.testing.assert_allclose(io.load_clips(path)[0].betas, betas, atol=1e-6)


def test_a_solver_without_a_guess_takes_the_twist_that_is_given(observed, without_a_guess):
    found = niki_tf.solve(observed.joints, twist=observed.inputs["twist"], solver=without_a_guess)
    answer = without_a_guess({"joints": observed.inputs["joints"], "twist": observed.inputs["twist"]})
    np.testing.assert_allclose(found.rotations, contract.local_rotations(answer), atol=1e-4)


def test_several_people_come_and_go_each_with_a_shape_of_their_own(observed):
    tall = observed.joints * 1.08
    crowd = np.stack([observed.joints, tall])
    crowd[1, :6], crowd[1, 15:] = np.nan, np.nan
    first, second = niki_tf.solve(crowd, solver="analytic", twist=np.stack([observed.inputs["twist"]] * 2))
    alone = niki_tf.solve(tall[6:15], solver="analytic", twist=observed.inputs["twist"][6:15])
    assert (len(first), len(second), len(alone)) == (20, 20, 9)
    np.testing.assert_allclose(second.rotations[6:15], alone.rotations, atol=1e-5)
    np.testing.assert_array_equal(second.rotations[:6], np.repeat(second.rotations[6:7], 6, 0))
    assert not second.seen[:6].any()
    assert second.seen[6:15].all()
    assert second.shape.size / first.shape.size == pytest.approx(1.08, abs=1e-3)
    with pytest.raises(ValueError, match="`betas` must have a leading axis of the 2 people"):
        niki_tf.solve(crowd, solver="analytic", betas=np.zeros(10))


def test_confidence_tells_whom_to_believe(observed):
    confidence = np.ones([20, 29, 1])
    spoilt = observed.joints.copy()
    confidence[:, 20], spoilt[:, 20] = 0.0, 5.0
    given = np.concatenate([spoilt, confidence], -1)
    trusted = niki_tf.solve(given, betas=np.zeros(10), solver="one_stage")
    sigma = np.where(np.arange(29) == 20, skeletons.ABSENT, 0.0)
    told = niki_tf.solve(spoilt, joint_sigma=sigma, betas=np.zeros(10), solver="one_stage")
    np.testing.assert_allclose(trusted.rotations, told.rotations, atol=1e-5)
    assert np.isnan(trusted.residual[:, 20]).all()
    assert (trusted.expected_error[:, 20] > trusted.expected_error[:, 18]).all()
    given[..., 3] *= 100.0
    with pytest.raises(ValueError, match="`joints` .* must have a confidence from 0 to 1; got 100"):
        niki_tf.solve(given, solver="one_stage")


def test_a_gap_of_whole_frames_is_nobody_seen(observed):
    lost = observed.joints.copy()
    lost[7:9] = np.nan
    found = niki_tf.solve(lost, solver="analytic", twist=observed.inputs["twist"])
    assert np.isfinite(found.rotations).all()
    assert found.seen[:, 0].tolist() == [frame not in (7, 8) for frame in range(20)]


@pytest.mark.parametrize("size", [0.65, 1.25])
def test_children_and_giants_are_solved_in_their_own_size(observed, size):
    found = niki_tf.solve(size * observed.joints, solver="one_stage")
    assert found.shape.size == pytest.approx(size, rel=0.01)
    assert np.linalg.norm(found.joints() - size * observed.joints, axis=-1).mean() < 0.004


def test_the_same_rotations_in_every_form(solved):
    world = niki_tf.body.kinematics.world_rotations(tf.constant(solved.rotations)).numpy()
    np.testing.assert_allclose(solved.world_rotations, world)
    sixd = niki_tf.rotations.sixd_to_matrix(tf.constant(solved.rotations_6d))
    np.testing.assert_allclose(sixd, solved.rotations, atol=1e-5)
    again = niki_tf.rotations.quaternion_wxyz_to_matrix(tf.constant(solved.quaternions_wxyz))
    np.testing.assert_allclose(again, solved.rotations, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"finish": True}, "`finish` must be one of off, light, full; got True"),
        ({"smoothing": "no"}, "`smoothing` must be one of off, light, full; got 'no'"),
        ({"times": [0.0, 0.1, 0.1, 0.2]}, "`times` must be 4 seconds that increase"),
        ({"twist": np.zeros([3, 23, 2])}, r"`twist` must be finite and have shape \(4, 23, 2\); got \(3, 23, 2\)"),
    ],
)
def test_bad_options_are_named(given, message):
    with pytest.raises(ValueError, match=message):
        niki_tf.solve(np.ones([4, 29, 3]), solver="analytic", **given)
