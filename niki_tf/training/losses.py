"""The five losses of NIKI, computed on one replica's shard of a batch.

Source: Li et al., NIKI, CVPR 2023, section 3.3; weights of the terms from supplementary B.
"""

import dataclasses
from collections.abc import Callable, Mapping

import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics
from niki_tf.fitting import absent_joints, trunk_frame
from niki_tf.settings import described
from niki_tf.shapes import reshape_last
from niki_tf.solvers.invertible import BodyCondition, InvertibleSolver, Observation
from niki_tf.solvers.learned import LearnedSolver

_Tensors = Mapping[str, tf.Tensor]
_Gather = Callable[[tf.Tensor], tf.Tensor]

_KERNEL_WIDTHS = (0.05, 0.2, 0.9)
"""Of the published code."""
_PADDING_NOISE = 1e-3
"""Standard deviation of the padding that an observation gets in training, of the published code."""


@dataclasses.dataclass(frozen=True)
class LossWeights:
    """Weights of the loss terms; the defaults of the first five are the paper's."""

    inv: float = described(1.0, "Rotations that are solved for, and the joints of the body posed by them.")
    fwd: float = described(1.0, "True rotations and the embedding of the noisy joints give the noisy joints.")
    ind: float = described(1.0, "The embedding is independent of the pose (maximum mean discrepancy).")
    bnd_inv: float = described(0.1, "The embedding of true joints is zero.")
    bnd_fwd: float = described(1.0, "True rotations and a zero embedding give the true joints.")
    joints: float = described(1.0, "Within inv, the joints against the rotations; the published code: 1.")
    accel: float = described(0.0, "Within inv, the joints' acceleration (metres per frame^2) of solvers that see time.")


def loss_of(solver: LearnedSolver) -> Callable[..., tuple[tf.Tensor, dict[str, tf.Tensor]]]:
    """The loss that trains `solver`: `invertible` or `regression`."""
    return invertible if isinstance(solver, InvertibleSolver) else regression


def noise_sizes(solver: LearnedSolver) -> dict[str, int]:
    """Names and sizes of the standard normal vectors that the loss of `solver` needs, for `data.batches`."""
    if not isinstance(solver, InvertibleSolver):
        return {}
    return {"padding": solver.padding_size, "embedding": solver.embedding_size}


def invertible(
    solver: InvertibleSolver,
    batch: _Tensors,
    weights: LossWeights,
    *,
    boundary_share: float = 1.0,
    gather: _Gather = tf.identity,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Total loss of an invertible solver, the weighted sum of inv, fwd, ind, bnd_inv and bnd_fwd, and its terms.

    With two networks (twist and swing) the swing between them is compared with the true swing in both directions, the
    twist with the one that was given, and each embedding is compared together with the rotations of its own network.
    Means over windows are over all frames but filler.

    Args:
        solver: that is trained.
        batch: of `data.batches`, with the vectors of `noise_sizes`.
        weights: of the terms.
        boundary_share: the share of the batch, from its start, on which fwd, ind, bnd_inv, bnd_fwd and the clean half
            of inv are computed; 1 in the published code.
        gather: joins a tensor over all replicas, so that the discrepancy of the embedding is that of the whole batch.

    Returns:
        The total and a dictionary of the five terms and `joint_error_mm`, all scalars.
    """
    part = _boundary_part(batch, boundary_share)
    count, few = batch["joints"].shape[0], part["joints"].shape[0]
    both = _join(observe_noisy(solver, batch), _observe_clean(solver, part))
    both["padding"] = _PADDING_NOISE * both["padding"][..., : solver.padding_size]
    pose, z, between = solver.to_pose(observation_of(both), body_of(both), training=True)
    found = {"pose": pose, **between}
    error, joint_error = _pose_error(found, both, weights)
    noisy, clean = _slice(both, slice(few)), _slice(both, slice(count, None))
    clean |= {"padding": tf.zeros_like(clean["padding"]), "twist": clean["true_twist"]}
    embedding = tf.concat([tf.stop_gradient(z[:few]), tf.zeros_like(z[count:])], 0)
    returned, swing = _returned(solver, _join(noisy, clean), embedding)
    if solver.num_twists:
        noisy["twist"] = tf.stop_gradient(found["twist"][:few])
    terms = {
        "inv": _inv(error, both, count),
        "fwd": _observation_error(_slice(returned, slice(few)), noisy),
        "ind": _independence(solver, _slice(found, slice(few)), z[:few], noisy | {"noise": part["embedding"]}, gather),
        "bnd_inv": _boundary_error(solver, z[count:], both["twist"][count:], clean.get("frame_mask")),
        "bnd_fwd": _observation_error(_slice(returned | swing, slice(few, None)), clean),
    }
    total = sum(getattr(weights, name) * term for name, term in terms.items())
    return total, terms | {"joint_error_mm": _mean_of(joint_error, both, slice(count))}


def _returned(
    solver: InvertibleSolver, view: _Tensors, embedding: tf.Tensor
) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    """The observation of true rotations and an embedding, by the names of its parts, and what lies between."""
    observation, between = solver.to_observation(view["pose"], embedding, body_of(view), training=True)
    return {name: value for name, value in vars(observation).items() if value is not None}, between


def regression(
    solver: LearnedSolver,
    batch: _Tensors,
    weights: LossWeights,
    *,
    boundary_share: float = 1.0,
    gather: _Gather = tf.identity,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Total loss of a solver without a way back and its terms: `inv` alone, on the same noisy and clean joints.

    Args:
        solver: `MLP` or `Recurrent`.
        batch: of `data.batches`.
        weights: of the terms.
        boundary_share: the share of the batch, from its start, whose clean joints count.
        gather: as for `invertible`; not needed here.

    Returns:
        The total and a dictionary of `inv` and `joint_error_mm`, all scalars.
    """
    part = _boundary_part(batch, boundary_share)
    both = _join(observe_noisy(solver, batch), _observe_clean(solver, part))
    over_time = {"frame_mask": both["frame_mask"]} if "frame_mask" in both else {}
    pose = solver.to_pose(both["joints"], both["sigma"], both["condition"], training=True, **over_time)
    error, joint_error = _pose_error({"pose": pose}, both, weights)
    count = batch["joints"].shape[0]
    inv = _inv(error, both, count)
    return weights.inv * inv, {"inv": inv, "joint_error_mm": _mean_of(joint_error, both, slice(count))}


def discrepancy(x: tf.Tensor, y: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
    """Squared maximum mean discrepancy of two samples, a scalar; 0 if they are the same.

    mean k(x, x) + mean k(y, y) - 2 mean k(x, y), k(x, y) = sum over a in {0.05, 0.2, 0.9} of a^2 / (a^2 + |x - y|^2).

    Args:
        x: (n, d).
        y: (n, d).
        weights: (n,) of the rows of both; equal if None.

    Source: Gretton et al., A kernel two-sample test, JMLR 2012; multi-scale inverse multiquadric kernel as in the
    published code.
    """
    kernels = _kernel(x, x) + _kernel(y, y) - 2.0 * _kernel(x, y)
    return _mean(kernels, None if weights is None else weights[:, None] * weights)


def _kernel(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    squares = tf.reduce_sum(x * x, -1)[:, None] + tf.reduce_sum(y * y, -1)[None]
    distance = tf.maximum(squares - 2.0 * tf.linalg.matmul(x, y, transpose_b=True), 0.0)
    return tf.add_n([a * a / (a * a + distance) for a in _KERNEL_WIDTHS])


def _boundary_part(batch: _Tensors, share: float) -> dict[str, tf.Tensor]:
    """The first `share` of a batch, at least one example."""
    return _slice(batch, slice(max(1, int(round(batch["joints"].shape[0] * share)))))


def _slice(tensors: _Tensors, examples: slice) -> dict[str, tf.Tensor]:
    return {name: value[examples] for name, value in tensors.items()}


def _join(first: _Tensors, second: _Tensors) -> dict[str, tf.Tensor]:
    return {name: tf.concat([first[name], second[name]], 0) for name in first}


def _mean(values: tf.Tensor, weights: tf.Tensor | None) -> tf.Tensor:
    """Mean of `values`, weighted if there are `weights` of their shape or of their first axes."""
    if weights is None:
        return tf.reduce_mean(values)
    values = tf.reduce_mean(values, list(range(weights.shape.rank, values.shape.rank)))
    return tf.reduce_sum(weights * values) / tf.reduce_sum(weights)


def _mean_of(values: tf.Tensor, view: _Tensors, examples: slice) -> tf.Tensor:
    """Mean over `examples`, of windows over all frames but filler."""
    return _mean(values[examples], view["frame_mask"][examples] if "frame_mask" in view else None)


def _inv(error: tf.Tensor, view: _Tensors, count: int) -> tf.Tensor:
    """Mean error of the noisy examples, which are the first `count`, plus that of the clean ones."""
    return _mean_of(error, view, slice(count)) + _mean_of(error, view, slice(count, None))


def _known(twist: tf.Tensor) -> tf.Tensor:
    """Whether a twist (..., 2) is known, (..., 1)."""
    return tf.reduce_any(twist != 0.0, -1, keepdims=True)


def observe_noisy(solver: LearnedSolver, batch: _Tensors) -> dict[str, tf.Tensor]:
    """What a network is given of the noisy joints of a batch, and what is true, both in the frame that they show."""
    joints = absent_joints.fill_absent(batch["noisy"], batch["rest_joints"], batch["joint_sigma"])
    return _observe(solver, batch, joints, batch["joint_sigma"], batch["noisy_twist"])


def _observe_clean(solver: LearnedSolver, batch: _Tensors) -> dict[str, tf.Tensor]:
    """True joints, and the true twists where `noisy_twist` is known."""
    twist = tf.where(_known(batch["noisy_twist"]), batch["twist"], 0.0)
    return _observe(solver, batch, batch["joints"], tf.zeros_like(batch["joint_sigma"]), twist)


def _observe(
    solver: LearnedSolver, batch: _Tensors, joints: tf.Tensor, sigma: tf.Tensor, twist: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Inputs of the network and targets, both in the coordinate frame that the observed joints show."""
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
        "condition": solver.network_condition(batch["betas"], batch["rest_joints"], batch.get("heat_moments")),
        "rest_joints": batch["rest_joints"],
        "frame": view.rotation,
        **{name: batch[name] for name in ("frame_mask", "padding") if name in batch},
    }


def observation_of(view: _Tensors) -> Observation:
    """What an invertible network is given of a view."""
    return Observation(view["joints"], view["sigma"], view["padding"], view["twist"])


def body_of(view: _Tensors) -> BodyCondition:
    """The bodies of a view as an invertible network is given them."""
    return BodyCondition(view["condition"], view["rest_joints"], view.get("frame_mask"))


def _pose_error(found: _Tensors, view: _Tensors, weights: LossWeights) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean square of the 6D rotations' error plus weighted L1 of the joints' (metres); and the joints' error in mm.

    Both have the leading axes of the examples, (n,) or (n, T). With two networks the squared errors of the swing, of
    examples all of whose twists are known, and of the guessed twist are added; of a solver of windows, if weighted,
    the L1 error of the joints' acceleration.
    """
    local = rotations.sixd_vector_to_matrices(found["pose"])
    joints, _ = kinematics.forward_kinematics(local, view["rest_joints"])
    difference = joints - joints[..., :1, :] - view["true_joints"]
    loss = weights.joints * tf.reduce_mean(tf.abs(difference), [-2, -1])
    loss += tf.reduce_mean((found["pose"] - view["pose"]) ** 2, -1)
    if "swing" in found:
        known = tf.cast(tf.reduce_all(_known(view["twist"]), [-2, -1]), loss.dtype)
        loss += known * tf.reduce_mean((found["swing"] - view["swing"]) ** 2, -1)
        loss += tf.reduce_mean((found["guess"] - view["true_twist"]) ** 2, [-2, -1])
    if weights.accel and loss.shape.rank > 1:
        loss += weights.accel * _acceleration_error(difference, view)
    of_rotations = difference[..., : skeletons.NUM_ROTATIONS, :]
    return loss, 1000.0 * tf.reduce_mean(tf.norm(of_rotations + 1e-9, axis=-1), -1)


def _acceleration_error(difference: tf.Tensor, view: _Tensors) -> tf.Tensor:
    """L1 of the second difference over time of the joints' error (n, T, 29, 3), put at the middle frame, (n, T)."""
    # The trunk's frame turns from one frame to the next, the world does not.
    error = tf.linalg.matmul(difference, view["frame"], transpose_b=True)
    error = tf.reduce_mean(tf.abs(error[:, 2:] - 2.0 * error[:, 1:-1] + error[:, :-2]), [-2, -1])
    mask = view["frame_mask"]
    return tf.pad(error * mask[:, 2:] * mask[:, 1:-1] * mask[:, :-2], [[0, 0], [1, 1]])


def _observation_error(returned: _Tensors, target: _Tensors) -> tf.Tensor:
    """L1 of the joints (metres) plus mean squares of all else that `to_observation` returned, a scalar."""
    mask = target.get("frame_mask")
    others = sum(_mean((returned[name] - target[name]) ** 2, mask) for name in returned if name != "joints")
    return _mean(tf.abs(returned["joints"] - target["joints"]), mask) + others


def _boundary_error(
    solver: InvertibleSolver, z: tf.Tensor, twist: tf.Tensor, frame_mask: tf.Tensor | None
) -> tf.Tensor:
    """Mean square of each network's embedding of true joints; that of a twist counts where the twist was known."""
    of_joints, of_twists = _split_embedding(solver, z)
    error = _mean(of_joints**2, frame_mask)
    if solver.twist_embedding_size:
        of_known = reshape_last(of_twists, 1, [solver.num_twists, 2]) * tf.cast(_known(twist), z.dtype)
        error += _mean(of_known**2, frame_mask)
    return error


def _split_embedding(solver: InvertibleSolver, z: tf.Tensor) -> list[tf.Tensor]:
    """The embedding of joints, and that of twists, which has no entries for most solvers."""
    size = solver.twist_embedding_size
    return tf.split(z, [z.shape[-1] - size, size], -1)


def _independence(
    solver: InvertibleSolver, found: _Tensors, z: tf.Tensor, target: _Tensors, gather: _Gather
) -> tf.Tensor:
    """Discrepancy of (rotations, z) from (true rotations, noise), plus that of z from noise, summed over networks."""
    weights, noise = None, target["noise"][..., : z.shape[-1]]
    if "frame_mask" in target:
        weights = gather(_rows(target["frame_mask"][..., None]))[:, 0]
    networks = ["swing", "pose"] if solver.twist_embedding_size else ["pose"]
    total = 0.0
    for name, *parts in zip(networks, _split_embedding(solver, z), _split_embedding(solver, noise), strict=False):
        part, normal = (gather(_rows(x)) for x in parts)
        joint = tf.concat([tf.stop_gradient(gather(_rows(found[name]))), part], -1)
        independent = tf.concat([gather(_rows(target[name])), normal], -1)
        total += discrepancy(joint, independent, weights) + discrepancy(part, normal, weights)
    return total


def _rows(values: tf.Tensor) -> tf.Tensor:
    """Values (..., d) as (n, d)."""
    return tf.reshape(values, [-1, values.shape[-1]])
