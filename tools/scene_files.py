"""Files of joints or motion as scenes, and answers as motion files."""

import pathlib

import numpy as np

from niki_tf import data, evaluation, rotations

_ARRAYS = ("joints", "joint_sigma", "betas", "twist")


def scene_of_file(path, *, scorer, noise_mm, seed):
    """The `Scene` of an .npz file: `joints` and what lies beside them as they are, or a motion's joints made noisy.

    Raises:
        ValueError: the file is not there, or holds neither.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"`input` must be an .npz file; there is no file {str(path)!r}.")
    with _opened(path) as file:
        arrays = {name: file[name] for name in _ARRAYS if name in file.files}
    if "joints" in arrays:
        return evaluation.scene_of_joints(arrays, num_betas=scorer.num_betas)
    return evaluation.observed_scene(data.load_clips(path)[0], scorer=scorer, noise_mm=noise_mm, seed=seed)


def write_poses(path, local, scene, *, skeleton):
    """Writes an answer (T, 24, 3, 3) in AMASS's layout (`trans` is added to the resting pelvis) and gives the path."""
    pelvis = skeleton(scene.inputs["betas"]).numpy()[:, 0]
    clip = data.Clip(
        poses=rotations.matrix_to_rotvec(local).numpy(), trans=scene.joints[:, 0] - pelvis, fps=scene.fps,
        betas=scene.inputs["betas"][0], name=path.stem,
    )  # fmt: skip
    data.save_clip(path, clip)
    return path


def _opened(path):
    """The .npz file `path`; ValueError if it is something else."""
    try:
        file = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"`input` must be an .npz file of arrays; {path} cannot be read ({error}).") from None
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise ValueError(f"`input` must be an .npz file with named arrays; {path} holds a single one.")
    return file
