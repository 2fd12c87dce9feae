"""Keypoints of one person as a file holds them: positions over time in the file's own units and axes."""

import dataclasses

import numpy as np

from niki_tf.motion.clip import checked_rate


@dataclasses.dataclass(frozen=True, eq=False)
class Keypoints:
    """Positions of named points over time, before unit, axes and joint set are settled.

    Raises:
        ValueError: a shape does not fit the others.

    Example:
        >>> import numpy as np
        >>> from niki_tf import motion
        >>> track = motion.Keypoints(np.zeros([5, 2, 3]), names=("LeftHand", "RightHand"), fps=120)
        >>> len(track), track.names
        (5, ('LeftHand', 'RightHand'))
    """

    positions: np.ndarray
    """(T, J, 3) float64, in the file's unit and axes; NaN in points that were not seen."""
    names: tuple[str, ...] | None = None
    """Names of the J points, if the file tells them."""
    skeleton: str | None = None
    """Name of the joint set in `skeletons.POINT_SETS`, if the format fixes it."""
    confidence: np.ndarray | None = None
    """(T, J) from 0, not seen, to 1, if the file tells it."""
    fps: float | None = None
    """Frames per second, if the file tells it."""
    times: np.ndarray | None = None
    """(T,) seconds, increasing, of frames that are not evenly spaced."""
    unit: float | None = None
    """Metres in one unit, if the file or its format tells it."""
    up: str | None = None
    """Axis that points up, one of x, y, z, -x, -y, -z, if the file or its format tells it."""
    person: str = ""
    """Whose points they are, in a file of several persons."""
    joint_sigma: np.ndarray | None = None
    """(T, J) or (J,) uncertainty of each point, metres, if the file tells it; see `contract.INPUTS`."""
    betas: np.ndarray | None = None
    """(B,) or (T, B) shape of the person, if the file tells it."""

    def __post_init__(self) -> None:
        positions = np.asarray(self.positions, np.float64)
        if positions.ndim != 3 or positions.shape[-1] != 3 or not positions.size:
            raise ValueError(f"`positions` must have shape (T, J, 3), T and J at least 1; got {positions.shape}.")
        frames, points = positions.shape[:2]
        if self.names is not None and len(self.names) != points:
            raise ValueError(f"`names` must be {points}, one for each point; got {len(self.names)}.")
        shapes: dict[str, list[tuple[int, ...]]] = {
            "confidence": [(frames, points)],
            "times": [(frames,)],
            "joint_sigma": [(frames, points), (points,)],
        }
        for name, wanted in shapes.items():
            array = getattr(self, name)
            if array is not None and np.shape(array) not in wanted:
                raise ValueError(f"`{name}` must have shape {' or '.join(map(str, wanted))}; got {np.shape(array)}.")
        if self.fps is not None:
            object.__setattr__(self, "fps", checked_rate(self.fps, "`fps`"))
        object.__setattr__(self, "positions", positions)

    def __len__(self) -> int:
        return len(self.positions)
