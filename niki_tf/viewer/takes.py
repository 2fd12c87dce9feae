"""What a viewer shows: motion of files, and the answers of solvers to the joints of one person."""

import os
from collections.abc import Sequence

import numpy as np

from niki_tf import io
from niki_tf.inference import Motion
from niki_tf.inference.reading import Person
from niki_tf.motion.clip import Clip
from niki_tf.player.skinned import Played


def of_file(path: str | os.PathLike, *, fps: float | None = None) -> list[Played]:
    """The motion of a file in AMASS's layout, or of all files of a folder.

    Args:
        path: of the file or folder.
        fps: frames per second that they are brought to; each file's own if None.

    Raises:
        ValueError: a file is bad; see `io.load_clips`.
        FileNotFoundError: there is none.
    """
    return [Played(clip.name or str(path), clip) for clip in io.load_clips(path, fps=fps)]


def of_answer(motion: Motion, person: Person, *, name: str) -> Played:
    """An answer with the joints that it was solved from, its states and its expected errors."""
    clip = Clip(
        poses=motion.rotation_vectors, trans=motion.transl, fps=motion.fps, betas=motion.betas[0], name=name, up="y"
    )
    return Played(
        name, clip, states=motion.state, errors=motion.expected_error, points=points_in_metres(motion, person)
    )


def points_in_metres(motion: Motion, person: Person) -> np.ndarray:
    """The person's joints (T, J, 3) in metres with y up, as the motion is, NaN where they were not seen."""
    joints = np.asarray(person.joints, np.float64)
    places = joints[..., :3]
    if motion.layout is not None:
        places = np.where(np.isfinite(places), motion.layout.to_metres(places, mirror=motion.mirrored), np.nan)
    residual = motion.residual
    return np.where(np.isfinite(residual)[..., None], places, np.nan).astype(np.float32)


def same_rate(takes: Sequence[Played]) -> None:
    """Checks that motions that are played together have one frame rate.

    Raises:
        ValueError: they have not.
    """
    rates = {round(float(take.clip.fps), 3) for take in takes}
    if len(rates) > 1:
        shown = ", ".join(f"{take.name} {take.clip.fps:g}" for take in takes)
        raise ValueError(f"the motions must have one frame rate to be played side by side; got {shown}. Give `fps`.")
