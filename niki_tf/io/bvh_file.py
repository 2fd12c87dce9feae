"""A rig and its motion as a BVH file holds them, checked."""

import dataclasses
import functools
import re

import numpy as np

_CHANNEL = re.compile(r"[XYZ](position|rotation)")
_WHOLE_RATE = 2e-4
"""Relative distance of a frame rate from a whole number below which it is that number: files round the frame time."""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class BvhFile:
    """A rig of J joints and its motion, T frames of C channels, as a BVH file holds them.

    Angles are degrees. Unit and axes are whatever the file's author chose: the format does not tell them.

    Raises:
        ValueError: the arrays do not fit together; names the first that does not.
    """

    names: tuple[str, ...]
    """Names of the joints, in the order of the file: each joint before its children, one branch after the other."""
    parents: tuple[int, ...]
    """Number of each joint's parent; -1 for a root."""
    offsets: np.ndarray
    """(J, 3) float64: place of each joint relative to its parent, in the frame of the parent."""
    channels: tuple[tuple[str, ...], ...]
    """For each joint the names of its channels in order, of Xposition, Yposition, Zposition, Xrotation, ..."""
    values: np.ndarray
    """(T, C) float64: the channels of all joints, one joint after the other; rotations in degrees."""
    frame_time: float
    """Seconds."""
    end_parents: tuple[int, ...] = ()
    """For each of E end sites the number of its joint."""
    end_offsets: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros([0, 3]))
    """(E, 3) float64: place of each end site relative to its joint."""

    def __post_init__(self) -> None:
        for name in ("offsets", "values", "end_offsets"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))
        joints, channels = len(self.names), sum(map(len, self.channels))
        if not joints or len(self.parents) != joints or len(self.channels) != joints:
            got = f"{joints}, {len(self.parents)} and {len(self.channels)}"
            raise ValueError(f"`names`, `parents` and `channels` must be one for each joint; got {got}.")
        for name, shape in {"offsets": (joints, 3), "end_offsets": (len(self.end_parents), 3)}.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"`{name}` must have shape {shape}; got {getattr(self, name).shape}.")
        if self.values.ndim != 2 or self.values.shape[1] != channels or not len(self.values):
            raise ValueError(f"`values` must have shape (T, {channels}), T at least 1; got {self.values.shape}.")
        self._check_tree()
        self._check_channels()

    def _check_tree(self) -> None:
        """ValueError unless each joint hangs on one of the branch that is being written."""
        branch: list[int] = []
        for joint, parent in enumerate(self.parents):
            while branch and branch[-1] != parent:
                branch.pop()
            if parent != -1 and not branch:
                raise ValueError(f"`parents` must go down one branch after the other; joint {joint} hangs on {parent}.")
            branch.append(joint)
        if not all(0 <= parent < len(self) for parent in self.end_parents):
            raise ValueError(f"`end_parents` must be joints 0 to {len(self) - 1}; got {self.end_parents}.")

    def _check_channels(self) -> None:
        """ValueError unless channels are known, none twice at a joint, and all numbers finite."""
        for name, channels in zip(self.names, self.channels, strict=True):
            if not all(_CHANNEL.fullmatch(channel) for channel in channels) or len(set(channels)) < len(channels):
                got = " ".join(channels)
                raise ValueError(f"`channels` must be Xposition to Zrotation, none of them twice; {name!r} has {got}.")
        for name in ("offsets", "values", "end_offsets"):
            bad = np.count_nonzero(~np.isfinite(getattr(self, name)))
            if bad:
                raise ValueError(f"`{name}` must be finite; got {bad} numbers that are not.")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def fps(self) -> float | None:
        """Frames per second, a whole number if it is that but for rounding; None if the file gives no time."""
        if self.frame_time <= 0.0:
            return None
        rate = 1.0 / self.frame_time
        return float(round(rate)) if abs(rate - round(rate)) < _WHOLE_RATE * rate else rate

    @functools.cached_property
    def columns(self) -> tuple[range, ...]:
        """For each joint the columns of `values` that are its channels."""
        ends = np.cumsum([len(channels) for channels in self.channels]).tolist()
        return tuple(range(end - len(mine), end) for mine, end in zip(self.channels, ends, strict=True))
