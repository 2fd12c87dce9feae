"""The published models, recognised by the names of their tensors, as solvers and networks of images."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from niki_tf import solvers
from niki_tf.body import BodyJoints
from niki_tf.convert import camera_weights, checkpoint_body, image_weights, layout, movenet
from niki_tf.convert.masked_flow import MaskedFlow
from niki_tf.flows import Flow
from niki_tf.solvers.invertible import JOINTS, PADDING, POSE, SIGMA, TWIST

_Arrays = Mapping[str, np.ndarray]
_Flows = Mapping[str, MaskedFlow]

_ONE_STAGE = MaskedFlow(
    "regressor.flow.mask", "regressor.flow.{kind}.{step}.{layer}", (0, 2, 4), JOINTS + SIGMA + PADDING
)
_JOINT_FLOW = MaskedFlow(
    "regressor.flow_j2s.jts_masks",
    "regressor.flow_j2s.jts_net{kind}.{step}.encoder.{layer}",
    (0, 3, 6),
    JOINTS + SIGMA + PADDING,
    condition=10,
    condition_mask="regressor.flow_j2s.shape_masks",
)
_ROTATION_FLOW = MaskedFlow(
    "regressor.flow_s2r.mask", "regressor.flow_s2r.{kind}.{step}.{layer}", (0, 3, 6), POSE + TWIST
)
_ROTATION_DROPOUT = 0.5
"""Of the published code; a checkpoint does not say it."""


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A published model, converted.

    Attributes:
        solver: `OneStage` or `TwistSwing` with the checkpoint's weights; of a network of images alone HybrIK's own,
            `Analytic`.
        camera: `CameraNetwork` with the checkpoint's weights; None if it has none.
        report: sizes of the flows, the backbone, and the use of every tensor, for JSON.
        image: `ImageJoints` with the checkpoint's weights; None if it has none.
    """

    solver: keras.Model
    camera: keras.Model | None
    report: dict[str, Any]
    image: keras.Model | None = None


def convert(arrays: Mapping[str, np.ndarray], *, body_joints: BodyJoints | None = None) -> Conversion:
    """The published model whose state dict is `arrays`, as a solver that computes the same function.

    Couplings, widths and masks are the checkpoint's. Halves of layers that a mask multiplies by zero are left out. If
    the mask of the betas is zero in all steps, the solver is not conditioned on them.

    Args:
        arrays: name -> NumPy array, from `load_checkpoint` or `state_dict`.
        body_joints: `BodyJoints` of the body that is posed; the checkpoint's own if None.

    Raises:
        ValueError: a tensor is missing, misshapen, not finite or not known (all are named), a mask is not that of a
            coupling flow, or there is no body.
    """
    part, others = image_weights.split(arrays)
    if part is None:
        return _solver(arrays, body_joints)
    if not others:
        image, report = image_weights.convert(part, body_joints=body_joints)
        solver = solvers.Analytic(image.body_joints, as_published=True)
        return Conversion(solver, None, {**_summary("ImageJoints", body_joints), **report}, image)
    found = _solver(others, body_joints)
    own = checkpoint_body.holds_body(part.arrays, prefix="smpl.")
    image, report = image_weights.convert(part, body_joints=body_joints if own else found.solver.body_joints)
    tensors = found.report["tensors"] + report["tensors"]
    return dataclasses.replace(found, image=image, report={**found.report, **report, "tensors": tensors})


def convert_movenet(layers: str | os.PathLike, weights: str | os.PathLike, *, body_joints: BodyJoints) -> Conversion:
    """MoveNet's weights as the start of a network of images; see `movenet.start` for arguments and errors."""
    image, report = movenet.start(layers, weights, body_joints=body_joints)
    solver = solvers.Analytic(body_joints)
    return Conversion(solver, None, {**_summary("ImageJoints", body_joints), **report}, image)


def _summary(model: str, body_joints: BodyJoints | None) -> dict[str, Any]:
    """The start of a report: the model, no flows, no camera network, and whose body."""
    rest = "the checkpoint's own body" if body_joints is None else "another body, as asked for"
    return {"model": model, "flows": {}, "camera_network": False, "rest_skeleton": rest}


def _solver(arrays: _Arrays, body_joints: BodyJoints | None) -> Conversion:
    """The solver of NIKI's checkpoint, and its camera network if it has one; see `convert`."""
    make, flows = _model(arrays)
    has_camera = make is _one_stage and camera_weights.holds_camera(arrays)
    parts = _parts(arrays, flows, has_camera=has_camera, make_body=body_joints is None)
    layout.check(arrays, parts)
    checkpoint_body.check_tree(arrays)
    solver = make(checkpoint_body.body_joints(arrays) if body_joints is None else body_joints, flows, arrays)
    for name, flow in flows.items():
        flow.fill(getattr(solver, name), arrays)
    report = {
        **_summary(type(solver).__name__, body_joints),
        "flows": {name: _flow_report(getattr(solver, name), flow, arrays) for name, flow in flows.items()},
        "camera_network": has_camera,
        "tensors": layout.report(arrays, parts),
    }
    return Conversion(solver, camera_weights.build(arrays) if has_camera else None, report)


def _parts(arrays: _Arrays, flows: _Flows, *, has_camera: bool, make_body: bool) -> dict[str, layout.Part]:
    """Every tensor that the checkpoint should hold, name -> `Part`."""
    parts: dict[str, layout.Part] = {}
    for flow in flows.values():
        parts |= flow.parts(arrays)
    if has_camera:
        parts |= camera_weights.parts(arrays)
    return parts | checkpoint_body.parts(arrays, make_body=make_body)


def _model(arrays: _Arrays) -> tuple[Callable[..., solvers.LearnedSolver], dict[str, MaskedFlow]]:
    """What makes the solver, and the flows that the checkpoint must hold, by the names that the solver gives them."""
    if any(name.startswith(("regressor.flow_j2s.", "regressor.flow_s2r.")) for name in arrays):
        return _twist_swing, {"joint_flow": _JOINT_FLOW, "rotation_flow": _ROTATION_FLOW}
    if any(name.startswith("regressor.flow.") for name in arrays):
        return _one_stage, {"flow": _ONE_STAGE}
    raise ValueError(
        "the checkpoint is neither NIKI's one-stage model (regressor.flow.*) nor its twist-and-swing model "
        "(regressor.flow_j2s.*, regressor.flow_s2r.*) nor HybrIK's HRNet (preact.*); its tensors are "
        f"{layout.listed(list(arrays))}."
    )


def _one_stage(body_joints: BodyJoints, flows: _Flows, arrays: _Arrays) -> solvers.OneStage:
    flow = flows["flow"]
    num_couplings, hidden_dim = flow.sizes(arrays)
    return solvers.OneStage(
        body_joints,
        num_couplings=num_couplings,
        hidden_dim=hidden_dim,
        condition="none",
        canonical=False,
        masks=[flow.mask_argument(arrays)],
    )


def _twist_swing(body_joints: BodyJoints, flows: _Flows, arrays: _Arrays) -> solvers.TwistSwing:
    joint_flow, rotation_flow = flows["joint_flow"], flows["rotation_flow"]
    conditioned = joint_flow.conditioned(arrays)
    num_couplings, hidden_dim = joint_flow.sizes(arrays)
    num_rotation_couplings, rotation_hidden_dim = rotation_flow.sizes(arrays)
    return solvers.TwistSwing(
        _with_betas(body_joints, joint_flow.condition) if conditioned else body_joints,
        num_couplings=num_couplings,
        hidden_dim=hidden_dim,
        num_rotation_couplings=num_rotation_couplings,
        rotation_hidden_dim=rotation_hidden_dim,
        dropout=_ROTATION_DROPOUT,
        condition="betas" if conditioned else "none",
        canonical=False,
        twist_known=False,
        compose_twist=False,
        twist_hidden_dim=0,
        masks=[joint_flow.mask_argument(arrays), rotation_flow.mask_argument(arrays)],
    )


def _with_betas(body_joints: BodyJoints, count: int) -> BodyJoints:
    """The skeleton with the first `count` of its shape directions."""
    if body_joints.num_betas < count:
        raise ValueError(
            f"`body_joints` must have {count} betas, which the weights are for; got {body_joints.num_betas}."
        )
    return BodyJoints(body_joints.joints, directions=body_joints.directions[..., :count])


def _flow_report(flow: Flow, published: MaskedFlow, arrays: _Arrays) -> dict[str, Any]:
    """Sizes of one flow, as the checkpoint has it and as it is stored."""
    return {
        "num_couplings": flow.num_couplings,
        "hidden_dim": flow.hidden_dim,
        "mask": "alternating, the odd entries kept first" if flow.mask is None else "the checkpoint's own",
        "condition": flow.condition,
        "weights_in_checkpoint": published.weights(arrays),
        "weights_stored": flow.count_params(),
    }
