"""The five losses of NIKI, for one replica's share of a batch.

Source: Li et al., NIKI, CVPR 2023, section 3.3; weights from supplementary B.
"""

import dataclasses

import tensorflow as tf

from niki_tf import rotations
from niki_tf.body import kinematics
from niki_tf.fitting import absent_joints, trunk_frame
from niki_tf.settings import described
from niki_tf.shapes import reshape_last
from niki_tf.solvers.invertible import BodyCondition, InvertibleSolver, Observation

_KERNEL_WIDTHS = (0.05, 0.2, 0.9)
_PADDING_NOISE = 1e-3


@dataclasses.dataclass(frozen=True)
class LossWeights:
    """Weights of the loss terms; the defaults are the paper's."""

    inv: float = described(1.0, "Noisy joints to rotations and to the joints that the body gives.")
    fwd: float = described(1.0, "True rotations and the embedding of the noisy joints back to the noisy joints.")
    ind: float = described(1.0, "The embedding tells nothing of the pose (maximum mean discrepancy).")
    bnd_inv: float = described(0.1, "The embedding of true joints is zero.")
    bnd_fwd: float = described(1.0, "True rotations and a zero embedding give the true joints.")
    joints: float = described(1.0, "Within inv, the joints against the rotations; 1 in the paper.")
    accel: float = described(0.0, "Within inv, the joints' acceleration (metres per frame^2) of solvers that see time.")


def loss_of(solver):
    """The loss that trains `solver`: `invertible` or `regression`."""
    return invertible if isinstance(solver, InvertibleSolver) else regression


def noise_sizes(solver):
    """Names and entries of the standard normal vectors that the loss of `solver` needs, for `data.batches`."""
    if not isinstance(solver, InvertibleSolver):
        return {}
    return {"padding": solver.padding_size, "embedding": solver.embedding_size}


def invertible(solver, batch, weights, *, boundary_share=1.0, gather=tf.identity):
    """Total loss and its terms, scalars, of an invertible solver on a batch of `data.batches`.

    Of a solver with two networks both pay: the swing between them is held to the true swing on both ways, the twist
    that comes back to the one that went in, and each embedding is judged beside the rotations of its own network.
    Of a solver that sees time every frame counts alike, but for those that only fill up a window.

    `boundary_share` of each batch pays for fwd, ind, bnd_inv and bnd_fwd; 1 in the paper.
    `gather` joins a tensor over all replicas, so that the discrepancy of the embedding sees the whole batch.
    """
    part = _part(batch, boundary_share)
    count, few = batch["joints"].shape[0], part["joints"].shape[0]
    both = _join(_observe_noisy(solver, batch), _observe_clean(solver, part))
    both["padding"] = _PADDING_NOISE * both["padding"][..., : solver.padding_size]
    pose, z, between = solver.to_pose(_observation(both), _body(both), training=True)
    found = {"pose": pose, **between}
    error, joint_error = _pose_error(found, both, weights)
    noisy, clean = _cut(both, slice(few)), _cut(both, slice(count, None))
    clean |= {"padding": tf.zeros_like(clean["padding"]), "twist": clean["true_twist"]}
    ends = _join(noisy, clean)
    embedding = tf.concat([tf.stop_gradient(z[:few]), tf.zeros_like(z[count:])], 0)
    back, swing = solver.to_observation(ends["pose"], embedding, _body(ends), training=True)
    back = {name: value for name, value in vars(back).items() if value is not None}
    if solver.num_twists:
        noisy["twist"] = tf.stop_gradient(found["twist"][:few])
    terms = {
        "inv": _inv(error, both, count),
        "fwd": _observation_error(_cut(back, slice(few)), noisy),
        "ind": _independence(solver, _cut(found, slice(few)), z[:few], noisy | {"noise": part["embedding"]}, gather),
        "bnd_inv": _boundary_error(solver, z[count:], both["twist"][count:], clean.get("frame_mask")),
        "bnd_fwd": _observation_error(_cut(back | swing, slice(few, None)), clean),
    }
    total = sum(getattr(weights, name) * term for name, term in terms.items())
    return total, terms | {"joint_error_mm": _mean_of(joint_error, both, slice(count))}


def regression(solver, batch, weights, *, boundary_share=1.0, gather=tf.identity):
    """Total loss and its terms of a plain network: `inv` alone, on the same noisy and clean joints."""
    both = _join(_observe_noisy(solver, batch), _observe_clean(solver, _part(batch, boundary_share)))
    known = {"frame_mask": both["frame_mask"]} if "frame_mask" in both else {}
    pose = solver.to_pose(both["joints"], both["sigma"], both["condition"], training=True, **known)
    error, joint_error = _pose_error({"pose": pose}, both, weights)
    count = batch["joints"].shape[0]
    inv = _inv(error, both, count)
    return weights.inv * inv, {"inv": inv, "joint_error_mm": _mean_of(joint_error, both, slice(count))}


def discrepancy(x, y, weights=None):
    """Squared maximum mean discrepancy of the samples `x` and `y`, both (n, d), a scalar; `weights` (n,) if not alike.

    Kernel: sum over a in {0.05, 0.2, 0.9} of a^2 / (a^2 + |x - y|^2). Source: Gretton et al., A kernel two-sample
    test, JMLR 2012; multi-scale inverse multiquadric as in the published code.
    """
    apart = _kernel(x, x) + _kernel(y, y) - 2.0 * _kernel(x, y)
    return _mean(apart, None if weights is None else weights[:, None] * weights)


def _kernel(x, y):
    squares = tf.reduce_sum(x * x, -1)[:, None] + tf.reduce_sum(y * y, -1)[None]
    distance = tf.maximum(squares - 2.0 * tf.linalg.matmul(x, y, transpose_b=True), 0.0)
    return tf.add_n([a * a / (a * a + distance) for a in _KERNEL_WIDTHS])


def _part(batch, share):
    """The first `share` of a batch, at least one example."""
    return _cut(batch, slice(max(1, int(round(batch["joints"].shape[0] * share)))))


def _cut(tensors, rows):
    return {name: value[rows] for name, value in tensors.items()}


def _join(first, second):
    return {name: tf.concat([first[name], second[name]], 0) for name in first}


def _mean(values, weights):
    """Mean of `values`, weighed if there are `weights` of their shape, or of their first axes."""
    if weights is None:
        return tf.reduce_mean(values)
    values = tf.reduce_mean(values, list(range(weights.shape.rank, values.shape.rank)))
    return tf.reduce_sum(weights * values) / tf.reduce_sum(weights)


def _mean_of(values, seen, some):
    """Mean over `some` examples, of windows over the frames that are there."""
    return _mean(values[some], seen["frame_mask"][some] if "frame_mask" in seen else None)


def _inv(error, seen, count):
    """Mean of the noisy examples' errors (the first `count`) plus that of the clean ones'."""
    return _mean_of(error, seen, slice(count)) + _mean_of(error, seen, slice(count, None))


def _known(twist):
    """Whether a twist (..., 2) is known, (..., 1)."""
    return tf.reduce_any(twist != 0.0, -1, keepdims=True)


def _observe_noisy(solver, batch):
    joints = absent_joints.fill_absent(batch["noisy"], batch["rest_joints"], batch["joint_sigma"])
    return _observe(solver, batch, joints, batch["joint_sigma"], batch["noisy_twist"])


def _observe_clean(solver, batch):
    """True joints, and the true twist of the joints whose twist is known."""
    twist = tf.where(_known(batch["noisy_twist"]), batch["twist"], 0.0)
    return _observe(solver, batch, batch["joints"], tf.zeros_like(batch["joint_sigma"]), twist)


def _observe(solver, batch, joints, sigma, twist):
    """What the network is given and what is true, seen from the frame that the observation shows."""
    over_time = {"frame_mask": batch["frame_mask"]} if "frame_mask" in batch else {}
    view = solver.observe(joints, sigma, batch["rest_joints"], **over_time)
    back = rotations.transpose(view.rotation)
    pose, swing = (
        rotations.matrices_to_6d_vector(trunk_frame.turn_root(batch[name], back)) for name in ("rotations", "swing")
    )
    return {
        "joints": view.joints,
        "sigma": view.sigma,
        "twist": twist,
        "true_joints": trunk_frame.to_local(batch["joints"], view.rotation, tf.zeros_like(view.centre)),
        "true_twist": batch["twist"],
        "pose": pose,
        "swing": swing,
        "condition": solver.shape_condition(batch["betas"], batch["rest_joints"]),
        "rest_joints": batch["rest_joints"],
        "frame": view.rotation,
        **{name: batch[name] for name in ("frame_mask", "padding") if name in batch},
    }


def _observation(seen):
    return Observation(seen["joints"], seen["sigma"], seen["padding"], seen["twist"])


def _body(seen):
    return BodyCondition(seen["condition"], seen["rest_joints"], seen.get("frame_mask"))


def _pose_error(found, seen, weights):
    """Squared error of the 6D rotations plus weighted L1 of the joints (metres), and the joints' error in mm.

    Both have the leading axes of the examples, (n,) or (n, T). Of a solver with two networks the squared errors of the
    swing, where every twist was known, and of the guessed twist come on top; of one that sees time, if wanted, the L1
    error of the joints' acceleration.
    """
    local = rotations.sixd_vector_to_matrices(found["pose"])
    joints, _ = kinematics.forward_kinematics(local, seen["rest_joints"])
    difference = joints - joints[..., :1, :] - seen["true_joints"]
    loss = weights.joints * tf.reduce_mean(tf.abs(difference), [-2, -1])
    loss += tf.reduce_mean((found["pose"] - seen["pose"]) ** 2, -1)
    if "swing" in found:
        known = tf.cast(tf.reduce_all(_known(seen["twist"]), [-2, -1]), loss.dtype)
        loss += known * tf.reduce_mean((found["swing"] - seen["swing"]) ** 2, -1)
        loss += tf.reduce_mean((found["guess"] - seen["true_twist"]) ** 2, [-2, -1])
    if weights.accel and loss.shape.rank > 1:
        loss += weights.accel * _acceleration_error(difference, seen)
    return loss, 1000.0 * tf.reduce_mean(tf.norm(difference[..., :24, :] + 1e-9, axis=-1), -1)


def _acceleration_error(difference, seen):
    """L1 of the second difference over time of the joints' error (n, T, 29, 3), put at the middle frame, (n, T)."""
    # The trunk's frame turns from one frame to the next, the world does not.
    error = tf.linalg.matmul(difference, seen["frame"], transpose_b=True)
    error = tf.reduce_mean(tf.abs(error[:, 2:] - 2.0 * error[:, 1:-1] + error[:, :-2]), [-2, -1])
    mask = seen["frame_mask"]
    return tf.pad(error * mask[:, 2:] * mask[:, 1:-1] * mask[:, :-2], [[0, 0], [1, 1]])


def _observation_error(back, wanted):
    """L1 of the joints (metres) plus squared errors of all else that came back, a scalar."""
    mask = wanted.get("frame_mask")
    others = sum(_mean((back[name] - wanted[name]) ** 2, mask) for name in back if name != "joints")
    return _mean(tf.abs(back["joints"] - wanted["joints"]), mask) + others


def _boundary_error(solver, z, twist, frame_mask):
    """Mean square of each network's embedding of true joints; that of a twist counts where the twist was known."""
    own, of_twist = _split_embedding(solver, z)
    error = _mean(own**2, frame_mask)
    if solver.twist_embedding_size:
        of_known = reshape_last(of_twist, 1, [solver.num_twists, 2]) * tf.cast(_known(twist), z.dtype)
        error += _mean(of_known**2, frame_mask)
    return error


def _split_embedding(solver, z):
    """The embedding of joints, and that of twists, which has no entries for most solvers."""
    size = solver.twist_embedding_size
    return tf.split(z, [z.shape[-1] - size, size], -1)


def _independence(solver, found, z, wanted, gather):
    """How much each embedding says of its own network's rotations, and how far it is from a normal distribution."""
    weights, noise = None, wanted["noise"][..., : z.shape[-1]]
    if "frame_mask" in wanted:
        weights = gather(_rows(wanted["frame_mask"][..., None]))[:, 0]
    networks = ["swing", "pose"] if solver.twist_embedding_size else ["pose"]
    total = 0.0
    for name, *parts in zip(networks, _split_embedding(solver, z), _split_embedding(solver, noise), strict=False):
        part, normal = (gather(_rows(x)) for x in parts)
        seen = tf.concat([tf.stop_gradient(gather(_rows(found[name]))), part], -1)
        true = tf.concat([gather(_rows(wanted[name])), normal], -1)
        total += discrepancy(seen, true, weights) + discrepancy(part, normal, weights)
    return total


def _rows(values):
    """Values (..., d) as (n, d)."""
    return tf.reshape(values, [-1, values.shape[-1]])
