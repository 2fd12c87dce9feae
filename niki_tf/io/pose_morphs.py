"""A body's pose directions as morph targets: the few that one motion needs."""

import bisect
from typing import NamedTuple

import numpy as np

from niki_tf.motion.pieces import pieces

_CHECKED_FRAMES = 256
"""Frames, those that differ most, in which the surface is compared vertex by vertex."""

_NO_DIRECTION = 1e-9
"""Square of the size of a combination of pose directions, relative to the largest, below which it moves nothing."""


class Morphs(NamedTuple):
    """Displacements of the body at rest, and how much of each a frame takes."""

    targets: np.ndarray
    """(K, V, 3) float32, metres."""
    weights: np.ndarray
    """(T, K) float32, from 0 to 1, to which range many programs cut them."""


def pose_morphs(posedirs: np.ndarray, rotations: np.ndarray, *, tolerance: float) -> Morphs:
    """What pose directions add to the body at rest in each frame, as a sum of few targets.

        posedirs (R(t) - 1) = weights(t) targets,  to within `tolerance` at every vertex

    The targets are the principal components of what is added over the frames, as many as are needed. The first target
    is there in all frames, so that the weights of the others are from 0 to 1.

    Args:
        posedirs: (V, 3, 207) metres, of a `BodyData`.
        rotations: (T, 24, 3, 3) local rotation matrices, root first.
        tolerance: metres.

    Returns:
        `Morphs`; K is 0 where nothing is added that is more than `tolerance`.

    Example:
        >>> import numpy as np
        >>> from niki_tf.io import pose_morphs
        >>> directions, turned = np.zeros([5, 3, 207]), np.tile(np.diag([1.0, -1, -1]), [2, 24, 1, 1])
        >>> directions[0, 0, 4] = 0.01
        >>> morphs = pose_morphs.pose_morphs(directions, turned, tolerance=0.001)
        >>> [round(float(x), 4) for x in morphs.weights @ morphs.targets[:, 0, 0]]
        [-0.02, -0.02]
    """
    shares, components = _principal_components(rotations, posedirs.reshape(-1, posedirs.shape[-1]).astype(np.float64))

    def is_close(count: int) -> bool:
        rest = shares[:, count:]
        most = np.argsort(-np.einsum("tk,tk->t", rest, rest))[:_CHECKED_FRAMES]
        missed = (rest[most] @ components[count:]).reshape(len(most), -1, 3)
        return bool(np.einsum("tvx,tvx->tv", missed, missed).max() <= tolerance**2)

    count = bisect.bisect_left(range(len(components)), 1, key=lambda count: int(is_close(count)))
    if not count:
        return Morphs(np.zeros([0, len(posedirs), 3], np.float32), np.zeros([len(rotations), 0], np.float32))
    return _from_0_to_1(shares[:, :count], components[:count].reshape(count, -1, 3))


def _principal_components(rotations: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares (T, K) and orthonormal components (K, 3V), largest first, of features (T, 207) @ directions (3V, 207).T.

    Found by way of matrices of 207 x 207 and piece by piece, so that a motion can be long.
    """
    sizes, axes = np.linalg.eigh(directions.T @ directions)
    kept = sizes > _NO_DIRECTION * sizes[-1]
    to_components = axes[:, kept] * np.sqrt(sizes[kept])
    squares = np.zeros([to_components.shape[1]] * 2)
    for piece in pieces(len(rotations)):
        turned = _features(rotations[piece]) @ to_components
        squares += turned.T @ turned
    mixes = np.linalg.eigh(squares)[1][:, ::-1]
    to_shares = to_components @ mixes
    shares = np.empty([len(rotations), mixes.shape[1]], np.float32)
    for piece in pieces(len(rotations)):
        shares[piece] = _features(rotations[piece]) @ to_shares
    components = (mixes.T / np.sqrt(sizes[kept])) @ axes[:, kept].T @ directions.T
    return shares, components.astype(np.float32)


def _features(rotations: np.ndarray) -> np.ndarray:
    """What pose directions are multiplied by, (T, 207) float64, of rotation matrices (T, 24, 3, 3)."""
    return (rotations[:, 1:] - np.eye(3)).reshape(len(rotations), -1)


def _from_0_to_1(shares: np.ndarray, components: np.ndarray) -> Morphs:
    """The same sum with a first target of weight 1, and weights from 0 to 1 of the others."""
    least, span = shares.min(0), np.ptp(shares, 0)
    weights = np.ones([len(shares), 1 + shares.shape[1]], np.float32)
    weights[:, 1:] = (shares - least) / np.where(span > 0.0, span, 1.0)
    always = np.tensordot(least, components, 1)
    targets = np.concatenate([always[None], span[:, None, None] * components])
    return Morphs(targets.astype(np.float32), weights)
