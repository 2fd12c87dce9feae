"""What the invertible solvers share: the canonical frame both ways, padding, and kinematics through the flow."""

import dataclasses

import tensorflow as tf

from niki_tf import rotations
from niki_tf.body import kinematics
from niki_tf.solvers import canonical, contract
from niki_tf.solvers.learned import LearnedSolver

JOINTS, SIGMA, PADDING, POSE = 29 * 3, 29, 60, 24 * 6
_FRAME = 3 + 3


@dataclasses.dataclass(frozen=True)
class Observation:
    """What an invertible network maps to a pose: bodies seen from their frames.

    Attributes:
        joints: (..., 29, 3) metres, in the frame.
        sigma: (..., 29) metres.
        padding: (..., 60), the entries that make both sides of the network equally long.
        twist: (..., 23, 2) as (cos, sin), or None.
    """

    joints: tf.Tensor
    sigma: tf.Tensor
    padding: tf.Tensor
    twist: tf.Tensor | None = None

    def vector(self):
        """Joints, sigma and padding as one vector, (..., 176)."""
        joints = tf.reshape(self.joints, tf.concat([tf.shape(self.joints)[:-2], [JOINTS]], 0))
        return tf.concat([joints, self.sigma, self.padding], -1)

    @classmethod
    def of_vector(cls, vector, twist=None):
        """The observation whose joints, sigma and padding are `vector` (..., 176)."""
        joints, sigma, padding = tf.split(vector, [JOINTS, SIGMA, PADDING], -1)
        return cls(tf.reshape(joints, tf.concat([tf.shape(joints)[:-1], [29, 3]], 0)), sigma, padding, twist)


@dataclasses.dataclass(frozen=True)
class Shape:
    """What an invertible network is told of bodies.

    Attributes:
        condition: (..., C).
        rest_joints: (..., 29, 3) metres.
        frame_mask: (..., T), 1 for frames and 0 for filler, of solvers that see time; None if all are frames.
    """

    condition: tf.Tensor
    rest_joints: tf.Tensor
    frame_mask: tf.Tensor | None = None


class InvertibleSolver(LearnedSolver):
    """A solver that runs both ways; subclasses write `to_pose` and `to_observation`, each the other's inverse.

    What joints, sigma and unit twists cannot hold of the network's end travels as `padding`: its 60 padding entries,
    how far the frame that the joints show is shifted (3, metres) and turned (3, rotation vector) from the network's,
    how much longer than 1 each twist is, and, of a solver that steadies joints, what that takes away from them. It is
    zero for an observation; handed from `fk` to `ik`, it makes the way there and back exact.

    Args:
        skeleton: the `RestSkeleton` of the body that is posed.
        **kwargs: see `LearnedSolver`.
    """

    tells_residual = True
    """The residual is what `error_score` finds to be the best score of how wrong a joint is. The size of z says little
    once joints are off by more than 1 mm, for the loss `ind` holds it to a normal distribution."""
    embedding = 0
    """Entries of the error embedding z."""
    twists = 0
    """Twists that the network sees."""
    steadies = False
    """Whether joints are steadied (`steadied`) before the network sees them."""

    def to_pose(self, seen, shape, *, training=False):
        """Rotations 6D (..., 144), z (..., `embedding`) and a dictionary of what lies between, of an `Observation`."""
        raise NotImplementedError

    def to_observation(self, pose, z, shape, *, training=False):
        """The way back: the `Observation` of rotations 6D `pose` (..., 144) and `z`, and what lies between."""
        raise NotImplementedError

    @property
    def extra_inputs(self):
        """Inputs besides those of the contract."""
        return {"padding": (PADDING + _FRAME + self.twists + self._taken,)}

    @property
    def _taken(self):
        """Entries of the padding for what steadying takes away from the joints."""
        return JOINTS if self.steadies else 0

    @property
    def published_weights(self):
        """Weights that the published code stores for this solver: the halves that masks kill are among them."""
        raise NotImplementedError

    def shape(self, betas, rest_joints, frame_mask=None):
        """The bodies as the network knows them."""
        return Shape(self.shape_condition(betas, rest_joints), rest_joints, frame_mask)

    def ik(self, joints, *, joint_sigma=None, betas=None, twist=None, padding=None):
        """Inverse kinematics with named arguments; see `Solver.ik`.

        Args:
            joints: (..., 29, 3) metres.
            joint_sigma: (..., 29) metres.
            betas: (..., B) shape.
            twist: (..., 23, 2) as (cos, sin); its use is the solver's.
            padding: what `fk` gave, to come back to the very pose; zeros if None.

        Raises:
            ValueError: an array does not have the shape of the contract.
        """
        given = {"joints": joints, "joint_sigma": joint_sigma, "betas": betas, "twist": twist, "padding": padding}
        return self(given)

    def solve_own(self, joints, joint_sigma, betas, rest_joints, twist, *, padding=None, frame_mask=None):
        """See `LearnedSolver.solve_own`; a further output is z."""
        if padding is None:
            padding = tf.zeros(tf.concat([tf.shape(joints)[:-2], self.extra_inputs["padding"]], 0))
        padding, shift, turn, longer, taken = tf.split(padding, [PADDING, 3, 3, self.twists, self._taken], -1)
        if self.steadies:
            joints = self.steadied(joints, joint_sigma, frame_mask) + tf.reshape(taken, tf.shape(joints))
        rotation, centre = self.frame(joints, rest_joints, joint_sigma, frame_mask)
        rotation = tf.linalg.matmul(rotation, rotations.rotvec_to_matrix(-turn))
        seen = canonical.to_frame(joints, rotation, centre) + tf.expand_dims(shift, -2)
        seen = Observation(seen, canonical.told(joint_sigma), padding, self._lengthen(twist, longer))
        pose, z, _ = self.to_pose(seen, self.shape(betas, rest_joints, frame_mask))
        return canonical.turn_root(rotations.sixd_vector_to_matrices(pose), rotation), {"z": z}

    def _lengthen(self, twist, longer):
        """Unit twists, times what `fk` says of their length; one of length 0 is unknown and stays so."""
        if twist is None or not self.twists:
            return None
        known = tf.reduce_sum(twist * twist, -1, keepdims=True) > 0.0
        return tf.where(known, rotations.normalize(twist), 0.0) * (1.0 + tf.expand_dims(longer, -1))

    def fk(self, global_orient, body_pose, *, z=None, betas=None):
        """Kinematics through the network, the exact way back from `ik`.

        The network's frame is the one that the trunk of the posed rest skeleton shows.

        Args:
            global_orient: (..., 1, 3, 3) rotation matrices.
            body_pose: (..., 23, 3, 3) rotation matrices.
            z: (..., `embedding`) error embedding; zeros, hence joints without error, if None.
            betas: (..., B) shape; zeros if None.

        Returns:
            dict: joints (..., 29, 3) relative to joint 0, joint_sigma (..., 29), padding, and twist (..., 23, 2) from
            solvers that see one. `ik` of all four gives the pose and z again.

        Raises:
            ValueError: a shape does not fit.
        """
        local = contract.check_pose(global_orient, body_pose)
        leading, axes = tf.shape(local)[:-3], 2 if self.temporal else 1
        flat = tf.concat([[-1], leading[-1:] if self.temporal else leading[:0]], 0)
        local = tf.reshape(local, tf.concat([flat, [24, 3, 3]], 0))
        z = _flat("z", z, self.embedding, tf.shape(local)[:axes])
        betas = _flat("betas", betas, self.skeleton.num_betas, tf.shape(local)[:axes])
        outputs = self._fk(local, z, betas)
        return {name: tf.reshape(v, tf.concat([leading, v.shape[axes:]], 0)) for name, v in outputs.items()}

    def _fk(self, local, z, betas):
        rest_joints = self.skeleton(betas)
        shape = self.shape(betas, rest_joints)
        posed, _ = kinematics.forward_kinematics(local, rest_joints)
        rotation, _ = self.frame(posed, rest_joints, tf.zeros(tf.shape(posed)[:-1]))
        back = rotations.transpose(rotation)
        given, _ = self.to_observation(rotations.matrices_to_6d_vector(canonical.turn_root(local, back)), z, shape)
        joints = canonical.from_frame(given.joints, rotation)
        shown, centre = self.frame(joints, rest_joints, given.sigma)
        shift = given.joints[..., 0, :] + rotations.apply(back, centre)
        outputs = {"joints": joints, "joint_sigma": given.sigma}
        padding = [given.padding, shift, rotations.matrix_to_rotvec(tf.linalg.matmul(back, shown))]
        if self.twists:
            outputs["twist"] = rotations.normalize(given.twist)
            padding.append(tf.norm(given.twist, axis=-1) - 1.0)
        if self.steadies:
            taken = joints - self.steadied(joints, given.sigma)
            padding.append(tf.reshape(taken, tf.concat([tf.shape(taken)[:-2], [JOINTS]], 0)))
        return outputs | {"padding": tf.concat(padding, -1)}


def _flat(name, value, size, leading):
    """`value` (..., size) with the axes `leading` before the last; zeros if None."""
    shape = tf.concat([leading, [size]], 0)
    if value is None:
        return tf.zeros(shape)
    value = tf.cast(value, tf.float32)
    if value.shape[-1] != size:
        raise ValueError(f"`{name}` must end in shape ({size},); got {tuple(value.shape)}.")
    return tf.reshape(value, shape)
