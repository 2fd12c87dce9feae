"""What a motion file holds beside the motion of the body, kept when that motion is replaced."""

import io
import pathlib
from typing import Any

import numpy as np

from niki_tf import archives
from niki_tf.io import amass_layout
from niki_tf.motion.clip import NUM_BETAS, Clip


def check_frames(clip: Clip, before: Clip) -> None:
    """Raises ValueError unless `clip` has the frames of `before`, or at the same times its first ones."""
    if len(before) != len(clip) and not (len(clip) < len(before) and _same_times(before, clip)):
        raise ValueError(
            f"`clip` must have the {len(before)} frames of `original`; got {len(clip)}. Solve it at its own rate, "
            f"{before.fps:g} frames per second."
        )


def replaced(clip: Clip, before: Clip, original: pathlib.Path) -> dict[str, Any]:
    """What of a file is another in `clip`, in the file's shapes and precision, float32 at least.

    Args:
        clip: the new motion.
        before: the motion of the file, at its own rate.
        original: path of the file.
    """
    held = {name: array for name, array in amass_layout.read_arrays(original).items() if array is not None}
    new: dict[str, Any] = {
        "trans": _like(held["trans"], clip.trans),
        **amass_layout.told(clip),
    }
    if before.times is not None and clip.times is None:
        new[amass_layout.TIMES] = _seconds(clip)
    if "poses" in held:
        poses = held["poses"][: len(clip)]
        new["poses"] = amass_layout.with_body(_like(poses, poses), clip)
    parts = {"root_orient": clip.poses[:, 0], "pose_body": clip.poses[:, 1:22].reshape(len(clip), -1)}
    new |= {name: _like(held[name], part) for name, part in parts.items() if name in held}
    if not _same_rate(before, clip):
        new |= {name: np.asarray(clip.fps).reshape(held[name].shape) for name in amass_layout.RATES if name in held}
    if not _same_shape(before.betas, clip.betas):
        new["betas"] = np.zeros(max(NUM_BETAS, len(clip.betas), np.size(held.get("betas", ()))), np.float32)
        new["betas"][: len(clip.betas)] = clip.betas
    return new


def others(original: pathlib.Path, new: dict[str, Any], *, frames: int, kept: int) -> dict[str, bytes]:
    """Members of a file that are not in `new`, as they are, but for frames that are cut off.

    Arrays of numbers with `frames` rows, such as soft tissue and markers, hold a row a frame and are cut to the first
    `kept`.

    Args:
        original: path of the file.
        new: what is written in place of its own.
        frames: of the file.
        kept: frames of the motion that is written.
    """
    with archives.opened(original, wanted="a whole .npz file of motion") as archive:
        left = [member for member in archive.infolist() if member.filename.removesuffix(".npy") not in new]
        archives.check_sizes(left)
        members = {member.filename: archive.read(member) for member in left}
    if kept == frames:
        return members
    return {name: content if name == "betas.npy" else _cut(content, frames, kept) for name, content in members.items()}


def _cut(content: bytes, frames: int, kept: int) -> bytes:
    """An .npy file with its first rows, if it holds numbers with a row for each frame; others as they are."""
    try:
        array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except ValueError:  # what is pickled, or no array
        return content
    if array.dtype.kind not in "fiub" or array.shape[:1] != (frames,):
        return content
    cut = io.BytesIO()
    np.lib.format.write_array(cut, array[:kept], allow_pickle=False)
    return cut.getvalue()


def _same_rate(before: Clip, clip: Clip) -> bool:
    return bool(np.isclose(before.fps, clip.fps, rtol=1e-6))


def _same_times(before: Clip, clip: Clip) -> bool:
    """Whether the frames of `clip` are as far apart as the first ones of `before`, to a twentieth of a step."""
    first, second = _seconds(before)[: len(clip)], _seconds(clip)
    return bool(np.abs((first - first[0]) - (second - second[0])).max() < 0.05 / clip.fps)


def _seconds(clip: Clip) -> np.ndarray:
    return np.arange(len(clip)) / clip.fps if clip.times is None else clip.times


def _same_shape(before: np.ndarray, betas: np.ndarray) -> bool:
    """Whether betas are those of the file, as far as both go, and zeros beyond."""
    common = min(len(before), len(betas))
    return np.allclose(before[:common], betas[:common], rtol=1e-5, atol=1e-6) and not betas[common:].any()


def _like(before: np.ndarray, array: np.ndarray) -> np.ndarray:
    """A copy of `array` in the precision of `before`, but float32 at least."""
    return array.astype(np.result_type(before.dtype, np.float32))
