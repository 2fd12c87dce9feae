"""The round-trip protocol: pose -> joints -> pose through an invertible solver, in float32.

`fk` makes joints of a true pose and of z = 0, `ik` gets all that `fk` gave; what differs is rounding.
"""

import numpy as np
import tensorflow as tf
import tqdm

from niki_tf import rotations
from niki_tf.body import BodyPoser
from niki_tf.evaluation.protocols.noise import check, draws, strided_poses, true_bodies
from niki_tf.motion.observed_motion import local_rotations
from niki_tf.solvers.invertible import InvertibleSolver


def round_trip_rows(clips, *, solvers, body, stride=1, seed=0, batch_size=256, progress=False):
    """Runs the protocol on true poses of random shapes, those of the noise protocol.

    Args:
        clips: list of Clip, all clips one after the other.
        solvers: dict of name -> solver, each with an `fk`; the names go into the rows.
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
    check(clips, solvers, stride=stride, batch_size=batch_size)
    one_way = [name for name, solver in solvers.items() if not isinstance(solver, InvertibleSolver)]
    if one_way:
        raise ValueError(f"`solvers` must be invertible; {one_way[0]} has no `fk`.")
    poser, poses = BodyPoser(body), strided_poses(clips, stride=stride)
    betas, _ = draws(len(poses), num_betas=poser.num_betas, seed=seed)
    there_and_back = {name: tf.function(_there_and_back(solver), autograph=False) for name, solver in solvers.items()}
    found = {name: [] for name in solvers}
    with tqdm.tqdm(total=len(poses) * len(solvers), unit="frame", disable=not progress) as bar:
        for start in range(0, len(poses), batch_size):
            some = slice(start, start + batch_size)
            truth = true_bodies(poser, poses[some], betas[some])
            for name, errors in found.items():
                errors.append(_errors(there_and_back[name](truth["rotations"], truth["betas"]), truth, poser))
                bar.update(len(truth["betas"]))
    return [_row(name, errors) for name, errors in found.items()]


def _there_and_back(solver):
    def there_and_back(local, betas):
        there = solver.fk(local[:, :1], local[:, 1:], betas=betas)
        return solver.ik(**there, betas=betas), there["joints"]

    return there_and_back


def _errors(answer, truth, poser):
    """Distances (n, 24) in mm, angles (n, 24) in degrees, and how far `fk` is from the body, (n, 24) in mm."""
    back, joints = answer
    local = local_rotations(back)
    posed = poser.pose(local, betas=truth["betas"])["joints"]
    angles = np.degrees(rotations.geodesic_angle(tf.constant(truth["rotations"]), tf.constant(local)))
    distances = [1000.0 * np.linalg.norm(x - truth["joints"], axis=-1)[:, :24] for x in (posed, joints)]
    return distances[0], angles, distances[1]


def _row(name, errors):
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
