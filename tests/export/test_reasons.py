"""What exported solvers say of joints: the reason of an answer, and what noise, gaps and bodies do not change of it."""

import numpy as np
import pytest

from niki_tf import body, skeletons
from niki_tf.contract import Reason
from niki_tf.export import reasons

JOINTS = body.mannequin_joints().joints
LEGS = [1, 2, 4, 5, 7, 8, 10, 11, 27, 28]


def said(joints, absent=(), sigma=0.0):
    """The reasons of joints (N, 29, 3) or (29, 3), or of windows of them, some absent, of the others a sigma told."""
    joints = np.float32(joints)[None] if np.ndim(joints) == 2 else np.float32(joints)
    told = np.full(joints.shape[:-1], sigma, np.float32)
    told[..., list(absent)] = skeletons.ABSENT
    finite = np.isfinite(joints).all(tuple(range(1, joints.ndim)))
    reason, valid = reasons.of_answer(finite, np.where(told[..., None] < skeletons.ABSENT, joints, 0.0), told)
    assert valid.numpy().tolist() == [number in (0, *range(16, 20)) for number in reason.numpy()]
    return reason.numpy().tolist()


FAULTS = {
    "mm": (1000.0 * JOINTS, Reason.TOO_LARGE),
    "cm": (100.0 * JOINTS, Reason.TOO_LARGE),
    "inches": (JOINTS / 0.0254, Reason.TOO_LARGE),
    "feet": (JOINTS / 0.3048, Reason.TOO_LARGE),
    "a thousandth": (0.001 * JOINTS, Reason.TOO_SMALL),
    "one place": (0.0 * JOINTS + [1.0, 2.0, 3.0], Reason.ONE_PLACE),
    "1,000 km": (JOINTS + [0.0, 0.0, 1e6], Reason.TOO_FAR),
    "1e30": (1e30 * JOINTS, Reason.TOO_FAR),
    "order": (JOINTS[np.random.default_rng(0).permutation(29)], Reason.OTHER_BONES),
    "sides": (JOINTS[list(skeletons.SMPL_29.mirror)], Reason.SIDES),
    "mirrored": (JOINTS * [-1.0, 1.0, 1.0], Reason.SIDES),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", [0.0, 3.0])
def test_each_fault_has_its_reason(fault, place):
    joints, reason = FAULTS[fault]
    assert said(joints + place) == [reason]


@pytest.mark.parametrize("absent", [(), LEGS, [0], range(1, 29)])
@pytest.mark.parametrize("size", [0.65, 1.0, 1.25])
def test_bodies_of_any_size_with_joints_absent_have_none(size, absent, rng):
    noisy = size * JOINTS + 0.03 * rng.normal(size=[50, 29, 3])
    assert set(said(noisy, absent)) == {Reason.FINE}


def test_noise_of_100_mm_is_no_other_unit_or_body(rng):
    assert set(said(JOINTS + 0.1 * rng.normal(size=[500, 29, 3]))) == {Reason.FINE}


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0, 2.0, 4.0, 9.99])
def test_errors_that_were_told_make_no_answer_invalid(sigma, rng):
    noisy = JOINTS + sigma * rng.normal(size=[500, 29, 3])
    assert set(said(noisy, sigma=sigma)) <= {Reason.FINE, Reason.OTHER_BONES}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_reason_where_small_errors_are_told(fault, rng):
    joints, reason = FAULTS[fault]
    assert said(joints, sigma=0.02) == [reason]


@pytest.mark.parametrize("size", [0.65, 1.0, 1.25])
@pytest.mark.parametrize(("share", "reason"), [(0.7, Reason.FINE), (1.3, Reason.SIDES)])
def test_how_far_back_knees_and_feet_may_point_does_not_depend_on_the_size(size, share, reason):
    depth = [1.0, 1.0, -share * reasons._BACKWARDS]
    assert said(size * JOINTS * depth) == [reason]


def test_one_joint_far_off_is_no_other_unit():
    joints = JOINTS.copy()
    joints[20] += 5.0
    assert said(joints)[0] in (Reason.FINE, Reason.OTHER_BONES)


def test_nothing_that_was_seen_is_told():
    assert said(JOINTS, absent=range(29)) == [Reason.NOTHING_SEEN]


def test_the_frames_of_a_window_tell_together():
    windows = np.float32([[JOINTS] * 5, [JOINTS] * 4 + [1000.0 * JOINTS], [1000.0 * JOINTS] * 5])
    assert said(windows) == [Reason.FINE, Reason.OTHER_BONES, Reason.TOO_LARGE]


def test_every_reason_has_a_cure():
    assert set(reasons.CURES) == set(Reason) - {Reason.FINE}
