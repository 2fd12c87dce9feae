"""SMPL's motion on a rig of another's: the true motion gives the file back; another one moves it as the body moves."""

import dataclasses

import numpy as np
import pytest
from rig import FULL, JOINTS, rig_text
from scipy.spatial.transform import Rotation

from niki_tf import skeletons
from niki_tf.io import bvh, bvh_pose
from niki_tf.io.bvh_retarget import retarget

MAPPING = {"rig:Hips": 0, "Left Up Leg": 1, "LeftFoot": 7, "Spine": 6, "LeftArm": 16, "LeftHand": 20, "Head": 15}
FRAMES = 40


def _rig(folder, joints):
    path = folder / "a.bvh"
    path.write_text(rig_text(FRAMES, joints))
    return bvh.read_bvh(path)


def _local(world):
    """SMPL's local rotations of its world ones (T, 24, 3, 3)."""
    local = world.copy()
    for joint, parent in enumerate(skeletons.SMPL_24.parents[1:], 1):
        local[:, joint] = world[:, parent].transpose(0, 2, 1) @ world[:, joint]
    return local


def _truth(rig, mapping, seed=0, unit=0.01):
    """World rotations of SMPL and pelvis of a body that moves as the rig does, each joint with axes of its own."""
    posed, random = bvh_pose.world_pose(rig), np.random.default_rng(seed)
    world = np.tile(Rotation.random(24, random_state=seed).as_matrix(), [FRAMES, 1, 1, 1])
    for name, partner in mapping.items():
        axes = Rotation.random(random_state=partner).as_matrix()
        world[:, partner] = posed.rotations[:, rig.names.index(name)] @ axes
    hips = rig.names.index(next(name for name, partner in mapping.items() if partner == 0))
    place = posed.positions[:, hips] + world[:, 0] @ random.uniform(-5, 5, 3)
    return world, place * unit


@pytest.mark.parametrize("joints", [JOINTS, FULL], ids=["rig", "full"])
def test_the_true_motion_gives_the_file_back(tmp_path, joints):
    rig = _rig(tmp_path, joints)
    world, pelvis = _truth(rig, MAPPING)
    back = retarget(rig, rotations=_local(world), pelvis=pelvis, mapping=MAPPING, unit=0.01)
    np.testing.assert_allclose(back.values, rig.values, atol=1e-6)
    for field in dataclasses.fields(rig):
        if field.name != "values":
            assert getattr(back, field.name) is getattr(rig, field.name)


def test_a_body_that_moves_otherwise_moves_the_rig_with_it(tmp_path):
    """An arm that swings to and fro about what the file has: its constant is the same, and so the swing is seen."""
    rig = _rig(tmp_path, FULL)
    world, pelvis = _truth(rig, MAPPING)
    swing = Rotation.from_rotvec(np.outer(np.tile([1.0, -1.0], FRAMES // 2), [0.2, -0.1, 0.3])).as_matrix()
    moved = world.copy()
    moved[:, 16] = world[:, 16] @ swing
    back = retarget(rig, rotations=_local(moved), pelvis=pelvis, mapping=MAPPING, unit=0.01)
    before, after = bvh_pose.world_pose(rig), bvh_pose.world_pose(back)
    arm, hand, thumb = (rig.names.index(name) for name in ("LeftArm", "LeftHand", "LeftThumb1"))
    constant = world[0, 16].T @ before.rotations[0, arm]
    np.testing.assert_allclose(after.rotations[:, arm], moved[:, 16] @ constant, atol=1e-7)
    np.testing.assert_allclose(after.rotations[:, hand], before.rotations[:, hand], atol=1e-7)
    bone = (after.rotations[:, arm] @ rig.offsets[hand][:, None])[..., 0]
    np.testing.assert_allclose(after.positions[:, hand], before.positions[:, arm] + bone, atol=1e-5)
    np.testing.assert_array_equal(back.values[:, rig.columns[thumb]], rig.values[:, rig.columns[thumb]])


def test_noise_of_the_solve_is_passed_on_and_does_not_turn_what_stands_still(tmp_path):
    rig = _rig(tmp_path, FULL)
    world, pelvis = _truth(rig, MAPPING)
    noise = Rotation.from_rotvec(np.random.default_rng(1).normal(0, 0.02, [FRAMES * 24, 3])).as_matrix()
    noisy = world @ noise.reshape(FRAMES, 24, 3, 3)
    back = retarget(rig, rotations=_local(noisy), pelvis=pelvis, mapping=MAPPING, unit=0.01)
    before, after = bvh_pose.world_pose(rig), bvh_pose.world_pose(back)
    for name in MAPPING:
        joint = rig.names.index(name)
        off = Rotation.from_matrix(before.rotations[:, joint].transpose(0, 2, 1) @ after.rotations[:, joint])
        assert 0.01 < np.sqrt(np.mean(off.magnitude() ** 2)) < 0.06
        assert np.linalg.norm(off.as_rotvec().mean(0)) < 0.02
    thumb = rig.columns[rig.names.index("LeftThumb1")]
    np.testing.assert_array_equal(back.values[:, thumb], rig.values[:, thumb])
    assert np.abs(np.diff(back.values, axis=0)).max() < 100


def test_hips_that_do_not_move_themselves_are_carried(tmp_path):
    """A rig whose positions are at a joint above the hips."""
    rig = _rig(tmp_path, FULL)
    mapping = {"Spine": 0, "Head": 15}
    world, pelvis = _truth(rig, mapping)
    shifted = retarget(rig, rotations=_local(world), pelvis=pelvis + [0, 1, 0], mapping=mapping, unit=0.01)
    before, after = bvh_pose.world_pose(rig), bvh_pose.world_pose(shifted)
    np.testing.assert_allclose(after.rotations, before.rotations, atol=1e-9)
    spine = rig.names.index("Spine")
    offset = world[:, 0] @ np.mean(world[:, 0].transpose(0, 2, 1) @ [0, 100.0, 0], 0)
    wanted = before.positions[:, spine] + [0, 100, 0] - offset
    np.testing.assert_allclose(after.positions[:, spine], wanted, atol=1e-6)


def test_a_rig_without_positions_turns_on_the_spot(tmp_path):
    joints = {name: (parent, offset, "Zrotation Xrotation Yrotation") for name, (parent, offset, _) in JOINTS.items()}
    rig = _rig(tmp_path, joints)
    world, pelvis = _truth(rig, MAPPING)
    back = retarget(rig, rotations=_local(world), pelvis=pelvis + 3.0, mapping=MAPPING, unit=0.01)
    np.testing.assert_allclose(back.values, rig.values, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rotations": np.zeros([39, 24, 3, 3])}, r"`rotations` must be numbers of shape \(40, 24, 3, 3\); got .*39"),
        ({"pelvis": np.zeros([40, 2])}, r"`pelvis` must be numbers of shape \(40, 3\)"),
        ({"mapping": {"Hips": 0}}, "`mapping` must name joints of the rig, each there once; got 'Hips'"),
        ({"mapping": {"rig:Hips": 0, "Head": 24}}, "`mapping` must lead to SMPL's joints 0 to 23; got 24 for 'Head'"),
        ({"mapping": {"Head": 15}}, "`mapping` must lead to the pelvis, 0; got Head"),
        ({"mapping": {}}, "`mapping` must lead to the pelvis, 0; got nothing"),
        ({"unit": -1.0}, "`unit` must be a positive number of metres"),
    ],
)
def test_bad_arguments_are_named(tmp_path, change, message):
    rig = _rig(tmp_path, FULL)
    good = {"rotations": np.tile(np.eye(3), [FRAMES, 24, 1, 1]), "pelvis": np.zeros([FRAMES, 3])}
    with pytest.raises(ValueError, match=message):
        retarget(rig, **{**good, "mapping": MAPPING, "unit": 0.01} | change)
