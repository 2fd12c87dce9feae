"""Against numbers recorded from the published HybrIK code on a synthetic body (float32)."""

import numpy as np
import pytest

from niki_tf import body

CASES = ("clean", "noise20", "noise50", "clean_zero_betas")


@pytest.fixture(scope="module")
def recorded(parity):
    with np.load(parity / "hybrik_io.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def data(parity):
    return body.load_body(parity / "synthetic_smpl.npz")


def close(a, b, tolerance=1e-4):
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


def test_npz_and_pickle_hold_the_same_body(parity, data):
    pickled = body.load_body(parity / "synthetic_smpl.pkl")
    for name in ("v_template", "shapedirs", "posedirs", "lbs_weights", "faces", "joints", "joint_directions"):
        close(getattr(pickled, name), getattr(data, name), 1e-7)


def test_joints_and_vertices(data, recorded):
    pose = recorded["rotmat"]
    given = body.Body(data)(betas=recorded["betas"], global_orient=pose[:, :1], body_pose=pose[:, 1:])
    close(given["joints"], recorded["joints29"], 1e-5)
    close(given["vertices"][:2], recorded["verts_first2"], 1e-5)
    close(data.body_joints()(recorded["betas"]), recorded["rest_joints29"], 1e-5)


def test_swing_and_twist_of_rotations(recorded):
    swing, twist = body.rotations_to_swing_twist(recorded["rotmat"], recorded["rest_joints29"])
    close(swing, recorded["ts_decompose_rot.swing"], 1e-5)
    close(twist, recorded["phi"], 1e-5)
    composed = body.swing_twist_to_rotations(swing, 1.7 * recorded["phi"], recorded["rest_joints29"])
    close(composed, recorded["ts_compose.rotmat"], 1e-5)


def problem(data, recorded, case):
    """Joints, rest joints and twist as the published solver was given them."""
    rest = data.body_joints()(recorded[f"in.{case}.betas"]).numpy()
    return recorded[f"in.{case}.joints29"], rest, 1.7 * recorded["phi"]


@pytest.mark.parametrize("case", CASES)
def test_adaptive_solver(data, recorded, case):
    joints, rest, twist = problem(data, recorded, case)
    found = body.analytic_ik(joints, rest_joints=rest, twist=twist)
    close(found, recorded[f"out.{case}.adaptive.rotmat"])
    close(body.forward_kinematics(found, rest)[0], recorded[f"out.{case}.adaptive.joints29"])


@pytest.mark.parametrize("case", CASES)
def test_naive_solver(data, recorded, case):
    joints, rest, twist = problem(data, recorded, case)
    found = body.analytic_ik(joints, rest_joints=rest, twist=twist, adaptive=False).numpy()
    reached = body.forward_kinematics(found, rest)[0].numpy()
    close(found, recorded[f"out.{case}.naive.rotmat"])
    close(reached, recorded[f"out.{case}.naive.joints29"])


@pytest.mark.parametrize("case", ["clean", "noise20"])
def test_swing_and_twist_of_joints(data, recorded, case):
    joints, rest, twist = problem(data, recorded, case)
    found = body.analytic_ik(joints, rest_joints=rest, twist=twist, adaptive=False)
    swing, split = body.rotations_to_swing_twist(found, rest)
    close(split, recorded["phi"], 1e-5)
    close(swing, recorded[f"ts_decompose.{case}.swing"])
