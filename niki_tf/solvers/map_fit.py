"""The classical way: every frame is fitted on its own, step by step, under a prior of poses."""

import math
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.body.body_joints import BodyJoints
from niki_tf.fitting import point_lifting, trunk_frame
from niki_tf.skeletons import PointSet, Skeleton
from niki_tf.solvers.solver import Solver

BODY = skeletons.NUM_TWISTS * 3
"""Numbers of a body pose: the rotation vectors of all joints but the root."""

_ROOT = 3
_FLOOR = 0.001
_FIRST_NOISE = 0.1
_RATE = 0.05
_MEMORY, _SQUARE_MEMORY = 0.9, 0.95
_TINY = 1e-8


class Problem(NamedTuple):
    """What is fitted: joints, joint_sigma and rest_joints in metres, and the frame of the trunk, where the root starts.

    Shapes are (N, n, 3), (N, n), (N, n, 3) and (N, 3, 3), for the n joints of a skeleton, SMPL's 29 or others.
    """

    joints: tf.Tensor
    joint_sigma: tf.Tensor
    rest_joints: tf.Tensor
    frame: tf.Tensor


@keras.saving.register_keras_serializable("niki_tf")
class MapFit(Solver):
    """The most probable pose, sought by `steps` of Adam: observation and prior weighed by the noise that shows.

    It minimises, over the 24 rotations and the scale s of the noise,

        sum_k 3 log s_k + |x_k - p_k - shift|^2 / (2 s_k^2)  -  log sum_i w_i N(pose; mean_i, covariance_i),

    s_k^2 = s^2 + joint_sigma_k^2, for the joints p_k of the pose and those x_k of the observation that are not absent;
    the shift is the best one. Without joint_sigma the first part is 87 log s + |x - p - shift|^2 / (2 s^2). The pose is
    the 23 rotation vectors of the body, starting from the best of the means; the root is free, starting from the frame
    that the trunk shows. s stays above 1 mm and is sought too: the noise need not be known. The prior is a mixture of
    Gaussians, which tools/fit_pose_prior.py fits to motion; before that, all of them are N(0, 1 radian). The points of
    another joint set are fitted as they are, as leaves of SMPL's tree: `fit_points`.

    Args:
        body_joints: the `BodyJoints` of the body that is posed.
        components: Gaussians of the prior.
        steps: steps of Adam, the rate falling from 0.05 to zero by a half cosine.
        **kwargs: see `Solver`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> body_joints = body.mannequin_joints()
        >>> solver = solvers.MapFit(body_joints, components=1, steps=3)
        >>> solver.ik(body_joints(tf.zeros([2, 10])))["body_pose"].shape.as_list()
        [2, 23, 3, 3]

    Source: the prior and the fit are in the spirit of Bogo et al., Keep it SMPL, ECCV 2016 (SMPLify).
    """

    largest_sigma = math.inf  # it weighs joints by their sigma, however large

    def __init__(self, body_joints: BodyJoints, *, components: int = 8, steps: int = 300, **kwargs: Any) -> None:
        super().__init__(body_joints, **kwargs)
        for name, number in (("components", components), ("steps", steps)):
            if number < 1:
                raise ValueError(f"`{name}` must be 1 or more; got {number}.")
        self.components, self.steps = components, steps
        shapes = {"weights": [], "means": [BODY], "factors": [BODY, BODY]}
        self._log_weights, self._means, self._factors = (
            self.add_weight(name=name, shape=[components, *shape], initializer="zeros", trainable=False)
            for name, shape in shapes.items()
        )
        unit = np.broadcast_to(np.eye(BODY), [components, BODY, BODY])
        self.set_prior(np.full([components], 1.0 / components), np.zeros([components, BODY]), unit)

    def set_prior(self, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> None:
        """Takes the mixture with `weights` (K,), `means` (K, 69), radians, and `covariances` (K, 69, 69).

        Raises:
            ValueError: the shapes are not those of `components` Gaussians, a weight is not positive, or a covariance
                is not positive definite.
        """
        weights, means, covariances = (np.asarray(array, np.float64) for array in (weights, means, covariances))
        shapes = tuple(array.shape for array in (weights, means, covariances))
        count = self.components
        if shapes != ((count,), (count, BODY), (count, BODY, BODY)):
            raise ValueError(
                f"`weights`, `means`, `covariances` must have shapes ({count},), ({count}, {BODY}), "
                f"({count}, {BODY}, {BODY}); got {', '.join(map(str, shapes))}. Set `components` to fit."
            )
        if weights.min() <= 0:
            raise ValueError(f"`weights` must be positive; got {weights.min()}.")
        try:
            factors = np.linalg.inv(np.linalg.cholesky(covariances)).swapaxes(-1, -2)
        except np.linalg.LinAlgError:
            raise ValueError("`covariances` must be positive definite; add to their diagonal.") from None
        self._log_weights.assign(np.log(weights / weights.sum()))
        self._means.assign(means)
        self._factors.assign(factors)

    def prior(self, poses: tf.Tensor) -> tf.Tensor:
        """Minus the logarithm of the density (N,) of body poses (N, 69), rotation vectors in radians."""
        middle = tf.einsum("kd,kde->ke", self._means, self._factors)
        white = tf.einsum("nd,kde->nke", poses, self._factors) - middle
        size = tf.reduce_sum(tf.math.log(tf.linalg.diag_part(self._factors)), -1) - 0.5 * BODY * math.log(2 * math.pi)
        return -tf.reduce_logsumexp(self._log_weights + size - 0.5 * tf.reduce_sum(white * white, -1), -1)

    def objective(self, unknowns: tf.Tensor, problem: Problem, skeleton: Skeleton = skeletons.SMPL_29) -> tf.Tensor:
        """What is minimised, (N,).

        Args:
            unknowns: (N, 73): turn of the root from the frame (3), pose (69), radians, and log s (1), s in metres.
            problem: `Problem`.
            skeleton: SMPL's 24 joints and what hangs on them: that of the problem's joints.
        """
        posed, _ = kinematics.forward_kinematics(local_rotations(unknowns, problem), problem.rest_joints, skeleton)
        present = problem.joint_sigma < skeletons.ABSENT
        reported = tf.where(present, problem.joint_sigma, 0.0)
        variance = _FLOOR**2 + tf.exp(2.0 * unknowns[:, -1:]) + reported * reported
        weights = tf.where(present, 1.0 / variance, 0.0)
        apart = problem.joints - posed
        total = tf.reduce_sum(weights, -1, keepdims=True)
        shift = tf.math.divide_no_nan(tf.einsum("nk,nkx->nx", weights, apart), total)
        squares = tf.reduce_sum((apart - shift[:, None]) ** 2, -1)
        fit = weights * squares + tf.where(present, 3.0 * tf.math.log(variance), 0.0)
        return 0.5 * tf.reduce_sum(fit, -1) + self.prior(unknowns[:, _ROOT:-1])

    @tf.function(autograph=False, reduce_retracing=True)
    def minimized(self, unknowns: tf.Tensor, problem: Problem, skeleton: Skeleton = skeletons.SMPL_29) -> tf.Tensor:
        """The unknowns (N, 73) after `steps` steps of Adam from those given; arguments as of `objective`."""

        def step(number: tf.Tensor, unknowns: tf.Tensor, mean: tf.Tensor, square: tf.Tensor) -> tuple:
            with tf.GradientTape() as tape:
                tape.watch(unknowns)
                height = self.objective(unknowns, problem, skeleton)
            slope = tape.gradient(height, unknowns)
            mean = _MEMORY * mean + (1.0 - _MEMORY) * slope
            square = _SQUARE_MEMORY * square + (1.0 - _SQUARE_MEMORY) * slope * slope
            done = tf.cast(number, tf.float32)
            unbiased = mean / (1.0 - _MEMORY ** (done + 1.0))
            spread = tf.sqrt(square / (1.0 - _SQUARE_MEMORY ** (done + 1.0)))
            rate = 0.5 * _RATE * (1.0 + tf.cos(math.pi * done / self.steps))
            return number + 1, unknowns - rate * unbiased / (spread + _TINY), mean, square

        start = (0, unknowns, tf.zeros_like(unknowns), tf.zeros_like(unknowns))
        return tf.while_loop(lambda number, *_: number < self.steps, step, start)[1]

    def problem(self, joints: tf.Tensor, joint_sigma: tf.Tensor, rest_joints: tf.Tensor) -> Problem:
        """The `Problem` of joints (N, 29, 3), joint_sigma (N, 29) and rest_joints (N, 29, 3), metres."""
        frame, _ = trunk_frame.trunk_frame(joints, rest_joints, joint_sigma)
        return Problem(joints, joint_sigma, rest_joints, frame)

    def points_problem(
        self, point_set: PointSet, points: tf.Tensor, point_sigma: tf.Tensor, rest_joints: tf.Tensor
    ) -> Problem:
        """The `Problem` of the points of another joint set, on `point_set.skeleton`.

        Args:
            point_set: the set; K of its points are used.
            points: (N, K, 3) metres.
            point_sigma: (N, K) metres.
            rest_joints: (N, 29, 3) metres.
        """
        at_rest = point_lifting.rest_points(point_set, rest_joints)
        frame = point_lifting.trunk_rotation(point_set, points, point_sigma, at_rest)
        joints, rest, sigma = point_lifting.on_skeleton(point_set, points, point_sigma, at_rest, rest_joints)
        return Problem(joints, sigma, rest, frame)

    def first_guess(self, problem: Problem, skeleton: Skeleton = skeletons.SMPL_29) -> tf.Tensor:
        """Unknowns (N, 73) to start from: the frame of the trunk, the best of the prior's means, 100 mm of noise."""
        count = tf.shape(problem.joints)[0]
        noise = tf.fill([self.components, 1], math.log(_FIRST_NOISE))
        guesses = tf.concat([tf.zeros([self.components, _ROOT]), self._means, noise], -1)
        for_each = Problem(*(tf.repeat(array, self.components, axis=0) for array in problem))
        heights = self.objective(tf.tile(guesses, [count, 1]), for_each, skeleton)
        return tf.gather(guesses, tf.argmin(tf.reshape(heights, [count, self.components]), -1))

    def fit(self, problem: Problem, skeleton: Skeleton = skeletons.SMPL_29) -> tf.Tensor:
        """The local rotations (N, 24, 3, 3) of the pose that is found; arguments as of `objective`."""
        return local_rotations(self.minimized(self.first_guess(problem, skeleton), problem, skeleton), problem)

    def fit_points(
        self, point_set: PointSet, points: tf.Tensor, *, point_sigma: tf.Tensor, betas: tf.Tensor
    ) -> tf.Tensor:
        """The local rotations (N, 24, 3, 3) of the poses that are found for the points of another joint set.

        Args:
            point_set: the set; K of its points are used.
            points: (N, K, 3) metres, absent ones anywhere.
            point_sigma: (N, K) metres, 0 where unknown, `skeletons.ABSENT` for points that were not seen.
            betas: (N, B).

        Example:
            >>> import tensorflow as tf
            >>> from niki_tf import body, skeletons, solvers
            >>> from niki_tf.fitting import point_lifting
            >>> solver = solvers.MapFit(body.mannequin_joints(), components=1, steps=3)
            >>> coco, betas = skeletons.POINT_SETS["coco_17"], tf.zeros([2, 10])
            >>> points = point_lifting.rest_points(coco, solver.body_joints(betas))
            >>> solver.fit_points(coco, points, point_sigma=tf.zeros([2, 17]), betas=betas).shape.as_list()
            [2, 24, 3, 3]
        """
        problem = self.points_problem(point_set, points, point_sigma, self.body_joints(betas))
        return self.fit(problem, point_set.skeleton)

    def solve(
        self,
        joints: tf.Tensor,
        joint_sigma: tf.Tensor,
        betas: tf.Tensor,
        rest_joints: tf.Tensor,
        twist: tf.Tensor | None,
        **extra: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """See `Solver.solve`; the twist is not needed and not used."""
        return self.fit(self.problem(joints, joint_sigma, rest_joints)), {}

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "components": self.components, "steps": self.steps}


def local_rotations(unknowns: tf.Tensor, problem: Problem) -> tf.Tensor:
    """Local rotations (N, 24, 3, 3) that the `unknowns` (N, 73) of `MapFit.objective` stand for."""
    turns = tf.reshape(unknowns[:, :-1], [-1, skeletons.NUM_ROTATIONS, 3])
    return trunk_frame.turn_root(rotations.rotvec_to_matrix(turns), problem.frame)
