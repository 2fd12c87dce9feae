"""Composition of swing and twist as an exact, volume-preserving bijector."""

import tensorflow as tf

from niki_tf import rotations
from niki_tf.flows.step import Step
from niki_tf.shapes import reshape_last


class TwistComposition(Step):
    """(swing 6D, twist) <-> (rotation 6D, difference of the twist from that of the rotation).

    inverse (inverse kinematics): R = S T for each swing S with the twist T, of which the rows are rotated; then
                                  z = T conj(t(R)) - 1, with twists as complex numbers and t(R) the twist of R.
    forward (kinematics):         T = (z + 1) t(R), S = R T^-1.

    z is zero where the swing has no twist and the twist has unit length, as for true poses. Both steps are couplings
    with an orthogonal map, so the log-determinant is zero.

    Args:
        axes: (..., J, 3) rest bones that the J joints twist about. The vector has 6 + 6 J + 2 J entries: 6D of the
            root, which has no twist, 6D of the J joints, and their twists.
        name: of the bijector.
    """

    def __init__(self, axes: tf.Tensor, *, name: str = "twist_composition") -> None:
        self._axes = axes
        super().__init__(event_ndims=1, is_constant_jacobian=True, name=name)

    def _parts(self, vector: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Root 6D (..., 6), rows (..., J, 2, 3) and twist (..., J, 2)."""
        joints = self._axes.shape[-2]
        root, rows, twist = tf.split(vector, [6, 6 * joints, 2 * joints], -1)
        return root, reshape_last(rows, 1, [joints, 2, 3]), reshape_last(twist, 1, [joints, 2])

    def _vector(self, root: tf.Tensor, rows: tf.Tensor, twist: tf.Tensor) -> tf.Tensor:
        """The inverse of `_parts`."""
        joints = self._axes.shape[-2]
        return tf.concat([root, reshape_last(rows, 3, [6 * joints]), reshape_last(twist, 2, [2 * joints])], -1)

    def _turned(self, rows: tf.Tensor, twist: tf.Tensor, *, back: bool = False) -> tf.Tensor:
        """Rows (..., J, 2, 3) times the rotation about each axis a by a twist (cos, sin) of any length, or its inverse.

        r T = r cos - (a x r) sin + a (a . r) (1 - cos)
        """
        unit = rotations.normalize(twist)[..., None]
        cos, sin = unit[..., :1, :], unit[..., 1:, :]
        axes = rotations.normalize(self._axes)[..., None, :]
        along = axes * tf.reduce_sum(axes * rows, -1, keepdims=True)
        across = rotations.cross(axes, rows)
        return cos * (rows - along) + along + (sin if back else -sin) * across

    def _twist_of(self, rows: tf.Tensor) -> tf.Tensor:
        """Unit twists (..., J, 2) about the rest bones of rotations given by two rows (..., J, 2, 3)."""
        matrix = rotations.sixd_to_matrix(tf.concat([rows[..., 0, :], rows[..., 1, :]], -1))
        return rotations.matrix_to_twist(matrix, self._axes)

    def _inverse(self, y: tf.Tensor) -> tf.Tensor:
        root, rows, twist = self._parts(y)
        rows = self._turned(rows, twist)
        conjugate = self._twist_of(rows) * tf.constant([1.0, -1.0], y.dtype)
        return self._vector(root, rows, _times(twist, conjugate) - _one(y.dtype))

    def _forward(self, x: tf.Tensor) -> tf.Tensor:
        root, rows, z = self._parts(x)
        twist = _times(z + _one(x.dtype), self._twist_of(rows))
        return self._vector(root, self._turned(rows, twist, back=True), twist)

    def _forward_log_det_jacobian(self, x: tf.Tensor) -> tf.Tensor:
        return tf.zeros([], x.dtype)

    def _inverse_log_det_jacobian(self, y: tf.Tensor) -> tf.Tensor:
        return tf.zeros([], y.dtype)


def _one(dtype: tf.DType) -> tf.Tensor:
    """The complex number 1, (2,)."""
    return tf.constant([1.0, 0.0], dtype)


def _times(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Products of complex numbers (..., 2)."""
    real = a[..., 0] * b[..., 0] - a[..., 1] * b[..., 1]
    return tf.stack([real, a[..., 0] * b[..., 1] + a[..., 1] * b[..., 0]], -1)
