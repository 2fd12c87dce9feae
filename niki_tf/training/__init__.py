"""Losses, the training loop, checkpoints."""

from niki_tf.training.losses import LossWeights, discrepancy, invertible, regression
from niki_tf.training.trainer import Trainer, TrainSettings

__all__ = ["LossWeights", "TrainSettings", "Trainer", "discrepancy", "invertible", "regression"]
