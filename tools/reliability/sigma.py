"""Tries joints with errors of any size that are told as `joint_sigma`: no answer may be much worse than without them.

Example:
    python tools/reliability/sigma.py --motion=MOCAP/val --solver=one_stage --solver=one_stage+finish
    python tools/reliability/sigma.py --motion=MOCAP/val --exported=output/one_stage/1 --exported=output/model.tflite

All joints have 20 mm of noise on each axis, which is told. One joint, the end of a limb, a limb, half a body or all
joints have errors of 20 mm to 10 m instead, of which the sigma is told; then they are absent. Prints, by solver and by
what was lost, the largest of the ratios of the error of the 24 joints in the first case to that in the second, and the
sigma where it is. Solvers that see time are given windows in which the same joints are lost throughout. The exit status
is 1 if a ratio is above 1.1. --exported tries what was exported of a solver of the default body, in place of solvers.
"""

import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import numpy as np
    from tqdm import tqdm

    from niki_tf import body, contract, export, io, rotations, skeletons
    from niki_tf.body import kinematics
    from niki_tf.evaluation.protocols import common, frame_windows, lost_joints
    from niki_tf.evaluation.tables import text_table
    from niki_tf.motion.clip import Clip
    from niki_tf.solvers import WindowSolver, zoo

_MOTION = flags.DEFINE_string("motion", None, "Folder, file or pattern of motion files.", required=True)
_STRIDE = flags.DEFINE_integer("stride", 16, "Use every n-th frame.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Of bodies and errors.", lower_bound=0)
_SOLVER = flags.DEFINE_multi_string("solver", ["analytic", "mlp", "one_stage", "twist_swing"], "Solvers.")
_EXPORTED = flags.DEFINE_multi_string(
    "exported", [], "Folder of a SavedModel's version, or .tflite file; no solver is tried then."
)
_BATCH = flags.DEFINE_integer("batch_size", 512, "Frames at a time.", lower_bound=1)

_SIGMAS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 9.99)
_NOISE = 0.02
"""Metres; sigma of what is lost, and of all other joints."""
_WORST = 1.1

Errors = Callable[[np.ndarray, float], float]
"""From which joints (29,) are lost, and their sigma, metres, to the mean error."""


class _Subject(NamedTuple):
    """What is tried."""

    frames: int
    """Of a window; 1 if frames are seen one by one."""
    body_joints: body.BodyJoints
    answer: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


def main(argv: list[str]) -> None:
    """Prints the table and ends with 1 if a ratio is too large."""
    if argv[1:]:
        sys.exit(f"sigma takes flags only; got {' '.join(argv[1:])}.")
    try:
        for name in _SOLVER.value:
            zoo.check_solver(name)
        subjects = {path: _exported(path) for path in _EXPORTED.value}
        clips = io.load_clips(_MOTION.value)
    except (ValueError, OSError) as error:
        sys.exit(f"sigma: {error}")
    rows = []
    subjects = subjects or {name: _shipped(name) for name in _SOLVER.value}
    cases = sum(map(len, lost_joints.PARTS.values())) * (len(_SIGMAS) + 1)
    with tqdm(total=len(subjects) * cases, unit="case", disable=None) as bar:
        for name, subject in subjects.items():
            errors_of = _measuring(subject, clips)
            for kind, sets in lost_joints.PARTS.items():
                rows.append({"solver": name, "lost": kind, **_worst(errors_of, sets, bar)})
    print(text_table(rows, decimals=2))
    sys.exit(int(max(row["ratio"] for row in rows) > _WORST))


def _worst(errors_of: Errors, sets: Sequence[tuple[int, ...]], bar: tqdm) -> dict[str, float]:
    """The largest ratio over the sets and sigmas, and where it is."""
    found = []
    for joints in sets:
        lost = np.isin(np.arange(skeletons.NUM_JOINTS), joints)
        absent = errors_of(lost, skeletons.ABSENT)
        bar.update()
        for sigma in _SIGMAS:
            told = errors_of(lost, sigma)
            found.append({"ratio": told / absent, "sigma": sigma, "told_mm": told, "absent_mm": absent})
            bar.update()
    return max(found, key=lambda case: case["ratio"])


def _shipped(name: str) -> _Subject:
    """The solver of this name."""
    solver = zoo.load(name)
    frames = solver.frames if isinstance(solver, WindowSolver) else 1
    return _Subject(frames, solver.body_joints, solver.predict_on_batch)


def _exported(path: str) -> _Subject:
    """What was exported of a solver; ValueError if there is no such thing, or it sees time.

    Exports of solvers that see time are not told which frames of a window are none.
    """
    found = export.load_litert(path) if path.endswith(".tflite") else export.load_saved_model(path)
    shapes = found.shapes.get("ik_full", {})
    if shapes.get("joints") != (None, skeletons.NUM_JOINTS, 3):
        raise ValueError(f"`exported` must be an export of a solver of single frames; got {path}, which is not.")

    def answer(seen: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return found("ik_full", **seen, twist=np.zeros([len(seen["joints"]), skeletons.NUM_TWISTS, 2]))

    return _Subject(1, body.mannequin_joints(), answer)


def _measuring(subject: _Subject, clips: Sequence[Clip]) -> Errors:
    """What measures a subject, on the same frames, bodies and noise for all."""
    poses, size = np.concatenate([clip.poses for clip in clips]), subject.frames
    around = frame_windows.frame_windows_of([len(clip) for clip in clips], stride=_STRIDE.value, size=size)
    shapes = common.random_bodies(len(around.middle), num_betas=subject.body_joints.num_betas, seed=_SEED.value)
    rest = np.repeat(subject.body_joints(shapes).numpy()[:, None], size, 1)
    local = rotations.rotvec_to_matrix(poses[around.frames].astype(np.float32)).numpy()
    true = kinematics.forward_kinematics(local, rest)[0].numpy()
    noise = np.random.default_rng(_SEED.value).standard_normal(true.shape, np.float32)
    betas, frames = np.repeat(shapes[:, None], size, 1), np.arange(len(true))

    def errors_of(lost: np.ndarray, sigma: float) -> float:
        told = np.where(lost, sigma, _NOISE).astype(np.float32)
        seen = {
            "joints": true + told[:, None] * noise,
            "betas": betas,
            "joint_sigma": np.broadcast_to(told, true.shape[:-1]),
        }
        if size > 1:
            seen["frame_mask"] = around.present
        else:
            seen = {key: value[:, 0] for key, value in seen.items()}
        posed = _posed(subject, seen, rest if size > 1 else rest[:, 0])
        posed = posed[frames, around.middle] if size > 1 else posed
        wanted = true[frames, around.middle]
        apart = (posed - posed[:, :1]) - (wanted - wanted[:, :1])
        return 1000.0 * float(np.linalg.norm(apart[:, : skeletons.NUM_ROTATIONS], axis=-1).mean())

    return errors_of


def _posed(subject: _Subject, seen: dict[str, np.ndarray], rest: np.ndarray) -> np.ndarray:
    """Joints of the answer, in pieces."""
    pieces = []
    for some in common.batches(len(rest), max(_BATCH.value // (rest.shape[1] if rest.ndim == 4 else 1), 1)):
        answer = subject.answer({name: value[some] for name, value in seen.items()})
        pieces.append(kinematics.forward_kinematics(contract.local_rotations(answer), rest[some])[0].numpy())
    return np.concatenate(pieces)


if __name__ == "__main__":
    app.run(main)
