"""Target edge lengths of the mesh: of body, head, face, hands and feet."""

import numpy as np

BODY = 0.0235
"""Edge length, metres, of the parts that need no finer mesh."""


def edge_length(points: np.ndarray) -> np.ndarray:
    """Target edge lengths (n,), metres, at `points` (n, 3)."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    foot, head = ramp(-y, 1.08, 1.14), ramp(y, 0.27, 0.35)
    regions = (
        (ramp(x, 0.66, 0.78), 0.0085),
        (ramp(x, 0.80, 0.84), 0.0056),
        (head, 0.0150),
        (head * ramp(z, 0.00, 0.07) * ramp(y, 0.34, 0.38), 0.0090),
        (ramp(y, 0.37, 0.40) * ramp(0.53 - y, 0.0, 0.03) * ramp(z, 0.09, 0.12), 0.0064),
        (foot, 0.0150),
        (foot * ramp(z, 0.09, 0.13), 0.0075),
    )
    lengths = np.full(len(points), BODY)
    for share, length in regions:
        lengths = np.minimum(lengths, BODY + (length - BODY) * share)
    return lengths


def ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smoothstep: 0 below `low`, 1 above `high`, a cubic rise between."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)
