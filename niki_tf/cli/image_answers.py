"""What models of images say of examples: the inputs of solvers, or poses; a part of the examples at a time."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from niki_tf import contract, vision
from niki_tf.body import kinematics, swing_twist
from niki_tf.data.image_sets import Example
from niki_tf.inference.graphs import ArrayFunction, array_function
from niki_tf.shapes import zeros_like_leading
from niki_tf.training import image_joints

Arrays = dict[str, np.ndarray]
Network = vision.ImageJoints | vision.PartAttention
Poses = tuple[np.ndarray, np.ndarray]
"""Rotations (N, 24, 3, 3) and betas (N, B)."""

_GIVEN = ("image", "image_center", "focal")
_AT_ONCE = 36
"""Images that a model sees at a time."""


def in_parts(examples: Iterable[Example]) -> Iterator[list[Example]]:
    """The examples, as many at a time as a model sees."""
    rest = iter(examples)
    while some := list(itertools.islice(rest, _AT_ONCE)):
        yield some


def solver_inputs(network: Network) -> Callable[[Iterable[Example]], Arrays]:
    """A function of N examples to what solvers behind a network are given.

    Args:
        network: a `PartAttention` says where its pose has the joints, and how it turns them, of an unknown sigma.

    Returns:
        function to the arrays of `contract.INPUTS`, `twist` of length 1, and of `contract.HEAT`; of an `ImageJoints`
        camera (N, 3), too.
    """
    ask = _asked(array_function(lambda batch: _said(network, batch)))

    def inputs(examples: Iterable[Example]) -> Arrays:
        said = ask(examples)
        length = np.linalg.norm(said["twist"], axis=-1, keepdims=True)
        return {**said, "twist": said["twist"] / np.maximum(length, 1e-9)}

    return inputs


def poses(model: vision.ImageModel, *, name: str) -> Callable[[Iterable[Example]], Poses]:
    """A function of N examples to the rotations and betas that a model says.

    Args:
        model: gives poses by itself.
        name: of the model, for the message.

    Raises:
        ValueError: it gives joints.
    """
    if isinstance(model, vision.ImageJoints):
        raise ValueError(f"`image_solver` must be a model of images that gives poses; {name} gives joints.")
    ask = _asked(array_function(lambda batch: model(image_joints.model_inputs(batch))))

    def posed(examples: Iterable[Example]) -> Poses:
        answer = ask(examples)
        return contract.local_rotations(answer), answer["betas"]

    return posed


def _asked(graph: ArrayFunction) -> Callable[[Iterable[Example]], Arrays]:
    """A graph of batches as a function of examples."""

    def ask(examples: Iterable[Example]) -> Arrays:
        parts = []
        for some in in_parts(examples):
            parts.append(graph({name: np.stack([np.float32(one[name]) for one in some]) for name in _GIVEN}))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return ask


def _said(network: Network, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """What a network says of a batch of images."""
    if isinstance(network, vision.ImageJoints):
        answer = network(image_joints.model_inputs(batch))
        return {name: answer[name] for name in (*contract.INPUTS, *contract.HEAT, "camera")}
    answer = network({"image": batch["image"]})
    turns = tf.concat([answer["global_orient"], answer["body_pose"]], -3)
    rest_joints = network.image_joints.body_joints(answer["betas"])
    joints, _ = kinematics.forward_kinematics(turns, rest_joints)
    _, twist = swing_twist.rotations_to_swing_twist(turns, rest_joints)
    unknown = tf.zeros_like(joints[..., 0])
    moments = zeros_like_leading(unknown, 1, contract.HEAT["heat_moments"])
    found = {"joints": joints - joints[:, :1], "joint_sigma": unknown, "twist": twist, "betas": answer["betas"]}
    return {**found, "heat_moments": moments}
