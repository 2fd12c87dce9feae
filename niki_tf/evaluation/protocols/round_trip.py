"""The round-trip protocol: pose -> joints -> pose through an invertible solver, in float32.

`fk` makes joints of a true pose and of z = 0; `ik` is given all outputs of `fk`. The difference is rounding.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
import tqdm

from niki_tf import contract, rotations, skeletons
from niki_tf.body import BodyData, BodyPoser
from niki_tf.evaluation.protocols import common
from niki_tf.evaluation.protocols.common import Arrays
from niki_tf.evaluation.tables import Row, text_table, without
from niki_tf.motion.clip import Clip
from niki_tf.solvers.invertible import InvertibleSolver


def round_trip_rows(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, common.Solver],
    body: BodyData,
    stride: int = 1,
    seed: int = 0,
    batch_size: int = 256,
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol on true poses of random shapes, those of the noise protocol.

    Args:
        clips: list of Clip, all clips one after the other.
        solvers: dict of name -> `InvertibleSolver`; the names go into the rows.
        body: BodyData that is posed.
        stride: use every n-th frame.
        seed: of the shapes.
        batch_size: frames at a time.
        progress: show a progress bar.

    Returns:
        list of dicts, one for each solver: solver, frames; mean and largest distance of a joint (of 24) from where it
        was (mean_mm, max_mm) and angle of a local rotation (mean_deg, max_deg); fk_mm, the mean distance of the
        network's joints (of 24) from the body's.

    Raises:
        ValueError: no clips, no solvers, a solver without `fk`, or a number out of range.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    round_trips = {name: _round_trip(name, solver) for name, solver in solvers.items()}
    poser, poses = BodyPoser(body), common.strided_poses(clips, stride=stride)
    betas = common.random_bodies(len(poses), num_betas=poser.num_betas, seed=seed)
    errors: dict[str, list[tuple[np.ndarray, ...]]] = {name: [] for name in solvers}
    with tqdm.tqdm(total=len(poses) * len(solvers), unit="frame", disable=not progress) as bar:
        for some in common.batches(len(poses), batch_size):
            truth = common.true_bodies(poser, poses[some], betas[some])
            for name, of_batches in errors.items():
                answer, joints = round_trips[name](truth["rotations"], truth["betas"])
                of_batches.append(_errors(answer, joints, truth, poser))
                bar.update(len(truth["betas"]))
    return [_row(name, of_batches) for name, of_batches in errors.items()]


def round_trip_tables(rows: Sequence[Row]) -> str:
    """The rows as one text table with four decimals."""
    return text_table(without(rows, "frames"), decimals=4)


def _round_trip(name: str, solver: common.Solver) -> Callable[..., tuple[dict[str, tf.Tensor], tf.Tensor]]:
    """A graph of local rotations and betas that gives the answer of `ik` to the outputs of `fk`, and the joints."""
    if not isinstance(solver, InvertibleSolver):
        raise ValueError(f"`solvers` must be invertible; {name} has no `fk`.")

    def round_trip(local: tf.Tensor, betas: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        outputs = solver.fk(local[:, :1], local[:, 1:], betas=betas)
        return solver.ik(**outputs, betas=betas), outputs["joints"]

    return tf.function(round_trip, autograph=False)


def _errors(
    answer: Mapping[str, tf.Tensor], joints: tf.Tensor, truth: Arrays, poser: BodyPoser
) -> tuple[np.ndarray, ...]:
    """Distances (n, 24) in mm, angles (n, 24) in degrees, and the error of `fk`, (n, 24) in mm."""
    local = contract.local_rotations(answer)
    posed = poser.pose(local, betas=truth["betas"])["joints"]
    angles = np.degrees(rotations.geodesic_angle(tf.constant(truth["rotations"]), tf.constant(local)))
    distances, of_fk = (
        1000.0 * np.linalg.norm(x - truth["joints"], axis=-1)[:, : skeletons.NUM_ROTATIONS] for x in (posed, joints)
    )
    return distances, angles, of_fk


def _row(name: str, errors: Sequence[tuple[np.ndarray, ...]]) -> Row:
    distances, angles, of_fk = (np.concatenate(parts) for parts in zip(*errors, strict=True))
    return {
        "solver": name,
        "frames": len(angles),
        "mean_mm": float(distances.mean()),
        "max_mm": float(distances.max()),
        "mean_deg": float(angles.mean()),
        "max_deg": float(angles.max()),
        "fk_mm": float(of_fk.mean()),
    }
