"""The five losses of NIKI, for one replica's share of a batch.

Source: Li et al., NIKI, CVPR 2023, section 3.3; weights from supplementary B.
"""

import dataclasses

import tensorflow as tf

from niki_tf import rotations
from niki_tf.body import kinematics
from niki_tf.settings import setting
from niki_tf.solvers import canonical

_KERNEL_WIDTHS = (0.05, 0.2, 0.9)
_PADDING_NOISE = 1e-3


@dataclasses.dataclass(frozen=True)
class LossWeights:
    """Weights of the loss terms; the defaults are the paper's."""

    inv: float = setting(1.0, "Noisy joints to rotations and to the joints that the body gives.")
    fwd: float = setting(1.0, "True rotations and the embedding of the noisy joints back to the noisy joints.")
    ind: float = setting(1.0, "The embedding tells nothing of the pose (maximum mean discrepancy).")
    bnd_inv: float = setting(0.1, "The embedding of true joints is zero.")
    bnd_fwd: float = setting(1.0, "True rotations and a zero embedding give the true joints.")
    share: float = setting(0.25, "Share of each batch that pays for fwd, ind, bnd_inv and bnd_fwd; 1 in the paper.")


def invertible(solver, batch, weights, *, gather=tf.identity):
    """Total loss and its terms, scalars, of an invertible one-stage solver on a batch of `data.batches`.

    `gather` joins a tensor over all replicas, so that the discrepancy of the embedding sees the whole batch.
    """
    part = _part(batch, weights.share)
    condition = solver.shape_condition(batch["betas"], batch["rest_joints"])
    noisy = _observe(solver, batch, batch["noisy"], batch["joint_sigma"])
    clean = _observe(solver, part, part["joints"], tf.zeros_like(part["joint_sigma"]))
    seen = {name: tf.concat([noisy[name], clean[name]], 0) for name in noisy}
    few = tf.shape(part["joints"])[0]
    padding = _PADDING_NOISE * tf.concat([batch["padding"], part["padding"]], 0)
    both = tf.concat([condition, condition[:few]], 0)
    pose, z = solver.to_pose(seen["joints"], seen["sigma"], padding, both, training=True)
    rest_joints = tf.concat([batch["rest_joints"], part["rest_joints"]], 0)
    count = tf.shape(batch["joints"])[0]
    pose_error, joint_error = _pose_error(pose, seen, rest_joints)
    target, true_z = seen["pose"], tf.zeros_like(z[count:])
    back = solver.to_joints(
        tf.concat([target[:few], target[count:]], 0),
        tf.concat([tf.stop_gradient(z[:few]), true_z], 0),
        tf.concat([condition[:few], condition[:few]], 0),
        training=True,
    )
    noisy_part = _head(noisy, few) | {"padding": padding[:few]}
    clean_part = clean | {"padding": tf.zeros_like(padding[:few])}
    terms = {
        "inv": tf.reduce_mean(pose_error[:count]) + tf.reduce_mean(pose_error[count:]),
        "fwd": _joint_error([x[:few] for x in back], noisy_part),
        "ind": _independence(gather(pose[:few]), gather(z[:few]), gather(target[:few]), gather(part["embedding"])),
        "bnd_inv": tf.reduce_mean(z[count:] ** 2),
        "bnd_fwd": _joint_error([x[few:] for x in back], clean_part),
    }
    total = sum(getattr(weights, name) * term for name, term in terms.items())
    return total, terms | {"joint_error_mm": tf.reduce_mean(joint_error[:count])}


def regression(solver, batch, weights, *, gather=tf.identity):
    """Total loss and its terms of a plain network: `inv` alone, on the same noisy and clean joints."""
    part = _part(batch, weights.share)
    noisy = _observe(solver, batch, batch["noisy"], batch["joint_sigma"])
    clean = _observe(solver, part, part["joints"], tf.zeros_like(part["joint_sigma"]))
    seen = {name: tf.concat([noisy[name], clean[name]], 0) for name in noisy}
    condition = solver.shape_condition(batch["betas"], batch["rest_joints"])
    count, few = tf.shape(batch["joints"])[0], tf.shape(part["joints"])[0]
    pose = solver.to_pose(seen["joints"], seen["sigma"], tf.concat([condition, condition[:few]], 0), training=True)
    rest_joints = tf.concat([batch["rest_joints"], part["rest_joints"]], 0)
    pose_error, joint_error = _pose_error(pose, seen, rest_joints)
    inv = tf.reduce_mean(pose_error[:count]) + tf.reduce_mean(pose_error[count:])
    return weights.inv * inv, {"inv": inv, "joint_error_mm": tf.reduce_mean(joint_error[:count])}


def discrepancy(x, y):
    """Squared maximum mean discrepancy of the samples `x` and `y`, both (n, d), a scalar.

    Kernel: sum over a in {0.05, 0.2, 0.9} of a^2 / (a^2 + |x - y|^2). Source: Gretton et al., A kernel two-sample
    test, JMLR 2012; multi-scale inverse multiquadric as in the published code.
    """
    return tf.reduce_mean(_kernel(x, x) + _kernel(y, y) - 2.0 * _kernel(x, y))


def _kernel(x, y):
    squares = tf.reduce_sum(x * x, -1)[:, None] + tf.reduce_sum(y * y, -1)[None]
    distance = tf.maximum(squares - 2.0 * tf.linalg.matmul(x, y, transpose_b=True), 0.0)
    return tf.add_n([a * a / (a * a + distance) for a in _KERNEL_WIDTHS])


def _part(batch, share):
    """The first `share` of a batch, at least one example."""
    count = max(1, int(round(batch["joints"].shape[0] * share)))
    return _head(batch, count)


def _head(tensors, count):
    return {name: value[:count] for name, value in tensors.items()}


def _observe(solver, batch, joints, sigma):
    """Observed joints, true joints and true rotations, seen from the frame that the observation shows."""
    rotation, centre = solver.frame(joints, batch["rest_joints"], sigma)
    turned = canonical.turn_root(batch["rotations"], rotations.transpose(rotation))
    return {
        "joints": canonical.to_frame(joints, rotation, centre),
        "sigma": sigma,
        "true_joints": canonical.to_frame(batch["joints"], rotation, tf.zeros_like(centre)),
        "pose": tf.reshape(rotations.matrix_to_6d(turned), [-1, 144]),
    }


def _pose_error(pose, seen, rest_joints):
    """Squared error of the 6D rotations plus L1 of the joints (metres), and the mean joint error in mm, both (n,)."""
    local = rotations.sixd_to_matrix(tf.reshape(pose, [-1, 24, 6]))
    joints, _ = kinematics.forward_kinematics(local, rest_joints)
    difference = joints - joints[:, :1] - seen["true_joints"]
    loss = tf.reduce_mean((pose - seen["pose"]) ** 2, -1) + tf.reduce_mean(tf.abs(difference), [-2, -1])
    return loss, 1000.0 * tf.reduce_mean(tf.norm(difference[:, :24] + 1e-9, axis=-1), -1)


def _joint_error(back, wanted):
    """L1 of the joints (metres) plus squared error of sigma and padding, a scalar."""
    joints, sigma, padding = back
    rest = tf.reduce_mean((sigma - wanted["sigma"]) ** 2) + tf.reduce_mean((padding - wanted["padding"]) ** 2)
    return tf.reduce_mean(tf.abs(joints - wanted["joints"])) + rest


def _independence(pose, z, true_pose, noise):
    """What z tells of the pose, and how far it is from a standard normal distribution."""
    found = tf.concat([tf.stop_gradient(pose), z], -1)
    return discrepancy(found, tf.concat([true_pose, noise], -1)) + discrepancy(z, noise)
