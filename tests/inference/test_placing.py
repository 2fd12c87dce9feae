"""Joints in any unit and axes come to metres with y up, and those that are there already stay as they are."""

import numpy as np
import pytest

import niki_tf
from niki_tf import body, motion, skeletons
from niki_tf.inference import placing
from niki_tf.motion import observed_motion
from niki_tf.skeletons import POINT_SETS, axes

SMPL = POINT_SETS["smpl_29"]


@pytest.fixture(scope="module")
def joints(toy_body):
    """(12, 29, 3) metres, y up."""
    clip = motion.made_motion(1, frames=12)
    return observed_motion.observe(clip, poser=body.BodyPoser(toy_body), noise_mm=5, seed=0).joints


def _solved(joints, **options):
    return niki_tf.solve(joints, solver="analytic", **options)


def test_metres_with_y_up_stay_bit_by_bit(joints):
    ((person,), layout, notes) = placing.to_metres([{"joints": joints}], point_set=SMPL)
    assert person["joints"].tobytes() == joints.tobytes()
    assert (layout.unit, layout.up, notes) == (1.0, "y", ())


@pytest.mark.parametrize("up", ["z", "-y", "-z"])
@pytest.mark.parametrize("unit", ["mm", "cm", "in"])
def test_other_units_and_axes_come_to_the_same_motion(joints, unit, up):
    usual = _solved(joints)
    found = _solved(joints @ axes.Y_UP[up] / axes.UNITS[unit])
    np.testing.assert_allclose(found.rotations, usual.rotations, atol=1e-4)
    np.testing.assert_allclose(found.transl, usual.transl, atol=1e-5)
    assert (found.layout.unit, found.layout.up) == (axes.UNITS[unit], up)
    assert found.notes == (f"The joints were in {unit}, {up} up: they were brought to metres, y up.",)
    assert usual.notes == ()


def test_what_is_given_is_not_told(joints):
    found = _solved(1000 * joints @ axes.Y_UP["z"], unit="mm", up="z")
    assert found.notes == ()
    np.testing.assert_allclose(found.rotations, _solved(joints).rotations, atol=1e-4)


def test_a_person_who_leans_is_not_turned():
    axis = 0.955 * np.array([1.0, 0.0, -1.0]) / np.sqrt(2)  # y becomes the diagonal
    smpl = POINT_SETS["smpl_24"]
    leaning = np.repeat(smpl.at_rest[None], 12, 0) @ niki_tf.rotations.rotvec_to_matrix(np.float32(axis)).numpy().T
    ((person,), layout, notes) = placing.to_metres([{"joints": leaning}], point_set=smpl)
    np.testing.assert_array_equal(person["joints"], leaning)
    assert layout.up == "y"
    assert [note.startswith("Which axis is up is not certain") for note in notes] == [True]


def test_exchanged_sides_and_mirrored_axes_are_told_and_cured(joints):
    usual = _solved(joints)
    mirrored = joints * [-1, 1, 1]
    assert any("mirror" in note for note in _solved(mirrored).notes)
    cured = _solved(mirrored, mirror=True)
    np.testing.assert_allclose(cured.rotations, usual.rotations, atol=1e-5)
    assert (cured.notes, cured.mirrored) == ((), True)
    other = SMPL.with_sides_swapped()
    swapped = joints[:, [SMPL.points.index(point) for point in other.points]]
    assert any("swap_sides" in note for note in _solved(swapped).notes)
    cured = _solved(swapped, swap_sides=True)
    assert cured.notes == ()
    np.testing.assert_allclose(cured.rotations, usual.rotations, atol=1e-4)


def test_joints_that_count_as_absent_do_not_count_here_either(joints):
    spoilt, sigma = joints.copy(), np.zeros(29)
    spoilt[:, 20:24], sigma[20:24] = 1e4, skeletons.ABSENT
    confident = np.concatenate([spoilt, np.broadcast_to(sigma < 1.0, [12, 29])[..., None]], -1)
    for person in ({"joints": spoilt, "joint_sigma": sigma}, {"joints": confident}):
        _, layout, notes = placing.to_metres([person], point_set=SMPL)
        assert (layout.unit, notes) == (1.0, ())
        assert layout.absent[:, 20:24].all()


def test_zeros_are_absent(joints):
    lost = joints.copy()
    lost[3:5] = 0.0
    found = _solved(lost)
    assert np.isnan(found.residual[3:5]).all()
    assert "(0, 0, 0) were taken to be absent" in found.notes[0]


def test_several_people_share_one_layout(joints):
    crowd = 100 * np.stack([joints, joints + [2.0, 0.0, 0.0]])
    first, second = _solved(crowd)
    np.testing.assert_allclose(second.transl - first.transl, np.tile([[2.0, 0.0, 0.0]], [12, 1]), atol=1e-4)
    assert first.notes == second.notes == ("The joints were in cm, y up: they were brought to metres, y up.",)


@pytest.mark.parametrize("single", [True, False])
def test_points_that_coincide_and_points_that_are_few_stay(joints, single):
    alone = np.ones([1, 29, 3]) if single else np.where(np.arange(29)[:, None] == 20, joints, np.nan)
    ((person,), layout, _) = placing.to_metres([{"joints": alone}], point_set=SMPL)
    np.testing.assert_array_equal(person["joints"], alone)
    assert (layout.unit, layout.up) == (1.0, "y")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "furlong"}, "`unit` must be one of m, cm, mm, .*; got 'furlong'"),
        ({"up": "w"}, "`up` must be one of x, y, z, -x, -y, -z; got 'w'"),
    ],
)
def test_bad_units_and_axes_are_named(joints, options, message):
    with pytest.raises(ValueError, match=message):
        _solved(joints, **options)
