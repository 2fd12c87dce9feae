"""Unit, axes, sides and names of positions are recognised, and nothing is said where nothing is wrong."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, motion, rotations, skeletons
from niki_tf.fitting import point_lifting
from niki_tf.skeletons import POINT_SETS, axes

SIDES = "Knees, feet or face point backwards: left and right are exchanged (cure: `swap_sides`) or the axes"


@functools.cache
def _posed(name, *, frames=60):
    """(T, J, 3) metres, y up: the points of a set on a body that moves; NaN in those that the set leaves out."""
    clip, point_set = motion.made_motion(3, frames=frames), POINT_SETS[name]
    local = rotations.rotvec_to_matrix(tf.constant(clip.poses))
    rest = body.mannequin_joints()(tf.zeros([frames, 10]))
    posed = point_lifting.pose_points(point_set, local, rest)[0].numpy()
    points = np.full([frames, len(point_set), 3], np.nan)
    points[:, list(point_set.used)] = posed + clip.trans[:, None]
    return points


def _noisy(points, *, metres=0.02, seed=0):
    return points + metres * np.random.default_rng(seed).normal(size=points.shape)


@pytest.mark.parametrize("name", POINT_SETS)
@pytest.mark.parametrize("up", axes.AXES)
def test_unit_and_axes_are_found(name, up):
    points = _noisy(_posed(name))
    for unit, metres in axes.UNITS.items():
        found = axes.recognize(points @ axes.Y_UP[up] / metres, POINT_SETS[name])
        assert (found.unit, found.up) == (axes.UNITS[unit], up)
        assert found.size == pytest.approx(1.0, abs=0.06)
        seen = [line for line in found.warnings if not (up[-1] == "x" and line.startswith("Which axis is up"))]
        assert not seen
        np.testing.assert_allclose(found.to_metres(points @ axes.Y_UP[up] / metres), points, atol=1e-9)


@pytest.mark.parametrize("name", POINT_SETS)
def test_exchanged_sides_and_mirrored_axes_are_told(name):
    points, point_set = _noisy(_posed(name)), POINT_SETS[name]
    mirrored = axes.recognize(100 * points * [1, 1, -1], point_set)
    assert (mirrored.sides_fit, mirrored.names_fit, len(mirrored.warnings)) == (False, True, 1)
    assert mirrored.warnings[0].startswith(SIDES)
    swapped = axes.recognize(points, point_set.with_sides_swapped())
    assert swapped.warnings == mirrored.warnings
    cured = axes.recognize(mirrored.to_metres(100 * points * [1, 1, -1], mirror=True), point_set)
    assert cured.warnings == ()


def test_turned_motion_is_not_taken_for_mirrored():
    for turn in range(0, 360, 30):
        turned = _posed("h36m_17") @ rotations.rotvec_to_matrix(np.float32([0, np.deg2rad(turn), 0])).numpy().T
        assert axes.recognize(_noisy(turned[::-1]), POINT_SETS["h36m_17"]).warnings == ()


@pytest.mark.parametrize(("name", "given"), [("coco_17", "h36m_17"), ("h36m_17", "coco_17"), ("openpose_25", "ntu_25")])
def test_another_set_of_as_many_points_is_named(name, given):
    found = axes.recognize(_noisy(_posed(name)), POINT_SETS[given])
    assert not found.names_fit
    assert found.warnings[0].startswith(f"The bones do not fit the joints of {given}, least ")
    assert found.warnings[0].endswith(f"those of {name} do: `skeleton={name}`.")


def test_points_in_no_known_order_fit_none():
    points = _posed("coco_17")[:, np.random.default_rng(0).permutation(17)]
    assert axes.recognize(points, POINT_SETS["coco_17"]).warnings[0].endswith("check order and `skeleton=`.")


def test_hips_that_are_exchanged_against_the_shoulders_are_told():
    points = _posed("smpl_24").copy()
    legs = [1, 2, 4, 5, 7, 8, 10, 11]
    points[:, legs] = points[:, [2, 1, 5, 4, 8, 7, 11, 10]]
    found = axes.recognize(points, POINT_SETS["smpl_24"])
    assert not found.sides_fit
    assert found.warnings[0].startswith("Left and right of the hips are exchanged against those of the shoulders")


@pytest.mark.parametrize(
    ("scale", "unit", "said"),
    [
        (0.65, 1.0, "The person is about 0.65 of the mannequin's size: a child? If not, give `unit=`."),
        (65.0, 0.01, "The person is about 0.65 of the mannequin's size: a child?"),
        (1400.0, 0.001, "The person is about 1.40 of the mannequin's size: a giant?"),
        (5e-5, 2e4, "No unit fits the person's size: 1 is taken to be 2e+04 m"),
    ],
)
def test_unusual_sizes_are_said(scale, unit, said):
    found = axes.recognize(scale * _posed("smpl_24"), POINT_SETS["smpl_24"])
    assert found.unit == pytest.approx(unit, rel=0.02)
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith(said)


def test_a_unit_that_is_given_is_kept_and_judged():
    points, smpl = _posed("smpl_24"), POINT_SETS["smpl_24"]
    for unit in ("mm", 0.001, "0.001"):
        assert axes.recognize(1000 * points, smpl, unit=unit).warnings == ()
    wrong = axes.recognize(1000 * points, smpl, unit="m")
    assert (wrong.unit, round(wrong.size)) == (1.0, 1000)
    assert wrong.warnings == (
        "The positions make the person 1e+03 times the mannequin's size in the `unit` given; "
        "they look like mm: `unit=mm`.",
    )
    assert axes.recognize(0.6 * points, smpl, unit="m").warnings[0].startswith("The person is about 0.60")
    for unit in ("km", "", 0.0, -1.0, float("inf")):
        with pytest.raises(
            ValueError, match=r"`unit` must be one of m, cm, mm, in, ft, cmu or metres in one unit; got"
        ):
            axes.recognize(points, smpl, unit=unit)


def test_an_axis_that_is_given_is_kept_and_judged():
    points, smpl = _posed("smpl_24") @ axes.Y_UP["z"], POINT_SETS["smpl_24"]
    assert axes.recognize(points, smpl, up="z").warnings == ()
    wrong = axes.recognize(points, smpl, up="y")
    assert wrong.up == "y"
    assert wrong.warnings == ("`up=y` was given, but the person stands along z: `up=z`, if it is not lying.",)
    with pytest.raises(ValueError, match="`up` must be one of x, y, z, -x, -y, -z; got 'w'"):
        axes.recognize(points, smpl, up="w")


def test_of_a_leaning_or_lying_person_the_axis_is_not_certain():
    smpl = POINT_SETS["smpl_24"]
    diagonal = rotations.rotvec_to_matrix(np.float32(np.arccos(1 / np.sqrt(3)) * np.array([1, 0, -1]) / np.sqrt(2)))
    lying = axes.recognize(smpl.at_rest[None] @ axes.Y_UP["-x"], smpl)
    assert lying.up == "-x"
    for found in (lying, axes.recognize(smpl.at_rest[None] @ diagonal.numpy().T, smpl)):
        assert [line.startswith("Which axis is up is not certain") for line in found.warnings] == [True]


def test_an_axis_of_barely_more_than_half_of_the_frames_is_not_certain():
    smpl = POINT_SETS["smpl_24"]
    for bent, said in ((3, 0), (4, 1)):
        points = np.repeat(smpl.at_rest[None], 10, 0)
        points[:bent] = smpl.at_rest @ axes.Y_UP["z"]
        found = axes.recognize(points, smpl)
        assert (found.up, len(found.warnings)) == ("y", said)


def test_zeros_are_absent_but_for_a_root():
    smpl = POINT_SETS["smpl_24"]
    points = _posed("smpl_24") - _posed("smpl_24")[:, :1]
    rooted = axes.recognize(points, smpl)
    assert not rooted.absent.any()
    assert rooted.warnings == ()
    points = points.copy()
    points[5:9, 20] = 0.0
    points[7, 4] = np.nan
    found = axes.recognize(points, smpl)
    assert found.absent.sum() == 5
    assert found.absent[5:9, 20].all()
    assert found.warnings == (
        "4 points at exactly (0, 0, 0) were taken to be absent; give NaN for absent points to be sure.",
    )
    assert np.isnan(found.to_metres(points)[6, 20]).all()
    assert str(found) == "unit m, y up, 1.00 of the mannequin's size, 0% absent"


def test_a_hand_that_is_zero_throughout_is_absent():
    points = _posed("smpl_24").copy()
    points[:, 22] = 0.0
    found = axes.recognize(points, POINT_SETS["smpl_24"])
    assert found.absent[:, 22].all()
    assert found.absent.sum() == len(points)


def test_half_of_the_points_may_be_absent():
    points = _noisy(_posed("mediapipe_33"))
    points[np.random.default_rng(0).random(points.shape[:2]) < 0.5] = np.nan
    points[20:25] = np.nan
    assert axes.recognize(points, POINT_SETS["mediapipe_33"]).warnings == ()


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (("left_wrist",), ["The unit cannot be told", "Which axis is up cannot be told"]),
        (("left_elbow", "left_wrist"), ["Which axis is up cannot be told"]),
        (("left_hip", "right_hip", "left_knee", "right_knee"), []),
        ((None, "head", "neck", "pelvis"), []),
    ],
)
def test_of_few_points_what_can_be_told_is(points, said):
    few = skeletons.PointSet("few", points)
    found = axes.recognize(few.at_rest[None], few)
    assert (found.unit, found.up) == (1.0, "y")
    assert [line[: len(start)] for line, start in zip(found.warnings, said, strict=True)] == said


def test_a_single_noisy_frame_is_not_suspected():
    for name, seed in [("coco_17", 0), ("smpl_24", 1), ("mediapipe_33", 2), ("vicon_39", 3)]:
        for frame in range(0, 60, 10):
            points = _noisy(_posed(name), seed=seed)[frame : frame + 1]
            assert axes.recognize(points, POINT_SETS[name]).warnings == ()


@pytest.mark.parametrize("shape", [(4, 3), (5, 23, 3), (5, 24, 2), (0, 24, 3)])
def test_other_shapes_are_refused(shape):
    said = r"`positions` must have shape \(T, 24, 3\); got" if shape[0] else "`positions` must hold at least one point"
    with pytest.raises(ValueError, match=said):
        axes.recognize(np.ones(shape), POINT_SETS["smpl_24"])


def test_positions_without_a_point_are_refused():
    for nothing in (np.nan, np.inf, 0.0):
        with pytest.raises(ValueError, match="`positions` must hold at least one point that was seen; got none"):
            axes.recognize(np.full([5, 24, 3], nothing), POINT_SETS["smpl_24"])


def test_rotations_to_y_up_are_proper():
    for up, matrix in axes.Y_UP.items():
        assert np.linalg.det(matrix) == pytest.approx(1.0)
        axis = np.eye(3)["xyz".index(up[-1])] * (-1 if up.startswith("-") else 1)
        np.testing.assert_array_equal(matrix @ axis, [0, 1, 0])


def test_a_root_that_begins_at_the_origin_is_there():
    smpl = POINT_SETS["smpl_24"]
    walk = smpl.at_rest - smpl.at_rest[0] + np.linspace([0, 0, 0], [0, 0, 1], 5)[:, None]
    assert not axes.recognize(walk, smpl).absent.any()
    walk[:, 20] -= walk[:1, 20]
    walk[0, 0] = 0.01
    assert axes.recognize(walk, smpl).absent.sum() == 1  # a wrist is no root


@pytest.mark.parametrize("frames", [1, 20])
@pytest.mark.parametrize("place", [0.3, 1e6])
def test_points_at_one_place_are_told(frames, place):
    points = np.full([frames, 24, 3], place)
    found = axes.recognize(points, POINT_SETS["smpl_24"])
    assert found.unit == 1.0
    assert (
        found.warnings
        == found.doubts
        == ("All points are at one place; check the reader, and give NaN where nothing was seen.",)
    )


def test_doubts_are_not_of_people_of_other_sizes_or_axes():
    smpl, points = POINT_SETS["smpl_24"], np.repeat(_posed("smpl_24")[:1], 20, axis=0)
    for sound in (0.65 * points, 1.3 * points, points @ axes.Y_UP["z"], points @ axes.Y_UP["x"]):
        assert axes.doubts(sound, smpl) == ()
    (unit,) = axes.doubts(100.0 * points @ axes.Y_UP["z"], smpl)
    assert unit == "The points look like cm, not metres. Multiply them by 0.01, or give them to niki_tf.solve."
    (sides,) = axes.doubts(points * [-1.0, 1.0, 1.0], smpl)
    assert "`mirror`" in sides
    (order,) = axes.doubts(points[:, ::-1], smpl)
    assert "check order" in order
    assert "check the reader" in axes.doubts(np.ones_like(points), smpl)[0]
