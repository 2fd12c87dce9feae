"""How far answers are from each other."""

from collections.abc import Mapping

import numpy as np


def apart(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> float:
    """The largest difference of two answers in what the first one names; infinite if one is not finite."""
    gaps = [np.abs(np.subtract(first[name], second[name], dtype=np.float64)).max(initial=0.0) for name in first]
    return float(max(gaps)) if np.isfinite(gaps).all() else np.inf
