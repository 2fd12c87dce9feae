"""Fits the pose prior of the optimiser, a mixture of Gaussians, to motion and writes the solver's model.keras.

Example:
    python tools/fit_pose_prior.py --source='AMASS/CMU=0.85' --source=made=0.15 --workdir=runs/optimiser

Fitting needs scikit-learn: pip install -e ".[prior]"
"""

import pathlib
import sys

import numpy as np
from absl import flags

from niki_tf import body, data, skeletons, solvers
from niki_tf.cli import run_record
from niki_tf.solvers import zoo

_SOURCE = flags.DEFINE_multi_string(
    "source", None, "Motion to fit to, PATH=WEIGHT: a folder, a glob of .npz files, or `made`.", required=True
)
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder for model.keras.", required=True)
_COMPONENTS = flags.DEFINE_integer("components", 8, "Gaussians of the mixture.", lower_bound=1)
_POSES = flags.DEFINE_integer(
    "poses",
    20_000,
    "Poses to fit to, drawn evenly from each source by its weight; mirrored ones come on top.",
    lower_bound=1,
)
_SHRINKAGE = flags.DEFINE_float(
    "shrinkage",
    0.4,
    "How far each Gaussian's covariance is drawn to that of all poses, so that none is too sure.",
    lower_bound=0.0,
    upper_bound=1.0,
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the mixture's start.", lower_bound=0)
_SKIP_BAD = flags.DEFINE_bool("skip_bad", default=False, help="Leave bad motion files out instead of stopping.")

_LEAST_VARIANCE = (
    3e-3  # rad^2, added along the diagonal: knees and toes hardly turn but about one axis, hands not at all
)
_MIRRORED = np.array([1.0, -1.0, -1.0], np.float32)


def main(argv: list[str]) -> None:
    """Checks everything, fits, writes, prints."""
    if argv[1:]:
        sys.exit(f"fit_pose_prior takes flags only; got {' '.join(argv[1:])}.")
    try:
        solver, summary = _fitted()
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"fit_pose_prior: {error}")
    zoo.save(solver, _WORKDIR.value)
    print(summary)
    print(f"model written to {pathlib.Path(_WORKDIR.value) / 'model.keras'}")


def _fitted() -> tuple[solvers.MapFit, str]:
    """The solver with the prior that the flags describe, and a line about the fit."""
    gaussian_mixture = _gaussian_mixture()
    poses = body_poses(data.load_sources(_SOURCE.value, skip_bad=_SKIP_BAD.value), count=_POSES.value)
    if len(poses) < 2 * _COMPONENTS.value:
        raise ValueError(f"`poses` must be {_COMPONENTS.value} or more, one a Gaussian; got {_POSES.value}.")
    values = {flag.name: flag.value for flag in (_SOURCE, _COMPONENTS, _POSES, _SHRINKAGE, _SEED, _SKIP_BAD)}
    run_record.write(_WORKDIR.value, values)
    mixture = gaussian_mixture(_COMPONENTS.value, reg_covar=_LEAST_VARIANCE, max_iter=300, random_state=_SEED.value)
    mixture.fit(poses)
    common = np.cov(poses, rowvar=False) + _LEAST_VARIANCE * np.eye(poses.shape[1])
    covariances = (1.0 - _SHRINKAGE.value) * mixture.covariances_ + _SHRINKAGE.value * common
    solver = solvers.MapFit(body.mannequin_joints(), components=_COMPONENTS.value)
    solver.set_prior(mixture.weights_, mixture.means_, covariances)
    shares = ", ".join(f"{share:.0%}" for share in np.sort(mixture.weights_)[::-1])
    return solver, f"{len(poses):,} poses, {_COMPONENTS.value} Gaussians ({shares}), {mixture.n_iter_} rounds"


def body_poses(motion: data.MotionSet, *, count: int) -> np.ndarray:
    """About `count` body poses of a `MotionSet`, spread evenly over each source, and their mirror images.

    Returns:
        (2 count, 69) rotation vectors of the 23 joints, radians, float64.
    """
    shares = np.maximum(np.rint(count * motion.probabilities), 1).astype(int)
    frames = [
        start + np.linspace(0, size - 1, share).astype(int)
        for start, size, share in zip(motion.starts, motion.counts, shares, strict=True)
    ]
    poses = motion.poses[np.concatenate(frames)].astype(np.float64)
    mirrored = poses[:, skeletons.SMPL_24.mirror] * _MIRRORED
    return np.concatenate([poses, mirrored])[:, 1:].reshape(2 * len(poses), -1)


def _gaussian_mixture() -> type:
    """scikit-learn's class; it is asked for before any motion is read."""
    try:
        from sklearn.mixture import GaussianMixture
    except ImportError:
        raise ImportError('fitting needs scikit-learn; pip install -e ".[prior]" adds it.') from None
    return GaussianMixture
