"""Which joints are lost together."""

import numpy as np
import pytest

from niki_tf import skeletons
from niki_tf.evaluation.protocols import lost_joints

NAMES = np.array(skeletons.SMPL_29.names)


def test_the_sets_are_what_they_are_called():
    sizes = {kind: [len(joints) for joints in sets] for kind, sets in lost_joints.PARTS.items()}
    assert sizes == {"all": [29], "joint": [1] * 28, "limb_end": [3] * 4, "limb": [5] * 4, "half": [10, 16, 11, 11]}
    lower, upper, left, right = map(set, lost_joints.PARTS["half"])
    spine = {"pelvis", "spine1", "spine2"}
    assert {*NAMES[list(lower | upper)]} == {*NAMES} - spine
    assert {*NAMES[list(left | right)]} == {name for name in NAMES if name.startswith(("left", "right"))}
    assert not lower & upper
    assert not left & right


@pytest.mark.parametrize("kind", list(lost_joints.PARTS))
def test_every_set_is_drawn_as_often_as_the_others(kind):
    draws = (np.arange(1120) + 0.5) / 1120
    masks = np.stack([lost_joints.lost_mask(kind, draw) for draw in draws])
    _, counts = np.unique(masks, axis=0, return_counts=True)
    assert len(counts) == len(lost_joints.PARTS[kind])
    assert np.ptp(counts) == 0


def test_a_joint_is_placed_by_its_own_rotation_and_its_parent_s():
    lost = lost_joints.lost_mask("limb_end", 0.3)  # the right hand
    turned = np.flatnonzero(lost_joints.turned_mask(lost))
    assert NAMES[turned].tolist() == ["right_elbow", "right_wrist", "right_hand"]
    assert lost_joints.turned_mask(np.ones(29, bool)).all()
    pelvis = np.arange(29) == 0
    assert np.flatnonzero(lost_joints.turned_mask(pelvis)).tolist() == [0]
