"""What a served model answers to joints, rightly and in ways that a client must notice."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from niki_tf import rotations

Arrays = dict[str, np.ndarray]


def right(inputs: Mapping[str, Any]) -> Arrays:
    """An answer of the right form that follows from the joints (N, 29, 3), frame by frame, whatever the batch."""
    joints = np.asarray(inputs["joints"], np.float32)
    turns = rotations.rotvec_to_matrix(tf.constant(joints[:, :24])).numpy()
    return {
        "global_orient": turns[:, :1],
        "body_pose": turns[:, 1:],
        "transl": joints.mean(1),
        "state": np.zeros([len(joints), 24], np.int32),
        "expected_error": np.full([len(joints), 24], 0.01, np.float32),
        "residual": np.zeros([len(joints), 29], np.float32),
        "z": np.zeros([len(joints), 32], np.float32),
        "reason": np.zeros(len(joints), np.int32),
        "valid": np.ones(len(joints), bool),
    }


def _without(name: str) -> Callable[[Arrays], Arrays]:
    return lambda answer: {key: array for key, array in answer.items() if key != name}


def _with(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Arrays], Arrays]:
    return lambda answer: {**answer, name: change(answer[name])}


def _one(value: float) -> Callable[[np.ndarray], np.ndarray]:
    """A change that sets the last number of an array."""

    def change(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array.flat[-1] = value
        return array

    return change


WRONG: dict[str, Callable[[Arrays], Arrays]] = {
    "no output": lambda answer: {},
    "another output alone": lambda answer: {"joints": np.zeros([len(answer["valid"]), 29, 3], np.float32)},
    **{f"without {name}": _without(name) for name in ("global_orient", "body_pose", "transl", "valid")},
    "a frame too few": lambda answer: {name: array[:-1] for name, array in answer.items()},
    "a frame too many": lambda answer: {name: np.concatenate([array, array[:1]]) for name, array in answer.items()},
    "no frames": lambda answer: {name: array[:0] for name, array in answer.items()},
    "an axis too many": lambda answer: {name: array[None] for name, array in answer.items()},
    "24 joints in body_pose": _with("body_pose", lambda pose: np.concatenate([pose, pose[:, :1]], 1)),
    "rotation vectors": _with("body_pose", lambda pose: pose[..., 0]),
    "6D rotations": _with("global_orient", lambda pose: pose[..., :2]),
    "transl of two axes": _with("transl", lambda transl: transl[:, :2]),
    "transl without an axis": _with("transl", lambda transl: transl[:, 0]),
    "NaN in a rotation": _with("body_pose", _one(np.nan)),
    "infinity in transl": _with("transl", _one(np.inf)),
    "NaN in expected_error": _with("expected_error", _one(np.nan)),
    "matrices of zeros": _with("body_pose", np.zeros_like),
    "matrices twice as large": _with("body_pose", lambda pose: 2.0 * pose),
    "mirrored matrices": _with("global_orient", lambda pose: -pose),
    "one matrix sheared": _with("body_pose", _one(3.0)),
    "matrices of 1e20": _with("global_orient", lambda pose: np.full_like(pose, 1e20)),
    "transl of 1e30 m": _with("transl", _one(1e30)),
    "state 7": _with("state", _one(7)),
    "valid of one frame": _with("valid", lambda valid: valid[:1]),
    "valid as one number": _with("valid", lambda valid: valid.all()),
    "valid of numbers": _with("valid", lambda valid: valid.astype(np.float32)),
    "reason of one frame": _with("reason", lambda reason: reason[:1]),
    "reason of numbers": _with("reason", lambda reason: reason + np.float32(0.5)),
}
"""Name -> the wrong answer that is made of the right one."""
