import functools

import losses_twin
import numpy as np
import pth_reader
import pytest
import tensorflow as tf
from scipy.spatial.transform import Rotation

from niki_tf import body, convert, skeletons, solvers, training

SKELETON = body.mannequin_joints()
EXAMPLES = 5
FRAMES = 6

INVERTIBLE = {
    "one_stage": lambda: solvers.OneStage(SKELETON, num_couplings=2, hidden_dim=8),
    "twist_swing": lambda: solvers.TwistSwing(
        SKELETON, num_couplings=2, hidden_dim=8, num_rotation_couplings=2, rotation_hidden_dim=8, twist_hidden_dim=8
    ),
    "one_stage, twist": lambda: solvers.OneStage(SKELETON, num_couplings=2, hidden_dim=8, takes_twist=True),
    "temporal_twist_swing": lambda: solvers.TemporalTwistSwing(
        SKELETON,
        num_couplings=2,
        hidden_dim=8,
        num_rotation_couplings=2,
        rotation_hidden_dim=8,
        twist_hidden_dim=8,
        num_temporal_pairs=1,
        temporal_hidden_dim=8,
    ),
    "temporal, paper": lambda: solvers.Temporal(
        SKELETON,
        num_couplings=2,
        hidden_dim=8,
        num_temporal_pairs=1,
        temporal_hidden_dim=8,
        smooth_joints=False,
        neighbour_mean=False,
        split="halves",
    ),
    "temporal": lambda: solvers.Temporal(
        SKELETON, num_couplings=2, hidden_dim=8, num_temporal_pairs=1, temporal_hidden_dim=8
    ),
}
PLAIN = {
    "mlp": lambda: solvers.MLP(SKELETON, hidden_dim=8, num_layers=2),
    "recurrent": lambda: solvers.Recurrent(SKELETON, hidden_dim=8),
}
SHARES = {"whole_batch": 1.0, "part": 0.4, "one_example": 0.01}
CASES = [(name, share) for name in INVERTIBLE for share in ("whole_batch", "part")] + [("one_stage", "one_example")]
CASES.remove(("temporal, paper", "whole_batch"))  # the networks differ from "temporal", not what the share does
TERMS = ("inv", "fwd", "ind", "bnd_inv", "bnd_fwd")
# The kernel of a sample with itself is a difference of squares near 100 against widths down to 0.05^2, in float32.
TOLERANCE = dict.fromkeys([*TERMS, "joint_error_mm"], 1e-5) | {"ind": 2e-3, "total": 1e-3}
WEIGHTS = {"inv": 0.9, "fwd": 1.1, "ind": 1.3, "bnd_inv": 0.2, "bnd_fwd": 0.7, "joints": 1.7, "accel": 0.6}


def random_batch(rng, frames=None):
    """Noisy joints, one in twenty absent (NaN); a third of the twists unknown, but of two bodies all are known."""
    leading = [EXAMPLES] if frames is None else [EXAMPLES, frames]
    rest = SKELETON.joints + rng.normal(0.0, 0.01, [*leading, 29, 3])
    rotations = random_rotations(rng, leading)
    joints = losses_twin.posed(losses_twin.sixd_of(rotations, np.eye(3)), rest)
    joints[..., 1:, :] += rng.normal(0.0, 0.01, [*leading, 28, 3])
    sigma = rng.uniform(0.0, 0.1, [*leading, 29])
    sigma[rng.random(sigma.shape) < 0.05] = skeletons.ABSENT
    noisy = joints + rng.normal(0.0, 0.03, joints.shape)
    noisy[sigma >= skeletons.ABSENT] = np.nan
    unknown = rng.random([*leading, 23, 1]) < 0.3
    unknown[0] = unknown[3] = False
    twist, noisy_twist = (unit(rng.normal(size=[*leading, 23, 2])) for _ in range(2))
    batch = {
        "rotations": rotations,
        "betas": rng.normal(size=[*leading, SKELETON.num_betas]),
        "rest_joints": rest,
        "joints": joints,
        "noisy": noisy,
        "joint_sigma": sigma,
        "swing": random_rotations(rng, leading),
        "twist": twist,
        "noisy_twist": np.where(unknown, 0.0, noisy_twist),
        "padding": rng.normal(size=[*leading, 60]),
        "embedding": rng.normal(0.0, 0.3, [*leading, 78]),  # near to z: the kernel of samples far apart is about 0
    }
    if frames is not None:
        batch["frame_mask"] = np.float32(np.arange(frames) < np.array([[frames], [4], [frames], [1], [3]]))
    return {name: tf.constant(value, tf.float32) for name, value in batch.items()}


def random_rotations(rng, leading):
    """Turns of about 30 degrees, of the root of any angle, (*leading, 24, 3, 3)."""
    turns = rng.normal(0.0, 0.3, [*leading, 24, 3])
    turns[..., 0, :] *= 5.0
    return Rotation.from_rotvec(turns.reshape(-1, 3)).as_matrix().reshape(*leading, 24, 3, 3)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def with_random_weights(solver, rng):
    """The solver with weights so large that no term is small."""
    for variable in solver.trainable_variables:
        size = 0.3 if len(variable.shape) < 2 else 0.9 / np.sqrt(variable.shape[-2])
        variable.assign(rng.normal(0.0, size, variable.shape))
    return solver


@functools.cache
def solver_and_batch(name):
    rng = np.random.default_rng(1)
    solver = with_random_weights((INVERTIBLE | PLAIN)[name](), rng)
    return solver, random_batch(rng, FRAMES if solver.event_axes == 2 else None)


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def invertible(request):
    """Found and expected terms."""
    name, share = request.param
    (solver, batch), weights = solver_and_batch(name), training.LossWeights(**WEIGHTS)
    total, terms = training.invertible(solver, batch, weights, boundary_share=SHARES[share])
    return terms | {"total": total}, losses_twin.invertible(solver, batch, weights, SHARES[share])


@pytest.mark.parametrize("term", TOLERANCE)
def test_each_term_of_an_invertible_solver_is_its_numpy_twins(invertible, term):
    found, expected = invertible
    np.testing.assert_allclose(found[term], expected[term], rtol=TOLERANCE[term])


def test_no_term_of_an_invertible_solver_is_small(invertible):
    found, _ = invertible
    assert set(found) == set(TOLERANCE)
    assert min(float(found[term]) for term in TERMS) > 0.05


def test_discrepancy_of_weighted_samples_is_its_numpy_twins(rng):
    x, y = rng.normal(size=[9, 4]), rng.normal(0.2, 0.5, [9, 4])
    present = np.arange(9) % 3 > 0
    found = [training.discrepancy(x, y), training.discrepancy(x, y, tf.constant(present, tf.float64))]
    expected = [losses_twin.discrepancy(x, y), losses_twin.discrepancy(x[present], y[present])]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("name", PLAIN)
def test_each_term_of_a_plain_network_is_its_numpy_twins(name, share):
    (solver, batch), weights = solver_and_batch(name), training.LossWeights(**WEIGHTS)
    total, terms = training.regression(solver, batch, weights, boundary_share=SHARES[share])
    expected = losses_twin.regression(solver, batch, weights, SHARES[share])
    assert {*terms, "total"} == set(expected)
    for term, value in (terms | {"total": total}).items():
        np.testing.assert_allclose(value, expected[term], rtol=TOLERANCE["inv"], err_msg=term)


@pytest.mark.slow
def test_losses_that_the_published_code_recorded(parity):
    """Squared error of the pose, L1 of the joints that the way back returns, size of the embedding."""
    with np.load(parity / "nikits_io.npz") as file:
        recorded = dict(file)
    batch = recorded_batch(recorded)
    solver = convert.convert(convert.state_dict(pth_reader.read(parity / "nikits_state_dict.pth"))).solver
    for conditioner in solver.rotation_flow.conditioners:
        conditioner.drop.rate = 0.0  # as recorded
    network = losses_twin.Network(solver)
    noisy, clean = losses_twin.observe_noisy(network, batch), losses_twin.observe_clean(network, batch)
    clean |= {"sigma": 1e-3 * recorded["loss.randn_1"], "padding": 1e-3 * recorded["loss.randn_2"]}
    back = network.to_observation(clean["true_pose"], np.zeros([16, network.embedding]), clean)
    found = {
        "l_i_rot": np.mean((network.to_pose(noisy)["pose"] - noisy["true_pose"]) ** 2),
        "l_f_xyz29": np.mean(np.abs(back["joints"] - clean["joints"])),
        "l_i_0_ze": losses_twin.bnd_inv(network.to_pose(clean), clean),
    }
    for name, value in found.items():
        np.testing.assert_allclose(value, recorded[f"loss.{name}"], rtol=2e-5, err_msg=name)
    tensors = {name: tf.constant(value, tf.float32) for name, value in batch.items()}
    _, terms = training.invertible(solver, tensors, training.LossWeights(), boundary_share=1.0)
    # Here sigma of true joints is zero; the published code adds noise of 1e-3.
    np.testing.assert_allclose(terms["bnd_inv"], recorded["loss.l_i_0_ze"], rtol=2e-3)


def recorded_batch(recorded):
    """The recorded inputs and targets as a batch; the body's bones and the noise of z do not enter what is compared."""
    names = {
        "betas": "target.gt_betas",
        "joints": "target.gt_xyz_29",
        "noisy": "in.pred_xyz_29",
        "joint_sigma": "in.pred_sigma",
        "twist": "target.gt_phi",
        "noisy_twist": "in.pred_phi",
    }
    batch = {name: recorded[key].reshape(16, *recorded[key].shape[2:]) for name, key in names.items()}
    batch |= {name: unit(batch[name]) for name in ("twist", "noisy_twist")}
    turns = Rotation.from_rotvec(recorded["target.gt_theta"].reshape(-1, 3)).as_matrix()
    batch |= {"rotations": turns.reshape(16, 24, 3, 3), "swing": recorded["train.gt_rot_swing"]}
    batch |= {"rest_joints": np.tile(SKELETON.joints, [16, 1, 1]), "embedding": np.zeros([16, 78])}
    return batch | {"joint_sigma": batch["joint_sigma"][..., 0], "padding": recorded["loss.randn_0"]}
