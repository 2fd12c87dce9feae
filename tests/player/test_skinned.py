"""What the player plays: its matrices move the surface as the body does, and what is told of joints goes with it."""

import base64

import numpy as np
import pytest

from niki_tf import body, motion, rotations
from niki_tf.player import skinned

ARRAYS = {"float32": "<f4", "int16": "<i2", "uint32": "<u4", "uint8": "u1"}


def unpacked(packed):
    data = np.frombuffer(base64.b64decode(packed["data"]), ARRAYS[packed["type"]])
    return data.reshape(packed["shape"]) * packed.get("scale", 1)


def played(scene, moving, frame):
    """The vertices that the player draws, in its own words."""
    at_rest = unpacked(moving["rest"]) + np.einsum(
        "k,kvx->vx", unpacked(moving["shares"])[frame], unpacked(moving["targets"])
    )
    matrices = unpacked(moving["matrices"]).reshape(-1, 24, 3, 4)[frame]
    each = matrices[unpacked(scene["joints"])]
    moved = np.einsum("vjab,vb->vja", each[..., :3], at_rest) + each[..., 3]
    return np.einsum("vj,vja->va", unpacked(scene["weights"]), moved)


@pytest.mark.parametrize("convention", motion.TRANS_CONVENTIONS)
def test_vertices_are_those_of_the_body(rng, convention):
    data = body.mannequin()
    clip = motion.Clip(
        poses=0.3 * rng.normal(size=[2, 24, 3]),
        trans=rng.normal(size=[2, 3]),
        betas=rng.normal(size=10),
        trans_convention=convention,
    )
    scene = skinned.scene([skinned.Played("a", clip), skinned.Played("b", clip)], data)
    assert [moving["name"] for moving in scene["bodies"]] == ["a", "b"]
    assert (scene["frames"], scene["fps"]) == (2, 30.0)
    matrices = rotations.rotvec_to_matrix(clip.poses).numpy()
    posed = body.BodyPoser(data).pose(matrices, betas=np.repeat(clip.betas[None], 2, 0))["vertices"]
    root = (data.joints + data.joint_directions @ clip.betas)[0]
    wanted = posed[1] + clip.trans[1] + (root if convention == "transl" else 0.0)
    apart = np.linalg.norm(played(scene, scene["bodies"][1], 1) - wanted, axis=1)
    assert apart.max() < skinned.TOLERANCE_M + 0.002  # four joints a vertex
    np.testing.assert_array_equal(unpacked(scene["faces"]), data.faces)


def test_motion_with_z_up_stands(rng):
    poses = np.zeros([1, 24, 3])
    poses[0, 0, 0] = np.pi / 2  # stands in a world with z up
    clip = motion.Clip(poses=poses, trans=np.zeros([1, 3]), up="z")
    scene = skinned.scene([skinned.Played("a", clip)], body.mannequin())
    height = np.ptp(played(scene, scene["bodies"][0], 0), axis=0)[1]
    assert height == pytest.approx(np.ptp(body.mannequin().v_template[:, 1]), abs=0.05)


def test_what_is_told_goes_with_the_motion(rng):
    clip = motion.Clip(poses=np.zeros([3, 24, 3]), trans=np.zeros([3, 3]), up="y")
    states, errors = rng.integers(0, 3, [3, 24]), rng.random([3, 24]).astype(np.float32)
    points = rng.normal(size=[3, 5, 3]).astype(np.float32)
    points[1, 2] = np.nan
    told = skinned.Played("a", clip, states=states, errors=errors, points=points)
    scene = skinned.scene([told, skinned.Played("b", clip)], body.mannequin(), frames=2)
    one, other = scene["bodies"]
    assert scene["frames"] == 2
    np.testing.assert_array_equal(unpacked(one["states"]), states[:2])
    np.testing.assert_array_equal(unpacked(one["errors"]), errors[:2])
    np.testing.assert_array_equal(unpacked(one["points"]), points[:2])
    assert not {"states", "errors", "points"} & set(other)
