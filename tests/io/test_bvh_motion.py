"""SMPL's motion as a BVH rig: posed again from its file, it is the body's motion."""

import numpy as np
import pytest

from niki_tf import body, motion, rotations, skeletons
from niki_tf.io import bvh, bvh_motion, bvh_pose
from niki_tf.skeletons.bone_names import BONE_NAMES


@pytest.fixture(scope="module")
def moving():
    """Arguments of `from_motion` for a body that is not the mean, and its joints (T, 29, 3) by the body layer."""
    clip = motion.made_motion(2, frames=30)
    turns, betas = rotations.rotvec_to_matrix(clip.poses).numpy(), np.linspace(-2, 2, 10).astype(np.float32)
    rest = body.mannequin_joints()(betas).numpy()
    joints = body.forward_kinematics(turns, rest)[0].numpy() + clip.trans[:, None]
    return {"rotations": turns, "rest_joints": rest, "transl": clip.trans, "fps": 25}, joints


@pytest.mark.parametrize(("bone_names", "unit"), [("smpl", 0.01), ("mixamo", 0.01), ("unity", 1.0), ("vrm", 0.001)])
def test_the_file_holds_the_bodys_joints(tmp_path, moving, bone_names, unit):
    arguments, joints = moving
    rig = bvh_motion.from_motion(**arguments, bone_names=bone_names, unit=unit)
    track = bvh_pose.keypoints(bvh.read_bvh(bvh.write_bvh(tmp_path / "a.bvh", rig)))
    names = BONE_NAMES[bone_names]
    tips = [f"{names[skeletons.SMPL_29.parents[tip]]}_end" for tip in range(24, 29)]
    seen = track.positions[:, [track.names.index(name) for name in (*names, *tips)]] * unit
    np.testing.assert_allclose(seen, joints, atol=1e-4)
    assert track.fps == 25


def test_centimetres_and_a_pose_of_zeros_is_the_t_pose(moving):
    arguments, _ = moving
    rest = arguments["rest_joints"]
    at_rest = {**arguments, "rotations": np.tile(np.eye(3), [1, 24, 1, 1]), "transl": np.zeros([1, 3])}
    rig = bvh_motion.from_motion(**at_rest)
    np.testing.assert_allclose(rig.values[0], [*(100 * rest[0]), *np.zeros(72)], atol=1e-6)
    assert rig.offsets[0].tolist() == [0, 0, 0]  # so that programs that add it to the channels agree
    np.testing.assert_allclose(rig.offsets[1], 100 * (rest[1] - rest[0]), rtol=1e-5)
    assert rig.channels[0][:3] == ("Xposition", "Yposition", "Zposition")
    assert {len(channels) for channels in rig.channels[1:]} == {3}


def test_the_local_rotations_are_smpls(moving):
    arguments, _ = moving
    rig = bvh_motion.from_motion(**arguments)
    order = [skeletons.SMPL_24.index(name) for name in rig.names]
    local = bvh_pose.local_rotations(rig)
    np.testing.assert_allclose(local, arguments["rotations"][:, order], atol=1e-5)
    assert np.abs(np.diff(rig.values[:, 3:], axis=0)).max() < 90


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rotations": np.zeros([30, 22, 3, 3])}, r"`rotations` must be numbers of shape \(T, 24, 3, 3\)"),
        (
            {"rest_joints": np.zeros([24, 3])},
            r"`rest_joints` must be numbers of shape \(29, 3\); got float64 \(24",
        ),
        ({"transl": np.zeros([29, 3])}, r"`transl` must be numbers of shape \(30, 3\); got float64 \(29, 3\)"),
        ({"transl": np.full([30, 3], np.nan)}, "`transl` must be finite; got 90 numbers"),
        ({"fps": 0}, "`fps` must be one positive number"),
        ({"unit": 0.0}, "`unit` must be a positive number of metres, such as 0.01 for centimetres; got 0.0"),
        ({"unit": np.nan}, "`unit` must be a positive number of metres"),
        ({"bone_names": "maya"}, "`bone_names` must be one of smpl, mixamo, unity, vrm; got 'maya'"),
    ],
)
def test_bad_arguments_are_named(moving, change, message):
    with pytest.raises(ValueError, match=message):
        bvh_motion.from_motion(**moving[0] | change)
