"""Forward kinematics in NumPy: joints of rotation vectors, for motion that is made or checked without TensorFlow.

`niki_tf.body.kinematics` holds the same for graphs.
"""

import numpy as np

from niki_tf import skeletons
from niki_tf.motion import quaternions
from niki_tf.shapes import TensorLike


def joint_positions(poses: np.ndarray, rest_joints: TensorLike) -> np.ndarray:
    """Joints (T, 29, 3), metres, relative to the pelvis, of a body posed by rotation vectors.

    Args:
        poses: (T, 24, 3) radians, root first.
        rest_joints: (29, 3) metres, the joints in the T-pose.

    Example:
        >>> import numpy as np
        >>> from niki_tf.motion.joint_positions import joint_positions
        >>> from niki_tf.skeletons.rest import rest_joints
        >>> joint_positions(np.zeros([2, 24, 3]), rest_joints())[:, 0].tolist()
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    rest, parents = np.asarray(rest_joints, float), skeletons.SMPL_29.parents
    local = quaternions.rotvec_to_quaternion_wxyz(poses)
    world, joints = [local[:, 0]], [np.zeros([len(poses), 3])]
    for joint in range(1, len(parents)):
        above = parents[joint]
        joints.append(joints[above] + quaternions.rotate(world[above], rest[joint] - rest[above]))
        if joint < skeletons.NUM_ROTATIONS:
            world.append(quaternions.multiply(world[above], local[:, joint]))
    return np.stack(joints, 1)
