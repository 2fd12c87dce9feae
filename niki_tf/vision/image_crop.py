"""The square crop of a picture around a person, in the graph, by operations that LiteRT has."""

import tensorflow as tf

BOX_SCALE = 1.25
"""How much larger the crop is than the square around the box of a person. Source: published code of HybrIK."""


def square_box(box: tf.Tensor) -> tf.Tensor:
    """The square (..., 4) that is cropped for a box (..., 4): same centre, 1.25 times its longer side.

    Args:
        box: left, top, right, bottom, pixels.
    """
    low, high = box[..., :2], box[..., 2:]
    middle = 0.5 * (low + high)
    half = 0.5 * BOX_SCALE * tf.reduce_max(high - low, -1, keepdims=True)
    return tf.concat([middle - half, middle + half], -1)


def crop(image: tf.Tensor, square: tf.Tensor, *, size: int) -> tf.Tensor:
    """What lies in `square` of each picture, (N, size, size, 3), bilinear, zeros outside the picture.

    Pixel i of the crop is taken at left + i * (right - left) / size, as the published code does.

    Args:
        image: (N, H, W, 3), float32.
        square: (N, 4) left, top, right, bottom, pixels.
        size: of the crop, pixels.
    """
    rows = _sampled(image, square[:, 1], square[:, 3], size)
    columns = _sampled(tf.transpose(rows, [0, 2, 1, 3]), square[:, 0], square[:, 2], size)
    return tf.transpose(columns, [0, 2, 1, 3])


def _sampled(image: tf.Tensor, low: tf.Tensor, high: tf.Tensor, size: int) -> tf.Tensor:
    """The rows of `image` (N, H, W, 3) at `size` places from `low` (N,) on, up to `high` (N,): (N, size, W, 3)."""
    step = (high - low) / size
    place = low[:, None] + step[:, None] * tf.range(size, dtype=tf.float32)
    before = tf.floor(place)
    share = place - before
    return _rows(image, before, 1.0 - share) + _rows(image, before + 1.0, share)


def _rows(image: tf.Tensor, number: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Rows of `image` (N, H, W, 3) by number (N, size) times their weight (N, size), zeros where there is no row."""
    last = tf.cast(tf.shape(image)[1] - 1, tf.float32)
    there = tf.cast((number >= 0.0) & (number <= last), tf.float32)
    place = tf.cast(tf.clip_by_value(number, 0.0, last), tf.int32)
    return tf.gather(image, place, axis=1, batch_dims=1) * (weight * there)[:, :, None, None]
