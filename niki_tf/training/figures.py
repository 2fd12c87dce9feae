"""Pictures of a run for TensorBoard."""

import io

import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from niki_tf import skeletons
from niki_tf.body import kinematics


def joint_errors(solver, batch):
    """Mean distance, mm, of each of the 24 joints of the solver's answer from the truth, (24,), for a batch."""
    inputs = {"joints": batch["noisy"], "joint_sigma": batch["joint_sigma"], "betas": batch["betas"]}
    over_time = {"frame_mask": batch["frame_mask"]} if "frame_mask" in batch else {}
    answer = solver({**inputs, "twist": batch["noisy_twist"], **over_time})
    local = tf.concat([answer["global_orient"], answer["body_pose"]], -3)
    joints, _ = kinematics.forward_kinematics(local, batch["rest_joints"])
    distance = tf.norm(joints - joints[..., :1, :] - batch["joints"], axis=-1)[..., : skeletons.NUM_ROTATIONS]
    if over_time:
        distance = tf.boolean_mask(distance, batch["frame_mask"] > 0.0)
    return 1000.0 * tf.reduce_mean(distance, 0)


def joint_error_image(errors):
    """Bars of the 24 joints' errors, mm, as an image (1, H, W, 4) for tf.summary.image."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(skeletons.SMPL_24.names, errors)
    axes.invert_yaxis()
    axes.set_xlabel("error on a fixed training batch, mm")
    axes.spines[["top", "right"]].set_visible(False)
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    return tf.image.decode_png(file.getvalue(), channels=4)[None]
