"""Training of solvers: losses, the training loop, checkpoints, tf.distribute strategies."""

from niki_tf.training.losses import LossWeights, discrepancy, invertible, loss_of, noise_sizes, regression
from niki_tf.training.strategies import STRATEGIES, make_strategy
from niki_tf.training.trainer import Trainer, TrainSettings

__all__ = [
    "STRATEGIES",
    "LossWeights",
    "TrainSettings",
    "Trainer",
    "discrepancy",
    "invertible",
    "loss_of",
    "make_strategy",
    "noise_sizes",
    "regression",
]
