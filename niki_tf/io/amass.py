"""Motion files in AMASS's layout (.npz): reading with resampling to one frame rate, and writing."""

import glob
import os
import pathlib
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from niki_tf import archives, files, skeletons
from niki_tf.io import amass_layout, amass_original
from niki_tf.log import logger
from niki_tf.motion.clip import (
    LARGEST_BETA,
    LARGEST_PATH,
    NUM_BETAS,
    Clip,
    Clips,
    check_trans_convention,
    checked_array,
    checked_rate,
    resample,
    stated_rate,
)

_COLUMNS = 72
"""Columns of `poses` that are written if nothing else is asked for: SMPL's."""
_PROGRESS_FROM = 300
"""Number of files from which on a progress bar is shown: fewer are read before it would be seen."""


class NoMotionFileError(FileNotFoundError, ValueError):
    """A path that leads to no motion file."""


def load_clips(
    path: str | os.PathLike, *, fps: float | None = 30.0, skip_bad: bool = False, trans: str = "transl"
) -> Clips:
    """The motion of files in AMASS's layout, resampled to one frame rate.

    A file holds `poses` (T, 66 or 72 or 156 or 165) radians, or else `root_orient` (T, 3) and `pose_body` (T, 63),
    `trans` (T, 3) metres, `mocap_framerate` or `mocap_frame_rate`, and perhaps `betas` of any number. Of poses other
    than SMPL's the 22 body joints are kept, hands 22 and 23 are zero; `save_clip` puts fingers and face back. An .npz
    file without rotations, such as the shape files that AMASS stores beside its motion, is no motion file and is left
    out. Where the two frame rates are a whole multiple, frames are picked; else rotations are interpolated by slerp and
    positions linearly. Frames that are not even have their seconds in `times` (T,).

    The files do not say which axis is up, and motion is not rotated: AMASS has z up, this package y. Solvers with a
    canonical frame are not affected.

    Args:
        path: a folder (searched with all its subfolders), one file, or a pattern such as `DIR/cmu__*`.
        fps: frames per second of the result; None is each file's own.
        trans: what `trans` is in files that do not say it by a key `trans_convention`; see `Clip.trans_convention`.
        skip_bad: leave a corrupt, empty, wrongly shaped or non-finite file out, reported in the log and in `.skipped`.

    Returns:
        `Clips`, a list of `Clip` in the order of their names.

    Raises:
        NoMotionFileError: `path` leads to no .npz file; it is a FileNotFoundError and a ValueError.
        ValueError: a bad file (with its key, what was wanted and what it holds), or no good one.
    """
    import tqdm

    fps = None if fps is None else checked_rate(fps, "`fps`")
    check_trans_convention(trans, "`trans`")
    found, above = motion_files(path)
    clips, skipped = [], []
    hidden = None if len(found) >= _PROGRESS_FROM else True
    for file in tqdm.tqdm(found, desc="motion files", unit="file", disable=hidden):
        try:
            clip = _load_clip(file, fps=fps, name=file.relative_to(above).with_suffix("").as_posix(), convention=trans)
        except ValueError as error:
            if not skip_bad:
                raise ValueError(f"{error} Repair or remove the file, or skip bad files (`skip_bad`).") from error
            skipped.append(str(error))
            logger.warning("Skipped a bad motion file. %s", error)
        else:
            clips += [clip] if clip else []
    if skipped:
        logger.warning("Skipped %d bad of %d motion files of %s.", len(skipped), len(found), path)
    if not clips:
        raise ValueError(_no_motion(path, found, skipped))
    return Clips(clips, skipped=skipped)


def save_clip(
    path: str | os.PathLike, clip: Clip, *, original: str | os.PathLike | None = None, columns: int | None = None
) -> None:
    """Writes `clip` to the .npz file `path` in AMASS's layout, atomically; missing folders are made.

    With an `original`, everything in it is kept but the rotations of the body in `poses`, `root_orient` and
    `pose_body`, `trans`, the frame rate, and `betas` if the clip's differ: fingers, face, gender, markers, keys of any
    name. What is pickled in it is copied without being opened. A clip of fewer frames at the original's rate is its
    first frames, to which fingers and all that has as many rows are cut.

    The SMPL-X Blender add-on takes files of 165 columns with `trans`, `gender`, `betas` and the frame rate, which this
    writes: of `columns=165`, or into such an original. Choose its format SMPL-X where y is up, AMASS where z is; its
    frame rate must not be above the file's.

    Args:
        path: an .npz file.
        clip: the motion.
        original: a file in AMASS's layout with the same frames, or more, such as the one that the clip was read from
            at its own rate (`load_clips(original, fps=None)`).
        columns: of `poses` without an original: 72 (default, SMPL), 66 (body alone), 156 (SMPL-H), 165 (SMPL-X).
            Where the body has no joints 22 and 23, these two are lost; fingers and face are zero.

    Raises:
        ValueError: `path` does not end in .npz, `original` is no motion file, has fewer frames or another
            rate, or `columns` is another number or is given beside an original.

    Example:
        >>> import pathlib, tempfile
        >>> from niki_tf import io, motion
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     io.save_clip(pathlib.Path(folder, "a.npz"), motion.made_motion(0, frames=60))
        ...     clips = io.load_clips(folder, fps=10)
        >>> len(clips[0]), clips[0].name
        (20, 'a')
    """
    path = archives.as_path("path", path)
    if path.suffix != ".npz":
        raise ValueError(f"`path` must end in .npz; got {path}. Other formats have writers of their own.")
    if columns is not None and (
        not isinstance(columns, int) or columns not in amass_layout.BODY_JOINTS or original is not None
    ):
        known = ", ".join(map(str, amass_layout.BODY_JOINTS))
        raise ValueError(
            f"`columns` must be one of {known}, and None with an `original`; got {columns!r}. 72 are SMPL's."
        )
    if original is None:
        new = _arrays(clip, columns or _COLUMNS)
        kept: dict[str, bytes] = {}
    else:
        (before,) = load_clips(original, fps=None)
        amass_original.check_frames(clip, before)
        new = amass_original.replaced(clip, before, pathlib.Path(original))
        kept = amass_original.others(pathlib.Path(original), new, frames=len(before), kept=len(clip))
    with files.atomic_write(path) as temporary:
        np.savez_compressed(temporary, **new)
        with zipfile.ZipFile(temporary, "a", zipfile.ZIP_DEFLATED) as archive:
            for name, content in kept.items():
                archive.writestr(name, content)


def motion_files(path: str | os.PathLike) -> tuple[list[pathlib.Path], pathlib.Path]:
    """The .npz files that `path` leads to, sorted, and the folder their names count from.

    Args:
        path: a folder (searched with all its subfolders), one file, or a pattern.

    Raises:
        NoMotionFileError: `path` leads to no .npz file.
    """
    text = str(archives.as_path("path", path))
    whole = glob.escape(text) if os.path.exists(text) else text
    found = [pathlib.Path(place) for place in sorted(glob.glob(whole, recursive=True))]
    below = {file for place in found for file in (place.rglob("*") if place.is_dir() else [place])}
    found_files = sorted(file for file in below if file.suffix == ".npz" and not file.is_dir())
    if not found_files:
        got = f"{text}: " + ("no .npz file there" if found else "no such file or folder")
        raise NoMotionFileError(
            f"`path` must be a folder, a file or a pattern of .npz motion files; got {got}. Check the spelling."
        )
    return found_files, found[0] if len(found) == 1 and found[0].is_dir() else _folder_above(found_files)


def _no_motion(path: str | os.PathLike, found: Sequence[pathlib.Path], skipped: Sequence[str]) -> str:
    """Message for a `path` none of whose files `found` holds good motion."""
    cure = f"The first bad one: {skipped[0]}" if skipped else "Give a folder of motion files."
    return (
        f"`path` must hold good motion files; got {path} with {len(found)} .npz files: {len(skipped)} bad, "
        f"{len(found) - len(skipped)} without `poses`. {cure}"
    )


def _folder_above(paths: Sequence[pathlib.Path]) -> pathlib.Path:
    """The deepest folder that holds all `paths`."""
    return pathlib.Path(os.path.commonpath([path.parent for path in paths]))


def _load_clip(file: pathlib.Path, *, fps: float | None, name: str, convention: str) -> Clip | None:
    """The `Clip` of `file` at `fps`, or None if it holds no motion; a ValueError names file and key if it is bad.

    `convention` is that of a file which does not say its own.
    """
    arrays = amass_layout.read_arrays(file)
    if "poses" not in arrays and not set(amass_layout.PARTS) <= set(arrays):
        return None
    rates = [key for key in amass_layout.RATES if key in arrays]
    if not rates or "trans" not in arrays:
        missing = " or ".join(f"`{key}`" for key in amass_layout.RATES) if not rates else "`trans`"
        raise ValueError(f"{file} must have the key {missing}; got only {', '.join(sorted(arrays))}.")
    poses = amass_layout.rotations_of(arrays, file)
    trans = checked_array(arrays["trans"], f"{file}: `trans`", [(len(poses), 3)], largest=LARGEST_PATH)
    shapes: list[tuple[int | None, ...]] = [(None,), (1, None)]
    betas = checked_array(arrays.get("betas", np.zeros(NUM_BETAS)), f"{file}: `betas`", shapes, largest=LARGEST_BETA)
    joints = amass_layout.BODY_JOINTS[poses.shape[1]]
    body = np.zeros([len(poses), skeletons.NUM_ROTATIONS, 3], np.float32)
    body[:, :joints] = poses[:, : 3 * joints].reshape(-1, joints, 3)
    checked = checked_rate if amass_layout.CONVENTION in arrays else stated_rate  # this package may write slower ones
    rate = checked(arrays[rates[0]], f"{file}: `{rates[0]}`")
    clip = Clip(
        poses=body,
        trans=trans,
        fps=rate,
        betas=betas.reshape(-1),
        name=name,
        trans_convention=str(arrays.get(amass_layout.CONVENTION, convention)),
        up=str(arrays[amass_layout.UP]) if amass_layout.UP in arrays else None,
        times=amass_layout.times_of(arrays, frames=len(poses), fps=rate),
    )
    try:
        return clip if fps is None else resample(clip, fps)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _arrays(clip: Clip, columns: int) -> dict[str, Any]:
    """Arrays of a file of its own."""
    return {
        "poses": amass_layout.with_body(np.zeros([len(clip), columns], np.float32), clip),
        "trans": clip.trans,
        "betas": np.pad(clip.betas, (0, max(NUM_BETAS - len(clip.betas), 0))),
        "mocap_framerate": np.float32(clip.fps),
        "gender": "neutral",
        **amass_layout.told(clip),
    }
