"""A plain network from joints to rotations: the "MLP-based IK" that the paper compares with."""

import keras
import tensorflow as tf

from niki_tf import rotations
from niki_tf.solvers import canonical
from niki_tf.solvers.learned import LearnedSolver


@keras.saving.register_keras_serializable("niki_tf")
class MLP(LearnedSolver):
    """(joints 87, joint_sigma 29, shape condition) -> rotation 6D 144, by `layers` hidden layers with LeakyReLU.

    Args:
        skeleton: the `RestSkeleton` of the body that is posed.
        hidden: width of the hidden layers.
        layers: number of hidden layers.
        **kwargs: see `LearnedSolver`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> solver = solvers.MLP(body.mannequin_skeleton(), hidden=32)
        >>> solver.ik(tf.random.normal([29, 3]))["global_orient"].shape.as_list()
        [1, 3, 3]

    Source: supplementary D.
    """

    def __init__(self, skeleton, *, hidden=1024, layers=3, **kwargs):
        super().__init__(skeleton, **kwargs)
        self.hidden, self.depth = hidden, layers
        widths = [keras.layers.Dense(hidden, activation=keras.layers.LeakyReLU(0.01)) for _ in range(layers)]
        size = 29 * 3 + 29 + self.condition_size
        self.network = keras.Sequential([keras.Input([size]), *widths, keras.layers.Dense(24 * 6)], name="network")

    def to_pose(self, joints, joint_sigma, condition, *, training=False):
        """Joints of the frame (N, 29, 3) and sigma (N, 29) to rotations 6D (N, 144)."""
        x = tf.concat([tf.reshape(joints, [-1, 29 * 3]), joint_sigma, condition], -1)
        return self.network(x, training=training)

    def solve_own(self, joints, joint_sigma, betas, rest_joints, twist):
        """See `LearnedSolver.solve_own`; the twist is not needed and not used."""
        rotation, centre = self.frame(joints, rest_joints, joint_sigma)
        seen = canonical.to_frame(joints, rotation, centre)
        pose = self.to_pose(seen, canonical.told(joint_sigma), self.shape_condition(betas, rest_joints))
        return canonical.turn_root(rotations.sixd_vector_to_matrices(pose), rotation), {}

    def get_config(self):
        """Constructor arguments."""
        return {**super().get_config(), "hidden": self.hidden, "layers": self.depth}
