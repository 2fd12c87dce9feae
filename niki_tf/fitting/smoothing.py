"""Joints rid of noise by the frames before and after, as far as one can without knowing what a body is.

Each joint's path x through a window, relative to the trunk's centre, is the one that minimises, y being observed,

    sum over frames  |y - x|^2 / (n^2 + sigma^2)   +   sum over frames  |third difference of x|^2 / j^2

where j is how much the acceleration of people's joints changes from frame to frame. How noisy a joint is, n, its own
third differences tell, from which motion's are taken away. So clean joints stay as they are, and the noisier joints
are, the more frames share in each. Source: Whittaker, On a new method of graduation, 1922; Eilers, A perfect smoother,
Analytical Chemistry 2003.
"""

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.fitting import joint_weights
from niki_tf.fitting.linear_solvers import CHOLESKY

_CHANGE = 0.004
"""j, metres a frame^3, at 30 frames a second."""
_OF_MOTION = 0.003
"""What the third differences of clean joints look like as noise, metres."""
_LEAST = 0.0003
_OF_THIRD_DIFFERENCE = (20.0 * 8.0 / np.pi) ** 0.5
"""Mean length of the third difference of normal noise of size 1 on each axis, whose variance is 1 + 9 + 9 + 1."""
_LENT = 4.0
"""How many frames' worth of the mean over all joints goes into the noise of each."""
_STIFFEST, _LEAST_WEIGHT, _RIDGE = 2000.0, 1e-3, 1e-5
"""Limits that keep the equations solvable in float32."""


def smooth(joints, joint_sigma, frame_mask=None, *, linear_solver=CHOLESKY):
    """Joints (N, T, 29, 3) of windows, smoothed over time, relative to the trunk's centre.

    Args:
        joints: (N, T, 29, 3) metres, each frame in any place.
        joint_sigma: (N, T, 29) metres, 0 where nothing is known; a joint that is absent has next to no weight.
        frame_mask: (N, T), 1 for frames and 0 for filler that is left out; None if all are frames.
        linear_solver: how linear equations are solved, one of `fitting.linear_solvers`.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf.fitting import smoothing
        >>> noise = tf.random.stateless_normal([1, 16, 29, 3], [1, 2], stddev=0.03)
        >>> left = smoothing.smooth(noise, tf.zeros([1, 16, 29]))
        >>> bool(tf.math.reduce_std(left) < 0.6 * tf.math.reduce_std(noise))
        True
    """
    there = tf.ones_like(joints[..., 0, 0]) if frame_mask is None else frame_mask
    trunk = tf.gather(joint_sigma, skeletons.TRUNK, axis=-1)
    trust = tf.expand_dims(joint_weights.normalized_weights(trunk), -1)
    joints -= tf.reduce_sum(trust * tf.gather(joints, skeletons.TRUNK, axis=-2), -2, keepdims=True)
    variance = noise_variance(joints, joint_sigma, there)
    weight = tf.expand_dims(there, -1) / (variance + joint_weights.clip_sigma(joint_sigma) ** 2)
    weight = tf.transpose(weight, [0, 2, 1])
    double = linear_solver.dtype
    removed = _removed(
        *(tf.cast(x, double) for x in (tf.transpose(joints, [0, 2, 1, 3]), weight, there)), linear_solver
    )
    return joints - tf.cast(tf.transpose(removed, [0, 2, 1, 3]), joints.dtype)


def _removed(paths, weight, there, linear_solver):
    """What smoothing takes away from paths (N, 29, T, 3), observed with weight (N, 29, T)."""
    third = _third_difference(there)
    most = tf.reduce_max(weight, -1, keepdims=True)
    weight = tf.maximum(tf.math.divide_no_nan(weight, most), _LEAST_WEIGHT * tf.expand_dims(there, 1))
    stiffness = tf.minimum(1.0 / (_CHANGE**2 * most), _STIFFEST)
    bending = tf.expand_dims(stiffness, -1) * tf.expand_dims(tf.linalg.matmul(third, third, transpose_a=True), 1)
    matrix, bent = tf.linalg.diag(weight + _RIDGE * stiffness) + bending, tf.linalg.matmul(bending, paths)
    shape = tf.shape(bent)
    solution = linear_solver.solve(tf.reshape(matrix, [-1, shape[2], shape[2]]), tf.reshape(bent, [-1, shape[2], 3]))
    return tf.reshape(solution, shape)


def _third_difference(there):
    """Matrices (N, T, T) whose row t gives the third difference over frames t to t + 3, where all four are `there`."""
    times = tf.range(tf.shape(there)[1])
    ahead = times[None] - times[:, None]
    steps = [tf.cast(ahead == step, there.dtype) for step in range(4)]
    whole = tf.reduce_prod([tf.linalg.matvec(step, there) for step in steps], 0)
    return tf.expand_dims(whole, -1) * (3.0 * steps[1] - steps[0] - 3.0 * steps[2] + steps[3])


def noise_variance(joints, joint_sigma, there):
    """Variance of each joint's noise, which its third differences tell, (N, 1, 29), metres^2.

    Args:
        joints: (N, T, 29, 3) metres, or what separates joints from a pose.
        joint_sigma: (N, T, 29) metres; frames in which a joint is little trusted hardly count.
        there: (N, T), 1 for frames and 0 for filler.
    """
    shape = tf.shape(joints)
    paths = tf.reshape(joints, [shape[0], shape[1], 29 * 3])
    sizes = tf.norm(tf.reshape(tf.linalg.matmul(_third_difference(there), paths), shape), axis=-1)
    trusted = joint_weights.precision(joint_sigma) / joint_weights.precision(tf.zeros([])) * tf.expand_dims(there, -1)
    counted = trusted
    for _ in range(3):
        trusted = tf.concat([trusted[:, 1:], tf.zeros_like(trusted[:, :1])], 1)
        counted *= trusted
    found = tf.reduce_sum(counted * sizes, 1, keepdims=True) / _OF_THIRD_DIFFERENCE
    count = tf.reduce_sum(counted, 1, keepdims=True)
    common = tf.math.divide_no_nan(*(tf.reduce_sum(x, -1, keepdims=True) for x in (found, count)))
    return tf.maximum(((found + _LENT * common) / (count + _LENT)) ** 2 - _OF_MOTION**2, _LEAST**2)
