"""The losses of `niki_tf.training` in NumPy, float64: each term from its definition, one pass after the other.

The networks are black boxes, and so is the preprocessing of joints (`Network.preprocessed`, which smooths them over
time). All else is computed here a second time: absent joints, the frame of the trunk, 6D rows, kinematics, discrepancy,
and means, for which filler frames are left out.
"""

import numpy as np
import tensorflow as tf

from niki_tf.skeletons import ABSENT, SMPL_29
from niki_tf.skeletons import TRUNK as _TRUNK
from niki_tf.solvers.invertible import BodyCondition, Observation

TRUNK = list(_TRUNK)
SWING_EMBEDDING = 32
"""Entries of z before those of the twists, if there are two networks."""


class Network:
    """A solver's networks, arrays in and out, one pass at a time; `view` is what `observe` returns."""

    def __init__(self, solver):
        self.solver, self.canonical = solver, solver.canonical
        self.embedding = getattr(solver, "embedding_size", 0)
        self.padding_size = getattr(solver, "padding_size", 0)

    def preprocessed(self, joints, sigma, mask):
        known = {} if mask is None else {"frame_mask": _tensor(mask)}
        return _array(self.solver.preprocess(_tensor(joints), _tensor(sigma), **known))

    def condition(self, batch):
        return _array(self.solver.shape_condition(_tensor(batch["betas"]), _tensor(batch["rest_joints"])))

    def to_pose(self, view):
        """`pose`, `z` and, of a solver with two networks, `swing` and `guess`."""
        given = Observation(*(_tensor(view[name]) for name in ("joints", "sigma", "padding", "twist")))
        pose, z, between = self.solver.to_pose(given, self._shape(view), training=True)
        between = {name: _array(between[name]) for name in ("swing", "guess") if name in between}
        return {"pose": _array(pose), "z": _array(z), **between}

    def to_observation(self, pose, z, view):
        """`joints`, `sigma`, `padding` and, of a solver with two networks, `twist` and `swing`."""
        back, between = self.solver.to_observation(_tensor(pose), _tensor(z), self._shape(view), training=True)
        back = {name: getattr(back, name) for name in ("joints", "sigma", "padding", "twist")}
        return {name: _array(value) for name, value in (back | between).items() if value is not None}

    def regression(self, view):
        """`pose` of a plain network."""
        known = {} if view["mask"] is None else {"frame_mask": _tensor(view["mask"])}
        given = (_tensor(view[name]) for name in ("joints", "sigma", "condition"))
        return {"pose": _array(self.solver.to_pose(*given, training=True, **known))}

    @staticmethod
    def _shape(view):
        mask = None if view["mask"] is None else _tensor(view["mask"])
        return BodyCondition(_tensor(view["condition"]), _tensor(view["rest_joints"]), mask)


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


def inv(found, view, weights):
    """Rotations that are solved for, and the joints of the body posed by them."""
    error = joints_error(found, view)
    loss = mean((found["pose"] - view["true_pose"]) ** 2, view) + weights.joints * mean(np.abs(error), view)
    if "swing" in found:
        all_known = known(view["twist"]).all((-2, -1))
        loss += mean(all_known[..., None] * (found["swing"] - view["true_swing"]) ** 2, view)
        loss += mean((found["guess"] - view["true_twist"]) ** 2, view)
    if view["mask"] is not None:
        loss += weights.accel * acceleration(error, view)
    return loss


def acceleration(error, view):
    """L1 of the joints' acceleration in the world, of frames between two neighbours; the others have none."""
    total = 0.0
    for window, frame, there in zip(error, view["frame"], view["mask"], strict=True):
        world = np.einsum("tij,tkj->tki", frame, window)
        for t in range(1, len(world) - 1):
            if there[t - 1 : t + 2].all():
                total += np.mean(np.abs(world[t - 1] - 2.0 * world[t] + world[t + 1]))
    return total / view["mask"].sum()


def fwd(network, found, view):
    """True rotations and the embedding of the noisy joints give all that the network was given."""
    back = network.to_observation(view["true_pose"], found["z"], view)
    loss = mean(np.abs(back["joints"] - view["joints"]), view)
    loss += mean((back["sigma"] - view["sigma"]) ** 2, view)
    loss += mean((back["padding"] - view["padding"]) ** 2, view)
    if "twist" in back:
        guess = found.get("guess", 0.0)  # a network that takes the twist is given zeros where it is not known
        loss += mean((back["twist"] - np.where(known(view["twist"]), view["twist"], guess)) ** 2, view)
    return loss


def ind(found, view, noise):
    """Each embedding is independent of the rotations of its own network, and is normal."""
    z, noise = found["z"], noise[..., : found["z"].shape[-1]]
    if "swing" not in found:
        return independence(found["pose"], view["true_pose"], z, noise, view)
    (of_swing, of_twist), (noise, twist_noise) = (np.split(x, [SWING_EMBEDDING], -1) for x in (z, noise))
    swing_term = independence(found["swing"], view["true_swing"], of_swing, noise, view)
    return swing_term + independence(found["pose"], view["true_pose"], of_twist, twist_noise, view)


def independence(pose, true_pose, z, noise, view):
    """Discrepancy of (pose, z) from (true pose, noise), and that of z from noise."""
    pose, true_pose, z, noise = (rows(x, view) for x in (pose, true_pose, z, noise))
    return discrepancy(np.hstack([pose, z]), np.hstack([true_pose, noise])) + discrepancy(z, noise)


def discrepancy(x, y):
    """Squared maximum mean discrepancy of two samples (n, d)."""
    return kernel(x, x).mean() + kernel(y, y).mean() - 2.0 * kernel(x, y).mean()


def kernel(x, y):
    squared = np.sum((x[:, None] - y[None]) ** 2, -1)
    return sum(a**2 / (a**2 + squared) for a in (0.05, 0.2, 0.9))


def bnd_inv(found, view):
    """The embedding of true joints is zero; that of a twist, where the twist is known."""
    own, of_twist = np.split(found["z"], [SWING_EMBEDDING], -1)
    loss = mean(own**2, view)
    if of_twist.size:
        loss += mean(known(view["twist"]) * of_twist.reshape(*of_twist.shape[:-1], 23, 2) ** 2, view)
    return loss


def bnd_fwd(network, view):
    """True rotations and no embedding give true joints, swing and twist, without sigma and padding."""
    zero = np.zeros([*view["joints"].shape[:-2], network.embedding])
    back = network.to_observation(view["true_pose"], zero, view)
    loss = mean(np.abs(back["joints"] - view["joints"]), view)
    loss += mean(back["sigma"] ** 2, view) + mean(back["padding"] ** 2, view)
    for name in {"twist", "swing"} & back.keys():
        loss += mean((back[name] - view[f"true_{name}"]) ** 2, view)
    return loss


def joint_error_mm(found, view):
    """Mean distance of the 24 joints from the true ones, millimetres."""
    return 1000.0 * mean(np.linalg.norm(joints_error(found, view)[..., :24, :], axis=-1), view)


def joints_error(found, view):
    """How far the posed body's joints are from the true ones, both relative to joint 0."""
    return posed(found["pose"], view["rest_joints"]) - view["true_joints"]


def mean(values, view):
    """Mean over all entries, of windows without those of filler frames."""
    return np.mean(values if view["mask"] is None else values[view["mask"] > 0.0])


def rows(values, view):
    """Values (..., d) of all examples, of windows of all frames but filler, (n, d)."""
    return values if view["mask"] is None else values[view["mask"] > 0.0]


def first(count, arrays):
    return {name: value if value is None else value[:count] for name, value in arrays.items()}


def share_of(batch, share):
    """The first `share` of a batch, at least one example."""
    return first(max(1, round(share * len(batch["joints"]))), batch)


def known(twist):
    """Whether each twist (..., 2) is known, (..., 1)."""
    return np.any(twist != 0.0, -1, keepdims=True)


def observe_noisy(network, batch):
    joints = fill_absent(batch["noisy"], batch["rest_joints"], batch["joint_sigma"])
    return observe(network, batch, joints, batch["joint_sigma"], batch["noisy_twist"])


def observe_clean(network, batch):
    twist = np.where(known(batch["noisy_twist"]), batch["twist"], 0.0)
    return observe(network, batch, batch["joints"], np.zeros_like(batch["joint_sigma"]), twist)


def observe(network, batch, joints, sigma, twist):
    """Inputs of the network and targets, in the frame that the trunk shows, or if not canonical in the world."""
    mask = batch.get("frame_mask")
    joints = network.preprocessed(joints, sigma, mask)
    if network.canonical:
        frame, centre = trunk_frame(joints, batch["rest_joints"], sigma, mask)
    else:
        frame, centre = np.broadcast_to(np.eye(3), [*joints.shape[:-2], 3, 3]), joints[..., 0, :]
    return {
        "joints": np.einsum("...ji,...kj->...ki", frame, joints - centre[..., None, :]),
        "sigma": clip_sigma(sigma),
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
    """The first two rows of local rotations (..., 24, 3, 3), the root view from the frame, (..., 144)."""
    local = local.copy()
    local[..., 0, :, :] = np.einsum("...ji,...jk->...ik", frame, local[..., 0, :, :])
    return local[..., :2, :].reshape(*local.shape[:-3], 144)


def clip_sigma(sigma):
    """Sigma as a network is given it: 1 m for a joint that is absent."""
    return np.where(sigma >= ABSENT, 1.0, sigma)


def trunk_moment(joints, rest_joints, sigma):
    """Sum over the trunk of rest times observed joints, weighted and centred, (..., 3, 3); and both centres."""
    precision = np.where(sigma >= ABSENT, 1e-6, 1.0 / (sigma**2 + 0.02**2))[..., TRUNK]
    weights = precision / precision.sum(-1, keepdims=True)
    rest, observed = rest_joints[..., TRUNK, :], joints[..., TRUNK, :]
    rest_centre, centre = (np.einsum("...j,...jk->...k", weights, x) for x in (rest, observed))
    rest, observed = rest - rest_centre[..., None, :], observed - centre[..., None, :]
    return np.einsum("...j,...ja,...jb->...ab", precision, rest, observed), centre, rest_centre


def trunk_frame(joints, rest_joints, sigma, mask):
    """Rotation and centre of the trunk; in windows moments are summed over frames, normal weights of 1.5 frames."""
    moment, centre, _ = trunk_moment(joints, rest_joints, sigma)
    if mask is not None:
        times = np.arange(mask.shape[1])
        weights = [np.exp(-0.5 * ((times - t) / 1.5) ** 2) * mask for t in times]
        moment = np.stack([np.einsum("nu,nuab->nab", weight, moment) for weight in weights], 1)
    return procrustes(moment), centre


def procrustes(moment):
    """The rotation R for which the trace of `R @ moment` (..., 3, 3) is largest."""
    u, _, vt = np.linalg.svd(moment)
    proper = np.ones(u.shape[:-1])
    proper[..., 2] = np.linalg.det(u @ vt)
    return np.einsum("...ki,...k,...jk->...ij", vt, proper, u)


def fill_absent(joints, rest_joints, sigma):
    """Joints with the absent ones put at their parents plus the bones at rest, turned as the trunk is."""
    absent = sigma >= ABSENT
    joints = np.where(absent[..., None], 0.0, joints)
    moment, centre, rest_centre = trunk_moment(joints, rest_joints, sigma)
    turn = procrustes(moment)
    for joint, parent in enumerate(SMPL_29.parents):
        start, rest_start = (
            (centre, rest_centre) if parent < 0 else (joints[..., parent, :], rest_joints[..., parent, :])
        )
        placed = start + np.einsum("...ij,...j->...i", turn, rest_joints[..., joint, :] - rest_start)
        joints[..., joint, :] = np.where(absent[..., joint, None], placed, joints[..., joint, :])
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
