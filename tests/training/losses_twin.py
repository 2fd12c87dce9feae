"""The losses of `niki_tf.training` in NumPy, float64: each term from its definition, one pass after the other.

The networks are black boxes, and so is what a solver does to joints before they are seen from the trunk's frame
(`Network.preprocessed`, which smooths them over time). All else is done again here: joints that are absent, the frame
of the trunk, 6D rows, kinematics, discrepancy, and means, for which filler frames are simply left out.
"""

import numpy as np
import tensorflow as tf

from niki_tf.skeletons import ABSENT, SMPL_29
from niki_tf.skeletons import TRUNK as _TRUNK
from niki_tf.solvers.invertible import BodyCondition, Observation

TRUNK = list(_TRUNK)
OWN_EMBEDDING = 32
"""Entries of z before those of the twists."""


class Network:
    """A solver's networks, arrays in and out, one pass at a time; `seen` is what `observe` returns."""

    def __init__(self, solver):
        self.solver, self.canonical = solver, solver.canonical
        self.embedding = getattr(solver, "embedding_size", 0)
        self.padding_size = getattr(solver, "padding_size", 0)

    def preprocessed(self, joints, sigma, mask):
        known = {} if mask is None else {"frame_mask": _tensor(mask)}
        return _array(self.solver.preprocess(_tensor(joints), _tensor(sigma), **known))

    def condition(self, batch):
        return _array(self.solver.shape_condition(_tensor(batch["betas"]), _tensor(batch["rest_joints"])))

    def to_pose(self, seen):
        """`pose`, `z` and, of a solver with two networks, `swing` and `guess`."""
        given = Observation(*(_tensor(seen[name]) for name in ("joints", "sigma", "padding", "twist")))
        pose, z, between = self.solver.to_pose(given, self._shape(seen), training=True)
        between = {name: _array(between[name]) for name in ("swing", "guess") if name in between}
        return {"pose": _array(pose), "z": _array(z), **between}

    def to_observation(self, pose, z, seen):
        """`joints`, `sigma`, `padding` and, of a solver with two networks, `twist` and `swing`."""
        back, between = self.solver.to_observation(_tensor(pose), _tensor(z), self._shape(seen), training=True)
        back = {name: getattr(back, name) for name in ("joints", "sigma", "padding", "twist")}
        return {name: _array(value) for name, value in (back | between).items() if value is not None}

    def regression(self, seen):
        """`pose` of a plain network."""
        known = {} if seen["mask"] is None else {"frame_mask": _tensor(seen["mask"])}
        given = (_tensor(seen[name]) for name in ("joints", "sigma", "condition"))
        return {"pose": _array(self.solver.to_pose(*given, training=True, **known))}

    @staticmethod
    def _shape(seen):
        mask = None if seen["mask"] is None else _tensor(seen["mask"])
        return BodyCondition(_tensor(seen["condition"]), _tensor(seen["rest_joints"]), mask)


def _tensor(array):
    return tf.constant(array, tf.float32)


def _array(tensor):
    return np.float64(tensor)


def invertible(solver, batch, weights, share):
    """All terms and `total` of an invertible solver."""
    network, batch = Network(solver), {name: np.float64(value) for name, value in batch.items()}
    part = share_of(batch, share)
    noisy, clean = observe_noisy(network, batch), observe_clean(network, part)
    of_noisy, of_clean = network.to_pose(noisy), network.to_pose(clean)
    few = len(part["joints"])
    noisy_part, of_noisy_part = first(few, noisy), first(few, of_noisy)
    terms = {
        "inv": inv(of_noisy, noisy, weights) + inv(of_clean, clean, weights),
        "fwd": fwd(network, of_noisy_part, noisy_part),
        "ind": ind(of_noisy_part, noisy_part, part["embedding"]),
        "bnd_inv": bnd_inv(of_clean, clean),
        "bnd_fwd": bnd_fwd(network, clean),
    }
    total = sum(getattr(weights, name) * term for name, term in terms.items())
    return terms | {"joint_error_mm": joint_error_mm(of_noisy, noisy), "total": total}


def regression(solver, batch, weights, share):
    """All terms and `total` of a plain network."""
    network, batch = Network(solver), {name: np.float64(value) for name, value in batch.items()}
    noisy, clean = observe_noisy(network, batch), observe_clean(network, share_of(batch, share))
    of_noisy, of_clean = network.regression(noisy), network.regression(clean)
    term = inv(of_noisy, noisy, weights) + inv(of_clean, clean, weights)
    return {"inv": term, "joint_error_mm": joint_error_mm(of_noisy, noisy), "total": weights.inv * term}


def inv(found, seen, weights):
    """Joints to rotations, and to the joints that the body gives."""
    error = joints_error(found, seen)
    loss = mean((found["pose"] - seen["true_pose"]) ** 2, seen) + weights.joints * mean(np.abs(error), seen)
    if "swing" in found:
        pays = known(seen["twist"]).all((-2, -1))
        loss += mean(pays[..., None] * (found["swing"] - seen["true_swing"]) ** 2, seen)
        loss += mean((found["guess"] - seen["true_twist"]) ** 2, seen)
    if seen["mask"] is not None:
        loss += weights.accel * acceleration(error, seen)
    return loss


def acceleration(error, seen):
    """L1 of the joints' acceleration in the world, of frames between two neighbours; the others have none."""
    total = 0.0
    for window, frame, there in zip(error, seen["frame"], seen["mask"], strict=True):
        world = np.einsum("tij,tkj->tki", frame, window)
        for t in range(1, len(world) - 1):
            if there[t - 1 : t + 2].all():
                total += np.mean(np.abs(world[t - 1] - 2.0 * world[t] + world[t + 1]))
    return total / seen["mask"].sum()


def fwd(network, found, seen):
    """True rotations and the embedding of the noisy joints give back all that the network was shown."""
    back = network.to_observation(seen["true_pose"], found["z"], seen)
    loss = mean(np.abs(back["joints"] - seen["joints"]), seen)
    loss += mean((back["sigma"] - seen["sigma"]) ** 2, seen)
    loss += mean((back["padding"] - seen["padding"]) ** 2, seen)
    if "twist" in back:
        guess = found.get("guess", 0.0)  # a network that takes the twist is given zeros where it is not known
        loss += mean((back["twist"] - np.where(known(seen["twist"]), seen["twist"], guess)) ** 2, seen)
    return loss


def ind(found, seen, noise):
    """Each embedding says nothing of the rotations of its own network, and is normal."""
    z, noise = found["z"], noise[..., : found["z"].shape[-1]]
    if "swing" not in found:
        return independence(found["pose"], seen["true_pose"], z, noise, seen)
    (own, of_twist), (noise, twist_noise) = (np.split(x, [OWN_EMBEDDING], -1) for x in (z, noise))
    of_swing = independence(found["swing"], seen["true_swing"], own, noise, seen)
    return of_swing + independence(found["pose"], seen["true_pose"], of_twist, twist_noise, seen)


def independence(pose, true_pose, z, noise, seen):
    """Discrepancy of (pose, z) from (true pose, noise), and that of z from noise."""
    pose, true_pose, z, noise = (rows(x, seen) for x in (pose, true_pose, z, noise))
    return discrepancy(np.hstack([pose, z]), np.hstack([true_pose, noise])) + discrepancy(z, noise)


def discrepancy(x, y):
    """Squared maximum mean discrepancy of two samples (n, d)."""
    return kernel(x, x).mean() + kernel(y, y).mean() - 2.0 * kernel(x, y).mean()


def kernel(x, y):
    squared = np.sum((x[:, None] - y[None]) ** 2, -1)
    return sum(a**2 / (a**2 + squared) for a in (0.05, 0.2, 0.9))


def bnd_inv(found, seen):
    """The embedding of true joints is zero; that of a twist, where the twist is known."""
    own, of_twist = np.split(found["z"], [OWN_EMBEDDING], -1)
    loss = mean(own**2, seen)
    if of_twist.size:
        loss += mean(known(seen["twist"]) * of_twist.reshape(*of_twist.shape[:-1], 23, 2) ** 2, seen)
    return loss


def bnd_fwd(network, seen):
    """True rotations and no embedding give true joints, swing and twist, without sigma and padding."""
    zero = np.zeros([*seen["joints"].shape[:-2], network.embedding])
    back = network.to_observation(seen["true_pose"], zero, seen)
    loss = mean(np.abs(back["joints"] - seen["joints"]), seen)
    loss += mean(back["sigma"] ** 2, seen) + mean(back["padding"] ** 2, seen)
    for name in {"twist", "swing"} & back.keys():
        loss += mean((back[name] - seen[f"true_{name}"]) ** 2, seen)
    return loss


def joint_error_mm(found, seen):
    """Mean distance of the 24 joints from the true ones, millimetres."""
    return 1000.0 * mean(np.linalg.norm(joints_error(found, seen)[..., :24, :], axis=-1), seen)


def joints_error(found, seen):
    """How far the posed body's joints are from the true ones, both relative to joint 0."""
    return posed(found["pose"], seen["rest_joints"]) - seen["true_joints"]


def mean(values, seen):
    """Mean over all entries, of windows over those of frames that are there."""
    return np.mean(values if seen["mask"] is None else values[seen["mask"] > 0.0])


def rows(values, seen):
    """Values (..., d) of all examples, of windows of all frames that are there, (n, d)."""
    return values if seen["mask"] is None else values[seen["mask"] > 0.0]


def first(count, arrays):
    return {name: value if value is None else value[:count] for name, value in arrays.items()}


def share_of(batch, share):
    """The first `share` of a batch, at least one example."""
    return first(max(1, round(share * len(batch["joints"]))), batch)


def known(twist):
    """Whether each twist (..., 2) is known, (..., 1)."""
    return np.any(twist != 0.0, -1, keepdims=True)


def observe_noisy(network, batch):
    joints = filled(batch["noisy"], batch["rest_joints"], batch["joint_sigma"])
    return observe(network, batch, joints, batch["joint_sigma"], batch["noisy_twist"])


def observe_clean(network, batch):
    twist = np.where(known(batch["noisy_twist"]), batch["twist"], 0.0)
    return observe(network, batch, batch["joints"], np.zeros_like(batch["joint_sigma"]), twist)


def observe(network, batch, joints, sigma, twist):
    """What the network is shown and what is true, seen from the frame that the joints' trunk shows, or as it is."""
    mask = batch.get("frame_mask")
    joints = network.preprocessed(joints, sigma, mask)
    if network.canonical:
        frame, centre = trunk_frame(joints, batch["rest_joints"], sigma, mask)
    else:
        frame, centre = np.broadcast_to(np.eye(3), [*joints.shape[:-2], 3, 3]), joints[..., 0, :]
    return {
        "joints": np.einsum("...ji,...kj->...ki", frame, joints - centre[..., None, :]),
        "sigma": told(sigma),
        "padding": 1e-3 * batch["padding"][..., : network.padding_size],
        "twist": twist,
        "condition": network.condition(batch),
        "rest_joints": batch["rest_joints"],
        "frame": frame,
        "mask": mask,
        "true_joints": np.einsum("...ji,...kj->...ki", frame, batch["joints"]),
        "true_pose": sixd_of(batch["rotations"], frame),
        "true_swing": sixd_of(batch["swing"], frame),
        "true_twist": batch["twist"],
    }


def sixd_of(local, frame):
    """The first two rows of local rotations (..., 24, 3, 3), the root seen from the frame, (..., 144)."""
    local = local.copy()
    local[..., 0, :, :] = np.einsum("...ji,...jk->...ik", frame, local[..., 0, :, :])
    return local[..., :2, :].reshape(*local.shape[:-3], 144)


def told(sigma):
    """Sigma as a network is told it: 1 m for a joint that is absent."""
    return np.where(sigma >= ABSENT, 1.0, sigma)


def trunk_moment(joints, rest_joints, sigma):
    """Sum over the trunk of rest times observed, weighed, relative to their centres, (..., 3, 3); and the centres."""
    pull = np.where(sigma >= ABSENT, 1e-6, 1.0 / (sigma**2 + 0.02**2))[..., TRUNK]
    share = pull / pull.sum(-1, keepdims=True)
    rest, seen = rest_joints[..., TRUNK, :], joints[..., TRUNK, :]
    rest_centre, centre = (np.einsum("...j,...jk->...k", share, x) for x in (rest, seen))
    rest, seen = rest - rest_centre[..., None, :], seen - centre[..., None, :]
    return np.einsum("...j,...ja,...jb->...ab", pull, rest, seen), centre, rest_centre


def trunk_frame(joints, rest_joints, sigma, mask):
    """Rotation and centre of the trunk; in windows frames lean on their neighbours, normal weights of 1.5 frames."""
    moment, centre, _ = trunk_moment(joints, rest_joints, sigma)
    if mask is not None:
        times = np.arange(mask.shape[1])
        near = [np.exp(-0.5 * ((times - t) / 1.5) ** 2) * mask for t in times]
        moment = np.stack([np.einsum("nu,nuab->nab", weight, moment) for weight in near], 1)
    return procrustes(moment), centre


def procrustes(moment):
    """The rotation R for which the trace of `R @ moment` (..., 3, 3) is largest."""
    u, _, vt = np.linalg.svd(moment)
    proper = np.ones(u.shape[:-1])
    proper[..., 2] = np.linalg.det(u @ vt)
    return np.einsum("...ki,...k,...jk->...ij", vt, proper, u)


def filled(joints, rest_joints, sigma):
    """Joints with the absent ones hung on their parents as at rest, turned as the trunk of their frame is."""
    absent = sigma >= ABSENT
    joints = np.where(absent[..., None], 0.0, joints)
    moment, centre, rest_centre = trunk_moment(joints, rest_joints, sigma)
    turn = procrustes(moment)
    for joint, parent in enumerate(SMPL_29.parents):
        start, rest_start = (
            (centre, rest_centre) if parent < 0 else (joints[..., parent, :], rest_joints[..., parent, :])
        )
        hung = start + np.einsum("...ij,...j->...i", turn, rest_joints[..., joint, :] - rest_start)
        joints[..., joint, :] = np.where(absent[..., joint, None], hung, joints[..., joint, :])
    return joints


def posed(sixd, rest_joints):
    """Joints (..., 29, 3), relative to joint 0, of the rotations 6D (..., 144), joint by joint."""
    local = matrices_of(sixd)
    joints, world = [np.zeros_like(rest_joints[..., 0, :])], [local[..., 0, :, :]]
    for joint, parent in list(enumerate(SMPL_29.parents))[1:]:
        bone = rest_joints[..., joint, :] - rest_joints[..., parent, :]
        joints.append(joints[parent] + np.einsum("...ij,...j->...i", world[parent], bone))
        if joint < 24:
            world.append(world[parent] @ local[..., joint, :, :])
    return np.stack(joints, -2)


def matrices_of(sixd):
    """Rotations (..., 24, 3, 3) of two rows each, by Gram-Schmidt."""
    pairs = sixd.reshape(*sixd.shape[:-1], 24, 2, 3)
    one = pairs[..., 0, :] / np.linalg.norm(pairs[..., 0, :], axis=-1, keepdims=True)
    two = pairs[..., 1, :] - np.sum(one * pairs[..., 1, :], -1, keepdims=True) * one
    two /= np.linalg.norm(two, axis=-1, keepdims=True)
    return np.stack([one, two, np.cross(one, two)], -2)
