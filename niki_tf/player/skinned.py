"""A moving body as a browser plays it: the surface at rest, four joints a vertex, matrices of each frame."""

import base64
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body.body_data import BodyData
from niki_tf.body.kinematics import forward_kinematics
from niki_tf.io.gltf import influences
from niki_tf.io.pose_morphs import pose_morphs
from niki_tf.motion.clip import Clip

TOLERANCE_M = 0.004
"""Metres by which a vertex may be elsewhere for lack of targets: less than a pixel of the player."""
_LARGEST = 32767
_TURNED = {"y": np.eye(3), "z": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])}
"""Axis that is up -> what turns it to y."""


class Played(NamedTuple):
    """A motion and what the player calls it."""

    name: str
    clip: Clip
    """`trans_convention` may be either."""
    states: np.ndarray | None = None
    """(T, 24), the `contract.JointState` of each joint, if it is known."""
    errors: np.ndarray | None = None
    """(T, 24) metres, the expected error of each joint, if it is known."""
    points: np.ndarray | None = None
    """(T, K, 3) metres, points that were observed, y up, NaN where they were not; drawn beside the body."""


def scene(motions: Sequence[Played], data: BodyData, *, frames: int | None = None) -> dict[str, Any]:
    """What the player plays, to be written as JSON: one body, and each motion's surface and matrices.

    v(t) = sum_j w_vj M_j(t) (rest_v + sum_k m_k(t) target_kv)

    Args:
        motions: of the same frame rate, y or z up; the shortest tells how many frames are played.
        data: the body.
        frames: most that are played; None for all.

    Returns:
        dict of fps, frames, faces, joints (V, 4), weights (V, 4) and bodies, each with its name, rest (V, 3), matrices
        (T, 24, 12), row by row, targets (K, V, 3), shares (T, K) and, as far as known, states and errors (T, 24) and
        points (T, K, 3). Arrays are dicts of type, shape and base64 data, and, of whole numbers, of their scale.
    """
    shortest = min(len(motion.clip) for motion in motions)
    frames = min(shortest, frames or shortest)
    joints, weights = influences(data.lbs_weights)
    return {
        "fps": float(motions[0].clip.fps),
        "frames": frames,
        "faces": _packed(data.faces.astype("<u4")),
        "joints": _packed(joints),
        "weights": _packed(weights.astype("<f4")),
        "bodies": [
            {"name": motion.name, **_moving(motion.clip, data, frames), **_told(motion, frames)} for motion in motions
        ],
    }


def _moving(clip: Clip, data: BodyData, frames: int) -> dict[str, Any]:
    betas = np.zeros(data.num_betas)
    known = min(len(betas), len(clip.betas))
    betas[:known] = clip.betas[:known]
    rest = (data.joints + data.joint_directions @ betas)[: skeletons.NUM_ROTATIONS]
    local = rotations.rotvec_to_matrix(clip.poses[:frames].astype(np.float32)).numpy()
    targets, shares = np.zeros([0, len(data.v_template), 3]), np.zeros([frames, 0])
    if data.posedirs is not None:
        targets, shares = pose_morphs(data.posedirs, local, tolerance=TOLERANCE_M)
    return {
        "rest": _packed((data.v_template + data.shapedirs @ betas).astype("<f4")),
        "matrices": _packed(_matrices(local, rest, clip, frames).astype("<f4")),
        "targets": _rounded(np.asarray(targets)),
        "shares": _packed(np.asarray(shares, "<f4")),
    }


def _told(motion: Played, frames: int) -> dict[str, Any]:
    """What is known of each joint, and the points, packed."""
    kinds = {"states": "|u1", "errors": "<f4", "points": "<f4"}
    arrays = {name: getattr(motion, name) for name in kinds}
    return {name: _packed(array[:frames].astype(kinds[name])) for name, array in arrays.items() if array is not None}


def _matrices(local: np.ndarray, rest: np.ndarray, clip: Clip, frames: int) -> np.ndarray:
    """The upper three rows (T, 24, 12) of what takes a point from where it is at rest to where its joint takes it."""
    found, world = forward_kinematics(tf.constant(local, tf.float32), tf.constant(rest, tf.float32))
    positions, turned = found.numpy(), world.numpy()
    place = clip.trans[:frames] - (rest[0] if clip.trans_convention == "pelvis" else 0.0)
    moved = positions + place[:, None] - np.einsum("tjab,jb->tja", turned, rest)
    up = _TURNED[clip.up if clip.up in _TURNED else "y"]
    matrices = up @ np.concatenate([turned, moved[..., None]], -1)
    return matrices.reshape(frames, len(rest), 12)


def _rounded(array: np.ndarray) -> dict[str, Any]:
    """As whole numbers of 16 bits, half the size, far finer than the tolerance."""
    scale = max(float(np.abs(array).max(initial=0.0)), 1e-9) / _LARGEST
    return _packed(np.round(array / scale).astype("<i2")) | {"scale": scale}


def _packed(array: np.ndarray) -> dict[str, Any]:
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"type": array.dtype.name, "shape": list(array.shape), "data": data}
