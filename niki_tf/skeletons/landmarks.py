"""Points on the body that are no joint centres: the joint that each moves with, and its place relative to it.

Offsets are metres in the rest pose of the package's mannequin (x to the body's left, y up, z to the front), read off
its mesh; tests hold them to it. On another body they grow with its bones. A point of the right side is the mirrored one
of the left.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Landmark(NamedTuple):
    """A point that moves with a joint of SMPL's 24."""

    joint: str
    """Name of the joint."""
    offset: tuple[float, float, float]
    """Metres from the joint, in the rest pose of the mannequin."""
    tells: tuple[str, ...] = ()
    """Joints of `SMPL_29`, close by, whose place follows from the point's; `joint` if empty."""

    def mirrored(self) -> "Landmark":
        """The same point of the other side of the body."""
        x, y, z = self.offset
        return Landmark(other_side(self.joint), (-x, y, z), tuple(other_side(name) for name in self.tells))


_SIDES = {"left_": "right_", "right_": "left_"}


def other_side(name: str) -> str:
    """Name of the joint or landmark of the other side; that of the midline as it is."""
    return next((_SIDES[side] + name.removeprefix(side) for side in _SIDES if name.startswith(side)), name)


def with_right_side(landmarks: Mapping[str, Landmark]) -> dict[str, Landmark]:
    """Landmarks of the left side and the midline by name, and with them those of the right side."""
    left = [name for name in landmarks if name.startswith("left_")]
    return {**landmarks, **{other_side(name): landmarks[name].mirrored() for name in left}}


_HEAD = ("head", "head_top")
_LEFT_AND_MIDDLE = {
    "nose": Landmark("head", (0.0, 0.054, 0.124), _HEAD),
    "mid_hip": Landmark("pelvis", (0.0, -0.086, -0.016)),
    "mid_shoulder": Landmark("spine3", (0.0, 0.159, -0.035), ("neck",)),
    "mid_spine": Landmark("spine2", (0.0, -0.010, -0.010)),
    "left_eye": Landmark("head", (0.032, 0.086, 0.098), _HEAD),
    "left_eye_inner": Landmark("head", (0.020, 0.086, 0.098), _HEAD),
    "left_eye_outer": Landmark("head", (0.044, 0.086, 0.092), _HEAD),
    "left_ear": Landmark("head", (0.080, 0.080, -0.008), _HEAD),
    "left_mouth": Landmark("head", (0.022, 0.022, 0.102), _HEAD),
    "left_outer_hip": Landmark("pelvis", (0.115, -0.086, -0.016), ("left_hip",)),
    "left_heel": Landmark("left_ankle", (-0.004, -0.052, -0.072)),
    "left_small_toe": Landmark("left_foot", (0.078, -0.017, 0.017)),
    "left_thumb": Landmark("left_wrist", (0.096, -0.024, 0.069)),
    "left_index": Landmark("left_hand", (0.0, 0.0, 0.026)),
    "left_ring": Landmark("left_hand", (-0.004, 0.0, -0.022)),
    "left_pinky": Landmark("left_hand", (-0.010, -0.004, -0.042)),
}


LANDMARKS: dict[str, Landmark] = with_right_side(_LEFT_AND_MIDDLE)
"""Name -> `Landmark`. Outer hips are what pictures are annotated with, halfway from the joint to the skin."""
