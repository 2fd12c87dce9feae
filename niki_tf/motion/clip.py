"""Motion as rotations: one stretch of one person, resampled to one frame rate."""

import dataclasses

import numpy as np

from niki_tf.motion import quaternions


@dataclasses.dataclass(frozen=True, eq=False)
class Clip:
    """One stretch of motion of one person, on SMPL's tree.

    Example:
        >>> import numpy as np
        >>> from niki_tf import data
        >>> clip = motion.Clip(poses=np.zeros([90, 24, 3]), trans=np.zeros([90, 3]))
        >>> len(clip), clip.fps
        (90, 30.0)
    """

    poses: np.ndarray
    """Local axis-angle rotations, root first, (T, 24, 3) float32, radians."""
    trans: np.ndarray
    """Position of the root as the file gives it, (T, 3) float32, metres."""
    fps: float = 30.0
    """Frames per second."""
    betas: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(10, np.float32))
    """Shape of the person, (10,) float32."""
    name: str = ""
    """Where the clip comes from: the file's place below the folder that was read, without its ending."""

    def __post_init__(self):
        for field, wanted in {"poses": (None, 24, 3), "trans": (None, 3), "betas": (10,)}.items():
            array = checked_array(getattr(self, field), f"`{field}`", [wanted])
            object.__setattr__(self, field, array.astype(np.float32))
        if len(self.trans) != len(self.poses):
            raise ValueError(f"`trans` must have the {len(self.poses)} frames of `poses`; got {len(self.trans)}.")
        object.__setattr__(self, "fps", checked_rate(self.fps, "`fps`"))

    def __len__(self):
        return len(self.poses)


class Clips(list):
    """A list of `Clip`; `skipped` holds one message for each bad file that was left out."""

    def __init__(self, clips=(), *, skipped=()):
        super().__init__(clips)
        self.skipped = tuple(skipped)


def resample(clip, fps):
    """The same motion as `clip` at `fps` frames per second: frames picked where the ratio is whole, else slerp."""
    fps, ratio = checked_rate(fps, "`fps`"), clip.fps / fps
    step = round(ratio)
    if step >= 1 and abs(ratio - step) < 1e-3 * step:
        return dataclasses.replace(clip, poses=clip.poses[::step], trans=clip.trans[::step], fps=fps)
    times = np.arange(int((len(clip) - 1) / ratio + 1e-6) + 1) * ratio
    before = np.minimum(times.astype(int), max(len(clip) - 2, 0))
    after = np.minimum(before + 1, len(clip) - 1)
    fraction = np.minimum(times - before, 1.0)[:, None]
    turns = quaternions.rotvec_to_quaternion_wxyz(clip.poses.astype(np.float64))
    turns = quaternions.slerp(turns[before], turns[after], fraction[..., None])
    trans = (1.0 - fraction) * clip.trans[before] + fraction * clip.trans[after]
    return dataclasses.replace(clip, poses=quaternions.quaternion_wxyz_to_rotvec(turns), trans=trans, fps=fps)


def checked_array(array, what, shapes):
    """`array`, if it is finite and of one of the `shapes` (None: one or more of anything), in floating point."""
    array = np.asarray(array)
    fits = any(
        array.ndim == len(shape) and all(w in (None, g) for w, g in zip(shape, array.shape, strict=True))
        for shape in shapes
    )
    if not fits or not array.size or array.dtype.kind not in "fiu":
        wanted = " or ".join(str(shape).replace("None", "T") for shape in shapes)
        raise ValueError(f"{what} must be numbers of shape {wanted}, T >= 1; got {array.dtype} {array.shape}.")
    array = array.astype(np.result_type(array.dtype, np.float32))
    if not np.isfinite(array).all():
        raise ValueError(f"{what} must be finite; got {np.count_nonzero(~np.isfinite(array))} numbers that are not.")
    return array


def checked_rate(rate, what):
    """The frame rate as a float; ValueError if it is not one positive number."""
    rate = np.asarray(rate)
    if rate.size != 1 or rate.dtype.kind not in "fiu" or not 0 < rate.item() < np.inf:
        raise ValueError(f"{what} must be one positive number of frames per second; got {rate}.")
    return float(rate.item())
