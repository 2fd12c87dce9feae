"""Rank statistics, which do not depend on a score's unit: Spearman's correlation and AUROC, plain NumPy.

NaN has no rank: it is refused. Infinity has one.
"""

import numpy as np

from niki_tf.shapes import TensorLike, real_array


def rank_correlation(first: TensorLike, second: TensorLike) -> np.ndarray:
    """Spearman's rank correlation (...) over the last axis of two arrays (..., n); 0 where either is constant.

    Raises:
        ValueError: the shapes differ, there are no values, or one is NaN.

    Example:
        >>> from niki_tf import evaluation
        >>> float(evaluation.rank_correlation([1.0, 2.0, 5.0], [1.0, 8.0, 125.0]).round(6))
        1.0
    """
    first, second = _scores("first", first), _scores("second", second)
    if first.shape != second.shape or first.ndim == 0 or first.size == 0:
        raise ValueError(
            f"`first` and `second` must have one shape (..., n); got {first.shape} and {second.shape}. Give pairs."
        )
    first, second = (np.apply_along_axis(_ranks, -1, values) for values in (first, second))
    first, second = (ranks - ranks.mean(-1, keepdims=True) for ranks in (first, second))
    size = np.sqrt((first**2).sum(-1) * (second**2).sum(-1))
    return (first * second).sum(-1) / np.where(size > 0, size, 1.0)


def auroc(positive: TensorLike, negative: TensorLike) -> float:
    """Area under the receiver operating characteristic: the probability that a positive scores above a negative.

    Equal scores count half.

    Args:
        positive: (n,) scores.
        negative: (m,) scores.

    Raises:
        ValueError: one of them is empty, has more than one axis, or holds NaN.

    Example:
        >>> from niki_tf import evaluation
        >>> evaluation.auroc([3.0, 2.0], [1.0, 2.0])
        0.875
    """
    positive, negative = _scores("positive", positive), _scores("negative", negative)
    if positive.ndim != 1 or negative.ndim != 1 or not positive.size or not negative.size:
        raise ValueError(
            f"`positive` and `negative` must be (n,) and (m,); got {positive.shape} and {negative.shape}. Flatten."
        )
    wins = _ranks(np.concatenate([positive, negative]))[: len(positive)].sum() - len(positive) * (len(positive) + 1) / 2
    return float(wins / (len(positive) * len(negative)))


def _scores(name: str, scores: TensorLike) -> np.ndarray:
    """The scores as float64; ValueError if they are no numbers, or one is NaN."""
    array = real_array(name, scores).astype(np.float64)
    missing = int(np.isnan(array).sum())
    if missing:
        raise ValueError(
            f"`{name}` must be numbers that can be ranked; got NaN in {missing} of {array.size}. Leave these out, with "
            "what belongs to them."
        )
    return array


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks of values (n,) from 1; equal values have the mean of their ranks."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]
