"""What people's motion is usually like, as a transformer over frames: fills what was not seen, calms what is noisy."""

import functools
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import interpolation, joint_weights
from niki_tf.shapes import reshape_last

FRAMES = 64
"""Longest window, frames at 30 a second."""
_JOINTS, _ROTATIONS = skeletons.NUM_JOINTS, skeletons.NUM_ROTATIONS
_LAGS = (1, 4, 12)
"""Frames before and after that the network is told the way of the root to."""
_DECAY = 6.0
"""Frames after which a rotation that was seen counts a third."""
_STEP = 0.1
"""Metres, and entries of a rotation, in one unit of the network's output."""
_FIRST_ERROR = 0.02
"""Metres; what the expected error starts from in training."""
_MASKED_SCORE = -1e9
"""Added to the attention scores of padding frames."""
_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


class Start(NamedTuple):
    """What the network corrects: rotations seen or interpolated, and the path of the pelvis through the window."""

    local: tf.Tensor
    """(N, T, 24, 3, 3)."""
    path: tf.Tensor
    """(N, T, 3) metres."""
    features: tf.Tensor
    """(N, T, F), of the order of one."""


class MotionPrior(keras.Model):
    """Corrects the answer of a solver to a window of frames, in which joints or whole frames may be absent.

    Rotations that no joint tells are interpolated at first between the frames that tell them; where none does, they are
    those of rest. The network then turns every rotation, the root's too, and shifts the pelvis. It sees each frame in
    the frame of its root, with what was observed, when things were last and will next be seen, and how the root moves.

    Args:
        hidden_dim: width; a multiple of `heads`.
        num_layers: encoder layers of self-attention and two dense layers.
        heads: of the attention, each with its own table of distances in time.
        **kwargs: of `keras.Model`.

    Raises:
        ValueError: `hidden_dim` is no multiple of `heads`.
    """

    def __init__(self, *, hidden_dim: int = 192, num_layers: int = 4, heads: int = 6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if hidden_dim % heads:
            raise ValueError(f"`hidden_dim` must be a multiple of the {heads} `heads`; got {hidden_dim}.")
        self.hidden_dim, self.num_layers, self.heads = hidden_dim, num_layers, heads
        self._embed = _dense("embed", FEATURES, hidden_dim, dtype=self.dtype_policy)
        sizes = {"heads": heads, "dtype": self.dtype_policy}
        self._encoders = [Encoder(hidden_dim, name=f"encoder_{k}", **sizes) for k in range(num_layers)]
        self._norm = keras.layers.LayerNormalization(dtype="float32", name="norm")
        self._norm.build([None, None, hidden_dim])
        self._out = _dense("out", hidden_dim, 7 * _ROTATIONS + 3, dtype="float32")
        self._out.kernel.assign(0.1 * self._out.kernel)
        self.built = True

    def correct(self, start: Start, frame_mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Rotations (N, T, 24, 3, 3), path of the pelvis (N, T, 3), expected error of each joint (N, T, 24), metres.

        Args:
            start: see `start_of`.
            frame_mask: (N, T), 1 for frames and 0 for padding frames.
        """
        hidden = tf.cast(self._embed(start.features), tf.float32)
        for encoder in self._encoders:
            hidden = encoder(hidden, frame_mask)
        out = self._out(self._norm(hidden))
        turns, shift, logarithms = tf.split(out, [6 * _ROTATIONS, 3, _ROTATIONS], -1)
        turns = reshape_last(_STEP * turns, 1, [_ROTATIONS, 6]) + tf.constant(_IDENTITY)
        local = tf.linalg.matmul(start.local, rotations.sixd_to_matrix(turns))
        path = start.path + rotations.apply(start.local[:, :, 0], _STEP * shift)
        return local, path, _FIRST_ERROR * tf.exp(logarithms)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        sizes = {name: getattr(self, name) for name in ("hidden_dim", "num_layers", "heads")}
        return {**super().get_config(), **sizes}


class Encoder(keras.layers.Layer):
    """A layer of self-attention over frames with a table of distances in time, and two dense layers."""

    def __init__(self, hidden_dim: int, *, heads: int, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.hidden_dim, self.heads = hidden_dim, heads
        self._norms = [keras.layers.LayerNormalization(dtype="float32", name=f"norm_{k}") for k in range(2)]
        for norm in self._norms:
            norm.build([None, None, hidden_dim])
        dense = functools.partial(_dense, dtype=self.dtype_policy)
        self._mix_in = dense("mix_in", hidden_dim, 3 * hidden_dim)
        self._mix_out = dense("mix_out", hidden_dim, hidden_dim)
        self._ffn_in = dense("ffn_in", hidden_dim, 4 * hidden_dim)
        self._ffn_out = dense("ffn_out", 4 * hidden_dim, hidden_dim)
        self._distances = self.add_weight(
            name="distances", shape=[heads, 2 * FRAMES - 1], initializer="zeros", dtype="float32", autocast=False
        )
        self.built = True

    def call(self, hidden: tf.Tensor, frame_mask: tf.Tensor) -> tf.Tensor:
        """`hidden` (N, T, hidden_dim) after the layer; `frame_mask` (N, T)."""
        hidden += tf.cast(self._mix_out(self._attend(self._mix_in(self._norms[0](hidden)), frame_mask)), hidden.dtype)
        wide = tf.nn.relu(self._ffn_in(self._norms[1](hidden)))
        return hidden + tf.cast(self._ffn_out(wide), hidden.dtype)

    def _attend(self, mixed: tf.Tensor, frame_mask: tf.Tensor) -> tf.Tensor:
        """Means (N, T, hidden_dim) of values, from queries, keys and values (N, T, 3 hidden_dim)."""
        size = self.hidden_dim // self.heads
        query, key, value = (
            tf.transpose(reshape_last(part, 1, [self.heads, size]), [0, 2, 1, 3]) for part in tf.split(mixed, 3, -1)
        )
        scores = tf.cast(tf.linalg.matmul(query, key, transpose_b=True), tf.float32) * size**-0.5
        times = tf.range(tf.shape(mixed)[1])
        apart = tf.clip_by_value(times[:, None] - times, 1 - FRAMES, FRAMES - 1) + FRAMES - 1
        scores += tf.gather(tf.convert_to_tensor(self._distances), apart, axis=1)
        scores += _MASKED_SCORE * (1.0 - frame_mask[:, None, None, :])
        means = tf.linalg.matmul(tf.cast(tf.nn.softmax(scores), value.dtype), value)
        return reshape_last(tf.transpose(means, [0, 2, 1, 3]), 2, [self.hidden_dim])


def _dense(name: str, inputs: int, units: int, *, dtype: Any) -> keras.layers.Dense:
    """A dense layer that is built at once."""
    layer = keras.layers.Dense(units, dtype=dtype, name=name)
    layer.build([None, None, inputs])
    return layer


def _members() -> np.ndarray:
    """(29, 24), 1 where a joint is the one that a rotation belongs to or a child of it."""
    parents = np.array(skeletons.SMPL_29.parents)
    joints, turns = np.arange(_JOINTS)[:, None], np.arange(_ROTATIONS)
    return ((joints == turns) | (parents[:, None] == turns)).astype(np.float32)


def known_rotations(seen: tf.Tensor) -> tf.Tensor:
    """Whether joints that were `seen` (..., 29) tell a rotation, (..., 24): two of its joint and its children."""
    return tf.linalg.matmul(tf.cast(seen, tf.float32), tf.constant(_members())) > 1.5


def start_of(
    local: tf.Tensor,
    joints: tf.Tensor,
    joint_sigma: tf.Tensor,
    rest_joints: tf.Tensor,
    frame_mask: tf.Tensor,
    ground: tf.Tensor,
) -> Start:
    """What the network corrects, and what it is told.

    Args:
        local: (N, T, 24, 3, 3), the answer of another solver.
        joints: (N, T, 29, 3) metres, observed; absent ones may hold any finite number.
        joint_sigma: (N, T, 29) metres.
        rest_joints: (N, T, 29, 3) metres.
        frame_mask: (N, T), 1 for frames and 0 for padding frames.
        ground: (N, T, 4), the plane n x + d = 0 whose n, of length 1, points upwards; zeros where it is not known.
    """
    seen = (joint_sigma < skeletons.ABSENT) & (frame_mask[..., None] > 0.0)
    known = known_rotations(seen)
    ever = tf.reduce_any(known, 1, keepdims=True)
    upright = tf.eye(3, batch_shape=[1, 1, 1])
    keep = ever | (tf.range(_ROTATIONS) == 0)
    given, local = local, tf.where(keep[..., None, None], interpolation.slerp(local, known), upright)
    posed, _ = kinematics.forward_kinematics(local, rest_joints)
    posed -= posed[:, :, :1]
    weights = tf.cast(seen, tf.float32) * joint_weights.precision(joint_sigma)
    path = tf.math.divide_no_nan(
        tf.reduce_sum(weights[..., None] * (joints - posed), 2), tf.reduce_sum(weights, 2)[..., None]
    )
    path = interpolation.interpolate(path[:, :, None], tf.reduce_any(seen, 2, keepdims=True))[:, :, 0]
    residual = tf.where(seen[..., None], joints - posed - path[:, :, None], 0.0)
    features = _features(local, given, path, posed, residual, seen, joint_sigma, known, rest_joints, frame_mask, ground)
    return Start(local, path, features)


FEATURES = 6 * 23 + 6 * 24 + 3 * 28 + 3 * 29 + 2 * 29 + 3 * 24 + 2 * len(_LAGS) * 9 + 5 + 1 + 28
"""Numbers that the network is told of a frame."""


def _features(
    local: tf.Tensor,
    given: tf.Tensor,
    path: tf.Tensor,
    posed: tf.Tensor,
    residual: tf.Tensor,
    seen: tf.Tensor,
    joint_sigma: tf.Tensor,
    known: tf.Tensor,
    rest_joints: tf.Tensor,
    frame_mask: tf.Tensor,
    ground: tf.Tensor,
) -> tf.Tensor:
    root = local[:, :, 0]
    there = tf.cast(seen, tf.float32)
    times = tf.range(tf.shape(known)[1])[None, :, None]
    before, after = interpolation.neighbours(known)
    since, until = (tf.cast(tf.abs(times - other), tf.float32) for other in (before, after))
    since = tf.where(before < 0, 1e3, since)
    until = tf.where(after >= tf.shape(known)[1], 1e3, until)
    lengths = tf.norm(kinematics.bones(rest_joints)[:, :, 1:], axis=-1)
    height = tf.reduce_sum(ground[..., :3] * path, -1, keepdims=True) + ground[..., 3:]
    has_ground = tf.reduce_sum(ground[..., :3] ** 2, -1, keepdims=True)
    parts = [
        rotations.matrices_to_6d_vector(local[:, :, 1:]),
        rotations.matrices_to_6d_vector(tf.linalg.matmul(local, given, transpose_a=True)),
        reshape_last(3.0 * _into(root, posed[:, :, 1:]), 2, [3 * 28]),
        reshape_last(tf.clip_by_value(10.0 * _into(root, residual), -3.0, 3.0), 2, [3 * 29]),
        there,
        5.0 * there * tf.minimum(joint_sigma, 0.5),
        tf.cast(known, tf.float32),
        tf.exp(-since / _DECAY),
        tf.exp(-until / _DECAY),
        *(part for lag in _LAGS for sign in (-1, 1) for part in _way(root, path, frame_mask, sign * lag)),
        tf.linalg.matvec(root, ground[..., :3], transpose_a=True),
        has_ground * tf.clip_by_value(2.0 * (height - 0.8), -3.0, 3.0),
        has_ground,
        frame_mask[..., None],
        5.0 * (lengths - 0.15),
    ]
    return tf.concat(parts, -1)


def _into(root: tf.Tensor, vectors: tf.Tensor) -> tf.Tensor:
    """Vectors (N, T, n, 3) in the frame of the root (N, T, 3, 3)."""
    return tf.linalg.matmul(vectors, root)


def _way(root: tf.Tensor, path: tf.Tensor, frame_mask: tf.Tensor, lag: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Where the root is `lag` frames later, (N, T, 3), and how it is turned, (N, T, 6), both seen from its frame."""
    frames = tf.shape(path)[1]
    first = tf.argmax(frame_mask, 1, output_type=tf.int32)[:, None]
    last = first + tf.cast(tf.reduce_sum(frame_mask, 1, keepdims=True), tf.int32) - 1
    there = tf.maximum(tf.minimum(tf.range(frames)[None] + lag, last), first)
    moved = tf.gather(path, there, axis=1, batch_dims=1) - path
    turned = tf.linalg.matmul(root, tf.gather(root, there, axis=1, batch_dims=1), transpose_a=True)
    away = tf.clip_by_value(20.0 / abs(lag) ** 0.5 * tf.linalg.matvec(root, moved, transpose_a=True) / 3.0, -3.0, 3.0)
    return away, rotations.matrices_to_6d_vector(turned[:, :, None])
