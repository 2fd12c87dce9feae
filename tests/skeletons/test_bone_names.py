"""Names of bones in other programs: one for each joint, left of the left, none twice."""

import pytest

from niki_tf.skeletons import SMPL_24
from niki_tf.skeletons.bone_names import BONE_NAMES

KNOWN = {
    "smpl": {"left_collar": "left_collar"},
    "mixamo": {
        "pelvis": "mixamorig:Hips",
        "spine1": "mixamorig:Spine",
        "spine3": "mixamorig:Spine2",
        "left_hip": "mixamorig:LeftUpLeg",
        "right_foot": "mixamorig:RightToeBase",
        "left_collar": "mixamorig:LeftShoulder",
        "right_shoulder": "mixamorig:RightArm",
        "right_elbow": "mixamorig:RightForeArm",
        "left_wrist": "mixamorig:LeftHand",
    },
    "unity": {
        "pelvis": "Hips",
        "spine2": "Chest",
        "spine3": "UpperChest",
        "left_hip": "LeftUpperLeg",
        "right_knee": "RightLowerLeg",
        "left_ankle": "LeftFoot",
        "left_foot": "LeftToes",
        "right_collar": "RightShoulder",
        "left_elbow": "LeftLowerArm",
        "right_wrist": "RightHand",
        "right_hand": "RightMiddleProximal",
    },
    "vrm": {"pelvis": "hips", "spine3": "upperChest", "left_hip": "leftUpperLeg", "right_hand": "rightMiddleProximal"},
}


@pytest.mark.parametrize("program", BONE_NAMES)
def test_names_are_the_programs(program):
    names = BONE_NAMES[program]
    assert len(set(names)) == len(SMPL_24)
    for joint, name in KNOWN[program].items():
        assert names[SMPL_24.index(joint)] == name
    for joint, name in zip(SMPL_24.names, names, strict=True):
        for side in ("left", "right"):
            assert (side in joint) == (side in name.lower())


def test_unity_finds_the_bones_that_its_humanoid_needs():
    """Those that its manual lists as required."""
    limbs = [side + part for side in ("Left", "Right") for part in ("UpperArm", "LowerArm", "Hand")]
    limbs += [side + part for side in ("Left", "Right") for part in ("UpperLeg", "LowerLeg", "Foot")]
    assert {"Hips", "Spine", "Head", *limbs} <= set(BONE_NAMES["unity"])
