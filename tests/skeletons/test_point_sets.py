"""The joint sets of other programs: their orders, and landmarks held to the mannequin's mesh."""

import numpy as np
import pytest

from niki_tf import body, skeletons

POINT_SETS, LANDMARKS, SMPL_29 = skeletons.POINT_SETS, skeletons.LANDMARKS, skeletons.SMPL_29
INSIDE = {"mid_hip", "mid_shoulder", "mid_spine", "left_outer_hip", "right_outer_hip"}


@pytest.fixture(scope="module")
def mannequin():
    return body.mannequin()


def _place(mannequin, name):
    landmark = LANDMARKS[name]
    return mannequin.joints[SMPL_29.index(landmark.joint)] + landmark.offset


def _outermost(mannequin, parts, direction):
    """The vertex of the `parts`, joints that carry it, that is farthest in `direction`."""
    carriers = np.argmax(mannequin.lbs_weights, -1)
    vertices = mannequin.v_template[np.isin(carriers, [SMPL_29.index(part) for part in parts])]
    return vertices[np.argmax(vertices @ np.asarray(direction))]


@pytest.mark.parametrize("name", sorted(set(LANDMARKS) - INSIDE))
def test_landmarks_are_on_the_skin_and_move_with_it(name, mannequin):
    apart = np.linalg.norm(mannequin.v_template - _place(mannequin, name), axis=-1)
    assert apart.min() < 0.015
    near = mannequin.lbs_weights[apart < apart.min() + 0.005]
    assert near[:, SMPL_29.index(LANDMARKS[name].joint)].mean() > 0.2


@pytest.mark.parametrize(
    ("name", "parts", "direction"),
    [
        ("left_heel", ["left_ankle", "left_foot"], [0, 0, -1]),
        ("left_small_toe", ["left_ankle", "left_foot"], [1, 0, 0]),
        ("left_thumb", ["left_wrist", "left_hand"], [0, 0, 1]),
        ("left_ear", ["head"], [1, 0, 0]),
    ],
)
def test_landmarks_are_the_outermost_points_of_their_parts(name, parts, direction, mannequin):
    np.testing.assert_allclose(_place(mannequin, name), _outermost(mannequin, parts, direction), atol=0.012)


def test_points_between_joints_are_where_their_names_say(mannequin):
    joints = dict(zip(SMPL_29.names, mannequin.joints, strict=True))
    for name, of in (("mid_hip", "hip"), ("mid_shoulder", "shoulder")):
        middle = 0.5 * (joints[f"left_{of}"] + joints[f"right_{of}"])
        np.testing.assert_allclose(_place(mannequin, name), middle, atol=1e-3)
    outer, skin = _place(mannequin, "left_outer_hip"), 0.170  # metres; half of the mesh's width at the hips
    assert outer[0] == pytest.approx(0.5 * (joints["left_hip"][0] + skin), abs=2e-3)
    level = np.abs(mannequin.v_template[:, 1] - outer[1]) < 0.02
    assert mannequin.v_template[level][:, 0].clip(0, 0.3).max() == pytest.approx(skin, abs=2e-3)
    spine = (joints["spine1"] + joints["spine2"]) / 2
    assert np.linalg.norm(_place(mannequin, "mid_spine") - spine) < 0.07


def test_the_right_side_mirrors_the_left():
    for name, landmark in LANDMARKS.items():
        if name.startswith("left_"):
            other = LANDMARKS[name.replace("left_", "right_")]
            assert other.offset == (-landmark.offset[0], *landmark.offset[1:])
            assert other.joint == landmark.joint.replace("left_", "right_")
            assert other.tells == tuple(joint.replace("left_", "right_") for joint in landmark.tells)
        elif not name.startswith("right_"):
            assert landmark.offset[0] == 0.0


PLACES = {
    "coco_17": {0: "nose", 5: "left_shoulder", 10: "right_wrist", 11: "left_outer_hip", 16: "right_ankle"},
    "h36m_17": {0: "pelvis", 1: "right_outer_hip", 6: "left_ankle", 10: "head_top", 11: "left_shoulder"},
    "openpose_25": {1: "mid_shoulder", 2: "right_shoulder", 8: "mid_hip", 14: "left_ankle", 21: "left_heel"},
    "mediapipe_33": {0: "nose", 2: "left_eye", 7: "left_ear", 15: "left_wrist", 23: "left_outer_hip", 30: "right_heel"},
    "lsp_14": {0: "right_ankle", 5: "left_ankle", 9: "left_shoulder", 13: "head_top"},
    "kinect_v2_25": {0: "pelvis", 3: "head", 7: "left_hand", 12: "left_hip", 20: "mid_shoulder", 24: "right_thumb"},
    "kinect_azure_32": {3: "neck", 5: "left_shoulder", 18: "left_hip", 26: "head", 27: "nose", 31: "right_ear"},
    "kit_21": {0: "pelvis", 3: "neck", 5: "left_shoulder", 11: "left_hip", 16: "right_hip", 20: "right_foot"},
    "smplh_22": {0: "pelvis", 15: "head", 21: "right_wrist"},
    "smplx_55": {15: "head", 22: None, 23: "left_eye", 25: "left_index", 28: "left_hand", 40: "right_index"},
}


@pytest.mark.parametrize("name", POINT_SETS)
def test_a_set_has_as_many_points_as_its_name_says(name):
    assert len(POINT_SETS[name]) == int(name.split("_")[-1])


@pytest.mark.parametrize("name", PLACES)
def test_points_stand_in_the_order_of_their_programs(name):
    assert {place: POINT_SETS[name].points[place] for place in PLACES[name]} == PLACES[name]


@pytest.mark.parametrize("name", POINT_SETS)
def test_left_and_right_occur_alike(name):
    points = [point for point in POINT_SETS[name].points if point]
    assert len(set(points)) == len(points)
    assert {p.replace("left_", "right_") for p in points if "left_" in p} == {p for p in points if "right_" in p}


def test_bones_lead_from_point_to_point():
    bones = POINT_SETS["coco_17"].bones
    named = [[POINT_SETS["coco_17"].points[place] for place in pair] for pair in np.argwhere(bones)]
    assert ["left_elbow", "left_shoulder"] in named
    assert ["left_wrist", "left_elbow"] in named
    assert not [pair for pair in named if "left_ear" in pair]
    assert (POINT_SETS["smpl_29"].bones.sum(1) == [0, *[1] * 28]).all()


def test_a_point_hangs_on_its_joint_and_tells_it():
    coco = POINT_SETS["coco_17"]
    assert (coco.skeleton.names[:29], len(coco.skeleton)) == (skeletons.SMPL_29.names, 29 + 7)
    assert [coco.skeleton.parents[coco.rows[place]] for place in (0, 5, 11)] == [15, 13, 0]
    assert coco.rows[5] == SMPL_29.index("left_shoulder")
    clues = [(clue.joint, clue.exact) for clue in coco.clues if clue.point in (0, 5, 11)]
    assert clues == [(15, False), (24, False), (16, True), (1, False)]
    assert skeletons.PointSet("tips", ("left_middle_tip", None)).carriers == (22, 0)
    assert skeletons.PointSet("tips", ("left_middle_tip", None)).used == (0,)


def test_a_point_that_comes_twice_is_a_joint_and_a_leaf():
    twice = skeletons.PointSet("twice", ("left_wrist", None, "left_wrist"))
    assert twice.rows == (20, 29)
    assert not twice.all_joints
    assert skeletons.POINT_SETS["smplh_22"].all_joints


def test_a_set_may_carry_landmarks_of_its_own():
    stick = skeletons.Landmark("left_hand", (0.0, 0.0, 0.8))
    own = skeletons.PointSet("stick", ("left_wrist", None, stick, "nose"))
    assert (own.carriers, own.used) == ((20, 0, 22, 15), (0, 2, 3))
    assert own.landmarks == (None, None, stick, LANDMARKS["nose"])
    assert [(clue.point, clue.joint, clue.exact) for clue in own.clues[:2]] == [(0, 20, True), (1, 22, False)]
    np.testing.assert_array_equal(own.at_rest[[0, 2]], body.mannequin().joints[[20, 22]] + [[0, 0, 0], stick.offset])
    assert np.isnan(own.at_rest[1]).all()
    assert hash(own) == hash(skeletons.PointSet("stick", ("left_wrist", None, stick, "nose")))


@pytest.mark.parametrize("name", POINT_SETS)
def test_with_its_sides_swapped_twice_a_set_is_as_it_was(name):
    swapped = POINT_SETS[name].with_sides_swapped()
    np.testing.assert_allclose(swapped.at_rest, POINT_SETS[name].at_rest * [-1, 1, 1])
    assert swapped.with_sides_swapped() == POINT_SETS[name]


@pytest.mark.parametrize(
    ("landmark", "said"),
    [
        (skeletons.Landmark("head_top", (0.0, 0.0, 0.0)), "`points` must hang on joints of pelvis, .*; got 'head_top'"),
        (skeletons.Landmark("head", (0.0, 0.0, 0.0), ("nose",)), "`points` must hang on joints of .*; got 'nose'"),
        (skeletons.Landmark("head", (0.0, 0.0)), "`points` must have offsets of 3 finite numbers, metres; got"),
        (skeletons.Landmark("head", (0.0, 0.0, float("nan"))), "`points` must have offsets of 3 finite numbers"),
    ],
)
def test_landmarks_that_hang_on_nothing_are_refused(landmark, said):
    with pytest.raises(ValueError, match=said):
        skeletons.PointSet("own", (landmark,))


def test_an_unknown_point_is_named():
    with pytest.raises(ValueError, match="`points` must be joints or landmarks; got 'tail'. Known: pelvis, left_hip"):
        skeletons.PointSet("cat", ("pelvis", "tail"))
