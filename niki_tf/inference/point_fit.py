"""The optimiser on the points of another joint set, as they are: no joints are lifted, no network is asked."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from niki_tf.inference import graphs
from niki_tf.motion import observed_points
from niki_tf.shapes import TensorLike
from niki_tf.skeletons import PointSet
from niki_tf.solvers.map_fit import MapFit


def fit_points(points: TensorLike, *, point_set: PointSet, solver: MapFit, betas: TensorLike) -> np.ndarray:
    """The local rotations (T, 24, 3, 3) that the optimiser finds, frame by frame, for the points of one person.

    Args:
        points: (T, J, 3) metres, NaN in those that were not seen.
        point_set: that the points are of.
        solver: the optimiser; its `refine` is not used.
        betas: (B,) or (T, B).

    Raises:
        ValueError: an array has another shape or holds infinity, or no point was seen at all.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body, skeletons, solvers
        >>> from niki_tf.inference import point_fit
        >>> solver = solvers.MapFit(body.mannequin_joints(), components=1, steps=3)
        >>> lsp, points = skeletons.POINT_SETS["lsp_14"], np.random.default_rng(0).normal(size=[2, 14, 3])
        >>> point_fit.fit_points(points, point_set=lsp, solver=solver, betas=np.zeros(10)).shape
        (2, 24, 3, 3)
    """
    given = {"joints": points, "betas": betas}
    seen = observed_points.from_points(given, point_set=point_set, num_betas=solver.body_joints.num_betas, fps=30.0)
    return _graph(solver, point_set)(seen.points, seen.sigma, seen.betas).numpy()


@graphs.kept_with_owner(8)
def _graph(solver: MapFit, point_set: PointSet) -> Callable[..., tf.Tensor]:
    """`MapFit.fit_points` as one graph for any number of frames."""

    def fit(points: tf.Tensor, sigma: tf.Tensor, betas: tf.Tensor) -> tf.Tensor:
        return solver.fit_points(point_set, points, point_sigma=sigma, betas=betas)

    shapes = [len(point_set.used), 3], [len(point_set.used)], [solver.body_joints.num_betas]
    return tf.function(fit, input_signature=[tf.TensorSpec([None, *shape]) for shape in shapes], autograph=False)
