"""Motion in AMASS's layout (.npz): read, resampled to one frame rate, and written."""

import glob
import os
import pathlib
import zipfile

import numpy as np
from absl import logging
from tqdm import tqdm

from niki_tf import files
from niki_tf.motion.clip import Clip, Clips, checked_array, checked_rate, resample

_BODY_JOINTS = {72: 24, 156: 22, 165: 22}
"""Columns of `poses` -> joints taken from the front: SMPL; SMPL-H and SMPL-X, whose hands are fingers, not joints."""

_BAR_FROM = 300  # fewer files than this are read before a progress bar would have been seen


def load_clips(path, *, fps=30.0, skip_bad=False):
    """Reads motion files in AMASS's layout and resamples them to one frame rate.

    A file holds `poses` (T, 72 or 156 or 165) radians, `trans` (T, 3) metres, `mocap_framerate` or
    `mocap_frame_rate`, and perhaps `betas` (the first ten are kept). Of SMPL-H and SMPL-X poses the 22 body joints are
    kept, hands 22 and 23 are zero. An .npz file without `poses`, such as the shape files that AMASS keeps beside its
    motion, is not a motion file and is left out. Where the two frame rates are a whole multiple, frames are picked;
    else rotations are interpolated by slerp and positions linearly.

    The files do not say which axis is up, and nothing is turned here: AMASS has z up, this package y. It makes no
    difference to solvers with a canonical frame.

    Args:
        path: A folder (searched with all its subfolders), one file, or a pattern such as `DIR/cmu__*`.
        fps: Frames per second of the result.
        skip_bad: Leaves a corrupt, empty, wrongly shaped or non-finite file out, counted in the log and in `.skipped`.

    Returns:
        `Clips`, a list of `Clip` in the order of their names.

    Raises:
        FileNotFoundError: `path` leads to no .npz file.
        ValueError: a bad file (named, with the key, what was wanted and what it holds), or no good one.
    """
    fps = checked_rate(fps, "`fps`")
    files, above = _motion_files(path)
    clips, skipped = [], []
    for file in tqdm(files, desc="motion files", unit="file", disable=None if len(files) >= _BAR_FROM else True):
        try:
            clip = _load_clip(file, fps=fps, name=file.relative_to(above).with_suffix("").as_posix())
        except ValueError as error:
            if not skip_bad:
                raise ValueError(f"{error} Repair or remove the file, or skip bad files (`skip_bad`).") from error
            skipped.append(str(error))
            logging.warning("Skipped a bad motion file. %s", error)
        else:
            clips += [clip] if clip else []
    if skipped:
        logging.warning("Skipped %d bad of %d motion files of %s.", len(skipped), len(files), path)
    if not clips:
        raise ValueError(_no_motion(path, files, skipped))
    return Clips(clips, skipped=skipped)


def save_clip(path, clip):
    """Writes `clip` to the .npz file `path` in AMASS's layout, whole or not at all; missing folders are made.

    Raises:
        ValueError: `path` does not end in .npz.
    """
    path = pathlib.Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"`path` must end in .npz; got {path}.")
    with files.atomic_write(path) as beside:
        np.savez_compressed(
            beside,
            poses=clip.poses.reshape(-1, 72),
            trans=clip.trans,
            betas=clip.betas,
            mocap_framerate=np.float32(clip.fps),
            gender="neutral",
        )


def _motion_files(path):
    """The .npz files that `path` (folder, file or pattern) leads to, sorted, and the folder their names count from."""
    text = os.path.expanduser(os.fspath(path))
    whole = glob.escape(text) if os.path.exists(text) else text
    found = [pathlib.Path(place) for place in sorted(glob.glob(whole, recursive=True))]
    files = {file for place in found for file in (place.rglob("*") if place.is_dir() else [place])}
    files = sorted(file for file in files if file.suffix == ".npz" and not file.is_dir())
    if not files:
        got = f"{text}: " + ("no .npz file there" if found else "no such file or folder")
        raise FileNotFoundError(f"`path` must be a folder, a file or a pattern of .npz motion files; got {got}.")
    return files, found[0] if len(found) == 1 and found[0].is_dir() else _folder_above(files)


def _no_motion(path, files, skipped):
    """What to say when none of the `files` of `path` holds good motion."""
    cure = f"The first bad one: {skipped[0]}" if skipped else "Give a folder of motion files."
    return (
        f"`path` must hold good motion files; got {path} with {len(files)} .npz files: {len(skipped)} bad, "
        f"{len(files) - len(skipped)} without `poses`. {cure}"
    )


def _folder_above(files):
    """The deepest folder that holds all `files`."""
    return pathlib.Path(os.path.commonpath([file.parent for file in files]))


def _load_clip(file, *, fps, name):
    """One `Clip` of `file` at `fps`, or None if it holds no motion; a ValueError that names file and key if bad."""
    arrays = _read(file)
    if "poses" not in arrays:
        return None
    rates = [key for key in ("mocap_framerate", "mocap_frame_rate") if key in arrays]
    if not rates or "trans" not in arrays:
        missing = "`mocap_framerate` or `mocap_frame_rate`" if not rates else "`trans`"
        raise ValueError(f"{file} must have the key {missing}; got only {', '.join(sorted(arrays))}.")
    poses = checked_array(arrays["poses"], f"{file}: `poses`", [(None, columns) for columns in _BODY_JOINTS])
    trans = checked_array(arrays["trans"], f"{file}: `trans`", [(len(poses), 3)])
    betas = checked_array(arrays.get("betas", np.zeros(10)), f"{file}: `betas`", [(None,)])[:10]
    joints = _BODY_JOINTS[poses.shape[1]]
    body = np.zeros([len(poses), 24, 3], np.float32)
    body[:, :joints] = poses[:, : 3 * joints].reshape(-1, joints, 3)
    clip = Clip(
        poses=body,
        trans=trans,
        fps=checked_rate(arrays[rates[0]], f"{file}: `{rates[0]}`"),
        betas=np.pad(betas, (0, 10 - len(betas))),
        name=name,
    )
    return resample(clip, fps)


def _read(file):
    """The arrays of interest in `file`: those of a motion file that are there; nothing pickled is ever opened."""
    if not zipfile.is_zipfile(file):
        size = file.stat().st_size if file.is_file() else 0
        raise ValueError(f"{file} must be a whole .npz file; got {size} bytes, cut off or something else.")
    key = "the list of its arrays"
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = dict.fromkeys(archive.files)
            for key in {"poses", "trans", "betas", "mocap_framerate", "mocap_frame_rate"} & set(arrays):
                arrays[key] = archive[key]
            return arrays
    except Exception as error:  # a damaged zip or array header shows in a dozen kinds of error
        raise ValueError(f"{file}: `{key}` must be a readable array of numbers; got {error or repr(error)}.") from error
