"""The bone protocol: the error of the lengths of bones that are found from joints with noise.

200 bodies of random shape, those of the noise protocol, move as 60 frames each do, which begin at places spread evenly
over all clips. The joints get Gaussian noise of the same size along each axis, and `bone_shape.estimate_shape` finds
the shape. Five kinds of people are measured:

- `adult`: the bodies as they are;
- `child` and `giant`: the same, smaller or larger as a whole;
- `adult_absent`: adults of whom each joint of each frame is absent with the probability of one in five;
- `adult_10_frames`: adults of whom the first ten frames are seen.

Rows of the solver `mean_shape` are what one has without finding a shape: the bones of the body with zero betas.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tqdm

from niki_tf import skeletons
from niki_tf.body import BodyData, BodyJoints
from niki_tf.evaluation.protocols import common, frame_windows
from niki_tf.evaluation.protocols.common import Stream
from niki_tf.evaluation.tables import Row, pivot, text_table
from niki_tf.fitting import bone_shape
from niki_tf.motion.clip import Clip

LEVELS_MM = (0, 10, 20, 30, 50, 70, 100)
"""Standard deviations of the noise along each axis, millimetres."""

BODIES = 200
"""Bodies of random shape, the same for all kinds of people."""

FINDER = "bone_shape"
"""What finds the shape, in the column `solver`."""
MEAN = "mean_shape"
"""In its place: the body with zero betas, whatever is seen."""


class People(NamedTuple):
    """One kind of people."""

    size: float = 1.0
    """Multiple of the random bodies' size."""
    absent: float = 0.0
    """Probability that a joint of a frame is absent."""
    frames: int = common.CLIP_FRAMES
    """Frames that are seen."""

    @property
    def is_seen_whole(self) -> bool:
        """Whether all joints of all frames are seen."""
        return not self.absent and self.frames == common.CLIP_FRAMES


PEOPLE = {
    "adult": People(),
    "child": People(size=0.7),
    "giant": People(size=1.15),
    "adult_absent": People(absent=0.2),
    "adult_10_frames": People(frames=10),
}
"""The kinds of people by name."""

_HEADINGS = {
    "median_mm": "Median error of the lengths of bones, mm",
    "mean_mm": "Mean error of the lengths of bones, mm",
    "size_percent": "Mean error of the size, all bones together, %",
    "error_to_sigma": "Root mean square of the error of a length over the sigma that is told with it",
}


def bone_rows(
    clips: Sequence[Clip],
    *,
    body: BodyData,
    solvers: Mapping[str, common.Solver] | None = None,
    stride: int = 1,
    seed: int = 0,
    levels_mm: Sequence[float] = LEVELS_MM,
    bodies: int = BODIES,
    batch_size: int = 256,
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol; the shapes, the motion and the noise are the same for all kinds of people.

    Args:
        clips: list of Clip; those of fewer than 60 frames are left out.
        body: BodyData whose shape is found.
        solvers: not used: the shape is found before a pose is.
        stride: use every n-th clip.
        seed: of the shapes, the noise and the absent joints.
        levels_mm: standard deviations of the noise along each axis, millimetres.
        bodies: number of bodies.
        batch_size: not used: a motion is taken at a time.
        progress: show a progress bar.

    Returns:
        list of dicts: solver (FINDER, or MEAN for those who are seen whole), people, noise_mm, frames; median_mm and
        mean_mm, of the absolute errors of all 28 bones of all bodies; size_percent, mean absolute error of the size;
        and error_to_sigma, the root mean square of the errors divided by the sigma that is told with them, which is 1
        where that is right; None of MEAN.

    Raises:
        ValueError: no clips of 60 frames, or a number out of range.
    """
    common.check_arguments(clips, {FINDER: bone_shape.estimate_shape}, stride=stride, batch_size=batch_size)
    _check(levels_mm, bodies)
    motions = _Motions(common.long_clips(clips, stride=stride), body.body_joints(), bodies=bodies, seed=seed)
    rows = []
    with tqdm.tqdm(total=len(PEOPLE) * len(levels_mm) * bodies, unit="body", disable=not progress) as bar:
        for name, people in PEOPLE.items():
            clean, lengths = motions.moved(people.size)
            for level in levels_mm:
                found = []
                for joints, sigma in motions.observed(clean, people, noise=level / 1000):
                    found.append(bone_shape.estimate_shape(joints, sigma, body_joints=motions.body_joints))
                    bar.update()
                which = {"solver": FINDER, "people": name, "noise_mm": level, "frames": bodies * people.frames}
                rows.append({**which, **_errors(found, lengths)})
            if people.is_seen_whole:
                of_mean = _length_errors(motions.mean_lengths, lengths)
                rows += [{**row, "solver": MEAN, **of_mean} for row in rows[-len(levels_mm) :]]
    return rows


def bone_tables(rows: Sequence[Row]) -> str:
    """A text table for each number, a line for each kind of people, a column for each level."""
    lines = [{**row, "line": row["people"] + f", {MEAN}" * (row["solver"] == MEAN)} for row in rows]
    tables = []
    for metric, heading in _HEADINGS.items():
        some = pivot([row for row in lines if row[metric] is not None], index="line", column="noise_mm", value=metric)
        tables.append(f"{heading}\n{text_table(some, decimals=2)}")
    return "\n\n".join(["Columns are mm of noise on each axis.", *tables])


def _check(levels_mm: Sequence[float], bodies: int) -> None:
    if not levels_mm or min(levels_mm) < 0:
        raise ValueError(f"`levels_mm` must be millimetres, none below 0; got {tuple(levels_mm)}.")
    if bodies < 1:
        raise ValueError(f"`bodies` must be at least 1; got {bodies}.")


class _Motions:
    """Random bodies that move, and the noise of their joints.

    Args:
        clips: of 60 frames or more.
        body_joints: of the body.
        bodies: their number, N.
        seed: of shapes, noise and absent joints.
    """

    def __init__(self, clips: Sequence[Clip], body_joints: BodyJoints, *, bodies: int, seed: int) -> None:
        self.body_joints = body_joints
        betas = common.random_bodies(bodies, num_betas=body_joints.num_betas, seed=seed)
        self._joints = frame_windows.posed_joints(body_joints)(_spread_poses(clips, bodies), betas).numpy()
        self._lengths = _bone_lengths(body_joints(betas).numpy())
        self.mean_lengths = _bone_lengths(body_joints(np.zeros_like(betas[:1])).numpy())
        """(1, 28) metres, those of the body with zero betas."""
        size = (bodies, common.CLIP_FRAMES, skeletons.NUM_JOINTS)
        self._noise = common.random_noise(bodies * common.CLIP_FRAMES, seed=seed).reshape(*size, 3)
        self._absent = common.random_stream(seed, Stream.ABSENT).random(size, np.float32)

    def moved(self, size: float) -> tuple[np.ndarray, np.ndarray]:
        """Joints (N, 60, 29, 3) and true lengths of bones (N, 28), metres, of bodies that are `size` times as large."""
        return size * self._joints, size * self._lengths

    def observed(self, clean: np.ndarray, people: People, *, noise: float) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each body the joints (T, 29, 3) and their sigma (T, 29); `noise` in metres."""
        sigma = np.where(self._absent < people.absent, skeletons.ABSENT, 0.0)
        seen, sigma = (values[:, : people.frames] for values in (clean + noise * self._noise, sigma))
        return list(zip(np.where(sigma[..., None] > 0.0, 0.0, seen), sigma, strict=True))


def _spread_poses(clips: Sequence[Clip], count: int) -> np.ndarray:
    """Rotation vectors (count, 60, 24, 3) of pieces of clips that begin at places spread evenly over all."""
    places = [(clip, first) for clip in clips for first in range(len(clip) - common.CLIP_FRAMES + 1)]
    chosen = (places[number * len(places) // count] for number in range(count))
    return np.stack([clip.poses[first : first + common.CLIP_FRAMES] for clip, first in chosen]).astype(np.float32)


def _bone_lengths(rest: np.ndarray) -> np.ndarray:
    """Lengths (N, 28) of the bones of bodies at rest (N, 29, 3)."""
    return np.linalg.norm(rest[:, 1:] - rest[:, list(skeletons.SMPL_29.parents[1:])], axis=-1)


def _errors(found: Sequence[bone_shape.ShapeEstimate], lengths: np.ndarray) -> Row:
    """The columns of the table of what was found, from the true lengths (N, 28)."""
    bones, sigma = (np.stack([getattr(one, name) for one in found]) for name in ("bone_lengths", "bone_sigma"))
    to_sigma = float(np.sqrt(np.mean(((bones - lengths) / sigma) ** 2)))
    return {**_length_errors(bones, lengths), "error_to_sigma": to_sigma}


def _length_errors(bones: np.ndarray, lengths: np.ndarray) -> Row:
    """The columns of the table, from lengths of bones (N, 28), or (1, 28) of all, and the true ones (N, 28)."""
    away, size = np.abs(bones - lengths), bones.sum(1) / lengths.sum(1)
    return {
        "median_mm": 1000.0 * float(np.median(away)),
        "mean_mm": 1000.0 * float(np.mean(away)),
        "size_percent": 100.0 * float(np.mean(np.abs(size - 1.0))),
        "error_to_sigma": None,
    }
