"""The two published models, told apart by the names of their tensors, as solvers."""

import dataclasses

import keras

from niki_tf import solvers
from niki_tf.body import BodyJoints
from niki_tf.convert import camera_weights, checkpoint_body, layout
from niki_tf.convert.masked_flow import MaskedFlow

_ONE_STAGE = MaskedFlow("regressor.flow.mask", "regressor.flow.{kind}.{step}.{layer}", (0, 2, 4), 176)
_JOINT_FLOW = MaskedFlow(
    "regressor.flow_j2s.jts_masks",
    "regressor.flow_j2s.jts_net{kind}.{step}.encoder.{layer}",
    (0, 3, 6),
    176,
    condition=10,
    condition_mask="regressor.flow_j2s.shape_masks",
)
_ROTATION_FLOW = MaskedFlow("regressor.flow_s2r.mask", "regressor.flow_s2r.{kind}.{step}.{layer}", (0, 3, 6), 190)
_ROTATION_DROPOUT = 0.5


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A published model, converted.

    Attributes:
        solver: `OneStage` or `TwistSwing` with the checkpoint's weights.
        camera: `CameraNetwork` with the checkpoint's weights; None if it has none.
        report: what was found and what became of every tensor, for JSON.
    """

    solver: keras.Model
    camera: keras.Model | None
    report: dict


def convert(arrays, *, body_joints=None):
    """The published model whose state dict is `arrays`, as a solver that computes the same function.

    Couplings, widths and masks are the checkpoint's. Halves of layers that a mask kills are left out. Where the mask of
    the betas is zero in all steps, they reach nothing and the solver is not conditioned.

    Args:
        arrays: name -> NumPy array, from `load_checkpoint` or `state_dict`.
        body_joints: `BodyJoints` of the body that is posed; the checkpoint's own if None.

    Raises:
        ValueError: a tensor is missing, misshapen, not finite or not known (all are named), a mask is not that of a
            coupling flow, or there is no body.
    """
    make, flows = _model(arrays)
    own, parts = body_joints is None, {}
    for flow in flows.values():
        parts |= flow.parts(arrays)
    if make is _one_stage:
        parts |= camera_weights.parts(arrays)
    layout.check(arrays, parts | (body_parts := checkpoint_body.parts(arrays, own=own)))
    checkpoint_body.check_tree(arrays)
    solver = make(checkpoint_body.body_joints(arrays) if own else body_joints, flows, arrays)
    for name, flow in flows.items():
        flow.fill(getattr(solver, name), arrays)
    camera = camera_weights.build(arrays) if make is _one_stage and camera_weights.holds_camera(arrays) else None
    report = {
        "model": type(solver).__name__,
        "flows": {name: _told(getattr(solver, name), flow, arrays) for name, flow in flows.items()},
        "camera_network": camera is not None,
        "rest_skeleton": "the checkpoint's own body" if own else "another body, as asked for",
        "tensors": layout.report(arrays, parts | body_parts),
    }
    return Conversion(solver, camera, report)


def _model(arrays):
    """What makes the solver, and the flows that the checkpoint must hold, by the names that the solver gives them."""
    if any(name.startswith(("regressor.flow_j2s.", "regressor.flow_s2r.")) for name in arrays):
        return _twist_swing, {"joint_flow": _JOINT_FLOW, "rotation_flow": _ROTATION_FLOW}
    if any(name.startswith("regressor.flow.") for name in arrays):
        return _one_stage, {"flow": _ONE_STAGE}
    raise ValueError(
        "the checkpoint is neither NIKI's one-stage model (regressor.flow.*) nor its twist-and-swing model "
        f"(regressor.flow_j2s.*, regressor.flow_s2r.*); its tensors are {layout.listed(list(arrays))}."
    )


def _one_stage(body_joints, flows, arrays):
    flow = flows["flow"]
    num_couplings, hidden_dim = flow.sizes(arrays)
    return solvers.OneStage(
        body_joints,
        num_couplings=num_couplings,
        hidden_dim=hidden_dim,
        condition="none",
        canonical=False,
        masks=[flow.own_mask(arrays)],
    )


def _twist_swing(body_joints, flows, arrays):
    joint_flow, rotation_flow = flows["joint_flow"], flows["rotation_flow"]
    conditioned = joint_flow.conditioned(arrays)
    (num_couplings, hidden_dim), (num_rotation_couplings, rotation_hidden_dim) = (
        flow.sizes(arrays) for flow in flows.values()
    )
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
        masks=[joint_flow.own_mask(arrays), rotation_flow.own_mask(arrays)],
    )


def _with_betas(body_joints, count):
    """The skeleton with the first `count` of its shape directions."""
    if body_joints.num_betas < count:
        raise ValueError(f"`body_joints` must have {count} betas, which the weights see; got {body_joints.num_betas}.")
    return BodyJoints(body_joints.joints, directions=body_joints.directions[..., :count])


def _told(ours, published, arrays):
    """What the report says of one flow."""
    return {
        "num_couplings": ours.num_couplings,
        "hidden_dim": ours.hidden_dim,
        "mask": "alternating, the odd entries kept first" if ours.mask is None else "the checkpoint's own",
        "condition": ours.condition,
        "weights_in_checkpoint": published.weights(arrays),
        "weights_stored": ours.count_params(),
    }
