"""What was not seen, from the nearest frames before and after in which it was: straight lines and slerp over time."""

import tensorflow as tf

from niki_tf import rotations


def neighbours(seen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """For each frame the nearest frames, itself among them, in which something was seen.

    Args:
        seen: (N, T, n), bool.

    Returns:
        numbers (N, T, n), int32, of the last such frame up to it, -1 if there is none, and of the next such one, T if
        there is none.
    """
    frames = tf.shape(seen)[1]
    times = tf.range(frames)
    apart = tf.reshape(tf.expand_dims(times, 1) - times, [1, frames, frames, 1])
    earlier, later = ((side >= 0) & tf.expand_dims(seen, 1) for side in (apart, -apart))
    others = tf.reshape(times, [1, 1, frames, 1])
    return tf.reduce_max(tf.where(earlier, others, -1), 2), tf.reduce_min(tf.where(later, others, frames), 2)


def fractions(before: tf.Tensor, after: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The two frames to interpolate between and the fraction of the way, each (N, T, n); held at the ends.

    Args:
        before: see `neighbours`.
        after: see `neighbours`.
    """
    frames = tf.shape(before)[1]
    none_before, none_after = before < 0, after >= frames
    first = tf.where(none_before, tf.where(none_after, 0, after), before)
    last = tf.where(none_after, first, after)
    times = tf.reshape(tf.range(frames), [1, frames, 1])
    share = tf.math.divide_no_nan(tf.cast(times - first, tf.float32), tf.cast(last - first, tf.float32))
    return first, last, share


def interpolate(values: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
    """Values (N, T, n, m), those not `seen` (N, T, n) on the straight line between the nearest that were.

    Before the first and after the last frame in which it was seen, a value is held; one that is never seen is that of
    the first frame.
    """
    first, last, share = fractions(*neighbours(seen))
    start, end = _frames(values, first), _frames(values, last)
    return tf.where(tf.expand_dims(seen, -1), values, start + tf.expand_dims(share, -1) * (end - start))


def slerp(local: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """Rotations (N, T, n, 3, 3), those not `known` (N, T, n) on the shortest way between the nearest that were.

    Held at the ends as `interpolate` does.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import rotations
        >>> from niki_tf.fitting import interpolation
        >>> turns = rotations.rotvec_to_matrix(tf.constant([[[[0.0, 0, 0]], [[9.0, 9, 9]], [[1.0, 0, 0]]]]))
        >>> between = interpolation.slerp(turns, tf.constant([[[True], [False], [True]]]))[0, 1, 0]
        >>> rotations.matrix_to_rotvec(between).numpy().round(3).tolist()
        [0.5, 0.0, 0.0]
    """
    first, last, share = fractions(*neighbours(known))
    start, end = _frames(local, first), _frames(local, last)
    turn = rotations.matrix_to_rotvec(tf.linalg.matmul(start, end, transpose_a=True))
    between = tf.linalg.matmul(start, rotations.rotvec_to_matrix(share[..., None] * turn))
    return tf.where(known[..., None, None], local, between)


def _frames(values: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Entries of values (N, T, n, ...) at the frames `numbers` (N, T, n)."""
    inner = list(range(3, values.shape.rank))
    by_item = tf.transpose(values, [0, 2, 1, *inner])
    chosen = tf.gather(by_item, tf.transpose(numbers, [0, 2, 1]), axis=2, batch_dims=2)
    return tf.transpose(chosen, [0, 2, 1, *inner])
