"""One affine coupling step in time as a stateless bijector."""

from collections.abc import Callable

import tensorflow as tf

from niki_tf.flows.step import Step
from niki_tf.shapes import reshape_last

SPLITS = ("interleaved", "halves")
"""How the frames of a window are split into two sets: every other frame, or first and second half (the paper)."""


class TemporalCoupling(Step):
    """Keeps one set of frames of a window, a; scales and shifts the other, b, by functions of a.

    inverse (inverse kinematics): b -> b * exp(s(a)) + t(a),   log-det  sum s
    forward (kinematics):         b -> (b - t(a)) * exp(-s(a)), log-det -sum s

    Args:
        network: callable (kept (..., K, D), kept_times (K,), moved_times (M,), kept_mask (..., K)) -> log-scale and
            translation of the moved frames, each (..., M, D); zero where no frame is kept.
        frame_mask: (..., T), 1 for frames and 0 for padding frames, which are ignored; None if all are frames.
        split: "interleaved" or "halves".
        swap: whether to keep the second set instead of the first.
        name: of the bijector.

    Source: supplementary C.1.
    """

    def __init__(
        self,
        network: Callable[..., tuple[tf.Tensor, tf.Tensor]],
        *,
        frame_mask: tf.Tensor | None = None,
        split: str = "interleaved",
        swap: bool = False,
        name: str = "temporal_coupling",
    ) -> None:
        self._network, self._frame_mask, self._split, self._swap = network, frame_mask, split, swap
        super().__init__(event_ndims=2, name=name)

    def _times(self, frames: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Frame numbers of the two sets."""
        if self._split == "halves":
            return tf.range(frames // 2), tf.range(frames // 2, frames)
        return tf.range(0, frames, 2), tf.range(1, frames, 2)

    def _sets(self, x: tf.Tensor, *, axis: int = -2) -> tuple[tf.Tensor, tf.Tensor]:
        """The frames of the two sets. They are slices, whose gradients are cheaper than those of `tf.gather`."""
        half = _count(x, axis) // 2
        sets = (slice(half), slice(half, None)) if self._split == "halves" else (slice(0, None, 2), slice(1, None, 2))
        first, second = ((..., frames, *[slice(None)] * (-1 - axis)) for frames in sets)
        return x[first], x[second]

    def _join(self, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
        """The window (..., T, D) of the frames of the two sets."""
        if self._split == "halves":
            return tf.concat([first, second], -2)
        count, size = _count(first), first.shape[-1]
        more, rank = count - _count(second), first.shape.rank
        if not isinstance(more, int) or more:
            second = tf.pad(second, [*[[0, 0]] * (rank - 2), [0, more], [0, 0]])
        pairs = reshape_last(tf.stack([first, second], -2), 3, [2 * count, size])
        return pairs[..., : 2 * count - more, :]

    def _split_frames(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Kept frames, moved frames, and log-scale and translation of the moved frames."""
        order = -1 if self._swap else 1
        kept_times, moved_times = self._times(_count(x))[::order]
        kept, moved = self._sets(x)[::order]
        mask = self._frame_mask
        mask = tf.ones_like(kept[..., 0]) if mask is None else self._sets(mask, axis=-1)[::order][0]
        return kept, moved, *self._network(kept, kept_times, moved_times, mask)

    def _inverse(self, y: tf.Tensor) -> tf.Tensor:
        kept, moved, scale, translation = self._split_frames(y)
        moved = moved * tf.exp(scale) + translation
        return self._join(moved, kept) if self._swap else self._join(kept, moved)

    def _forward(self, x: tf.Tensor) -> tf.Tensor:
        kept, moved, scale, translation = self._split_frames(x)
        moved = (moved - translation) * tf.exp(-scale)
        return self._join(moved, kept) if self._swap else self._join(kept, moved)

    def _inverse_log_det_jacobian(self, y: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(self._split_frames(y)[2], [-2, -1])

    def _forward_log_det_jacobian(self, x: tf.Tensor) -> tf.Tensor:
        return -tf.reduce_sum(self._split_frames(x)[2], [-2, -1])


def _count(x: tf.Tensor, axis: int = -2) -> int | tf.Tensor:
    """Number of frames: an int where it is known when the graph is made, else a tensor."""
    return tf.shape(x)[axis] if x.shape[axis] is None else x.shape[axis]
