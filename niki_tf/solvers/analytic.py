"""HybrIK's analytic inverse kinematics as a solver."""

import math
from typing import Any

import keras
import tensorflow as tf

from niki_tf.body.analytic_ik import analytic_ik
from niki_tf.body.body_joints import BodyJoints
from niki_tf.fitting import uncertain_joints
from niki_tf.solvers.solver import Solver


@keras.saving.register_keras_serializable("niki_tf")
class Analytic(Solver):
    """Swing from the bones, twist as given (zero if not): exact on clean joints, shaken by noise.

    Joints whose sigma is told are first weighed against their neighbours, see `fitting.uncertain_joints`, which HybrIK
    does not do.

    Args:
        body_joints: the `BodyJoints` of the body that is posed.
        adaptive: aim each bone from where its parent has come to lie (True) or from the observed parent (False).
        as_published: as exact as the published code; see `body.analytic_ik`.
        weighs_joints: weigh joints by their sigma first; if not, or as published, each is taken for true, as by HybrIK.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> body_joints = body.mannequin_joints()
        >>> solver = solvers.Analytic(body_joints)
        >>> solver.ik(body_joints(tf.zeros([2, 10])))["body_pose"].shape.as_list()
        [2, 23, 3, 3]

    Source: Li et al., HybrIK, CVPR 2021.
    """

    uses_twist = takes_trunk = True
    largest_sigma, sigma_growth = 0.3, 0.0

    def __init__(
        self,
        body_joints: BodyJoints,
        *,
        adaptive: bool = True,
        as_published: bool = False,
        weighs_joints: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(body_joints, **kwargs)
        self.adaptive, self.as_published = adaptive, as_published
        self.weighs_joints = weighs_joints and not as_published
        if not self.weighs_joints:
            self.largest_sigma = math.inf

    def solve(
        self,
        joints: tf.Tensor,
        joint_sigma: tf.Tensor,
        betas: tf.Tensor,
        rest_joints: tf.Tensor,
        twist: tf.Tensor | None,
        **extra: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """See `Solver.solve`; a twist that is not known is none."""
        if self.weighs_joints:
            joints = uncertain_joints.weighed(joints, rest_joints, joint_sigma, extra.get("trunk"))
        if twist is not None:
            unknown = tf.reduce_all(twist == 0.0, -1, keepdims=True)
            twist = tf.where(unknown, tf.constant([1.0, 0.0]), twist)
        kind = {"adaptive": self.adaptive, "as_published": self.as_published}
        return analytic_ik(joints, rest_joints=rest_joints, twist=twist, **kind), {}

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        own = {name: getattr(self, name) for name in ("adaptive", "as_published", "weighs_joints")}
        return {**super().get_config(), **own}
