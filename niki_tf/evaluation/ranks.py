"""What a score is worth whose unit does not matter: rank correlation and AUROC, plain NumPy."""

import numpy as np


def rank_correlation(first, second):
    """Spearman's rank correlation of two arrays of one shape (..., n), n values each, (...).

    0 where either is the same everywhere: it tells nothing.

    Raises:
        ValueError: the shapes differ or there are no values.

    Example:
        >>> from niki_tf import evaluation
        >>> float(evaluation.rank_correlation([1.0, 2.0, 5.0], [1.0, 8.0, 125.0]).round(6))
        1.0
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape or first.size == 0:
        raise ValueError(f"`first` and `second` must have one shape (..., n); got {first.shape} and {second.shape}.")
    first, second = (np.apply_along_axis(_ranks, -1, values) for values in (first, second))
    first, second = (ranks - ranks.mean(-1, keepdims=True) for ranks in (first, second))
    size = np.sqrt((first**2).sum(-1) * (second**2).sum(-1))
    return (first * second).sum(-1) / np.where(size > 0, size, 1.0)


def auroc(positive, negative):
    """Share of the pairs of one score (n,) of `positive` and one (m,) of `negative` in which the first is the higher.

    Equal scores count half; the area under the curve of hits over false alarms.

    Raises:
        ValueError: one of them is empty or has more than one axis.

    Example:
        >>> from niki_tf import evaluation
        >>> evaluation.auroc([3.0, 2.0], [1.0, 2.0])
        0.875
    """
    positive, negative = np.asarray(positive, np.float64), np.asarray(negative, np.float64)
    if positive.ndim != 1 or negative.ndim != 1 or not positive.size or not negative.size:
        raise ValueError(f"`positive` and `negative` must be (n,) and (m,); got {positive.shape} and {negative.shape}.")
    wins = _ranks(np.concatenate([positive, negative]))[: len(positive)].sum() - len(positive) * (len(positive) + 1) / 2
    return float(wins / (len(positive) * len(negative)))


def _ranks(values):
    """Ranks of values (n,) from 1; equal values share the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]
