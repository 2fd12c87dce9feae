"""Masks of the entries of a vector that a coupling step keeps."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from niki_tf.shapes import TensorLike


def alternating(size: int, *, first: bool) -> np.ndarray:
    """Boolean mask (size,), True for kept entries, that alternates and starts with `first`."""
    return (np.arange(size) % 2 == 0) == first


def check_mask(mask: TensorLike, size: int) -> np.ndarray:
    """`mask` as a boolean array (size,).

    Raises:
        ValueError: it has another length, entries that are not true or false, or keeps all entries or none.
    """
    entries = np.asarray(mask)
    if entries.shape != (size,) or not np.isin(entries, (0, 1)).all():
        raise ValueError(f"`mask` must be a list of {size} booleans; got {entries.dtype} of shape {entries.shape}.")
    if len(np.unique(entries)) < 2:
        raise ValueError(f"`mask` must keep some of the {size} entries and move the others; got {entries[0]} for all.")
    return entries.astype(bool)


def kept_first(mask: TensorLike) -> np.ndarray:
    """Permutation (n,) that puts the entries kept by `mask` (n,) first; both parts keep their order."""
    return np.concatenate([np.flatnonzero(mask), np.flatnonzero(~np.asarray(mask))])


def check_masks(masks: Any, count: int) -> list[Any]:
    """`masks` as a list of `count` entries, one mask or None for each flow.

    Raises:
        ValueError: it is not a list of `count` entries.
    """
    if isinstance(masks, str) or not isinstance(masks, Sequence) or len(masks) != count:
        got = f"{len(masks)} entries" if isinstance(masks, Sequence) else type(masks).__name__
        raise ValueError(f"`masks` must be a list of {count}, one mask or None for each flow; got {got}.")
    return list(masks)
