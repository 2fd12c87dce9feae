"""Observed joints in .npz files, or those of a motion file with noise added; poses written in AMASS's layout."""

import os
import pathlib

import numpy as np

from niki_tf import contract, rotations
from niki_tf.body.body_joints import BodyJoints
from niki_tf.body.posing import BodyPoser
from niki_tf.io import amass
from niki_tf.motion import observed_motion
from niki_tf.motion.clip import Clip
from niki_tf.motion.observed_motion import ObservedMotion

_CURE = "Write one with numpy.savez(path, joints=joints)."


def load_observed(path: str | os.PathLike, *, poser: BodyPoser, noise_mm: float, seed: int) -> ObservedMotion:
    """The `ObservedMotion` of an .npz file: of its `joints` as they are, or of a motion file with noise added.

    Args:
        path: an .npz file with `joints` and what else `motion.from_joints` reads, or a file in AMASS's layout.
        poser: `BodyPoser` of the body that moves.
        noise_mm: standard deviation of the noise on the joints of a motion file, millimetres; see `motion.observe`.
        seed: of the noise.

    Raises:
        ValueError: the file is not there, cannot be read, or holds neither joints nor motion.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"`path` must be an .npz file; there is no file {str(path)!r}.")
    with _opened(path) as file:
        arrays = {name: file[name] for name in contract.INPUTS if name in file.files}
    if "joints" in arrays:
        return observed_motion.from_joints(arrays, num_betas=poser.num_betas)
    return observed_motion.observe(amass.load_clips(path)[0], poser=poser, noise_mm=noise_mm, seed=seed)


def save_poses(
    path: str | os.PathLike, local: np.ndarray, observed: ObservedMotion, *, body_joints: BodyJoints
) -> pathlib.Path:
    """Writes the poses of an answer in AMASS's layout and returns the path; `trans` is added to the resting pelvis.

    Args:
        path: an .npz file.
        local: (T, 24, 3, 3) local rotation matrices, root first.
        observed: the motion that was solved, of T frames; betas are those of its first frame.
        body_joints: `BodyJoints` of the body that was solved for.

    Raises:
        ValueError: `path` does not end in .npz, or the body has other than ten betas.
    """
    path = pathlib.Path(path)
    betas = observed.inputs["betas"]
    clip = Clip(
        poses=rotations.matrix_to_rotvec(local).numpy(),
        trans=observed.joints[:, 0] - body_joints(betas).numpy()[:, 0],
        fps=observed.fps,
        betas=betas[0],
        name=path.stem,
    )
    amass.save_clip(path, clip)
    return path


def _opened(path: pathlib.Path) -> np.lib.npyio.NpzFile:
    """The .npz file `path`; ValueError if it is something else."""
    try:
        file = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"`path` must be an .npz file of arrays; {path} cannot be read ({error}). {_CURE}") from None
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise ValueError(f"`path` must be an .npz file with named arrays; {path} holds a single one. {_CURE}")
    return file
