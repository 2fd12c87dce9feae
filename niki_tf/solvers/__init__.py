"""Every inverse-kinematics method as a Keras model with the same inputs and outputs."""

from niki_tf.solvers.analytic import Analytic
from niki_tf.solvers.heatmap_condition import HeatmapCondition
from niki_tf.solvers.invertible import InvertibleSolver
from niki_tf.solvers.learned import LearnedSolver
from niki_tf.solvers.map_fit import MapFit
from niki_tf.solvers.mlp import MLP
from niki_tf.solvers.one_stage import OneStage
from niki_tf.solvers.recurrent import Recurrent
from niki_tf.solvers.solver import Solver
from niki_tf.solvers.temporal import Temporal, TemporalSolver, TemporalTwistSwing
from niki_tf.solvers.temporal_prior import TemporalPrior
from niki_tf.solvers.twist_swing import TwistSwing
from niki_tf.solvers.window_solver import WindowSolver
from niki_tf.solvers.zoo import check_solver, load, save, shipped

__all__ = [
    "MLP",
    "Analytic",
    "HeatmapCondition",
    "InvertibleSolver",
    "LearnedSolver",
    "MapFit",
    "OneStage",
    "Recurrent",
    "Solver",
    "Temporal",
    "TemporalPrior",
    "TemporalSolver",
    "TemporalTwistSwing",
    "TwistSwing",
    "WindowSolver",
    "check_solver",
    "load",
    "save",
    "shipped",
]
