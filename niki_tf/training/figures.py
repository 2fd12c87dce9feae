"""Pictures of a run for TensorBoard."""

import io
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from niki_tf import contract, skeletons
from niki_tf.body import kinematics
from niki_tf.solvers.solver import Solver


def joint_errors(solver: Solver, batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Mean distance, mm, of each of the 24 joints of the solver's answer from the truth, (24,).

    The joints of the body posed by the answer are compared with the true ones, both relative to joint 0.

    Args:
        solver: called as in use, absent joints and all.
        batch: of `data.batches`; filler frames of windows do not count.
    """
    inputs = {"joints": batch["noisy"], "joint_sigma": batch["joint_sigma"], "betas": batch["betas"]}
    over_time = {"frame_mask": batch["frame_mask"]} if "frame_mask" in batch else {}
    answer = solver({**inputs, "twist": batch["noisy_twist"], **over_time})
    local = tf.concat([answer[name] for name in contract.POSE], -3)
    joints, _ = kinematics.forward_kinematics(local, batch["rest_joints"])
    distance = tf.norm(joints - joints[..., :1, :] - batch["joints"], axis=-1)[..., : skeletons.NUM_ROTATIONS]
    if over_time:
        distance = tf.boolean_mask(distance, batch["frame_mask"] > 0.0)
    return 1000.0 * tf.reduce_mean(distance, 0)


def joint_error_image(errors: np.ndarray | tf.Tensor) -> tf.Tensor:
    """Bars of the errors (24,), mm, as an image (1, H, W, 4) for tf.summary.image."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(skeletons.SMPL_24.names, errors)
    axes.invert_yaxis()
    axes.set_xlabel("error on a fixed training batch, mm")
    axes.spines[["top", "right"]].set_visible(False)
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    return tf.image.decode_png(file.getvalue(), channels=4)[None]
