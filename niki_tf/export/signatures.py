"""The signatures of an exported solver: graphs with named inputs and outputs, the same in every format.

`ik` takes the inputs that the solver needs, `ik_full` all of the contract, `ik_known` known rotations, too, `fk` is the
way back of invertible solvers and `mesh` poses a body. No format lets an input be left out: zeros for `joint_sigma`,
`betas`, `twist`, `known_rotations` and `z` stand for what is not known.

A joint with a NaN is absent, a rotation with a NaN is not known. Every answer has two more outputs: `valid` (batch,),
and `reason` (batch,), int32, a `contract.Reason` that tells why not. An example is not valid where another input, or
the answer, holds NaN or infinity, or where joints cannot be metres; its other outputs are then the rest pose and zeros.
Of reasons from `Reason.NOTHING_SEEN` on the answer is valid, but to be doubted.
"""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from niki_tf import contract, skeletons
from niki_tf.body import Body
from niki_tf.export import reasons
from niki_tf.fitting import held_rotations
from niki_tf.shapes import zeros_like_leading
from niki_tf.solvers.invertible import InvertibleSolver
from niki_tf.solvers.solver import Solver
from niki_tf.vision.image_model import ImageModel
from niki_tf.vision.image_solver import ImageSolver

_Tensors = Mapping[str, tf.Tensor]
_Shapes = Mapping[str, tuple[int | None, ...]]


def signatures(
    solver: Solver | ImageModel, *, body: Body | None = None, known_rotations: bool = True
) -> dict[str, tf.types.experimental.ConcreteFunction]:
    """Concrete functions by the names of their signatures.

    The batch is of any size, and for solvers of windows so is the window of time, the second axis.

    Args:
        solver: any solver, or a model of images (see `image_signatures`).
        body: `Body` for the signature `mesh`, betas and rotations -> vertices (..., V, 3) and joints (..., 29, 3) in
            metres; None for none.
        known_rotations: add `ik_known`.

    Returns:
        dict of name -> tf.ConcreteFunction: ik, ik_full, ik_known, with an invertible solver fk, with a body mesh.

    Raises:
        ValueError: the body has another number of betas than the solver.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import body, solvers
        >>> from niki_tf.export import signatures
        >>> found = signatures.signatures(solvers.OneStage(body.mannequin_joints(), num_couplings=2, hidden_dim=8))
        >>> sorted(found), sorted(found["fk"].structured_input_signature[1])
        (['fk', 'ik', 'ik_full', 'ik_known'], ['betas', 'body_pose', 'global_orient', 'z'])
    """
    if isinstance(solver, ImageModel):
        return image_signatures(solver)
    num_betas = solver.body_joints.num_betas
    if body is not None and body.num_betas != num_betas:
        raise ValueError(f"`body` must have the {num_betas} betas of the solver; got {body.num_betas}.")
    inputs = contract.input_shapes(num_betas)
    needed = ["joints", "twist"] if solver.needs_twist else ["joints"]
    pose: _Shapes = {"betas": (num_betas,), **contract.POSE}
    graphs: dict[str, tuple[Callable[..., Any], _Shapes]] = {
        "ik": (solver, {name: inputs[name] for name in needed}),
        "ik_full": (solver, inputs),
    }
    if known_rotations:
        graphs["ik_known"] = (solver, {**inputs, **contract.KNOWN})
    if isinstance(solver, InvertibleSolver):
        graphs["fk"] = (lambda inputs: solver.fk(**inputs), {**pose, "z": (solver.embedding_size,)})
    if body is not None:
        graphs["mesh"] = (body, pose)
    return {name: traced(function, shapes, axes=solver.event_axes) for name, (function, shapes) in graphs.items()}


def image_signatures(model: ImageModel) -> dict[str, tf.types.experimental.ConcreteFunction]:
    """Concrete functions of a model of images: `ik` takes crops, `ik_box` pictures of any size, and boxes.

    A model that ends before the solver has them by the names `seen` and `seen_box`.

    Args:
        model: `ImageJoints` or `ImageSolver`.
    """
    size = model.image_size
    axes = model.solver.event_axes if isinstance(model, ImageSolver) else 1
    name = "ik" if isinstance(model, ImageSolver) else "seen"
    shapes: dict[str, _Shapes] = {
        name: {"image": (size, size, 3)},
        f"{name}_box": {"image": (None, None, 3), "box": (4,)},
    }
    return {key: traced(model, inputs, axes=axes) for key, inputs in shapes.items()}


def module(solver: Solver | ImageModel, *, body: Body | None = None) -> tf.Module:
    """A tf.Module that holds the weights which `signatures` of the same arguments read."""
    # LiteRT's converter finds plain variables only, not those that Keras wraps.
    holder = tf.Module()
    holder.weights = [weight.value for weight in [*solver.weights, *(body.weights if body else [])]]
    return holder


def traced(
    function: Callable[..., _Tensors], shapes: _Shapes, *, axes: int = 1
) -> tf.types.experimental.ConcreteFunction:
    """The graph of `function`, with the outputs `valid` and `reason` on top.

    Args:
        function: dict of tensors -> dict of tensors.
        shapes: of the inputs, by name, after the leading axes.
        axes: number of leading axes, all of any size.
    """
    specs = {name: tf.TensorSpec([None] * axes + [*shape], tf.float32, name=name) for name, shape in shapes.items()}
    guarded = tf.function(lambda **inputs: _guarded(function, inputs), autograph=False)
    return guarded.get_concrete_function(**specs)


def _guarded(function: Callable[..., _Tensors], inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The function's answer, with `valid` and `reason`, and finite throughout."""
    answer, read = function(inputs), dict(inputs)
    told: tuple[tf.Tensor, ...] = ()
    if "joints" in inputs:  # those that are absent may hold anything
        unknown = zeros_like_leading(inputs["joints"], 2, [skeletons.NUM_JOINTS])
        read["joints"], sigma = contract.mark_absent(inputs["joints"], inputs.get("joint_sigma", unknown))
        if "joint_sigma" in inputs:
            sigma = read["joint_sigma"] = tf.minimum(sigma, skeletons.ABSENT)
        told = read["joints"], sigma
    if "known_rotations" in inputs:
        read["known_rotations"] = held_rotations.read(inputs["known_rotations"])
    finite = _are_finite([value for value in (*read.values(), *answer.values()) if value.dtype.is_floating])
    reason, valid = reasons.of_answer(finite, *told, has_errors="joint_sigma" in inputs)
    return {name: _masked(value, valid, name) for name, value in answer.items()} | {"reason": reason, "valid": valid}


def _are_finite(values: list[tf.Tensor]) -> tf.Tensor:
    """Whether all numbers of an example are finite, (batch,), by built-in operations of LiteRT."""
    sums = [tf.reduce_sum(value, list(range(1, value.shape.rank))) for value in values]
    return tf.abs(tf.add_n(sums)) <= tf.float32.max  # what makes NaN of two infinities is not, either


def _masked(value: tf.Tensor, valid: tf.Tensor, name: str) -> tf.Tensor:
    """`value` of valid examples; rotations at rest, or zeros, of the others."""
    mask = tf.reshape(valid, [-1] + [1] * (value.shape.rank - 1))
    return tf.where(mask, value, tf.eye(3) if name in contract.POSE else tf.zeros([], value.dtype))
