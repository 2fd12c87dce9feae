"""Errors of joints, vertices and rotations: plain NumPy, float64 inside, one number per example, any leading axes.

Positions go in as metres and errors come out as millimetres; nothing is aligned unless the name says so. An example
that holds NaN or infinity has the error NaN; those beside it keep theirs.
"""

import numpy as np

from niki_tf import contract
from niki_tf.shapes import TensorLike, real_array

_MM_PER_METRE = 1000.0
_MESHES = 8
"""Meshes at a time, few enough that their numbers in float64 stay in a cache."""


def root_aligned(points: TensorLike) -> np.ndarray:
    """`points` (..., n, 3), metres, relative to the first of them; float64."""
    (points,) = _points(points=points)
    return points - points[..., :1, :]


def mpjpe(predicted: TensorLike, true: TensorLike) -> np.ndarray:
    """Mean per joint position error, mean_j |predicted_j - true_j|; nothing is aligned.

    Args:
        predicted: (..., J, 3) metres.
        true: (..., J, 3) metres, of the same shape.

    Returns:
        (...) millimetres.

    Raises:
        ValueError: the shapes differ or do not end in (J, 3).

    Example:
        >>> import numpy as np
        >>> from niki_tf import evaluation
        >>> float(evaluation.mpjpe(np.zeros([24, 3]), np.full([24, 3], 0.01)).round(2))
        17.32
    """
    predicted, true = _points(predicted=predicted, true=true)
    return _mean_distance(predicted, true)


def root_aligned_mpjpe(predicted: TensorLike, true: TensorLike) -> np.ndarray:
    """MPJPE, (...) millimetres, of joints (..., J, 3), metres, each set relative to its joint 0."""
    predicted, true = _points(predicted=predicted, true=true)
    return _mean_distance(root_aligned(predicted), root_aligned(true))


def pa_mpjpe(predicted: TensorLike, true: TensorLike) -> np.ndarray:
    """MPJPE after the similarity (scale, proper rotation, translation) that brings `predicted` closest to `true`.

    Args:
        predicted: (..., J, 3) metres.
        true: (..., J, 3) metres, of the same shape.

    Returns:
        (...) millimetres.

    Raises:
        ValueError: the shapes differ or do not end in (J, 3).

    Source: Umeyama, Least-squares estimation of transformation parameters between two point patterns, TPAMI 1991.
    """
    predicted, true = _points(predicted=predicted, true=true)
    return _mean_distance(similarity_aligned(predicted, true), true)


def similarity_aligned(source: TensorLike, target: TensorLike) -> np.ndarray:
    """`source` (..., n, 3) after the scale, rotation and translation with the least squared distance to `target`.

    Sets of points of which one, or the target of one, is not finite are NaN. Where several rotations are equally good,
    as for a target on a line, it is any of them.
    """
    source, target = _points(source=source, target=target)
    known = ~np.isnan(source + target).any((-2, -1))
    source, target = (np.where(known[..., None, None], points, 0.0) for points in (source, target))
    source = source - source.mean(-2, keepdims=True)
    middle = target.mean(-2, keepdims=True)
    left, stretch, right = np.linalg.svd(np.swapaxes(target - middle, -1, -2) @ source)
    proper = np.ones_like(stretch)
    proper[..., 2] = np.where(np.linalg.det(left) * np.linalg.det(right) < 0, -1.0, 1.0)  # guard against reflections
    rotation = (left * proper[..., None, :]) @ right
    # Points that all coincide have no scale: they are moved to the mean of the target.
    spread = np.maximum((source**2).sum((-2, -1)), np.finfo(np.float64).tiny)
    scale = (stretch * proper).sum(-1) / spread
    aligned = scale[..., None, None] * source @ np.swapaxes(rotation, -1, -2) + middle
    return np.where(known[..., None, None], aligned, np.nan)


def pve(predicted: TensorLike, true: TensorLike) -> np.ndarray:
    """Per vertex error, mean_v |predicted_v - true_v|, (...) millimetres for (..., V, 3) metres; nothing is aligned."""
    predicted, true = real_array("predicted", predicted), real_array("true", true)
    if predicted.shape != true.shape or true.ndim < 3 or true.shape[-1] != 3 or not true.size:
        return _mean_distance(*_points(predicted=predicted, true=true))
    found, wanted = (meshes.reshape(-1, *meshes.shape[-2:]) for meshes in (predicted, true))
    parts = (slice(first, first + _MESHES) for first in range(0, len(found), _MESHES))
    errors = [_mean_distance(*_points(predicted=found[some], true=wanted[some])) for some in parts]
    return np.concatenate(errors).reshape(true.shape[:-2])


def accel_error(predicted: TensorLike, true: TensorLike) -> np.ndarray:
    """Acceleration error: mean_j |second difference of predicted_j - second difference of true_j|, per frame.

    For one clip at a time: a second difference across two clips has no meaning.

    Args:
        predicted: (T, J, 3) metres, at least three frames.
        true: (T, J, 3) metres, of the same shape.

    Returns:
        (T - 2,) millimetres per frame squared; entry t belongs to the middle frame t + 1.

    Raises:
        ValueError: the shapes differ, are not (T, J, 3), or T < 3.
    """
    predicted, true = _points(predicted=predicted, true=true)
    if predicted.ndim != 3 or predicted.shape[0] < 3:
        raise ValueError(
            f"`predicted` must be one clip (T, J, 3) of at least 3 frames; got {predicted.shape}. Give one at a time."
        )
    return _mean_distance(np.diff(predicted, 2, axis=0), np.diff(true, 2, axis=0))


def rotation_error_deg(predicted: TensorLike, true: TensorLike) -> np.ndarray:
    """Mean over the joints of the angle of the rotation between `predicted` and `true`.

    Args:
        predicted: (..., 24, 3, 3) local rotation matrices.
        true: (..., 24, 3, 3) local rotation matrices.

    Returns:
        (...) degrees.

    Raises:
        ValueError: the shapes differ or do not end in (J, 3, 3), or a matrix is no rotation.
    """
    predicted, true = _numbers("predicted", predicted), _numbers("true", true)
    if predicted.shape != true.shape or predicted.ndim < 3 or predicted.shape[-2:] != (3, 3) or not predicted.shape[-3]:
        raise ValueError(
            "`predicted` and `true` must have one shape (..., J, 3, 3) of rotation matrices; "
            f"got {predicted.shape} and {true.shape}. Convert rotation vectors with rotations.rotvec_to_matrix."
        )
    for name, matrices in (("predicted", predicted), ("true", true)):
        wrong = ~np.isnan(matrices).any((-2, -1)) & ~contract.are_rotations(matrices)
        if wrong.any():
            raise ValueError(
                f"`{name}` must be rotation matrices, orthonormal with determinant 1; got "
                f"{matrices[wrong][0].round(3).tolist()}. Convert rotation vectors with rotations.rotvec_to_matrix."
            )
    # |A - B| = 2 sqrt(2) sin(angle / 2) is precise at small angles, where the arc cosine of the trace is not.
    half_sine = np.linalg.norm(predicted - true, axis=(-2, -1)) / np.sqrt(8.0)
    return np.degrees(2.0 * np.arcsin(np.minimum(half_sine, 1.0))).mean(-1)


def _mean_distance(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """The mean over the points of their distances; axis by axis, as sums over three numbers take NumPy long."""
    apart = predicted - true
    apart *= apart
    return _MM_PER_METRE * np.sqrt(apart[..., 0] + apart[..., 1] + apart[..., 2]).mean(-1)


def _numbers(name: str, x: TensorLike) -> np.ndarray:
    """`x` as float64, with NaN for infinity; ValueError if it is no array of numbers."""
    array = real_array(name, x).astype(np.float64)
    infinite = np.isinf(array)
    return np.where(infinite, np.nan, array) if infinite.any() else array


def _points(**given: TensorLike) -> list[np.ndarray]:
    """All as float64; ValueError unless they are point sets of one shape."""
    points = [_numbers(name, value) for name, value in given.items()]
    shapes = [array.shape for array in points]
    if len(set(shapes)) > 1 or len(shapes[0]) < 2 or shapes[0][-1] != 3 or not shapes[0][-2]:
        names, got = " and ".join(f"`{name}`" for name in given), " and ".join(map(str, shapes))
        raise ValueError(f"{names} must have one shape (..., J, 3), metres; got {got}. Pick the joints that both have.")
    return points
