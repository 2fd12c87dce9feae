"""The embedding protocol: whether the error embedding z is standard normal, and what drawn embeddings give.

The joints of true poses of random shapes, those of the noise protocol, get noise of 10 to 100 mm on each axis; `ik` of
them gives z. Then `fk` of the true poses is given a z that is drawn from a standard normal distribution, and `ik` all
that `fk` gives. The errors of the joints that `fk` gives stand, joint by joint, beside those of an estimator.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from niki_tf import contract, rotations, skeletons
from niki_tf.body import BodyData, BodyPoser
from niki_tf.evaluation.protocols import common, joint_errors
from niki_tf.evaluation.protocols.common import Arrays, Stream
from niki_tf.evaluation.tables import Row, text_table
from niki_tf.motion.clip import Clip
from niki_tf.solvers.invertible import InvertibleSolver

LEVELS_MM = (10.0, 20.0, 30.0, 50.0, 100.0)
"""Standard deviations of the noise along each axis, millimetres."""
TOGETHER = "all"
"""In place of a level: all levels together."""
_DRAWN = ("drawn_mm", "drawn_p90_mm", "back_deg")
"""Columns of drawn embeddings."""
_ERRORS = ("drawn_rms_mm", "drawn_bias_mm", "estimator_rms_mm", "estimator_bias_mm")
"""Columns of single joints."""
_MOMENTS = ("mean", "least_variance", "largest_variance", "correlation", "correlation_rms")
_NO_NUMBERS = dict.fromkeys((*_MOMENTS, *_DRAWN, *_ERRORS))


def embedding_rows(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, common.Solver],
    body: BodyData,
    stride: int = 1,
    seed: int = 0,
    batch_size: int = 256,
    estimate: Callable[..., tuple[Any, Any]] | None = None,
    progress: bool = False,
) -> list[Row]:
    """The rows of the protocol; every solver is given the same shapes, noise and draws.

    Args:
        clips: list of Clip, all clips one after the other.
        solvers: dict of name -> `InvertibleSolver` of single frames; the names go into the rows.
        body: BodyData that is posed.
        stride: use every n-th frame.
        seed: of shapes, noise and draws.
        batch_size: frames at a time.
        estimate: an estimator's recipe, such as `niki_tf.data.estimate`; None leaves its columns empty.
        progress: show a progress bar.

    Returns:
        list of dicts: solver, noise ("10", ..., "100", "all"), joint ("all") and frames; of the entries of z the
        largest absolute mean, the least and the largest variance, the largest absolute correlation of two, and the root
        mean square of the correlations. Of drawn embeddings, in the row of all levels, None elsewhere: the
        median and the 90th percentile of the distance, relative to joint 0, of the joints that `fk` gives from
        the true ones (drawn_mm, drawn_p90_mm), and the largest angle by which a rotation that `ik` gives back
        is off (back_deg). Then a row for each joint but joint 0, noise "all": root mean square and length of the mean
        of its error relative to joint 0, as `fk` draws it (drawn_rms_mm, drawn_bias_mm) and as the estimator with a
        factor of 1 has it (estimator_rms_mm, estimator_bias_mm).

    Raises:
        ValueError: no clips, no solvers, one that is not invertible or needs windows or the twist, or a number out of
            range.
    """
    common.check_arguments(clips, solvers, stride=stride, batch_size=batch_size)
    flows = _checked(solvers)
    poser, poses = BodyPoser(body), common.strided_poses(clips, stride=stride)
    truth = common.true_bodies(poser, poses, common.random_bodies(len(poses), num_betas=poser.num_betas, seed=seed))
    noise = common.random_stream(seed, Stream.NOISE).standard_normal([len(LEVELS_MM), *truth["joints"].shape])
    noise = noise.astype(np.float32)
    estimated = None if estimate is None else _estimator_errors(truth["joints"], estimate, seed=seed)
    rows = []
    with tqdm.tqdm(total=len(poses) * (len(LEVELS_MM) + 1) * len(solvers), unit="frame", disable=not progress) as bar:
        for name, solver in flows.items():
            found = []
            for level, errors in zip(LEVELS_MM, noise, strict=True):
                seen = truth["joints"] + np.float32(level / 1000.0) * errors
                batches = common.batches(len(poses), batch_size)
                found.append(np.concatenate([solver.ik(seen[b], betas=truth["betas"][b])["z"] for b in batches]))
                rows.append(_row(name, f"{level:g}", _moments(found[-1])))
                bar.update(len(poses))
            draws = common.random_stream(seed, Stream.NOISE).spawn(1)[0]
            z = draws.standard_normal([len(poses), solver.embedding_size]).astype(np.float32)
            drawn, errors = _drawn(solver, truth, z, batch_size)
            rows.append(_row(name, TOGETHER, _moments(np.concatenate(found)) | drawn))
            rows += [_row(name, TOGETHER, of_joint) for of_joint in _joint_rows(errors, estimated)]
            bar.update(len(poses))
    return rows


def embedding_tables(rows: Sequence[Row]) -> str:
    """Three text tables: moments of z, what drawn embeddings give, and the errors of each joint."""
    of_all = [row for row in rows if row["joint"] == TOGETHER]
    moments = [{key: row[key] for key in ("solver", "noise", *_MOMENTS)} for row in of_all]
    drawn = [{key: row[key] for key in ("solver", *_DRAWN)} for row in of_all if row["noise"] == TOGETHER]
    joints = [{key: row[key] for key in ("solver", "joint", *_ERRORS)} for row in rows if row["joint"] != TOGETHER]
    return (
        f"z of noisy joints; noise in mm\n{text_table(moments, decimals=2)}\n\n"
        f"fk with a drawn z, and ik of it\n{text_table(drawn, decimals=2)}\n\n"
        f"errors of the joints, of fk with a drawn z and of an estimator\n{text_table(joints, decimals=1)}"
    )


def _row(solver: str, noise: str, numbers: Row) -> Row:
    """A row with all columns."""
    return {"solver": solver, "noise": noise, "joint": TOGETHER, "frames": 0, **_NO_NUMBERS, **numbers}


def _estimator_errors(joints: np.ndarray, estimate: Callable[..., tuple[Any, Any]], *, seed: int) -> np.ndarray:
    """Errors (N, 28, 3) relative to joint 0, metres, of an estimator that observes `joints` (N, 29, 3)."""
    random = joint_errors.RandomErrors.draw(len(joints), seed=seed)
    scale = 2.0 * random.scale - 1.0
    seen, _ = estimate(joints, factor=1.0, scale=scale, noise=random.noise, sigma_noise=random.sigma)
    return _relative(np.asarray(seen) - joints)


def _relative(errors: np.ndarray) -> np.ndarray:
    """(N, 29, 3) -> (N, 28, 3): relative to that of joint 0."""
    return errors[:, 1:] - errors[:, :1]


def _joint_rows(drawn: np.ndarray, estimated: np.ndarray | None) -> list[Row]:
    """Moments of the errors (N, 28, 3) of each joint, metres."""
    given = {"drawn": drawn} if estimated is None else {"drawn": drawn, "estimator": estimated}
    rows: list[Row] = []
    for number, joint in enumerate(skeletons.SMPL_29.names[1:]):
        row: Row = {"joint": joint, "frames": len(drawn)}
        for kind, errors in given.items():
            row[f"{kind}_rms_mm"] = 1000.0 * float(np.sqrt(np.mean(np.sum(errors[:, number] ** 2, -1))))
            row[f"{kind}_bias_mm"] = 1000.0 * float(np.linalg.norm(errors[:, number].mean(0)))
        rows.append(row)
    return rows


def _checked(solvers: Mapping[str, common.Solver]) -> dict[str, InvertibleSolver]:
    """The solvers; ValueError if one is not invertible, or needs windows or the twist."""
    flows = {}
    for name, solver in solvers.items():
        if not isinstance(solver, InvertibleSolver) or solver.event_axes > 1 or solver.needs_twist:
            raise ValueError(f"`solvers` must be invertible solvers of single frames without twist; {name} is none.")
        flows[name] = solver
    return flows


def _moments(z: np.ndarray) -> Row:
    """Figures of embeddings (n, d); an entry that never changes has no correlation with any other."""
    variances = z.var(0)
    normed = (z - z.mean(0)) / np.sqrt(np.maximum(variances, 1e-12))
    correlations = (normed.T @ normed / len(z))[~np.eye(z.shape[1], dtype=bool)]
    return {
        "frames": len(z),
        "mean": float(np.abs(z.mean(0)).max()),
        "least_variance": float(variances.min()),
        "largest_variance": float(variances.max()),
        "correlation": float(np.abs(correlations).max()),
        "correlation_rms": float(np.sqrt(np.mean(correlations**2))),
    }


def _drawn(solver: InvertibleSolver, truth: Arrays, z: np.ndarray, batch_size: int) -> tuple[Row, np.ndarray]:
    """Figures of `fk` of the true poses with embeddings (n, d), and of the way back; and the errors (n, 28, 3)."""
    errors, angles = [], []
    for some in common.batches(len(z), batch_size):
        local, betas = truth["rotations"][some].astype(np.float32), truth["betas"][some]
        given = solver.fk(local[:, :1], local[:, 1:], z=z[some], betas=betas)
        errors.append(_relative(np.asarray(given["joints"]) - truth["joints"][some]))
        back = contract.local_rotations(solver.ik(**given, betas=betas))
        angles.append(np.degrees(rotations.geodesic_angle(tf.constant(local), tf.constant(back))))
    every = np.concatenate(errors)
    median, ninetieth = np.percentile(1000.0 * np.linalg.norm(every, axis=-1), [50, 90])
    largest = float(np.concatenate(angles).max())
    return dict(zip(_DRAWN, (float(median), float(ninetieth), largest), strict=True)), every
