"""The embedding protocol: whether the error embedding z is standard normal, and what drawn embeddings give.

The joints of true poses of random shapes, those of the noise protocol, get noise of 10 to 100 mm on each axis; `ik` of
them gives z. Then `fk` of the true poses is given a z that is drawn from a standard normal distribution, and `ik` all
that `fk` gives.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
import tqdm

from niki_tf import contract, rotations
from niki_tf.body import BodyData, BodyPoser
from niki_tf.evaluation.protocols import common
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


def embedding_rows(
    clips: Sequence[Clip],
    *,
    solvers: Mapping[str, common.Solver],
    body: BodyData,
    stride: int = 1,
    seed: int = 0,
    batch_size: int = 256,
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
        progress: show a progress bar.

    Returns:
        list of dicts: solver, noise ("10", ..., "100", "all") and frames; of the entries of z the largest
        absolute mean, the least and the largest variance, the largest absolute correlation of two, and the root
        mean square of the correlations. Of drawn embeddings, in the row of all levels, None elsewhere: the
        median and the 90th percentile of the distance, relative to joint 0, of the joints that `fk` gives from
        the true ones (drawn_mm, drawn_p90_mm), and the largest angle by which a rotation that `ik` gives back
        is off (back_deg).

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
    rows = []
    with tqdm.tqdm(total=len(poses) * (len(LEVELS_MM) + 1) * len(solvers), unit="frame", disable=not progress) as bar:
        for name, solver in flows.items():
            found = []
            for level, errors in zip(LEVELS_MM, noise, strict=True):
                seen = truth["joints"] + np.float32(level / 1000.0) * errors
                batches = common.batches(len(poses), batch_size)
                found.append(np.concatenate([solver.ik(seen[b], betas=truth["betas"][b])["z"] for b in batches]))
                rows.append({"solver": name, "noise": f"{level:g}", **_moments(found[-1]), **dict.fromkeys(_DRAWN)})
                bar.update(len(poses))
            draws = common.random_stream(seed, Stream.NOISE).spawn(1)[0]
            z = draws.standard_normal([len(poses), solver.embedding_size]).astype(np.float32)
            drawn = _drawn(solver, truth, z, batch_size)
            rows.append({"solver": name, "noise": TOGETHER, **_moments(np.concatenate(found)), **drawn})
            bar.update(len(poses))
    return rows


def embedding_tables(rows: Sequence[Row]) -> str:
    """Two text tables: moments of z, and what drawn embeddings give."""
    moments = [{key: value for key, value in row.items() if key not in ("frames", *_DRAWN)} for row in rows]
    drawn = [{key: row[key] for key in ("solver", *_DRAWN)} for row in rows if row["noise"] == TOGETHER]
    return (
        f"z of noisy joints; noise in mm\n{text_table(moments, decimals=2)}\n\n"
        f"fk with a drawn z, and ik of it\n{text_table(drawn, decimals=2)}"
    )


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


def _drawn(solver: InvertibleSolver, truth: Arrays, z: np.ndarray, batch_size: int) -> Row:
    """Figures of `fk` of the true poses with embeddings (n, d), and of the way back."""
    distances, angles = [], []
    for some in common.batches(len(z), batch_size):
        local, betas = truth["rotations"][some].astype(np.float32), truth["betas"][some]
        given = solver.fk(local[:, :1], local[:, 1:], z=z[some], betas=betas)
        true = truth["joints"][some] - truth["joints"][some][:, :1]
        distances.append(1000.0 * np.linalg.norm(given["joints"] - given["joints"][:, :1] - true, axis=-1)[:, 1:])
        back = contract.local_rotations(solver.ik(**given, betas=betas))
        angles.append(np.degrees(rotations.geodesic_angle(tf.constant(local), tf.constant(back))))
    median, ninetieth = np.percentile(np.concatenate(distances), [50, 90])
    largest = float(np.concatenate(angles).max())
    return dict(zip(_DRAWN, (float(median), float(ninetieth), largest), strict=True))
