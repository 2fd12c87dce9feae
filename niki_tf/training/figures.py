"""Pictures of a run for TensorBoard."""

import io

import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from niki_tf import skeletons
from niki_tf.body import kinematics


def joint_errors(solver, batch):
    """Mean distance, mm, of each of the 24 joints of the solver's answer from the truth, (24,), for a batch."""
    seen = {name: batch[name] for name in ("frame_mask",) if name in batch}
    local, _ = solver.solve(batch["noisy"], batch["joint_sigma"], batch["betas"], batch["noisy_twist"], **seen)
    joints, _ = kinematics.forward_kinematics(local, batch["rest_joints"])
    distance = tf.norm(joints - joints[..., :1, :] - batch["joints"], axis=-1)[..., :24]
    if "frame_mask" in batch:
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
