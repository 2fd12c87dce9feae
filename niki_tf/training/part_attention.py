"""The loss by which `vision.PartAttention` learns rotations from images."""

from collections.abc import Callable, Mapping

import tensorflow as tf

from niki_tf import skeletons
from niki_tf.body import kinematics
from niki_tf.vision import PartAttention

_ROTATIONS = 0.3
"""Weight of the rotations relative to the joints, metres; set by hand."""


def loss(
    model: PartAttention, batch: Mapping[str, tf.Tensor], *, gather: Callable[[tf.Tensor], tf.Tensor] | None = None
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The loss of a batch of images, L1 of joints (metres) and squared error of rotations, and its terms.

    Both bodies have the betas that the model says; images whose rotations are NaN do not count.

    Args:
        model: that is trained.
        batch: of `data.image_batches.batches`.
        gather: unused; all terms are means over examples.
    """
    found = model({"image": batch["image"]}, training=True)
    known = tf.reduce_all(tf.math.is_finite(batch["rotations"]), (1, 2, 3))
    local = tf.concat([found["global_orient"], found["body_pose"]], 1)
    true = tf.where(known[:, None, None, None], batch["rotations"], tf.stop_gradient(local))
    rest = model.image_joints.body_joints(tf.stop_gradient(found["betas"]))
    joints, wanted = (kinematics.forward_kinematics(turns, rest)[0] for turns in (local, true))
    off = (joints - joints[:, :1]) - (wanted - wanted[:, :1])
    terms = {"joints": tf.reduce_mean(tf.abs(off)), "rotations": tf.reduce_mean((local - true) ** 2)}
    distance = tf.norm(off[:, : skeletons.NUM_ROTATIONS] + 1e-9, axis=-1)
    return terms["joints"] + _ROTATIONS * terms["rotations"], {
        **terms,
        "joint_error_mm": 1000.0 * tf.reduce_mean(distance),
    }
