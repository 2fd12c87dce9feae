"""Joints of other programs' skeletons, solved by the one call."""

import numpy as np
import pytest
import tensorflow as tf

import niki_tf
from niki_tf import body, io, motion, rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import point_lifting

BODY_JOINTS = body.mannequin_joints()


def _points(name, frames, shift=(0.0, 0.0, 0.0)):
    """Points of a set (T, J, 3), NaN where a point is left out, of a made motion; and its joints in the world."""
    clip, point_set = motion.made_motion(4, frames=frames), skeletons.POINT_SETS[name]
    local = rotations.rotvec_to_matrix(tf.constant(clip.poses))
    rest = BODY_JOINTS(tf.zeros([frames, 10]))
    found, posed = (x.numpy() for x in point_lifting.pose_points(point_set, local, rest))
    moved = (clip.trans - clip.trans[0])[:, None] + np.float32(shift)
    points = np.full([frames, len(point_set), 3], np.nan, np.float32)
    points[:, list(point_set.used)] = found + moved
    return points, posed + moved


def _joints(solved):
    posed, _ = kinematics.forward_kinematics(tf.constant(solved.rotations), BODY_JOINTS(tf.constant(solved.betas)))
    return posed.numpy() + solved.transl[:, None]


@pytest.fixture
def eager():
    """No graphs are made: that takes longer than a frame or two do."""
    tf.config.run_functions_eagerly(run_eagerly=True)
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)


@pytest.fixture(scope="module")
def mediapipe():
    points, joints = _points("mediapipe_33", 18, shift=(5.0, 1.0, -3.0))
    return points, joints, niki_tf.solve(points, skeleton="mediapipe_33", fps=60)


@pytest.mark.slow
def test_clean_points_are_met_in_the_world(mediapipe):
    points, joints, solved = mediapipe
    assert (len(solved), solved.fps, solved.residual.shape) == (18, 60.0, (18, 33))
    assert np.nanmean(solved.residual) < 0.006
    assert np.linalg.norm(_joints(solved) - joints, axis=-1).mean() < 0.02


@pytest.mark.slow
def test_what_was_not_seen_is_told_by_nan_or_sigma_and_changes_little(mediapipe):
    points, joints, _ = mediapipe
    unseen, sigma = points.copy(), np.zeros(points.shape[:2])
    unseen[3, :] = np.nan  # a whole frame, and the left hand's points in all
    unseen[:, [17, 19, 21]] = np.nan
    solved = niki_tf.solve(unseen, skeleton="mediapipe_33")
    assert np.isnan(solved.residual[3]).all()
    assert np.isnan(solved.residual[:, 17]).all()
    assert np.linalg.norm(_joints(solved) - joints, axis=-1)[:, :20].mean() < 0.03
    elsewhere = np.where(np.isnan(unseen), 7.0, unseen)
    sigma[np.isnan(unseen).any(-1)] = skeletons.ABSENT
    told = niki_tf.solve(elsewhere, skeleton="mediapipe_33", joint_sigma=sigma)
    np.testing.assert_allclose(told.rotations, solved.rotations, atol=1e-4)
    np.testing.assert_allclose(told.transl, solved.transl, atol=1e-4)


@pytest.mark.slow
def test_lists_flat_rows_and_point_sets_are_taken(mediapipe):
    points, _, solved = mediapipe
    flat = niki_tf.solve(points.reshape(18, -1).tolist(), skeleton=skeletons.POINT_SETS["mediapipe_33"], fps=60)
    np.testing.assert_allclose(flat.rotations, solved.rotations, atol=1e-5)


@pytest.mark.slow
def test_a_single_frame_of_a_set_with_points_left_out_can_be_saved(tmp_path):
    points, joints = _points("smplx_55", 1)
    solved = niki_tf.solve(points[0], skeleton="smplx_55")
    assert solved.residual.shape == (1, 55)
    assert np.isnan(solved.residual[0, 22])
    assert np.linalg.norm(_joints(solved) - joints, axis=-1).mean() < 0.02
    (back,) = io.load_clips(solved.save(tmp_path / "a.npz"))
    np.testing.assert_allclose(back.trans, solved.transl, atol=1e-6)


@pytest.mark.usefixtures("eager")
def test_smpl_29_by_name_is_the_usual_call():
    _, joints = _points("coco_17", 2)
    one, other = (niki_tf.solve(joints, solver="analytic", **given) for given in ({}, {"skeleton": "smpl_29"}))
    np.testing.assert_array_equal(one.rotations, other.rotations)


@pytest.mark.usefixtures("eager")
def test_the_steps_of_the_finish_can_be_left_out():
    points, _ = _points("coco_17", 1)
    rough, fine = (
        niki_tf.solve(points, skeleton="coco_17", solver="analytic", finish=finish) for finish in ("off", "full")
    )
    assert np.mean(fine.residual) < 0.5 * np.mean(rough.residual)


@pytest.mark.parametrize(
    ("joints", "given", "message"),
    [
        (
            np.zeros([2, 17, 3]),
            {"skeleton": "coco17"},
            "`skeleton` must be one of .*; got 'coco17'. Did you mean coco_17?",
        ),
        (np.zeros([2, 33, 3]), {}, r"`joints` must have shape \(T, 17, 3\) for coco_17; got .* have: mediapipe_33."),
        (np.full([2, 17, 3], np.nan), {}, "`joints` must hold at least one joint that was seen; got none"),
        (np.full([2, 17, 3], np.inf), {}, "`joints` must be numbers, NaN for joints that were not seen; got infinity"),
        (np.zeros([2, 17, 3]), {"betas": np.zeros(11)}, r"`betas` must have shape \(10,\) or \(2, 10\); got \(11,\)"),
        (np.zeros([2, 17, 3]), {"joint_sigma": np.zeros([3, 17])}, r"`joint_sigma` must have shape \(2, 17\)"),
        (np.zeros([2, 17, 3]), {"fps": 0}, "`fps` must be one positive number"),
        (
            np.zeros([2, 17, 3]),
            {"twist": np.zeros([2, 23, 2])},
            "`twist` goes with the skeleton smpl_29 only; got coco_17",
        ),
    ],
)
def test_what_does_not_fit_is_named(joints, given, message):
    with pytest.raises(ValueError, match=message):
        niki_tf.solve(joints, **{"skeleton": "coco_17", "solver": "analytic", **given})
