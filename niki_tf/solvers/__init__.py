"""Every inverse-kinematics method as a Keras model with the same inputs and outputs."""

from niki_tf.solvers.analytic import Analytic
from niki_tf.solvers.mlp import MLP
from niki_tf.solvers.one_stage import OneStage
from niki_tf.solvers.optimiser import Optimiser
from niki_tf.solvers.recurrent import Recurrent
from niki_tf.solvers.solver import Solver
from niki_tf.solvers.temporal import Temporal
from niki_tf.solvers.twist_swing import TwistSwing
from niki_tf.solvers.zoo import load

__all__ = [
    "MLP", "Analytic", "OneStage", "Optimiser", "Recurrent", "Solver", "Temporal", "TwistSwing", "load",
]  # fmt: skip
