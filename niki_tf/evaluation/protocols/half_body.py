"""The half-body protocol: where the legs are that nobody saw.

Every `stride`-th clip is cut to its first 145 frames and moves on a body of random shape. All its rotations, the root's
too, are disturbed: to each of their Euler angles, about z, x and y, comes normal noise of its own in each frame. The
joints that are observed are those of the true body in the disturbed pose, with the pelvis on its true path in the
world. Hips, knees, ankles, feet, hands and all tips are absent throughout. The true betas are given. The error is that
of hips, knees, ankles and feet relative to joint 0, over all frames. The column `seen` says what was observed:

- `path`: as above, and the plane of the ground, if the true feet show one;
- `no_path`: the pelvis is at the origin in every frame, and no ground is known;
- `legs`: as `path`, but hips, knees, ankles and feet are seen, too.

Rows `joints` are the error of the disturbed pose itself: `input` that of the same eight joints, `input_22` that of the
22 joints of SMPL-H without hands. Source: Zhang et al., RoHM, CVPR 2024, which disturbs the path
as well.
"""

import functools
import os
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tqdm

from niki_tf import skeletons
from niki_tf.body import BodyData, BodyPoser
from niki_tf.evaluation import figures
from niki_tf.evaluation.filters import Filter
from niki_tf.evaluation.protocols import common, world_motion
from niki_tf.evaluation.protocols.common import Arrays, Stream
from niki_tf.evaluation.protocols.world_motion import OBSERVED, solved
from niki_tf.evaluation.tables import Row, pivot, text_table
from niki_tf.fitting import contacts
from niki_tf.fitting.ground import find_ground
from niki_tf.inference.rates import FPS
from niki_tf.motion import euler_angles
from niki_tf.motion.clip import Clip
from niki_tf.solvers.solver import Solver

LEVELS_DEG = (3, 5, 7)
"""Standard deviations of the noise of each Euler angle, degrees."""
FRAMES = 145
"""Frames of a clip that are used, at most."""
LEGS = (1, 2, 4, 5, 7, 8, 10, 11)
"""Hips, knees, ankles and feet: what is lost, and measured."""
UNKNOWN = tuple(range(22, skeletons.NUM_JOINTS))
"""Hands and tips, which SMPL-H's 22 joints do not have: never observed."""
SEEN = ("path", "no_path", "legs")
"""What solvers are given."""

_AXES = "zxy"
_INPUTS = {"input": LEGS, "input_22": tuple(range(22))}
"""What is told of the disturbed pose -> the joints that are measured."""
_HEADINGS = {
    "path": "legs hidden",
    "no_path": "legs hidden, path not told",
    "legs": "legs seen",
    "input": "input",
    "input_22": "input, 22 joints",
}


def half_body_rows(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, Solver],
    body: BodyData,
    stride: int = 1,
    seed: int = 0,
    levels_deg: Sequence[float] = LEVELS_DEG,
    filters: Mapping[str, Filter] | None = None,
    batch_size: int = 256,
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol; every solver is given the same shapes and noise.

    Args:
        clips: list of Clip; every `stride`-th is used.
        solvers: dict of name -> solver; the names go into the rows.
        body: BodyData that moves.
        stride: use every n-th clip.
        seed: of shapes and noise.
        levels_deg: standard deviations of the noise of each angle, degrees.
        filters: dict of name -> one of the values of `evaluation.FILTERS`, for the solvers whose joints are filtered.
        batch_size: not used: a clip is solved at a time.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, seen, noise_deg, frames, and mpjpe, the mean over frames and the eight joints,
        millimetres. The last rows are those of the disturbed pose itself.

    Raises:
        ValueError: no clips, no solvers, one that needs the twist, or a number out of range.
        FloatingPointError: a solver gave numbers that are not finite.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    world_motion.check_no_twist(solvers)
    if not levels_deg or min(levels_deg) < 0:
        raise ValueError(f"`levels_deg` must be degrees, none below 0; got {tuple(levels_deg)}.")
    poser, people = BodyPoser(body), list(enumerate(clips[::stride]))
    shapes = common.random_bodies(len(people), num_betas=poser.num_betas, seed=seed)
    keys = [(name, seen) for name in solvers for seen in SEEN] + [(OBSERVED, seen) for seen in _INPUTS]
    errors: dict[tuple[str, str, float], list[np.ndarray]] = {(*key, deg): [] for key in keys for deg in levels_deg}
    with tqdm.tqdm(total=len(people) * len(levels_deg) * len(keys), unit="clip", disable=not progress) as bar:
        for number, clip in people:
            truth = world_motion.true_motion(poser, clip, shapes[number], slice(FRAMES))
            unit = common.random_stream(seed, Stream.ROTATIONS).spawn(len(people))[number]
            noise = unit.standard_normal([len(truth["joints"]), skeletons.NUM_ROTATIONS, len(_AXES)])
            for deg in levels_deg:
                disturbed = _disturbed(truth, np.radians(deg) * noise, poser)
                for name, seen, joints in _answers(disturbed, truth, solvers, filters or {}, poser):
                    errors[name, seen, deg].append(_errors(joints, truth["joints"], _INPUTS.get(seen, LEGS)))
                    bar.update()
    return [_row(name, seen, deg, of_clips) for (name, seen, deg), of_clips in errors.items()]


def half_body_tables(rows: Sequence[Row]) -> str:
    """The errors as a text table, a column for each level of noise."""
    lines = pivot(_with_way(rows, "line"), index="line", column="noise_deg", value="mpjpe")
    return (
        f"Columns are degrees of noise of each Euler angle; error of hips, knees, ankles, feet, mm\n{text_table(lines)}"
    )


def half_body_figure(rows: Sequence[Row], path: str | os.PathLike, *, title: str) -> None:
    """Draws the errors over the noise of the angles as a PNG."""
    meaning = "noise of each Euler angle, standard deviation (degrees)"
    panels = {"Hips, knees, ankles, feet": _with_way(rows, "line")}
    figures.level_figure(panels, path, level="noise_deg", meaning=meaning, title=title)


def disturbed_rotations(local: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Rotations (T, 24, 3, 3) with `noise` (T, 24, 3), radians, added to their Euler angles about z, x and y.

    R = R_z R_x R_y of the angles, as of `motion.euler_angles`.

    Example:
        >>> import numpy as np
        >>> from niki_tf.evaluation.protocols import half_body
        >>> still = np.tile(np.eye(3), [1, 24, 1, 1])
        >>> turned = half_body.disturbed_rotations(still, np.full([1, 24, 3], [np.pi / 2, 0.0, 0.0]))
        >>> turned[0, 5].round(6).tolist()
        [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    angles = [euler_angles.matrix_to_euler(local[:, joint], _AXES) for joint in range(local.shape[1])]
    return euler_angles.euler_to_matrix(np.stack(angles, 1) + noise, _AXES).astype(np.float32)


def _disturbed(truth: Arrays, noise: np.ndarray, poser: BodyPoser) -> np.ndarray:
    """Joints (T, 29, 3) of the disturbed pose, metres, the pelvis on its true path."""
    local = disturbed_rotations(truth["rotations"].astype(np.float64), noise)
    return poser.pose(local, betas=truth["betas"])["joints"] + truth["joints"][:, :1]


def _answers(
    disturbed: np.ndarray,
    truth: Arrays,
    solvers: Mapping[str, Solver],
    filters: Mapping[str, Filter],
    poser: BodyPoser,
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Names of solvers, what they were given, and joints (T, 29, 3) that they answer; at last the input itself."""
    betas, plane = truth["betas"], _true_ground(truth, poser)
    for name, solver in solvers.items():
        find = functools.partial(solved, betas=betas, solver=solver, function=filters.get(name))
        for seen in SEEN:
            ground = "off" if plane is None or seen == "no_path" else plane
            local = find(_observed(disturbed, seen), ground=ground).rotations
            yield name, seen, poser.pose(local, betas=betas)["joints"]
    yield from ((OBSERVED, seen, disturbed) for seen in _INPUTS)


def _true_ground(truth: Arrays, poser: BodyPoser) -> np.ndarray | None:
    """The plane (4,) of the ground that the true feet show, or None."""
    feet, times = truth["joints"][:, contacts.FEET], np.arange(len(truth["joints"])) / FPS
    return find_ground(feet, poser.body_joints(truth["betas"]).numpy(), times)


def _observed(disturbed: np.ndarray, seen: str) -> np.ndarray:
    """What solvers are given, (T, 29, 3), NaN where absent."""
    joints = disturbed - disturbed[:, :1] if seen == "no_path" else np.array(disturbed)
    joints[:, list(UNKNOWN if seen == "legs" else LEGS + UNKNOWN)] = np.nan
    return joints


def _errors(joints: np.ndarray, true: np.ndarray, scored: Sequence[int]) -> np.ndarray:
    """The error (T,) of each frame, the mean over the joints `scored`, millimetres."""
    return world_motion.distances_mm(joints, true)[:, list(scored)].mean(1)


def _row(name: str, seen: str, deg: float, errors: Sequence[np.ndarray]) -> Row:
    of_frames = np.concatenate(errors)
    row = {"solver": name, "seen": seen, "noise_deg": deg}
    return {**row, "frames": of_frames.size, "mpjpe": float(of_frames.mean())}


def _with_way(rows: Sequence[Row], column: str) -> list[Row]:
    """The rows with `way` in words, and solver and way together in `column`."""
    worded = [{**row, "way": _HEADINGS[row["seen"]]} for row in rows]
    return [{**row, column: f"{row['solver']}, {row['way']}"} for row in worded]
