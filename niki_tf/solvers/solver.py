"""What all solvers share: one contract of named inputs and outputs, free leading axes, the rest skeleton."""

import keras
import tensorflow as tf

from niki_tf.solvers import canonical, contract, error_score
from niki_tf.solvers.equations import by_cholesky
from niki_tf.solvers.finish import finished


class Solver(keras.Model):
    """An inverse-kinematics method: joints in, joint rotations out.

    Called with a dictionary of `joints` (..., 29, 3) metres and, as far as known, `joint_sigma` (..., 29) metres,
    `betas` (..., B) and `twist` (..., 23, 2). A joint whose sigma is `skeletons.ABSENT` (10 m) or more was not seen:
    its position is not read and may be NaN. Returns a dictionary with `global_orient` (..., 1, 3, 3) and `body_pose`
    (..., 23, 3, 3), rotation matrices, and from invertible solvers `z`, the error embedding, and `residual` (..., 29),
    how far each joint is from the pose that was found, metres. Subclasses write `solve`.

    Args:
        skeleton: the `RestSkeleton` of the body that is posed.
        refine: Gauss-Newton steps of the exact finish (see `solvers.finish`) on every answer; 0 leaves it as it is,
            3 do. May be set later, too: `solver.refine = 3`.

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

    def solve(self, joints, joint_sigma, betas, twist, **extra):
        """Rotations (N, 24, 3, 3) and a dictionary of further outputs for flat inputs; `twist` may be None."""
        raise NotImplementedError

    def call(self, inputs, *, training=False):
        """The contract, from a dictionary of tensors or arrays."""
        given = contract.check(inputs, num_betas=self.skeleton.num_betas, extra=self.extra_inputs)
        joints = given["joints"]
        leading = tf.shape(joints)[:-2]
        flat = {name: _flatten(value, leading, joints.shape[:-2]) for name, value in given.items()}
        count = tf.shape(flat["joints"])[0]
        sigma = flat.get("joint_sigma", tf.zeros([count, 29]))
        betas = flat.get("betas", tf.zeros([count, self.skeleton.num_betas]))
        extra = {name: flat[name] for name in self.extra_inputs if name in flat}
        rest_joints = self.skeleton(betas)
        if "joint_sigma" in flat:
            flat["joints"] = canonical.filled(flat["joints"], rest_joints, sigma)
        rotations, further = self.solve(flat["joints"], sigma, betas, flat.get("twist"), **extra)
        if self.refine:
            how = {"steps": self.refine, "equations": self.equations}
            rotations = finished(rotations, flat["joints"], rest_joints, sigma, **how)
        if self.tells_residual:
            further["residual"] = error_score.residual(flat["joints"], rotations, rest_joints, sigma)
        outputs = {"global_orient": rotations[:, :1], "body_pose": rotations[:, 1:], **further}
        return {name: _unflatten(value, leading, joints.shape[:-2]) for name, value in outputs.items()}

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


def _flatten(value, leading, static):
    inner = value.shape[len(static) :]
    return tf.reshape(value, tf.concat([[tf.reduce_prod(leading)], inner], 0))


def _unflatten(value, leading, static):
    inner = value.shape[1:]
    value = tf.reshape(value, tf.concat([leading, inner], 0))
    return tf.ensure_shape(value, static.concatenate(inner))
