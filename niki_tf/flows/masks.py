"""Which half of a vector a coupling step keeps."""

import numpy as np


def alternating(size, *, first):
    """Boolean mask (size,), True = kept, that alternates and starts with `first`."""
    return (np.arange(size) % 2 == 0) == first


def kept_first(mask):
    """Permutation that brings the entries kept by `mask` to the front; both parts keep their order."""
    return np.concatenate([np.flatnonzero(mask), np.flatnonzero(~np.asarray(mask))])
