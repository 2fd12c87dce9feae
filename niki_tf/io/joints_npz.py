"""Observed joints in an .npz file, or those of a motion that are made noisy; poses written back."""

import pathlib

import numpy as np

from niki_tf import rotations
from niki_tf.io import amass
from niki_tf.motion import observed_motion
from niki_tf.motion.clip import Clip

_ARRAYS = ("joints", "joint_sigma", "betas", "twist")


def load_observed(path, *, poser, noise_mm, seed):
    """The `ObservedMotion` of an .npz file: `joints` as they are, or the joints of a motion made noisy.

    Raises:
        ValueError: the file is not there, or holds neither.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"`input` must be an .npz file; there is no file {str(path)!r}.")
    with _opened(path) as file:
        arrays = {name: file[name] for name in _ARRAYS if name in file.files}
    if "joints" in arrays:
        return observed_motion.from_joints(arrays, num_betas=poser.num_betas)
    return observed_motion.observe(amass.load_clips(path)[0], poser=poser, noise_mm=noise_mm, seed=seed)


def save_poses(path, local, observed, *, body_joints):
    """Writes an answer (T, 24, 3, 3) in AMASS's layout (`trans` is added to the resting pelvis) and gives the path."""
    pelvis = body_joints(observed.inputs["betas"]).numpy()[:, 0]
    clip = Clip(
        poses=rotations.matrix_to_rotvec(local).numpy(),
        trans=observed.joints[:, 0] - pelvis,
        fps=observed.fps,
        betas=observed.inputs["betas"][0],
        name=path.stem,
    )
    amass.save_clip(path, clip)
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
