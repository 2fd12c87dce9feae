"""A recurrent network over the frames: what one does about time without invertible networks."""

import keras
import tensorflow as tf

from niki_tf import rotations
from niki_tf.solvers import canonical
from niki_tf.solvers.learned import LearnedSolver


@keras.saving.register_keras_serializable("niki_tf")
class Recurrent(LearnedSolver):
    """(joints, joint_sigma, shape condition) of T frames -> T rotations 6D, by gated recurrent units over the frames.

    Two layers of units run over the window in both directions; what they say is added to a layer's reading of the frame
    alone. Inputs are windows, joints (..., T, 29, 3), as of `Temporal`, in the same steadied frame of the trunk.

    Args:
        skeleton: the `RestSkeleton` of the body that is posed.
        hidden: units of each layer and direction.
        **kwargs: see `LearnedSolver`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> solver = solvers.Recurrent(body.mannequin_skeleton(), hidden=16)
        >>> solver.ik(tf.random.normal([5, 16, 29, 3]))["body_pose"].shape.as_list()
        [5, 16, 23, 3, 3]

    Source: in the spirit of the encoder of Kocabas et al., VIBE, CVPR 2020 (there in one direction), the baseline of
    NIKI's supplementary C.2.
    """

    temporal = True
    extra_inputs = {"frame_mask": ()}

    def __init__(self, skeleton, *, hidden=256, **kwargs):
        super().__init__(skeleton, **kwargs)
        self.hidden = hidden
        bent = keras.layers.LeakyReLU(0.01)
        self.enter = keras.layers.Dense(2 * hidden, activation=bent, name="enter")
        self.units = [
            keras.layers.Bidirectional(keras.layers.GRU(hidden, return_sequences=True), name=f"units_{number}")
            for number in range(2)
        ]
        self.widen = keras.layers.Dense(2 * hidden, activation=bent, name="widen")
        self.leave = keras.layers.Dense(24 * 6, name="leave")
        self.enter.build([None, None, 29 * 3 + 29 + self.condition_size])
        for layer in (*self.units, self.widen, self.leave):
            layer.build([None, None, 2 * hidden])

    def to_pose(self, joints, joint_sigma, condition, *, frame_mask=None, training=False):
        """Joints of the frame (N, T, 29, 3) and sigma (N, T, 29) to rotations 6D (N, T, 144)."""
        flat = tf.reshape(joints, tf.concat([tf.shape(joints)[:-2], [29 * 3]], 0))
        alone = known = self.enter(tf.concat([flat, joint_sigma, condition], -1))
        mask = None if frame_mask is None else frame_mask > 0.0
        for units in self.units:
            known = units(known, mask=mask, training=training)
        return self.leave(self.widen(alone + known))

    def solve_own(self, joints, joint_sigma, betas, rest_joints, twist, *, frame_mask=None):
        """See `LearnedSolver.solve_own`; the twist is not needed and not used."""
        rotation, centre = self.frame(joints, rest_joints, joint_sigma, frame_mask)
        seen, condition = canonical.to_frame(joints, rotation, centre), self.shape_condition(betas, rest_joints)
        pose = self.to_pose(seen, canonical.told(joint_sigma), condition, frame_mask=frame_mask)
        return canonical.turn_root(rotations.sixd_vector_to_matrices(pose), rotation), {}

    def get_config(self):
        """Constructor arguments."""
        return {**super().get_config(), "hidden": self.hidden}
