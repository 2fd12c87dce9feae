"""SMPL's joint sets: names, parents, bones, the trunk, and the sigma of an absent joint."""

from niki_tf.skeletons.skeleton import Skeleton

SMPL_24 = Skeleton(
    names=(
        "pelvis",
        "left_hip",
        "right_hip",
        "spine1",
        "left_knee",
        "right_knee",
        "spine2",
        "left_ankle",
        "right_ankle",
        "spine3",
        "left_foot",
        "right_foot",
        "neck",
        "left_collar",
        "right_collar",
        "head",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hand",
        "right_hand",
    ),
    parents=(-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21),
)
"""The joints that carry SMPL's rotations."""

SMPL_29 = Skeleton(
    names=SMPL_24.names + ("head_top", "left_middle_tip", "right_middle_tip", "left_big_toe", "right_big_toe"),
    parents=SMPL_24.parents + (15, 22, 23, 10, 11),
)
"""HybrIK's joint set: SMPL's 24 and the tips of head, hands and feet, so that each rotation moves some joint."""

NUM_JOINTS, NUM_ROTATIONS, NUM_TWISTS = len(SMPL_29), len(SMPL_24), len(SMPL_24) - 1
"""29 observed joints; 24 joints with a rotation; 23 of them, all but the root, with a twist about their bone."""

BONE_CHILD = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 27, 28, 15, 16, 17, 24, 18, 19, 20, 21, 22, 23, 25, 26)
"""For each of the 24 joints the child, one of the 29, at the end of the bone that is the axis of its twist."""

TRUNK = (0, 1, 2, 3, 6, 9, 12, 13, 14, 16, 17)
"""Joints of hips, spine, collars and shoulders: close to rigid together, so they show which way the body faces."""

EVALUATION_14 = (8, 5, 2, 1, 4, 7, 21, 19, 17, 16, 18, 20, 12, 24)
"""Fourteen of the 29: ankles, knees, hips, wrists, elbows, shoulders, neck, head top (the order of LSP)."""

ABSENT = 10.0
"""Metres: a joint whose `joint_sigma` is this or more was not observed; its position is never read."""
