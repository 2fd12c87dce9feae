"""What all solvers share: one contract of named inputs and outputs, free leading axes, the rest skeleton."""

import keras
import tensorflow as tf

from niki_tf.solvers import canonical, contract, error_score
from niki_tf.solvers.equations import by_cholesky
from niki_tf.solvers.finish import finished
from niki_tf.solvers.finish_over_time import finished_over_time


class Solver(keras.Model):
    """An inverse-kinematics method: joints in, joint rotations out.

    Called with a dictionary of `joints` (..., 29, 3) metres and, as far as known, `joint_sigma` (..., 29) metres,
    `betas` (..., B) and `twist` (..., 23, 2). A joint whose sigma is `skeletons.ABSENT` (10 m) or more was not seen:
    its position is not read and may be NaN. Returns a dictionary with `global_orient` (..., 1, 3, 3) and `body_pose`
    (..., 23, 3, 3), rotation matrices, and from invertible solvers `z`, the error embedding, and `residual` (..., 29),
    how far each joint is from the pose that was found, metres. Subclasses write `solve`.

    To a solver that is `temporal` the last of the leading axes is time: joints (..., T, 29, 3) are T frames of one
    person, for any T, and `frame_mask` (..., T) may say which of them are none (0), but fill up a window.

    Args:
        skeleton: the `RestSkeleton` of the body that is posed.
        refine: Gauss-Newton steps of the exact finish (see `solvers.finish`) on every answer; 0 leaves it as it is,
            4 do. May be set later, too: `solver.refine = 4`.

    Raises:
        ValueError: `refine` is below 0.
    """

    def __init__(self, skeleton, *, refine=0, **kwargs):
        super().__init__(**kwargs)
        self.skeleton, self.refine = skeleton, refine
        self.built = True

    @property
    def refine(self):
        """Steps of the exact finish."""
        return self._refine

    @refine.setter
    def refine(self, steps):
        """Takes another number of steps; ValueError for one below 0."""
        if steps < 0:
            raise ValueError(f"`refine` must be a number of steps, 0 or more; got {steps}.")
        self._refine, self.predict_function = steps, None  # Keras keeps the graph of `predict` until told otherwise

    uses_twist = False
    """Whether `twist` changes the answer."""
    needs_twist = False
    """Whether `twist` must be given."""
    tells_residual = False
    """Whether the answer says how far each joint is from it."""
    equations = staticmethod(by_cholesky)
    """How the exact finish solves its equations; LiteRT needs `equations.by_elimination`."""
    extra_inputs = {}
    """Names of optional inputs besides the contract's, and their shapes after the leading axes."""
    temporal = False
    """Whether the last of the leading axes is time."""

    def solve(self, joints, joint_sigma, betas, twist, **extra):
        """Rotations (N, 24, 3, 3), or (N, T, 24, 3, 3) if `temporal`, and a dictionary of further outputs.

        Inputs have the same leading axes as the rotations; `twist` may be None.
        """
        raise NotImplementedError

    def call(self, inputs, *, training=False):
        """The contract, from a dictionary of tensors or arrays."""
        given = contract.check(inputs, num_betas=self.skeleton.num_betas, extra=self.extra_inputs)
        static = given["joints"].shape[:-2]
        if self.temporal and static.rank == 0:
            raise ValueError(f"`joints` must be frames, (..., T, 29, 3); got {tuple(given['joints'].shape)}.")
        leading = tf.shape(given["joints"])[:-2]
        flat = {name: self._flatten(value, leading, static) for name, value in given.items()}
        frames = tf.shape(flat["joints"])[:-2]
        sigma = flat.get("joint_sigma", tf.zeros(tf.concat([frames, [29]], 0)))
        betas = flat.get("betas", tf.zeros(tf.concat([frames, [self.skeleton.num_betas]], 0)))
        extra = {name: flat[name] for name in self.extra_inputs if name in flat}
        rest_joints = self.skeleton(betas)
        if "frame_mask" in flat:
            present = tf.expand_dims(tf.expand_dims(flat["frame_mask"] > 0.0, -1), -1)
            flat["joints"] = tf.where(present, flat["joints"], rest_joints)
        if "joint_sigma" in flat:
            flat["joints"] = canonical.filled(flat["joints"], rest_joints, sigma)
        rotations, further = self.solve(flat["joints"], sigma, betas, flat.get("twist"), **extra)
        if self.refine:
            how = {"steps": self.refine, "equations": self.equations}
            if self.temporal:
                given = flat["joints"], rest_joints, sigma, flat.get("frame_mask")
                rotations = finished_over_time(rotations, *given, **how)
            else:
                rotations = finished(rotations, flat["joints"], rest_joints, sigma, **how)
        if self.tells_residual:
            further["residual"] = error_score.residual(flat["joints"], rotations, rest_joints, sigma)
        outputs = {"global_orient": rotations[..., :1, :, :], "body_pose": rotations[..., 1:, :, :], **further}
        return {name: self._unflatten(value, leading, static) for name, value in outputs.items()}

    def _flatten(self, value, leading, static):
        """Leading axes as one, or as two if the last is time."""
        inner, time = value.shape[len(static) :], leading[-1:] if self.temporal else leading[:0]
        batch = tf.reduce_prod(leading[:-1] if self.temporal else leading)
        return tf.reshape(value, tf.concat([[batch], time, inner], 0))

    def _unflatten(self, value, leading, static):
        inner = value.shape[2 if self.temporal else 1 :]
        value = tf.reshape(value, tf.concat([leading, inner], 0))
        return tf.ensure_shape(value, static.concatenate(inner))

    def ik(self, joints, *, joint_sigma=None, betas=None, twist=None):
        """Inverse kinematics with named arguments; shapes as in the class, one person without leading axes too.

        Raises:
            ValueError: an array does not have the shape of the contract.
        """
        return self({"joints": joints, "joint_sigma": joint_sigma, "betas": betas, "twist": twist})

    def with_skeleton(self, skeleton):
        """The same solver, same weights, for another body."""
        other = type(self).from_config({**self.get_config(), "skeleton": keras.saving.serialize_keras_object(skeleton)})
        other.set_weights(self.get_weights())
        return other

    def build(self, input_shape=None):
        """Nothing to do: weights are made in the constructor, so that loading needs no call."""

    def get_config(self):
        """The rest skeleton, the finish and the name."""
        skeleton = keras.saving.serialize_keras_object(self.skeleton)
        return {"name": self.name, "skeleton": skeleton, "refine": self.refine}

    @classmethod
    def from_config(cls, config):
        """A solver from what `get_config` gave."""
        return cls(**{**config, "skeleton": keras.saving.deserialize_keras_object(config["skeleton"])})
