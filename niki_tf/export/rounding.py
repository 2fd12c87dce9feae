"""Weights rounded to eight bits, with the mean error of each layer's output corrected by its bias.

Joints in the frame of the trunk are much the same from pose to pose, so most of what rounding a weight does to the
output of a layer is a constant.

Source: Nagel et al., Data-free quantization through weight equalization and bias correction, ICCV 2019.
"""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.body import kinematics, swing_twist
from niki_tf.shapes import TensorLike
from niki_tf.solvers.solver import Solver

_LEVELS = 127
"""Largest integer of a weight in LiteRT's eight bits, which are symmetric about zero."""
_FRAMES, _WINDOW = 512, 16
"""Frames that means are taken over, by trial on training clips; of solvers that see time in windows as in training."""
_NOISE = 0.03
"""Standard deviation of noisy joints on each axis, metres: the middle level of the noise protocol."""
_HANGING, _TURN = 1.2, 0.3
"""Angle between arms that hang and those of the rest pose, and deviation of random turns of all joints, radians; by
trial on training clips."""
_SMALLEST = 1e-12
"""Stands for the largest weight of an output whose weights are all zero."""


def rounded(solver: Solver) -> Solver:
    """A copy of the solver whose dense layers have weights of 255 levels and corrected biases.

    For each output of a layer with weights w, scale = max |w| / 127, rounded w = scale * round(w / scale), and the bias
    grows by mean(x) . (w - rounded w). The mean input x of each layer is that of people who stand and move at random,
    once with known twist and once noisy.

    Args:
        solver: any solver; it stays as it is.

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
        scale = np.maximum(np.abs(kernel).max(0), _SMALLEST) / _LEVELS
        coarse = np.round(kernel / scale) * scale
        layer.kernel.assign(coarse)
        layer.bias.assign(bias + mean @ (kernel - coarse))
    return solver


def _mean_inputs(solver: Solver) -> list[tuple[keras.layers.Dense, np.ndarray]]:
    """Dense layers that take part in inverse kinematics, each with the mean (n,) of its inputs."""
    layers = [layer for layer in solver._flatten_layers() if isinstance(layer, keras.layers.Dense)]
    means: list[list[np.ndarray]] = [[] for _ in layers]
    # An attribute of the instance hides the method of the class, which other models go on using.
    for layer, found in zip(layers, means, strict=True):
        layer.call = functools.partial(_recorded, layer.call, found)
    try:
        for inputs in _observations(solver):
            solver(inputs)
    finally:
        for layer in layers:
            del layer.call
    return [(layer, np.mean(found, 0)) for layer, found in zip(layers, means, strict=True) if found]


def _recorded(
    call: Callable[..., tf.Tensor], means: list[np.ndarray], inputs: tf.Tensor, *args: Any, **kwargs: Any
) -> tf.Tensor:
    """What `call` of a layer returns; the mean (n,) of its inputs (..., n) is added to `means`."""
    means.append(tf.reshape(inputs, [-1, inputs.shape[-1]]).numpy().mean(0))
    return call(inputs, *args, **kwargs)


def _observations(solver: Solver) -> list[dict[str, TensorLike]]:
    """Inputs of a solver: people who stand, arms hanging, and move at random, with known twist, and noisy."""
    rng = np.random.default_rng(0)
    leading = [_FRAMES // _WINDOW, _WINDOW] if solver.event_axes == 2 else [_FRAMES]
    turns = _TURN * rng.standard_normal([*leading, skeletons.NUM_ROTATIONS, 3], np.float32)
    for name, angle in (("left_shoulder", -_HANGING), ("right_shoulder", _HANGING)):
        turns[..., skeletons.SMPL_24.names.index(name), 2] += angle
    local = rotations.rotvec_to_matrix(turns)
    betas = rng.standard_normal([*leading, solver.body_joints.num_betas], np.float32)
    rest_joints = solver.body_joints(betas)
    joints = kinematics.forward_kinematics(local, rest_joints)[0]
    known = {"betas": betas, "twist": swing_twist.rotations_to_swing_twist(local, rest_joints)[1]}
    noisy = joints + _NOISE * rng.standard_normal(joints.shape, np.float32)
    given = known if solver.needs_twist else {"betas": betas}
    return [{"joints": joints, **known}, {"joints": noisy, **given}]
