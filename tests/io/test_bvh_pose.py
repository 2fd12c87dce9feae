"""Joints of a rig in the world, against SciPy and other readers."""

import os
import pathlib

import numpy as np
import pytest
from rig import JOINTS, channel_values, rig_text, world

from niki_tf.io import bvh, bvh_pose

OTHERS = sorted(pathlib.Path(os.environ.get("NIKI_BVH_FILES", "/nowhere")).rglob("*.bvh"))


@pytest.fixture
def rig(tmp_path):
    path = tmp_path / "a.bvh"
    path.write_text(rig_text())
    return bvh.read_bvh(path)


def test_joints_are_where_scipy_puts_them(rig):
    posed, wanted = bvh_pose.world_pose(rig), world(channel_values(5))
    for joint, name in enumerate(rig.names):
        np.testing.assert_allclose(posed.rotations[:, joint], wanted[name][0], atol=1e-12)
        np.testing.assert_allclose(posed.positions[:, joint], wanted[name][1], atol=1e-9)
    for end, joint in enumerate(rig.end_parents):
        np.testing.assert_allclose(posed.ends[:, end], wanted[f"{rig.names[joint]}_end"][1], atol=1e-9)


def test_keypoints_have_names_and_leave_out_ends_that_stand_on_their_joint(rig):
    track, wanted = bvh_pose.keypoints(rig), world(channel_values(5))
    assert track.names == (*JOINTS, "LeftFoot_end", "LeftThumb1_end")
    assert (track.fps, track.unit, track.up) == (30.0, None, None)
    for point, name in enumerate(track.names):
        np.testing.assert_allclose(track.positions[:, point], wanted[name][1], atol=1e-9)


def test_two_ends_of_a_joint_have_two_names(tmp_path):
    ends = "End Site { OFFSET 1 0 0 } End Site { OFFSET 0 2 0 }"
    path = tmp_path / "a.bvh"
    path.write_text(
        f"HIERARCHY ROOT a {{ OFFSET 0 0 0 CHANNELS 1 Xposition {ends} }}\nMOTION\nFrames: 1\nFrame Time: 0\n7"
    )
    track = bvh_pose.keypoints(bvh.read_bvh(path))
    assert (track.names, track.fps) == (("a", "a_end", "a_end2"), None)
    assert track.positions[0].tolist() == [[7, 0, 0], [8, 0, 0], [7, 2, 0]]


@pytest.mark.skipif(not OTHERS, reason="NIKI_BVH_FILES names no folder of BVH files")
@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_joints_are_where_another_reader_puts_them(path):
    pybvh = pytest.importorskip("pybvh")
    try:
        other = pybvh.read_bvh_file(path)
    except ValueError as error:
        pytest.skip(f"pybvh refuses it: {error}")
    rig = bvh.read_bvh(path)
    joints = [[node.name for node in other.nodes].index(name) for name in rig.names]
    np.testing.assert_allclose(bvh_pose.world_pose(rig).positions, other.node_positions()[:, joints], atol=1e-9)
