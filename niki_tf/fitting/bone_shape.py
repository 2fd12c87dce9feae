"""Shape from joints (supplementary J): the betas whose bones are as long as those of a whole motion.

The distance of two joints on the same bone, such as hip and knee or the two hips, does not change with the pose. Its
square is measured over all frames free of the bias of noise: with d_t the vector between the joints at time t,

    L^2  =  4/3 mean(d_t . d_t+1)  -  1/3 mean(d_t . d_t+2),

because noise of different frames is independent, and the turn of the bone from frame to frame cancels to fourth order.
Where the length hardly changes from frame to frame, there is no noise and mean |d_t|^2 is taken. Gauss-Newton steps
then find the betas that minimise

    sum over pairs  (L^2 - |d(betas)|^2)^2 / variance   +   betas' P betas,

P of a standard normal prior; along the direction in which the whole body grows it is Student's t distribution, so that
children and giants are possible. The variance is that of the measurement and of what no betas explain, which the
residuals tell.
"""

import warnings
from typing import NamedTuple

import numpy as np

from niki_tf import skeletons
from niki_tf.body.body_joints import BodyJoints
from niki_tf.fitting.joint_weights import COMMON_SIGMA

_DEGREES_OF_FREEDOM = 2.0
"""Of the prior along the direction of growth. Set by hand: a child of 0.7 is 7.5 standard deviations small."""
_QUIET = 0.004
"""Metres; a vector between joints whose noise on each axis, by the change of its length, is less than this has none."""
_OUTLIER = 6.0
"""Robust standard deviations of a length from its median beyond which a frame does not count."""
_PARENTS = list(skeletons.SMPL_29.parents[1:])
_STEPS = 25
"""Gauss-Newton steps; the variance that no betas explain is told anew after each."""
_NOISE_SIGMA = 0.15
"""Metres; noise of a vector that is expected in motion of one or two frames."""
_LEAST_FREEDOM = 0.2
"""Lower bound of the share of lengths that are not taken up by betas."""
_LEAST_ERROR = 0.0005
"""Metres; lower bound of what no betas explain in motion of one or two frames, whose residuals tell little."""
_LEAST_VARIANCE = 1e-12
"""Metres^4; lower bound of the variance of a squared length."""


class ShapeEstimate(NamedTuple):
    """The shape of one person."""

    betas: np.ndarray
    """(B,)."""
    covariance: np.ndarray
    """(B, B) of the betas."""
    bone_lengths: np.ndarray
    """(28,) metres, from each joint of SMPL_29 but the root to its parent."""
    bone_sigma: np.ndarray
    """(28,) metres, standard deviation of `bone_lengths`."""
    size: float
    """All bones together, as a multiple of those of the body with zero betas."""


def estimate_shape(joints: np.ndarray, joint_sigma: np.ndarray, *, body_joints: BodyJoints) -> ShapeEstimate:
    """The shape of the person whose joints move, the same in all frames.

    Args:
        joints: (T, 29, 3) metres, in any place and pose.
        joint_sigma: (T, 29) metres, 0 where unknown; absent joints, from `skeletons.ABSENT` on, do not count.
        body_joints: of the body, B betas.

    Returns:
        `ShapeEstimate`; the prior's, zeros with its spread, if no two joints of a bone were ever seen together.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body
        >>> from niki_tf.fitting import bone_shape
        >>> body_joints = body.mannequin_joints()
        >>> child = 0.7 * body_joints.joints[None]
        >>> round(bone_shape.estimate_shape(child, np.zeros([1, 29]), body_joints=body_joints).size, 3)
        0.7
    """
    rest, directions = (x[_FIRST] - x[_SECOND] for x in (body_joints.joints, body_joints.directions))
    measured = _squared_lengths(np.asarray(joints, np.float64), np.asarray(joint_sigma, np.float64))
    growth = growth_direction(body_joints)
    found, unexplained = np.zeros(len(growth) + 1), 0.0  # the betas, and the noise of pairs that do not tell theirs
    for _ in range(_STEPS):
        modelled = rest + directions @ found[:-1]
        squares, noise = (modelled**2).sum(-1), np.where(measured.blind, max(found[-1], 0.0), measured.noise)
        explained = _variance(squares, noise, measured.frames)
        variance = explained + 4.0 * squares * unexplained + _LEAST_VARIANCE
        weights = np.where(measured.frames > 0, 1.0 / variance, 0.0)
        slopes = 2.0 * np.einsum("pi,pib->pb", modelled, directions)
        jacobian = np.concatenate([slopes, 3.0 * measured.blind[:, None]], 1)
        hessian = jacobian.T @ (weights[:, None] * jacobian)
        prior = _prior_precision(found, growth / np.linalg.norm(growth))
        away = measured.squares - squares - 3.0 * measured.blind * found[-1]
        covariance = np.linalg.inv(hessian + prior)
        found = found + covariance @ (jacobian.T @ (weights * away) - prior @ found)
        unexplained = _unexplained(away, weights, explained, squares, np.trace(covariance @ hessian))
        unexplained = max(unexplained, _LEAST_ERROR**2 * measured.blind.any())
    return _estimate(found[:-1], covariance[:-1, :-1], body_joints)


def growth_direction(body_joints: BodyJoints) -> np.ndarray:
    """The betas (B,) by which all bones come closest to double."""
    bones, directions = (x[1:] - x[_PARENTS] for x in (body_joints.joints, body_joints.directions))
    return np.linalg.lstsq(directions.reshape(bones.size, -1), bones.ravel(), rcond=None)[0]


def _pairs() -> tuple[list[int], list[int]]:
    """Numbers of two joints of SMPL_29 each that are on one bone: a joint and its children, by twos."""
    parents, pairs = skeletons.SMPL_29.parents, []
    for joint in range(skeletons.NUM_ROTATIONS):
        together = [joint, *(child for child, parent in enumerate(parents) if parent == joint)]
        pairs += [(a, b) for place, a in enumerate(together) for b in together[place + 1 :]]
    first, second = zip(*pairs, strict=True)
    return list(first), list(second)


_FIRST, _SECOND = _pairs()


class _Measured(NamedTuple):
    """Squared lengths between the joints of the pairs, over time."""

    squares: np.ndarray
    """(pairs,) metres^2, without the bias of noise."""
    noise: np.ndarray
    """(pairs,) metres^2: variance of the vector between the joints, on each axis."""
    frames: np.ndarray
    """(pairs,) number of frames that count."""
    blind: np.ndarray
    """(pairs,) True where the noise is not known, and so not taken off: the motion has fewer than three frames."""


def _variance(squares: np.ndarray, noise: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Variance (pairs,), metres^4, of squared lengths that were measured, if the true ones are `squares`."""
    return (4.0 * squares * noise + 3.0 * (16.0 + 1.0) / 9.0 * noise**2) / np.maximum(frames, 1.0)


def _squared_lengths(joints: np.ndarray, joint_sigma: np.ndarray) -> _Measured:
    """What joints (T, 29, 3) with their sigma (T, 29) tell of the pairs."""
    present = joint_sigma < skeletons.ABSENT
    told = np.where(present, joint_sigma, 0.0) ** 2
    certain = np.where(present, COMMON_SIGMA**2 / (told + COMMON_SIGMA**2), 0.0)
    vectors = joints[:, _FIRST] - joints[:, _SECOND]
    squares = (vectors**2).sum(-1)
    weights = certain[:, _FIRST] * certain[:, _SECOND]
    weights *= _usual(np.sqrt(squares), weights > 0.0)
    mean = _mean(squares, weights)
    told_noise = _mean(told[:, _FIRST] + told[:, _SECOND], weights)
    by_length = _noise_by_length(mean, _mean((squares - mean) ** 2, weights))
    by_time = (mean - _lagged(vectors, weights)) / 3.0
    blind = np.isnan(by_time) & (told_noise == 0.0)
    noise = np.where(np.isnan(by_time), told_noise, np.where(by_length < _QUIET**2, by_length, by_time))
    total = weights.sum(0)
    frames = total**2 / np.maximum((weights**2).sum(0), 1e-12)
    usual = np.maximum(noise, 0.0)
    common = np.sum(frames * usual) / max(frames.sum(), 1e-12)
    return _Measured(mean - 3.0 * noise, 0.5 * (usual + common), frames, blind)


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over time (pairs,) of values (T, pairs); zero where no frame has a weight."""
    total = weights.sum(0)
    return (weights * values).sum(0) / np.where(total > 0.0, total, 1.0)


def _usual(lengths: np.ndarray, present: np.ndarray) -> np.ndarray:
    """1.0 for lengths (T, pairs) that are near the median of those that are present, 0.0 for outliers."""
    lengths = np.where(present, lengths, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of pairs that were never seen
        median = np.nanmedian(lengths, 0)
        spread = 1.4826 * np.nanmedian(np.abs(lengths - median), 0)
    return (np.abs(lengths - median) <= _OUTLIER * spread + _QUIET).astype(np.float64)


def _noise_by_length(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Variance (pairs,) of vectors on each axis, by mean and variance of their squared lengths.

    With the noise q on each axis these are L^2 + 3 q and 4 L^2 q + 6 q^2.
    """
    return (2.0 * mean - np.sqrt(np.maximum(4.0 * mean**2 - 6.0 * variance, 0.0))) / 6.0


def _lagged(vectors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The squared lengths (pairs,) of vectors (T, pairs, 3) by products of different frames; NaN if there are none."""
    products = []
    for lag in (1, 2):
        both = weights[lag:] * weights[:-lag]
        mean = _mean((vectors[lag:] * vectors[:-lag]).sum(-1), both)
        products.append(np.where(both.sum(0) > 0.0, mean, np.nan))
    return (4.0 * products[0] - products[1]) / 3.0


def _unexplained(
    away: np.ndarray, weights: np.ndarray, explained: np.ndarray, squares: np.ndarray, parameters: float
) -> float:
    """Variance of lengths, metres^2, that noise does not explain, by the residuals `away` (pairs,) of squared lengths.

    Args:
        away: (pairs,) metres^2.
        weights: (pairs,) of `away`.
        explained: (pairs,) metres^4, the variance by noise.
        squares: (pairs,) metres^2, of the body.
        parameters: number of betas that the lengths, not the prior, decided.
    """
    seen = np.count_nonzero(weights)
    freedom = max((seen - parameters) / max(seen, 1), _LEAST_FREEDOM)
    by_length = 4.0 * squares * weights  # weights of lengths instead of squared lengths
    excess = (away**2 / freedom - explained) / (4.0 * squares)
    return max(float((by_length * excess).sum() / max(by_length.sum(), 1e-12)), 0.0)


def _prior_precision(found: np.ndarray, growth: np.ndarray) -> np.ndarray:
    """Precision (B + 1, B + 1) of the betas and of the noise, metres^2, before anything is seen.

    Args:
        found: (B + 1,) so far.
        growth: (B,) the direction of growth, of length 1.
    """
    grown = growth @ found[:-1]
    along = (_DEGREES_OF_FREEDOM + 1.0) / (_DEGREES_OF_FREEDOM + grown**2)
    precision = np.eye(len(found)) / _NOISE_SIGMA**4
    precision[:-1, :-1] = np.eye(len(growth)) - (1.0 - along) * np.outer(growth, growth)
    return precision


def _estimate(betas: np.ndarray, covariance: np.ndarray, body_joints: BodyJoints) -> ShapeEstimate:
    mean, directions = (x[1:] - x[_PARENTS] for x in (body_joints.joints, body_joints.directions))
    bones = mean + directions @ betas
    lengths = np.linalg.norm(bones, axis=-1)
    slopes = np.einsum("ji,jib->jb", bones / lengths[:, None], directions)
    sigma = np.sqrt(np.einsum("jb,bc,jc->j", slopes, covariance, slopes))
    size = lengths.sum() / np.linalg.norm(mean, axis=-1).sum()
    return ShapeEstimate(betas, covariance, lengths, sigma, float(size))
