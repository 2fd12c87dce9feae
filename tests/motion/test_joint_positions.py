import numpy as np
import tensorflow as tf

from niki_tf import body, motion, rotations
from niki_tf.motion.joint_positions import joint_positions


def test_joints_are_those_of_the_graph(rng):
    poses = motion.random_poses(0, 5).astype(np.float64)
    rest = body.mannequin_joints().joints + rng.normal(0.0, 0.02, [29, 3])
    joints, _ = body.forward_kinematics(rotations.rotvec_to_matrix(poses), tf.constant(rest))
    expected = joints.numpy() - joints.numpy()[:, :1]
    np.testing.assert_allclose(joint_positions(poses, rest), expected, atol=1e-12)
