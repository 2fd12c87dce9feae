"""Weights rounded to eight bits with little harm: what rounding changes on average is taken back by the biases.

Joints in the frame of the trunk are much the same from pose to pose, so most of what rounding a weight does to the
output of a layer is a constant.

Source: Nagel et al., Data-free quantization through weight equalization and bias correction, ICCV 2019.
"""

import functools

import keras
import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics, swing_twist

_LEVELS = 127
_FRAMES, _WINDOW, _NOISE = 512, 16, 0.03
_HANGING, _TURN = 1.2, 0.3
"""Angle between arms that hang and those of the rest pose, and deviation of random turns of all joints, radians."""


def rounded(solver):
    """A copy of the solver whose dense layers have weights of 255 levels, a scale for each output, and mended biases.

    The mean input of each layer is that of people who stand and move at random, once with their twist and once noisy.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body, solvers
        >>> from niki_tf.export import rounding
        >>> solver = solvers.MLP(body.mannequin_joints(), hidden_dim=16, num_layers=1)
        >>> kernel = rounding.rounded(solver).get_weights()[-2]
        >>> levels = kernel / (np.abs(kernel).max(0) / 127)
        >>> bool(np.allclose(levels, np.round(levels), atol=1e-3))
        True
    """
    solver = solver.for_body(solver.body_joints)
    for layer, mean in _mean_inputs(solver):
        kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
        scale = np.maximum(np.abs(kernel).max(0), 1e-12) / _LEVELS
        coarse = np.round(kernel / scale) * scale
        layer.kernel.assign(coarse)
        layer.bias.assign(bias + mean @ (kernel - coarse))
    return solver


def _mean_inputs(solver):
    """Dense layers that take part in inverse kinematics, each with the mean (n,) of its inputs."""
    layers = [layer for layer in solver._flatten_layers() if isinstance(layer, keras.layers.Dense)]
    means = {layer.path: [] for layer in layers}
    for layer in layers:
        layer.call = functools.partial(_recorded, layer.call, means[layer.path])
    for inputs in _observations(solver):
        solver(inputs)
    for layer in layers:
        del layer.call
    return [(layer, np.mean(means[layer.path], 0)) for layer in layers if means[layer.path]]


def _recorded(call, means, inputs, *args, **kwargs):
    """`call` of a layer, which notes the mean (n,) of the inputs (..., n) in `means`."""
    means.append(tf.reshape(inputs, [-1, inputs.shape[-1]]).numpy().mean(0))
    return call(inputs, *args, **kwargs)


def _observations(solver):
    """What the solver is shown of people who stand, arms hanging, and move at random: with twist, and noisy."""
    rng = np.random.default_rng(0)
    leading = [_FRAMES // _WINDOW, _WINDOW] if solver.event_axes == 2 else [_FRAMES]
    turns = _TURN * rng.standard_normal([*leading, 24, 3], np.float32)
    for name, angle in (("left_shoulder", -_HANGING), ("right_shoulder", _HANGING)):
        turns[..., skeletons.SMPL_24.names.index(name), 2] += angle
    local = rotations.rotvec_to_matrix(turns)
    betas = rng.standard_normal([*leading, solver.body_joints.num_betas], np.float32)
    rest_joints = solver.body_joints(betas)
    joints = kinematics.forward_kinematics(local, rest_joints)[0]
    known = {"betas": betas, "twist": swing_twist.rotations_to_swing_twist(local, rest_joints)[1]}
    noisy = joints + _NOISE * rng.standard_normal(joints.shape, np.float32)
    guessed = known if solver.needs_twist else {"betas": betas}
    return [{"joints": joints, **known}, {"joints": noisy, **guessed}]
