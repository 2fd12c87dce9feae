"""Swing and twist put together as an exact, volume-preserving bijector."""

import tensorflow as tf
import tensorflow_probability as tfp

from niki_tf import rotations

tfb = tfp.bijectors


class TwistComposition(tfb.Bijector):
    """(swing 6D, twist) <-> (rotation 6D, what the twist has besides that of the rotation), two turns in a row.

    inverse (inverse kinematics): rows of each swing S are turned by the twist T, R = S T; then the twist (a complex
    number) is turned back by the rotation's own twist t(R), and 1 is taken off: z = T conj(t(R)) - 1.
    forward (kinematics): T = (z + 1) t(R), S = R T^-1.

    z is zero where the swing is a pure swing and the twist has unit length, as for true ones. Both turns are couplings
    with an orthogonal map, so the log-determinant is zero.

    Args:
        axes: (..., J, 3) rest bones that the J joints twist about. The vector holds 6D of a root without twist first:
            6 + 6 J + 2 J entries.
    """

    def __init__(self, axes, *, name="twist_composition"):
        self._axes = axes
        # Without `parameters` no two bijectors are equal, so none is handed the cached tensors of another.
        super().__init__(
            forward_min_event_ndims=1, is_constant_jacobian=True, validate_args=False, parameters=None, name=name
        )

    @classmethod
    def _parameter_properties(cls, dtype=None):
        return {}

    def _parts(self, vector):
        """Root 6D (..., 6), rows (..., J, 2, 3) and twist (..., J, 2)."""
        joints = self._axes.shape[-2]
        leading = tf.shape(vector)[:-1]
        root, rows, twist = tf.split(vector, [6, 6 * joints, 2 * joints], -1)
        rows = tf.reshape(rows, tf.concat([leading, [joints, 2, 3]], 0))
        return root, rows, tf.reshape(twist, tf.concat([leading, [joints, 2]], 0))

    def _vector(self, root, rows, twist):
        joints, leading = self._axes.shape[-2], tf.shape(root)[:-1]
        rows = tf.reshape(rows, tf.concat([leading, [6 * joints]], 0))
        twist = tf.reshape(twist, tf.concat([leading, [2 * joints]], 0))
        return tf.concat([root, rows, twist], -1)

    def _turned(self, rows, twist, *, back=False):
        """Rows (..., J, 2, 3) times the turn about each axis a by the twist (cos, sin) of any length, or its inverse.

        r T = r cos - (a x r) sin + a (a . r) (1 - cos)
        """
        unit = rotations.normalize(twist)[..., None]
        cos, sin = unit[..., :1, :], unit[..., 1:, :]
        axes = rotations.normalize(self._axes)[..., None, :]
        along = axes * tf.reduce_sum(axes * rows, -1, keepdims=True)
        across = rotations.cross(axes, rows)
        return cos * (rows - along) + along + (sin if back else -sin) * across

    def _own_twist(self, rows):
        """The unit twist (..., J, 2) that rotations given by two rows have about their rest bones."""
        matrix = rotations.sixd_to_matrix(tf.concat([rows[..., 0, :], rows[..., 1, :]], -1))
        return rotations.matrix_to_twist(matrix, self._axes)

    def _inverse(self, y):
        root, rows, twist = self._parts(y)
        rows = self._turned(rows, twist)
        own = self._own_twist(rows)
        return self._vector(root, rows, _times(twist, own * tf.constant([1.0, -1.0], y.dtype)) - _one(y.dtype))

    def _forward(self, x):
        root, rows, z = self._parts(x)
        twist = _times(z + _one(x.dtype), self._own_twist(rows))
        return self._vector(root, self._turned(rows, twist, back=True), twist)

    def _forward_log_det_jacobian(self, x):
        return tf.zeros([], x.dtype)

    def _inverse_log_det_jacobian(self, y):
        return tf.zeros([], y.dtype)


def _one(dtype):
    return tf.constant([1.0, 0.0], dtype)


def _times(a, b):
    """Product of complex numbers (..., 2)."""
    real = a[..., 0] * b[..., 0] - a[..., 1] * b[..., 1]
    return tf.stack([real, a[..., 0] * b[..., 1] + a[..., 1] * b[..., 0]], -1)
