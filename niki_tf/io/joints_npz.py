"""Observed joints in .npz files, or those of a motion file with noise added; poses written in AMASS's layout."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

from niki_tf import archives, contract, rotations
from niki_tf.body.posing import BodyPoser
from niki_tf.io import amass
from niki_tf.motion import observed_motion
from niki_tf.motion.clip import Clip
from niki_tf.motion.observed_motion import ObservedMotion
from niki_tf.shapes import real_number

_CURE = "Write one with numpy.savez(path, joints=joints)."


def load_observed(
    path: str | os.PathLike, *, poser: BodyPoser, noise_mm: float, seed: int, trans: str = "transl"
) -> ObservedMotion:
    """The `ObservedMotion` of an .npz file: of its `joints` as they are, or of a motion file with noise added.

    Args:
        path: an .npz file with `joints` and what else `motion.from_joints` reads, or a file in AMASS's layout.
        poser: `BodyPoser` of the body that moves.
        noise_mm: standard deviation of the noise on the joints of a motion file, millimetres; see `motion.observe`.
        seed: of the noise.
        trans: what `trans` of a motion file is that does not say so; see `load_clips`.

    Raises:
        ValueError: the file is not there, cannot be read, or holds neither joints nor motion.
    """
    path = archives.as_path("path", path)
    noise_mm = real_number("noise_mm", noise_mm, least=0.0, cure="It is in millimetres; 0 for none.")
    seed = int(real_number("seed", seed, least=0, whole=True, cure="It is of random numbers."))
    if not path.is_file():
        raise ValueError(f"`path` must be an .npz file; got {str(path)!r}, where there is none. Check the spelling.")
    read = archives.read_arrays(path, names=contract.INPUTS, wanted="an .npz file of arrays", cure=_CURE)
    arrays = {name: array for name, array in read.items() if array is not None}
    if "joints" in arrays:
        try:
            return observed_motion.from_joints(arrays, num_betas=poser.num_betas)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    return observed_motion.observe(amass.load_clips(path, trans=trans)[0], poser=poser, noise_mm=noise_mm, seed=seed)


def save_poses(path: str | os.PathLike, answer: Mapping[str, Any], observed: ObservedMotion) -> pathlib.Path:
    """Writes a solver's answer in AMASS's layout and returns the path; `trans` is added to the body at rest.

    Args:
        path: an .npz file.
        answer: dict with global_orient (T, 1, 3, 3), body_pose (T, 23, 3, 3) and transl (T, 3).
        observed: the motion that was solved, of T frames; betas are those of its first frame.

    Raises:
        ValueError: `path` does not end in .npz, or the answer has no transl.
    """
    path = pathlib.Path(path)
    if "transl" not in answer:
        raise ValueError(f"`answer` must hold transl; got {', '.join(answer)}. Export the model anew.")
    clip = Clip(
        poses=rotations.matrix_to_rotvec(contract.local_rotations(answer)).numpy(),
        trans=answer["transl"] + observed.origin,
        fps=observed.fps,
        betas=observed.inputs["betas"][0],
        name=path.stem,
    )
    amass.save_clip(path, clip)
    return path
