"""Rotations: conversions named a_to_b, swing and twist, Procrustes.

Every function takes any leading axes, as tensors or as what NumPy makes an array of, in float32 or float64. Matrices
turn column vectors, `v' = R v`. Arrays are checked (`shapes.takes`): NaN stays NaN, infinity and what is no rotation
where one is asked for is a ValueError. Tensors are checked as in a graph, by shape.
All of it uses plain arithmetic (no SVD), so it runs under XLA and LiteRT alike.
"""

import itertools
import math
import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from niki_tf import for_xla
from niki_tf.shapes import reshape_last, takes

_SMALL = 1e-8
"""Keeps the scaling of a zero moment finite."""
_NO_LENGTH = 1e-24
"""Square of the length up to which a vector has no direction."""
_PARALLEL = 1.0 - 5e-6
"""Cosine above which two rows of float32 are parallel: of the digits at right angles too few are left."""
_SHORTEST = 1e-9
"""Length of a row that has a direction."""
_LARGEST_POINT = 1e8
"""Of a coordinate whose fourth power single precision holds."""
_LARGEST_CORRECTION = 1e-5
"""Radians; largest turn of the Newton step, ten times the rounding error of a power iteration in float32."""
_FEW = 1024
"""Matrices up to which `product` is a sum for XLA."""
_SQUARINGS_A_SCALING = 4
"""Squarings of a matrix of trace 1, 4 by 4, that float32 stands: the least trace is then 4^-15."""


def _coefficients(names: str, *sums: str) -> np.ndarray:
    """Matrix (number of names, number of sums) of sums such as "x-2y" of the named values."""
    order = names.split()
    matrix = np.zeros([len(order), len(sums)])
    for column, text in enumerate(sums):
        for sign, factor, name in re.findall(r"([+-]?)(2?)([a-z]+)", text):
            matrix[order.index(name), column] += float(f"{sign}{factor or 1}")
    return matrix


_MOMENT = "xx xy xz yx yy yz zx zy zz"
_HORN_ROWS = (
    ("xx+yy+zz", "yz-zy", "zx-xz", "xy-yx"),
    ("yz-zy", "xx-yy-zz", "xy+yx", "zx+xz"),
    ("zx-xz", "xy+yx", "yy-xx-zz", "yz+zy"),
    ("xy-yx", "zx+xz", "yz+zy", "zz-xx-yy"),
)
_HORN = _coefficients(_MOMENT, *itertools.chain(*_HORN_ROWS))
"""Horn's symmetric matrix, 4 by 4, of a moment."""
_OF_QUATERNION = _coefficients(
    "ww wx wy wz xw xx xy xz yw yx yy yz zw zx zy zz",
    *("-2yy-2zz", "2xy-2wz", "2xz+2wy"),
    *("2xy+2wz", "-2xx-2zz", "2yz-2wx"),
    *("2xz-2wy", "2yz+2wx", "-2xx-2yy"),
)
"""A rotation less the identity, of the products of its quaternion's entries."""
_CROSS = _coefficients("x y z", *("", "-z", "y"), *("z", "", "-x"), *("-y", "x", ""))
"""The matrix of the cross product with a vector."""


def _norm(x: tf.Tensor, *, keepdims: bool = True) -> tf.Tensor:
    """Length of `x` along the last axis, with a finite gradient at zero."""
    return tf.sqrt(tf.maximum(tf.reduce_sum(x * x, -1, keepdims=keepdims), _NO_LENGTH))


@takes(x=(None,))
def normalize(x: tf.Tensor) -> tf.Tensor:
    """The vectors `x` (..., n) scaled to length 1; a zero vector stays zero."""
    return x / _norm(x)


def _direction(x: tf.Tensor) -> tf.Tensor:
    """The vectors `x` (..., n) scaled to length 1; those of zeros are the first axis."""
    none = tf.reduce_sum(x * x, -1, keepdims=True) <= _NO_LENGTH
    return normalize(tf.where(none, tf.one_hot(0, x.shape[-1], dtype=x.dtype), x))


@takes(a=(3,), b=(3,))
def cross(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Cross product of `a` and `b`, both (..., 3)."""
    ax, ay, az = tf.unstack(a, axis=-1)
    bx, by, bz = tf.unstack(b, axis=-1)
    return tf.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], -1)


@takes(matrix=(3, 3), vector=(3,))
def apply(matrix: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
    """`vector` (..., 3) rotated by `matrix` (..., 3, 3)."""
    return tf.reduce_sum(matrix * tf.expand_dims(vector, -2), -1)  # ten times as fast as a product of matrices


@takes(matrix=(3, 3), vector=(3,))
def apply_inverse(matrix: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
    """`vector` (..., 3) rotated by the inverse of `matrix` (..., 3, 3)."""
    return tf.reduce_sum(matrix * tf.expand_dims(vector, -1), -2)


def product(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Products (..., n, n) of small matrices; for XLA as a sum where they are known to be few, which is faster."""
    count = a.shape[:-2].num_elements()
    if not for_xla.is_wanted() or count is None or count > _FEW:
        return tf.linalg.matmul(a, b)
    return tf.reduce_sum(tf.expand_dims(a, -1) * tf.expand_dims(b, -3), -2)


@takes(matrix=(3, 3))
def transpose(matrix: tf.Tensor) -> tf.Tensor:
    """Transposed, hence inverse, rotation matrices (..., 3, 3)."""
    return tf.linalg.matrix_transpose(matrix)


@takes(rotvec=(3,))
def rotvec_to_quaternion_wxyz(rotvec: tf.Tensor) -> tf.Tensor:
    """Rotation vectors (..., 3), radians, to unit quaternions (..., 4), real part first."""
    angle = _norm(rotvec)
    small = angle < 1e-4
    safe = tf.where(small, tf.ones_like(angle), angle)
    factor = tf.where(small, 0.5 - angle * angle / 48.0, tf.sin(0.5 * safe) / safe)
    return tf.concat([tf.cos(0.5 * angle), factor * rotvec], -1)


@takes(quaternion=(4,))
def quaternion_wxyz_to_rotvec(quaternion: tf.Tensor) -> tf.Tensor:
    """Unit quaternions (..., 4), real part first, to rotation vectors (..., 3) of length at most pi; zeros to zeros."""
    quaternion = tf.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    real, imaginary = quaternion[..., :1], quaternion[..., 1:]
    sine = _norm(imaginary)
    small = sine < 1e-4
    safe = tf.where(small, tf.ones_like(sine), sine)
    divisor = tf.where(small & (real > 0.0), real, tf.ones_like(real))
    ratio = sine / divisor
    factor = tf.where(
        small,
        2.0 / divisor * (1.0 - ratio**2 / 3.0),
        2.0 * tf.atan2(safe, real) / safe,
    )
    return factor * imaginary


@takes(a=(4,), b=(4,))
def multiply_quaternions_wxyz(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Quaternion (..., 4) of the rotation `a` after `b`, both (..., 4), real part first."""
    (aw, ax, ay, az), (bw, bx, by, bz) = tf.unstack(a, axis=-1), tf.unstack(b, axis=-1)
    return tf.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by + ay * bw + az * bx - ax * bz,
            aw * bz + az * bw + ax * by - ay * bx,
        ],
        -1,
    )


@takes(quaternion=(4,))
def quaternion_wxyz_to_matrix(quaternion: tf.Tensor) -> tf.Tensor:
    """Quaternions (..., 4) of any length, real part first, to rotation matrices (..., 3, 3)."""
    unit = normalize(quaternion)
    products = reshape_last(tf.expand_dims(unit, -1) * tf.expand_dims(unit, -2), 2, [16])
    return tf.eye(3, dtype=unit.dtype) + _linear(products, _OF_QUATERNION)


@takes("matrix", matrix=(3, 3))
def matrix_to_quaternion_wxyz(matrix: tf.Tensor) -> tf.Tensor:
    """Rotation matrices (..., 3, 3) to unit quaternions (..., 4), real part first and never negative.

    Four candidates, each exact where its own component is large, so that angles near pi keep their digits
    (Shepperd's method).
    """
    (a, b, c), (d, e, f), (g, h, i) = [tf.unstack(row, axis=-1) for row in tf.unstack(matrix, axis=-2)]
    squares = tf.stack([1 + a + e + i, 1 + a - e - i, 1 - a + e - i, 1 - a - e + i], -1)
    candidates = tf.stack(
        [
            tf.stack([squares[..., 0], h - f, c - g, d - b], -1),
            tf.stack([h - f, squares[..., 1], b + d, c + g], -1),
            tf.stack([c - g, b + d, squares[..., 2], f + h], -1),
            tf.stack([d - b, c + g, f + h, squares[..., 3]], -1),
        ],
        -2,
    )
    chosen = tf.one_hot(tf.argmax(squares, -1), 4, dtype=matrix.dtype)
    quaternion = normalize(tf.reduce_sum(candidates * tf.expand_dims(chosen, -1), -2))
    return tf.where(quaternion[..., :1] < 0, -quaternion, quaternion)


@takes(rotvec=(3,))
def rotvec_to_matrix(rotvec: tf.Tensor) -> tf.Tensor:
    """Rotation vectors (axis times angle in radians), (..., 3), to matrices (..., 3, 3)."""
    return quaternion_wxyz_to_matrix(rotvec_to_quaternion_wxyz(rotvec))


@takes("matrix", matrix=(3, 3))
def matrix_to_rotvec(matrix: tf.Tensor) -> tf.Tensor:
    """Rotation matrices (..., 3, 3) to rotation vectors (..., 3), radians, of length at most pi."""
    return quaternion_wxyz_to_rotvec(matrix_to_quaternion_wxyz(matrix))


@takes("matrix", matrix=(3, 3))
def matrix_to_6d(matrix: tf.Tensor) -> tf.Tensor:
    """The first two ROWS of rotation matrices (..., 3, 3), flattened to (..., 6)."""
    return reshape_last(matrix[..., :2, :], 2, [6])


@takes(sixd=(6,))
def sixd_to_matrix(sixd: tf.Tensor) -> tf.Tensor:
    """Two rows (..., 6), of any length (to 1e18) and angle, to rotation matrices (..., 3, 3) by Gram-Schmidt.

    A first row of zeros stands for the x axis. A second row shorter than 1e-9, or within 0.2 degrees of the first or of
    its opposite, stands for the coordinate axis that is farthest from the first. So the answer is a rotation whatever
    the rows are, with finite gradients; NaN stays NaN.

    Source: Zhou et al., On the continuity of rotation representations, CVPR 2019; by rows, as in the published code.
    """
    first, second = _direction(sixd[..., :3]), sixd[..., 3:]
    farthest = tf.one_hot(tf.argmin(tf.abs(first), -1), 3, dtype=sixd.dtype)
    along = tf.abs(tf.reduce_sum(first * second, -1, keepdims=True))
    second = tf.where(along > _PARALLEL * _norm(second) - _SHORTEST, farthest, second)
    second = normalize(second - tf.reduce_sum(first * second, -1, keepdims=True) * first)
    return tf.stack([first, second, cross(first, second)], -2)


@takes("matrices", matrices=("n", 3, 3))
def matrices_to_6d_vector(matrices: tf.Tensor) -> tf.Tensor:
    """Rotation matrices (..., n, 3, 3) to their concatenated 6D representations, (..., 6 n)."""
    return reshape_last(matrices[..., :2, :], 3, [6 * matrices.shape[-3]])


@takes(vector=(None,))
def sixd_vector_to_matrices(vector: tf.Tensor) -> tf.Tensor:
    """Concatenated 6D representations (..., 6 n) to matrices (..., n, 3, 3); inverse of `matrices_to_6d_vector`."""
    if not vector.shape[-1] or vector.shape[-1] % 6:
        raise ValueError(
            f"`vector` must end in 6 numbers for each matrix; got {vector.shape[-1]}. Two rows of 3 for each."
        )
    return sixd_to_matrix(reshape_last(vector, 1, [vector.shape[-1] // 6, 6]))


@takes("a", "b", a=(3, 3), b=(3, 3))
def geodesic_angle(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Angle in radians, (...), between the rotations `a` and `b`, both (..., 3, 3)."""
    difference = tf.linalg.matmul(a, b, transpose_a=True)
    return tf.atan2(_norm(_skew(difference), keepdims=False), _trace(difference) - 1.0)


@takes(source=(3,), target=(3,))
def vectors_to_swing(source: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """The shortest rotation (..., 3, 3) that turns the direction of `source` (..., 3) into that of `target` (..., 3).

    For opposite directions, where the axis is not unique, one perpendicular axis is chosen.
    """
    source, target = normalize(source), normalize(target)
    # Half of |a + b|^2 is 1 + a.b, without the digits that cancel when the two are almost opposite.
    middle = source + target
    real = 0.5 * tf.reduce_sum(middle * middle, -1, keepdims=True)
    least = tf.one_hot(tf.argmin(tf.abs(source), -1), 3, dtype=source.dtype)
    opposite = real < 1e-12
    axis = tf.where(opposite, cross(source, least), cross(source, middle))
    return quaternion_wxyz_to_matrix(tf.concat([tf.where(opposite, tf.zeros_like(real), real), axis], -1))


@takes(axis=(3,), twist=(2,))
def twist_to_matrix(axis: tf.Tensor, twist: tf.Tensor) -> tf.Tensor:
    """Rotation matrices (..., 3, 3) about `axis` (..., 3) by the angle whose (cos, sin), of any length, is `twist`.

    A twist or an axis of zeros turns by no angle.
    """
    twist = _direction(twist)
    cos, sin = twist[..., 0, None, None], twist[..., 1, None, None]
    axis = normalize(axis)
    cos = tf.where(tf.reduce_sum(axis * axis, -1)[..., None, None] > 0.5, cos, 1.0)
    x, y, z = tf.unstack(axis, axis=-1)
    zero = tf.zeros_like(x)
    skew = _matrix_from_rows([zero, -z, y], [z, zero, -x], [-y, x, zero])
    outer = axis[..., :, None] * axis[..., None, :]
    return cos * tf.eye(3, dtype=axis.dtype) + sin * skew + (1.0 - cos) * outer


@takes("matrix", matrix=(3, 3), axis=(3,))
def matrix_to_swing_twist(matrix: tf.Tensor, axis: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Decomposes `matrix` (..., 3, 3) into swing @ twist with the twist about `axis` (..., 3).

    Returns:
        swing (..., 3, 3), the shortest rotation of the axis, and twist (..., 2) as (cos, sin).
    """
    axis = normalize(axis)
    swing = vectors_to_swing(axis, apply(matrix, axis))
    rest = tf.linalg.matmul(swing, matrix, transpose_a=True)
    twist = tf.stack([_trace(rest) - 1.0, tf.reduce_sum(_skew(rest) * axis, -1)], -1)
    return swing, normalize(twist)


@takes("matrix", matrix=(3, 3), axis=(3,))
def matrix_to_twist(matrix: tf.Tensor, axis: tf.Tensor) -> tf.Tensor:
    """Only the twist of `matrix` R (..., 3, 3) about `axis` a (..., 3), as (cos, sin), (..., 2); zero where R a = -a.

    (tr R - a . R a, skew(R) . a) = (1 + a . R a) (cos, sin)
    """
    axis = normalize(axis)
    along = tf.reduce_sum(axis * apply(matrix, axis), -1)
    return normalize(tf.stack([_trace(matrix) - along, tf.reduce_sum(_skew(matrix) * axis, -1)], -1))


@takes(largest=_LARGEST_POINT, source=("n", 3), target=("n", 3), weights=("n",))
def procrustes(
    source: tf.Tensor, target: tf.Tensor, weights: tf.Tensor | None = None, squarings: int = 12
) -> tf.Tensor:
    """The weighted least-squares rotation (..., 3, 3) of the points `source` (..., n, 3) onto `target` (..., n, 3).

    R = argmin sum_i w_i |R s_i - t_i|^2; the points are not centred.

    Args:
        source: (..., n, 3).
        target: (..., n, 3).
        weights: (..., n); 1 if None.
        squarings: see `moment_to_rotation`.
    """
    weighted = source if weights is None else source * tf.expand_dims(weights, -1)
    return moment_to_rotation(tf.linalg.matmul(weighted, target, transpose_a=True), squarings)


@takes(largest=_LARGEST_POINT**2, moment=(3, 3))
def moment_to_rotation(moment: tf.Tensor, squarings: int = 12) -> tf.Tensor:
    """The rotation R that maximises trace(R M), both (..., 3, 3), for a moment matrix M = sum_i w_i s_i t_i^T.

    The best unit quaternion is the leading eigenvector of a symmetric 4 x 4 matrix. It is found by squaring the shifted
    matrix, which is a power iteration of 2^squarings steps; one Newton step then corrects the rounding error.

    Args:
        moment: (..., 3, 3).
        squarings: how often the matrix is squared.

    Source: Horn, Closed-form solution of absolute orientation, JOSA A 1987.
    """
    matrix = _linear(reshape_last(moment, 2, [9]), _HORN)
    size = tf.sqrt(tf.reduce_sum(matrix * matrix, [-2, -1], keepdims=True)) + _SMALL
    power = matrix / size + tf.eye(4, dtype=matrix.dtype)
    for done in range(1, squarings + 1):
        power = product(power, power)
        if done % _SQUARINGS_A_SCALING == 0 or done == squarings:
            power /= tf.reduce_sum(power * tf.eye(4, dtype=matrix.dtype), [-2, -1], keepdims=True)
    chosen = tf.one_hot(tf.argmax(_diagonal(power), -1), 4, dtype=matrix.dtype)
    return _newton_step(quaternion_wxyz_to_matrix(tf.reduce_sum(power * tf.expand_dims(chosen, -2), -1)), moment)


def _newton_step(rotation: tf.Tensor, moment: tf.Tensor) -> tf.Tensor:
    """`rotation` R (..., 3, 3) after one Newton step that increases trace(R M), of at most `_LARGEST_CORRECTION`.

    With S = R M, the step is the rotation vector w that solves (tr(S) I - S) w = (S23 - S32, S31 - S13, S12 - S21).
    """
    turned = product(rotation, moment)
    symmetric = 0.5 * (turned + transpose(turned))
    trace = tf.expand_dims(tf.expand_dims(_trace(turned), -1), -1)
    rows = trace * tf.eye(3, dtype=moment.dtype) - symmetric
    cofactors = cross(tf.gather(rows, [1, 2, 0], axis=-2), tf.gather(rows, [2, 0, 1], axis=-2))
    determinant = tf.reduce_sum(rows[..., 0, :] * cofactors[..., 0, :], -1, keepdims=True)
    turn = -tf.math.divide_no_nan(apply(cofactors, _skew(turned)), determinant)
    turn = tf.clip_by_value(turn, -_LARGEST_CORRECTION, _LARGEST_CORRECTION)
    return rotation + product(_linear(turn, _CROSS), rotation)


def _diagonal(matrix: tf.Tensor) -> tf.Tensor:
    """Diagonal (..., n) of matrices (..., n, n); LiteRT has no tf.linalg.diag_part."""
    return tf.reduce_sum(matrix * tf.eye(matrix.shape[-1], dtype=matrix.dtype), -1)


def _linear(values: tf.Tensor, coefficients: np.ndarray) -> tf.Tensor:
    """Square matrices (..., n, n) whose entries are sums of `values` (..., m), by `coefficients` (m, n n)."""
    size = math.isqrt(coefficients.shape[1])
    return _times(values, coefficients, [size, size])


def _times(values: tf.Tensor, coefficients: np.ndarray, ending: list[int]) -> tf.Tensor:
    """Vectors `values` (..., m) times a matrix (m, n), shaped (..., *ending); as one product of two matrices."""
    found = tf.matmul(tf.reshape(values, [-1, len(coefficients)]), tf.constant(coefficients, values.dtype))
    if values.shape[:-1].is_fully_defined() or values.shape.rank == 2:
        return tf.reshape(found, [*(size or -1 for size in values.shape[:-1]), *ending])
    return tf.reshape(found, tf.concat([tf.shape(values)[:-1], ending], 0))


def _trace(matrix: tf.Tensor) -> tf.Tensor:
    """Sum of the diagonal, (...)."""
    return tf.reduce_sum(_diagonal(matrix), -1)


def _skew(matrix: tf.Tensor) -> tf.Tensor:
    """Twice the antisymmetric part of matrices (..., 3, 3) as a vector (..., 3): of a rotation 2 sin(angle) axis."""
    return _times(reshape_last(matrix, 2, [9]), _CROSS.T, [3])


def _matrix_from_rows(*rows: Sequence[tf.Tensor]) -> tf.Tensor:
    """Three rows of three tensors (...) as matrices (..., 3, 3)."""
    return tf.stack([tf.stack(row, -1) for row in rows], -2)
