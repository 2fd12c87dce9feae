"""Motion as rotations: a clip of one person, resampled to one frame rate."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from niki_tf import skeletons
from niki_tf.motion import quaternions

NUM_BETAS = 10
"""Shape coefficients of a clip that says nothing of them, and the fewest that its files hold: readers take so many."""

_SHAPES: dict[str, tuple[int | None, ...]] = {
    "poses": (None, skeletons.NUM_ROTATIONS, 3),
    "trans": (None, 3),
    "betas": (None,),
}
LEAST_RATE, LARGEST_RATE = 5.0, 1000.0
"""Frames per second that the motion of a file may have."""
LARGEST_TURN, LARGEST_PATH, LARGEST_BETA = 1e4, 1e7, 1e3
"""Radians, metres and units of shape beyond which the numbers of a file are no motion of a person."""
MOST_FRAMES = 2_000_000
"""Most frames that a clip is resampled to: 18 hours at 30 frames per second."""
TRANS_CONVENTIONS = ("transl", "pelvis")
"""What the `trans` of a clip can be; see `Clip.trans_convention`."""
_EACH = " Give a row for each frame."
_CURES = {"poses": " Give axis-angle vectors, root first: reshape (T, 72) to (T, 24, 3)."}


@dataclasses.dataclass(frozen=True, eq=False)
class Clip:
    """The motion of one person over consecutive frames, as rotations of SMPL's joints.

    Raises:
        ValueError: an array has another shape or is not finite, or `fps` is not positive.

    Example:
        >>> import numpy as np
        >>> from niki_tf import motion
        >>> clip = motion.Clip(poses=np.zeros([90, 24, 3]), trans=np.zeros([90, 3]))
        >>> len(clip), clip.fps
        (90, 30.0)
    """

    poses: np.ndarray
    """Local axis-angle rotations, root first, (T, 24, 3) float32, radians."""
    trans: np.ndarray
    """Where the person is, (T, 3) float32, metres; `trans_convention` says of what."""
    fps: float = 30.0
    """Frames per second; of uneven frames their mean rate."""
    betas: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(NUM_BETAS, np.float32))
    """Shape of the person, (B,) float32, as many as are known; bodies take the first of them."""
    name: str = ""
    """Where the clip comes from: the file's path below the folder that was read, without its suffix."""
    trans_convention: str = "transl"
    """What `trans` is: "transl", SMPL's translation, which is added to the body at rest, as in AMASS; or "pelvis", the
    position of joint 0."""
    up: str | None = None
    """Axis that is up, such as "z", where it is known; nothing is turned by it."""
    times: np.ndarray | None = None
    """Seconds of each frame, (T,) float64, where frames are not evenly spaced."""

    def __post_init__(self) -> None:
        for field, wanted in _SHAPES.items():
            array = checked_array(getattr(self, field), f"`{field}`", [wanted], cure=_CURES.get(field, ""))
            object.__setattr__(self, field, array.astype(np.float32))
        if len(self.trans) != len(self.poses):
            raise ValueError(
                f"`trans` must have the {len(self.poses)} frames of `poses`; got {len(self.trans)}. "
                "Give one position (3,) a frame."
            )
        object.__setattr__(self, "fps", checked_rate(self.fps, "`fps`"))
        check_trans_convention(self.trans_convention, "`trans_convention`")
        if self.times is not None:
            object.__setattr__(self, "times", checked_times(self.times, len(self)))

    def __len__(self) -> int:
        return len(self.poses)


class Clips(list[Clip]):
    """A list of `Clip`; `skipped` holds one message for each bad file that was left out."""

    def __init__(self, clips: Iterable[Clip] = (), *, skipped: Iterable[str] = ()) -> None:
        super().__init__(clips)
        self.skipped = tuple(skipped)


def resample(clip: Clip, fps: float) -> Clip:
    """The same motion at `fps` frames per second: every k-th frame where the ratio is whole, else slerp.

    Positions between two frames are interpolated linearly. A clip with `times` becomes an even one.

    Raises:
        ValueError: `fps` is not one positive number, or the clip would have too many frames.
    """
    fps = checked_rate(fps, "`fps`")
    ratio = clip.fps / fps
    step = round(ratio)
    if clip.times is None and step >= 1 and abs(ratio - step) < 1e-3 * step:
        return dataclasses.replace(clip, poses=clip.poses[::step], trans=clip.trans[::step], fps=fps)
    places = _places(clip, fps)
    before = np.minimum(places.astype(int), max(len(clip) - 2, 0))
    after = np.minimum(before + 1, len(clip) - 1)
    fraction = np.minimum(places - before, 1.0)[:, None]
    turns = quaternions.rotvec_to_quaternion_wxyz(clip.poses.astype(np.float64))
    turns = quaternions.slerp(turns[before], turns[after], fraction[..., None])
    trans = (1.0 - fraction) * clip.trans[before] + fraction * clip.trans[after]
    poses = quaternions.quaternion_wxyz_to_rotvec(turns)
    return dataclasses.replace(clip, poses=poses, trans=trans, fps=fps, times=None)


def _places(clip: Clip, fps: float) -> np.ndarray:
    """Where frames at `fps` are among those of the clip: 2.5 is halfway between its frames 2 and 3."""
    seconds = (len(clip) - 1) / clip.fps if clip.times is None else clip.times[-1] - clip.times[0]
    if not seconds * fps < MOST_FRAMES:
        raise ValueError(
            f"a clip must have at most {MOST_FRAMES:,} frames at {fps:g} a second; got {seconds:,.0f} seconds in "
            f"{len(clip)} frames. Check its times, or cut it."
        )
    if clip.times is None:
        ratio = clip.fps / fps
        return np.arange(int((len(clip) - 1) / ratio + 1e-6) + 1) * ratio
    span = clip.times[-1] - clip.times[0]
    wanted = clip.times[0] + np.arange(int(span * fps + 1e-6) + 1) / fps
    return np.interp(wanted, clip.times, np.arange(len(clip)))


def checked_times(times: Any, frames: int) -> np.ndarray:
    """`times` as float64 seconds (T,); ValueError if they are not one a frame or do not increase."""
    times = checked_array(times, "`times`", [(frames,)]).astype(np.float64)
    if (np.diff(times) <= 0.0).any():
        raise ValueError("`times` must increase from frame to frame; sort the frames, one a time.")
    return times


def checked_array(
    array: Any, what: str, shapes: Sequence[tuple[int | None, ...]], *, cure: str = "", largest: float = np.inf
) -> np.ndarray:
    """`array` in floating point, if it is finite and has one of the `shapes`.

    Args:
        array: what NumPy can turn into an array.
        what: how a message names it, such as "`poses`".
        shapes: that are allowed; None is any size of 1 or more.
        cure: end of the message about a wrong shape.
        largest: that a number may be, whatever its sign.

    Raises:
        ValueError: the array has another shape, is empty, or holds numbers that are not finite or too large.
    """
    try:
        array = np.asarray(array)
    except ValueError:  # lists of different lengths
        array = np.array(None)
    fits = any(
        array.ndim == len(shape) and all(w in (None, g) for w, g in zip(shape, array.shape, strict=True))
        for shape in shapes
    )
    if not fits or not array.size or array.dtype.kind not in "fiu":
        wanted = " or ".join(str(shape).replace("None", "T") for shape in shapes)
        free = ", T >= 1" if any(None in shape for shape in shapes) else ""
        raise ValueError(
            f"{what} must be numbers of shape {wanted}{free}; got {array.dtype} {array.shape}.{cure or _EACH}"
        )
    array = array.astype(np.result_type(array.dtype, np.float32))
    largest = min(largest, float(np.finfo(np.float32).max))
    if not np.isfinite(array).all():
        bad = np.count_nonzero(~np.isfinite(array))
        raise ValueError(f"{what} must be finite; got {bad} numbers that are not. Leave out or repair these frames.")
    check_size(array, what, largest)
    return array


def check_size(array: np.ndarray, what: str, largest: float) -> None:
    """Raises ValueError, with `what` as its name, if a number of `array` is beyond `largest`; NaN is not."""
    most = max(np.fmax.reduce(array, axis=None), -np.fmin.reduce(array, axis=None)) if array.size else 0.0
    if most > largest:
        raise ValueError(f"{what} must be between -{largest:g} and {largest:g}; got {most:.3g}. Check its unit.")


def check_trans_convention(convention: str, what: str) -> None:
    """Raises ValueError, with `what` as its name, if `convention` is none of `TRANS_CONVENTIONS`."""
    if convention not in TRANS_CONVENTIONS:
        raise ValueError(
            f"{what} must be transl (added to the body at rest, as in AMASS) or pelvis (the position of joint 0); "
            f"got {convention!r}. Say what wrote the file."
        )


def checked_rate(rate: Any, what: str) -> float:
    """The frame rate as a float; ValueError if it is not one positive number.

    Args:
        rate: frames per second, a number or an array of one number.
        what: how a message names it, such as "`fps`".
    """
    try:
        rate = np.asarray(rate)
    except ValueError:
        rate = np.array(None)
    if rate.size != 1 or rate.dtype.kind not in "fiu" or not 0 < rate.item() < np.inf:
        raise ValueError(
            f"{what} must be one positive number of frames per second; got {rate}. Say 30 if it is not known."
        )
    return float(rate.item())


def stated_rate(rate: Any, what: str) -> float:
    """The frame rate that a file states as a float; ValueError if it is none, or none that motion is recorded at.

    Args:
        rate: frames per second, a number or an array of one number.
        what: how a message names file and key.
    """
    number = checked_rate(rate, what)
    if LEAST_RATE <= number <= LARGEST_RATE:
        return number
    raise ValueError(
        f"{what} must be {LEAST_RATE:g} to {LARGEST_RATE:g} frames per second; got {number:g}. {_turned(number)}"
    )


def stated_time(seconds: float, what: str) -> None:
    """Raises ValueError if the seconds of a frame that a file states are none that motion is recorded at.

    Args:
        seconds: of a frame, positive.
        what: how a message names file and key.
    """
    if not 1.0 / LARGEST_RATE <= seconds <= 1.0 / LEAST_RATE:
        wanted = f"{1.0 / LARGEST_RATE:g} to {1.0 / LEAST_RATE:g} seconds"
        raise ValueError(f"{what} must be {wanted}, those of a frame; got {seconds:g}. {_turned(seconds, 'rate')}")


def _turned(number: float, kind: str = "time") -> str:
    """The cure of a rate that may be a time, or of a time that may be a rate."""
    turned, told = 1.0 / number, {"time": "the seconds of a frame", "rate": "the frames per second"}[kind]
    least, largest = (LEAST_RATE, LARGEST_RATE) if kind == "time" else (1.0 / LARGEST_RATE, 1.0 / LEAST_RATE)
    likely = least <= turned <= largest
    return f"If it is {told}, write {turned:.6g} in its place." if likely else "Write the number that it was taken at."
