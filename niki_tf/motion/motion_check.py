"""What is wrong with a clip as data: feet that slide, limbs bent the wrong way, jumps, feet below the ground."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from niki_tf import skeletons
from niki_tf.motion import quaternions
from niki_tf.motion.clip import Clip
from niki_tf.motion.joint_positions import joint_positions
from niki_tf.shapes import TensorLike
from niki_tf.skeletons.axes import Y_UP

_FEET = tuple(
    tuple(skeletons.SMPL_29.index(f"{side}_{part}") for part in ("ankle", "foot", "big_toe"))
    for side in ("left", "right")
)
"""Joints of the left and of the right foot."""
_HINGES = {"left_knee": (1, 0, 0), "right_knee": (1, 0, 0), "left_elbow": (0, -1, 0), "right_elbow": (0, 1, 0)}
"""Joints that bend one way only, and the axis about which they do so, in the frame of the parent."""
_HINGE_TOLERANCE = 10.0
"""Degrees that knees and elbows may bend the other way: healthy ones do, by up to ten."""
_CLOSE = 0.03
"""Height above the ground, metres, below which a foot may be planted. Set by hand, as the next three."""
_PLANTED_SPEED = 0.5
"""Speed, metres a second, from which on a foot that is close to the ground counts as swinging, not as planted."""
_STANDING_SPEED = 0.25
"""Speed, metres a second, below which the height of a foot tells where the ground is."""
_GROUND_PERCENTILE = 10
"""Of the heights of feet that stand: low, because a person may also stand on things."""


@dataclasses.dataclass(frozen=True)
class CheckLimits:
    """What a clip may have at most, or of frames at least, before it counts as faulty.

    Example:
        >>> from niki_tf.motion import CheckLimits
        >>> CheckLimits(jump=60.0).jump
        60.0
    """

    frames: int = dataclasses.field(default=15, metadata={"help": "Fewest frames, at 30 a second."})
    slowest_foot: float = dataclasses.field(
        default=0.25, metadata={"help": "Speed of the slowest of ankles, feet and toes, 10th percentile, m/s."}
    )
    slowest_foot_median: float = dataclasses.field(
        default=1.0, metadata={"help": "The same, median: high where people run, who often touch nothing."}
    )
    slide: float = dataclasses.field(default=0.25, metadata={"help": "Mean horizontal speed of planted feet, m/s."})
    wrong_way: float = dataclasses.field(
        default=1.0, metadata={"help": "Frames with a knee or elbow bent the wrong way by over 10 degrees, %."}
    )
    jump: float = dataclasses.field(default=75.0, metadata={"help": "Largest turn of a joint in one frame, degrees."})
    below_ground: float = dataclasses.field(
        default=10.0, metadata={"help": "Greatest depth of ankles, feet and toes under the ground, cm."}
    )
    copies: int = dataclasses.field(default=0, metadata={"help": "Clips of another folder that a clip repeats."})


@dataclasses.dataclass(frozen=True, eq=False)
class ClipCheck:
    """What `check_clip` found in a clip of T frames."""

    name: str
    """Of the clip."""
    slowest_foot: np.ndarray
    """(T - 2,) m/s, speed of the slowest of ankles, feet and big toes, over two frames."""
    slide: np.ndarray
    """(N,) m/s, horizontal speed of each foot in each frame in which it is planted."""
    wrong_way: np.ndarray
    """(T, 4) degrees by which left and right knee, left and right elbow bend the wrong way; below 0 if they do not."""
    jump: np.ndarray
    """(T - 1,) degrees, the largest turn of a joint from a frame to the next."""
    below_ground: np.ndarray
    """(T,) metres by which the lowest of ankles, feet and big toes is under the ground; below 0 if it is above."""

    def __len__(self) -> int:
        return len(self.wrong_way)


class Fault(NamedTuple):
    """A limit that a clip passes."""

    clip: str
    """Name of the clip."""
    column: str
    """Name of the limit, a field of `CheckLimits`."""
    value: float
    """What the clip has, in the unit of the limit."""
    limit: float
    """The limit."""
    frame: int | None
    """Where it is worst, counted from 0, if the value is of one frame."""


def check_clip(clip: Clip, *, rest_joints: TensorLike, ground: float | None = None, up: str = "y") -> ClipCheck:
    """Speeds of feet, bends, turns and depths in all frames of a clip.

    The speed of a joint is that from the frame before to the frame after. A foot is as fast as the slowest of its
    ankle, foot joint and big toe, and as high as the lowest of them; it is planted where it is within 3 cm of the
    ground and slower than 0.5 m/s. A limb's bend is the angle of its swing about the axis of the hinge.

    Args:
        clip: the motion, at 30 frames a second, which the limits are for.
        rest_joints: (29, 3) metres, the person's joints in the T-pose.
        ground: height of the ground, metres; None finds it: the 10th percentile of the heights of feet slower than
            0.25 m/s.
        up: axis that points up, if the clip does not say it; a key of `skeletons.axes.Y_UP`.

    Raises:
        ValueError: `up` is no axis.

    Example:
        >>> from niki_tf import motion
        >>> from niki_tf.skeletons.rest import rest_joints
        >>> found = motion.check_clip(motion.made_motion(0, frames=300), rest_joints=rest_joints())
        >>> motion.faults(found, motion.CheckLimits())
        []
    """
    up = clip.up or up
    if up not in Y_UP:
        raise ValueError(f"`up` must be one of {', '.join(Y_UP)}; got {up!r}.")
    poses = clip.poses.astype(np.float64)
    pelvis = clip.trans + (np.asarray(rest_joints)[0] if clip.trans_convention == "transl" else 0.0)
    joints = (joint_positions(poses, rest_joints) + pelvis[:, None]) @ Y_UP[up].T
    feet = joints[:, _FEET]
    speeds, heights = _speeds(feet, clip.fps), feet[..., 1].min(2)
    ground = _found_ground(speeds, heights[1:-1], heights) if ground is None else ground
    planted = (heights[1:-1] < ground + _CLOSE) & (speeds < _PLANTED_SPEED)
    return ClipCheck(
        name=clip.name,
        slowest_foot=speeds.min(1),
        slide=_speeds(feet[..., [0, 2]], clip.fps)[planted],
        wrong_way=-_bends(poses, np.asarray(rest_joints, float)),
        jump=_turns(poses).max(1),
        below_ground=ground - heights.min(1),
    )


def summary(checks: Sequence[ClipCheck]) -> dict[str, float | None]:
    """What the clips have together, by the names of `CheckLimits` without `copies`, in the units of the limits.

    Frames are added; percentiles of the slowest foot, the mean of slides and the share of frames with a limb bent the
    wrong way are over all frames of all clips; jump and depth are the largest. None is what too few frames cannot tell.
    """
    slowest = [check.slowest_foot for check in checks]
    return {
        "frames": sum(map(len, checks)),
        "slowest_foot": _over_all(slowest, lambda speeds: np.percentile(speeds, 10)),
        "slowest_foot_median": _over_all(slowest, np.median),
        "slide": _over_all([check.slide for check in checks], np.mean),
        "wrong_way": _over_all([100.0 * (check.wrong_way.max(1) > _HINGE_TOLERANCE) for check in checks], np.mean),
        "jump": _over_all([check.jump for check in checks], np.max),
        "below_ground": _over_all([100.0 * check.below_ground for check in checks], np.max),
    }


def faults(check: ClipCheck, limits: CheckLimits) -> list[Fault]:
    """The limits that a clip passes, but for `copies`; see `near_duplicates`."""
    worst = {
        "wrong_way": check.wrong_way.max(1),
        "jump": check.jump,
        "below_ground": check.below_ground,
    }
    found = []
    for column, value in summary([check]).items():
        limit = getattr(limits, column)
        passed = value is not None and (value < limit if column == "frames" else value > limit)
        if passed and value is not None:
            frame = int(np.argmax(worst[column])) if column in worst else None
            found.append(Fault(check.name, column, value, limit, frame))
    return found


def _over_all(arrays: Sequence[np.ndarray], of: Callable[[np.ndarray], Any]) -> float | None:
    """`of` all numbers of the arrays, or None if there are none."""
    numbers = np.concatenate(arrays)
    return float(of(numbers)) if numbers.size else None


def _speeds(feet: np.ndarray, fps: float) -> np.ndarray:
    """Speed (T - 2, 2), m/s, of the slowest joint of each foot, for joints (T, 2, 3, ...), metres."""
    return np.linalg.norm(feet[2:] - feet[:-2], axis=-1).min(2) * (0.5 * fps)


def _found_ground(speeds: np.ndarray, heights: np.ndarray, all_heights: np.ndarray) -> float:
    """Height of the ground, metres, by the `heights` (T - 2, 2) of feet that stand; by all if none does."""
    standing = heights[speeds < _STANDING_SPEED]
    return float(np.percentile(standing if standing.size else all_heights, _GROUND_PERCENTILE))


def _bends(poses: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Bend (T, 4), degrees, of each joint of `_HINGES`."""
    bends = []
    for name, axis in _HINGES.items():
        joint = skeletons.SMPL_24.index(name)
        bone = rest[skeletons.BONE_CHILD[joint]] - rest[joint]
        bone /= np.linalg.norm(bone)
        turned = quaternions.rotate(quaternions.rotvec_to_quaternion_wxyz(poses[:, joint]), bone)
        across = np.cross(bone, turned)
        sine = np.linalg.norm(across, axis=-1)
        about = across @ np.array(axis, float) / np.maximum(sine, 1e-12)
        bends.append(np.degrees(np.arctan2(sine, turned @ bone)) * about)
    return np.stack(bends, 1)


def _turns(poses: np.ndarray) -> np.ndarray:
    """Angle (T - 1, 24), degrees, of the turn of each joint from a frame to the next."""
    turns = quaternions.rotvec_to_quaternion_wxyz(poses)
    return np.degrees(2.0 * np.arccos(np.minimum(np.abs(np.sum(turns[1:] * turns[:-1], -1)), 1.0)))
