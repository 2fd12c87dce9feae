"""Converted checkpoints against numbers recorded from the published code on a synthetic body (float32)."""

import numpy as np
import pth_reader
import pytest
import tensorflow as tf

from niki_tf import body, convert, rotations
from niki_tf.body import kinematics

FLOWS = {"flow": ("niki_1stage", "flow"), "joint_flow": ("nikits", "flow_j2s"), "rotation_flow": ("nikits", "flow_s2r")}


class Recorded:
    """A checkpoint, what it gives, and our solver made of it."""

    def __init__(self, folder, name):
        with np.load(folder / f"{name}_io.npz") as file:
            self.io = dict(file)
        self.arrays = convert.state_dict(pth_reader.read(folder / f"{name}_state_dict.pth"))
        self.conversion = convert.convert(self.arrays)
        self.solver = self.conversion.solver
        self._solved = {}

    def flat(self, name):
        """A recorded array with batch and time as one axis."""
        array = self.io[name]
        return array.reshape([-1, *array.shape[2:]]) if array.shape[:2] == (8, 2) else array

    def observation(self, pass_="infer"):
        """Inputs of `ik` as the published model had them."""
        width = self.solver.extra_inputs["padding"][-1]
        if pass_ == "infer":
            joints, sigma, betas, twist = (f"in.pred_{name}" for name in ("xyz_29", "sigma", "beta", "phi"))
            sigma, padding = self.flat(sigma)[..., 0], self.io["infer.randn_0"]
        else:
            joints, betas, twist = "target.gt_xyz_29", "target.gt_betas", "target.gt_phi"
            sigma, padding = self.io["train.randn_1"], self.io["train.randn_2"]
            one_stage = type(self.solver).__name__ == "OneStage"
            sigma = 1e-6 * np.maximum(sigma, 0) if one_stage else 1e-3 * sigma
        padding = np.pad(1e-3 * padding, [(0, 0), (0, width - padding.shape[1])])
        given = {"joints": self.flat(joints), "betas": self.flat(betas), "twist": self.flat(twist)}
        return given | {"joint_sigma": sigma, "padding": padding}

    def solved(self, pass_="infer"):
        """What `ik` makes of the observation, once for all tests."""
        if pass_ not in self._solved:
            self._solved[pass_] = self.solver.ik(**self.observation(pass_))
        return self._solved[pass_]


@pytest.fixture(scope="module")
def one_stage(parity):
    return Recorded(parity, "niki_1stage")


@pytest.fixture(scope="module")
def twist_swing(parity):
    return Recorded(parity, "nikits")


@pytest.fixture(scope="module")
def synthetic(parity):
    return body.Body(body.load_body(parity / "synthetic_smpl.npz"))


@pytest.fixture(params=["niki_1stage", "nikits"])
def recorded(request, one_stage, twist_swing):
    return one_stage if request.param == "niki_1stage" else twist_swing


@pytest.fixture(params=FLOWS)
def flow(request, one_stage, twist_swing):
    """A flow, the model that it is part of, and its name in the recordings."""
    model, name = FLOWS[request.param]
    recorded = one_stage if model == "niki_1stage" else twist_swing
    return getattr(recorded.solver, request.param), recorded, name


def close(found, expected, tolerance=1e-4):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def pose(rotations):
    return {"global_orient": rotations[..., :1, :, :], "body_pose": rotations[..., 1:, :, :]}


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["inverse", "forward"])
def test_bare_flow_and_log_determinant(flow, direction):
    layer, recorded, name = flow
    x = tf.constant(recorded.io[f"{name}.in"])
    close(getattr(layer.bijector(), direction)(x), recorded.io[f"{name}.{direction}_out"])
    found = getattr(layer.bijector(), f"{direction}_log_det_jacobian")(x, event_ndims=1)
    close(found, recorded.io[f"{name}.{direction}_logdet"])


@pytest.mark.slow
def test_scale_and_translation_of_each_step(flow):
    layer, recorded, name = flow
    for step, network in enumerate(layer.conditioners):
        kept = slice(1, None, 2) if step % 2 == 0 else slice(0, None, 2)
        moved = slice(0, None, 2) if step % 2 == 0 else slice(1, None, 2)
        scale, translation = network(recorded.io[f"{name}.inverse_masked_input_per_layer"][step][:, kept])
        close(scale, recorded.io[f"{name}.inverse_s_per_layer"][step][:, moved])
        close(translation, recorded.io[f"{name}.inverse_t_per_layer"][step][:, moved])


@pytest.fixture(scope="module")
def seeing_betas(twist_swing):
    """The solver of the same weights with a shape mask of ones."""
    name = "regressor.flow_j2s.shape_masks"
    return convert.convert(twist_swing.arrays | {name: np.ones_like(twist_swing.arrays[name])}).solver


@pytest.mark.parametrize("direction", ["inverse", "forward"])
def test_shape_mask_of_ones(twist_swing, seeing_betas, direction):
    solver = seeing_betas
    assert solver.condition == "betas"
    x, betas = tf.constant(twist_swing.io["flow_j2s.in"]), tf.constant(twist_swing.flat("in.pred_beta"))
    expected = twist_swing.io[f"flow_j2s.shape_mask_ones.{direction}_out"]
    close(getattr(solver.joint_flow.bijector(betas), direction)(x), expected)
    found = getattr(solver.joint_flow.bijector(betas), f"{direction}_log_det_jacobian")(x, event_ndims=1)
    close(found, twist_swing.io[f"flow_j2s.shape_mask_ones.{direction}_logdet"])
    assert np.abs(expected - twist_swing.io[f"flow_j2s.{direction}_out"]).max() > 0.1


def noise_of_rotations(sixd):
    """What float32 rounding of 6D (..., 6) by 2e-6, which the recordings have, does to the rotations (..., 1, 1).

    Random weights give a few rows that are almost parallel: the second direction is what little is left between them.
    """
    first = sixd[..., :3] / np.linalg.norm(sixd[..., :3], axis=-1, keepdims=True)
    across = sixd[..., 3:] - (first * sixd[..., 3:]).sum(-1, keepdims=True) * first
    return 2e-6 / np.linalg.norm(across, axis=-1)[..., None, None]


@pytest.mark.parametrize("pass_", ["infer", "train"])
def test_inverse_kinematics(recorded, pass_):
    found = recorded.solved(pass_)
    prefix = "infer.inv_pred2" if pass_ == "infer" else "train.inv_gt2"
    expected = recorded.flat(f"{prefix}rotmat").reshape(-1, 24, 3, 3)
    off = np.abs(tf.concat([found["global_orient"], found["body_pose"]], 1) - expected)
    noise = noise_of_rotations(recorded.flat(f"{prefix}rot6d"))
    assert (off < np.maximum(1e-4, noise)).all()
    assert (noise > 1e-4).sum() <= 1
    embeddings = ("ze",) if recorded.solver.embedding_size == 32 else ("zes", "zet")
    close(found["z"], np.concatenate([recorded.flat(prefix + name) for name in embeddings], -1))


@pytest.mark.parametrize("pass_", ["infer", "train"])
def test_swing_and_rotations_as_6d(recorded, pass_):
    seen, solver = recorded.observation(pass_), recorded.solver
    joints = seen["joints"] - seen["joints"][:, :1]
    x = np.concatenate([joints.reshape(16, -1), seen["joint_sigma"], seen["padding"][:, :60]], -1)
    prefix = "infer.inv_pred2" if pass_ == "infer" else "train.inv_gt2"
    if recorded.solver.embedding_size == 32:
        found = solver.flow(x)[:, :144]
    else:
        swing = solver.joint_flow(x)[:, :144]
        close(swing, recorded.flat(f"{prefix}swingrot6d").reshape(16, -1))
        twist = seen["twist"] / np.linalg.norm(seen["twist"], axis=-1, keepdims=True)
        found = solver.rotation_flow(tf.concat([swing, twist.reshape(16, -1)], -1))[:, :144]
    close(found, recorded.flat(f"{prefix}rot6d").reshape(16, -1))


@pytest.mark.parametrize("pass_", ["infer", "train"])
def test_joints_of_the_solved_body(recorded, synthetic, pass_):
    seen, found = recorded.observation(pass_), recorded.solved(pass_)
    given = {name: found[name] for name in ("global_orient", "body_pose")}
    expected = recorded.flat("infer.pred_xyz_29" if pass_ == "infer" else "train.inv_gt2joints")
    close(synthetic(betas=seen["betas"], **given)["joints"], expected)
    rest_joints = recorded.solver.body_joints(tf.constant(seen["betas"]))
    local = tf.concat([found["global_orient"], found["body_pose"]], 1)
    close(kinematics.forward_kinematics(local, rest_joints)[0], expected)


def test_vertices_of_the_solved_body(recorded, synthetic):
    found = {name: recorded.solved()[name][:4] for name in ("global_orient", "body_pose")}
    vertices = synthetic(betas=recorded.observation()["betas"][:4], **found)
    close(vertices["vertices"], recorded.io["infer.verts_first4"])


def test_the_checkpoints_body_gives_the_skeleton_of_the_body_file(recorded, synthetic):
    betas = tf.constant(recorded.flat("in.pred_beta"))
    close(recorded.solver.body_joints(betas), synthetic.body_joints(betas), 1e-6)


def true_rotations(recorded):
    return rotations.rotvec_to_matrix(tf.constant(recorded.flat("target.gt_theta").reshape(16, 24, 3)))


def test_kinematics_through_one_flow(one_stage):
    truth = true_rotations(one_stage)
    found = one_stage.solver.fk(**pose(truth), betas=one_stage.flat("target.gt_betas"))
    joints = one_stage.flat("train.fwd_gt_2_29joints")
    close(found["joints"], joints - joints[:, :1])
    close(found["joint_sigma"], one_stage.flat("train.fwd_gt_2_sigma")[..., 0])
    close(found["padding"][:, :60], one_stage.flat("train.fwd_gt_2_zx"))
    y = tf.concat([tf.reshape(rotations.matrix_to_6d(truth), [16, 144]), tf.zeros([16, 32])], -1)
    bijector = one_stage.solver.flow.bijector()
    close(bijector.forward(y)[:, : 29 * 3], joints.reshape(16, -1))
    log_det = one_stage.solver.flow.bijector().forward_log_det_jacobian(y, event_ndims=1)
    close(log_det[:, None], one_stage.flat("train.log_det_J"))


def test_kinematics_through_two_flows(twist_swing):
    truth = true_rotations(twist_swing)
    found = twist_swing.solver.fk(**pose(truth), betas=twist_swing.flat("target.gt_betas"))
    joints, twist = twist_swing.flat("train.fwd_gt_2_29joints"), twist_swing.flat("train.fwd_gt_2_phis")
    close(found["joints"], joints - joints[:, :1])
    close(found["padding"][:, :60], twist_swing.flat("train.fwd_gt_2_zx"))
    close(found["twist"], twist / np.linalg.norm(twist, axis=-1, keepdims=True))
    y = tf.concat([tf.reshape(rotations.matrix_to_6d(truth), [16, 144]), tf.zeros([16, 46])], -1)
    both = twist_swing.solver.rotation_flow.bijector().forward(y)
    close(both[:, :144], twist_swing.flat("train.fwd_gt_2_swing6d").reshape(16, -1))
    close(both[:, 144:], twist.reshape(16, -1))
    y = tf.concat([both[:, :144], tf.zeros([16, 32])], -1)
    close(twist_swing.solver.joint_flow.bijector().forward(y)[:, : 29 * 3], joints.reshape(16, -1))


def test_camera_network(one_stage, synthetic):
    io = one_stage.io
    found = one_stage.conversion.camera(
        {
            "uv": io["in.pred_uv"],
            "joints": io["infer.pred_xyz_29"],
            "joint_sigma": io["in.pred_sigma"][..., 0],
            "camera": io["in.pred_cam"],
            "image_center": io["in.img_center"] / 256,
        }
    )
    close(found["camera"], io["cam.inv_pred2cam"].reshape(8, 2, 3))
    close(found["uv"], io["cam.inv_pred2uv"])
    close(found["transl"], io["cam.transl"])
    given = {name: one_stage.solved()[name][:4] for name in ("global_orient", "body_pose")}
    posed = synthetic(betas=one_stage.flat("in.pred_beta")[:4], **given)
    close(posed["vertices"] - posed["joints"][:, :1], io["cam.verts_first4"])


def test_about_a_fifth_of_the_weights_is_left_out(recorded):
    flows = recorded.conversion.report["flows"].values()
    stored, before = (sum(flow[name] for flow in flows) for name in ("weights_stored", "weights_in_checkpoint"))
    expected = (11_307_776, 14_194_176) if len(flows) == 1 else (22_845_152, 29_011_392)
    assert (stored, before) == expected
    assert recorded.solver.count_params() == stored
