"""Markers: where anatomy says, on the mannequin's skin, moving with the bone that they stick to."""

import numpy as np
import pytest

from niki_tf import body, skeletons
from niki_tf.skeletons import MARKERS, POINT_SETS, SMPL_29, markers, naming

LEFT_AND_MIDDLE = [name for name in [*markers.VICON_39, "LMT5", "LBAK"] if not name.startswith("R")]


@pytest.fixture(scope="module")
def mannequin():
    return body.mannequin()


def _place(mannequin, name):
    landmark = MARKERS[name]
    return mannequin.joints[SMPL_29.index(landmark.joint)] + landmark.offset


@pytest.mark.parametrize("name", LEFT_AND_MIDDLE)
def test_markers_are_on_the_skin_and_move_with_it(name, mannequin):
    apart = np.linalg.norm(mannequin.v_template - _place(mannequin, name), axis=-1)
    assert apart.min() < 0.013
    near = mannequin.lbs_weights[apart < apart.min() + 0.005].mean(0)
    assert near[SMPL_29.index(MARKERS[name].joint)] > 0.2


@pytest.mark.parametrize(
    ("name", "joint", "direction"),
    [
        ("LKNE", "left_knee", [1, 0, 0]),
        ("LANK", "left_ankle", [1, 0, 0]),
        ("LELB", "left_elbow", [0, 1, 0]),
        ("LWRA", "left_wrist", [0, 0, 1]),
        ("LWRB", "left_wrist", [0, 0, -1]),
        ("LSHO", "left_shoulder", [0, 1, 0]),
        ("LTOE", "left_foot", [0, 1, 0]),
        ("LHEE", "left_ankle", [0, 0, -1]),
    ],
)
def test_markers_on_bone_lie_outwards_of_the_joint_that_they_tell(name, joint, direction, mannequin):
    away = _place(mannequin, name) - mannequin.joints[SMPL_29.index(joint)]
    along = away @ np.array(direction)
    assert along > 0.02
    assert np.linalg.norm(away - along * np.array(direction)) < 0.05
    assert joint in (MARKERS[name].tells or (MARKERS[name].joint,))


def test_markers_between_joints_are_in_the_middle_of_the_limb(mannequin):
    joints = dict(zip(SMPL_29.names, mannequin.joints, strict=True))
    for name, ends in {"LUPA": ("shoulder", "elbow"), "LFRM": ("elbow", "wrist"), "LTHI": ("hip", "knee")}.items():
        first, second = (joints[f"left_{end}"] for end in ends)
        along = (_place(mannequin, name) - first) @ (second - first) / np.sum((second - first) ** 2)
        assert 0.4 < along < 0.6


def test_the_trunk_s_markers_go_round_it(mannequin):
    places = {name: _place(mannequin, name) for name in ("C7", "T10", "CLAV", "STRN", "LASI", "LPSI", "RBAK")}
    assert places["C7"][1] > places["CLAV"][1] > places["STRN"][1] > places["LASI"][1]
    assert places["C7"][1] > places["RBAK"][1] > places["T10"][1] > places["LPSI"][1]
    for front, back in (("CLAV", "C7"), ("STRN", "T10"), ("LASI", "LPSI"), ("CLAV", "RBAK")):
        assert places[front][2] - places[back][2] > 0.15
    assert places["LASI"][0] > places["LPSI"][0] > 0 > places["RBAK"][0]


def test_the_right_side_mirrors_the_left():
    for name in LEFT_AND_MIDDLE:
        if name.startswith("L"):
            assert MARKERS["R" + name[1:]] == MARKERS[name].mirrored()
        else:
            assert MARKERS[name].offset[0] == 0.0


def test_other_names_of_a_marker_stand_for_the_same():
    assert MARKERS["LFWT"] is MARKERS["LASI"]
    assert MARKERS["RSHN"] is MARKERS["RTIB"]
    assert MARKERS["RBAC"] is MARKERS["RBAK"]


def test_sets_have_as_many_markers_as_their_names_say():
    assert POINT_SETS["vicon_39"].points == tuple(MARKERS[name] for name in markers.VICON_39)
    assert len(set(markers.CMU_41)) == 41
    cmu = naming.from_names(markers.CMU_41)
    assert len(cmu.used) == 41
    assert {SMPL_29.names[clue.joint] for clue in cmu.clues} >= {*skeletons.SMPL_24.names[1:3], "left_wrist", "neck"}
