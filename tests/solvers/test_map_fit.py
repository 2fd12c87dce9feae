import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, rotations, skeletons, solvers
from niki_tf.body import kinematics
from niki_tf.solvers import map_fit

SKELETON = body.mannequin_joints()


def _with_prior(*, steps, components=2, spread=0.2):
    """An optimiser whose prior is a few Gaussians of correlated angles."""
    random = np.random.default_rng(5)
    solver = solvers.MapFit(SKELETON, components=components, steps=steps)
    means = 0.2 * random.normal(size=[components, 69])
    roots = spread * (np.eye(69) + 0.05 * random.normal(size=[components, 69, 69]))
    weights = np.arange(1.0, components + 1)
    mixture = {"weights": weights / weights.sum(), "means": means, "covariances": roots @ roots.swapaxes(-1, -2)}
    solver.set_prior(**mixture)
    return solver, mixture


def _drawn_from(mixture, rng, count):
    """Rotations (count, 24, 3, 3) of the mixture's poses, turned any way."""
    chosen = rng.choice(len(mixture["weights"]), count, p=mixture["weights"])
    poses = [rng.multivariate_normal(mixture["means"][k], mixture["covariances"][k]) for k in chosen]
    turns = np.concatenate([rng.normal(size=[count, 3]), poses], -1).reshape(count, 24, 3)
    return rotations.rotvec_to_matrix(tf.constant(turns, tf.float32))


def _observed(local, rng):
    betas = tf.constant(rng.normal(size=[len(local), 10]), tf.float32)
    joints, _ = kinematics.forward_kinematics(local, SKELETON(betas))
    return joints - joints[:, :1], betas


def _posed(answer, betas):
    local = tf.concat([answer["global_orient"], answer["body_pose"]], 1)
    joints, _ = kinematics.forward_kinematics(local, SKELETON(betas))
    return joints - joints[:, :1]


@pytest.fixture(scope="module")
def short():
    """An optimiser of a few steps, whose graph all tests share."""
    return _with_prior(steps=3)[0]


@pytest.fixture(scope="module")
def longer():
    """One of the same prior that comes near its end, always asked for six poses at once, and the prior's mixture."""
    return _with_prior(steps=60)


@pytest.mark.slow
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)], ids=str)
def test_the_contract_holds_for_any_leading_axes(short, leading, rng):
    joints = rng.normal(size=[*leading, 29, 3]).astype(np.float32)
    answer = short.ik(joints, joint_sigma=np.full([*leading, 29], 0.02))
    local = np.concatenate([answer["global_orient"], answer["body_pose"]], -3)
    assert local.shape == (*leading, 24, 3, 3)
    np.testing.assert_allclose(local @ local.swapaxes(-1, -2), np.broadcast_to(np.eye(3), local.shape), atol=1e-5)


@pytest.mark.slow
def test_call_graph_and_saved_file_agree(short, rng, tmp_path):
    joints, betas = _observed(rotations.rotvec_to_matrix(tf.zeros([2, 24, 3])), rng)
    inputs = {"joints": joints, "betas": betas}
    found = short(inputs)["body_pose"]
    short.save(tmp_path / "x.keras")
    again = keras.saving.load_model(tmp_path / "x.keras")
    assert (again.components, again.steps) == (2, 3)
    np.testing.assert_allclose(tf.function(again)(inputs)["body_pose"], found, atol=1e-5)


def test_the_prior_is_kept_as_weights_that_no_training_moves(short):
    assert not short.trainable_weights
    for mine, theirs in zip(short.get_weights(), short.for_body(SKELETON).get_weights(), strict=True):
        np.testing.assert_array_equal(theirs, mine)
        assert np.abs(mine).max() > 0


def test_prior_is_the_density_of_the_mixture(rng):
    solver, mixture = _with_prior(steps=1, components=3)
    poses = rng.normal(size=[4, 69]) * 0.3
    logs = []
    for weight, mean, covariance in zip(*mixture.values(), strict=True):
        apart = poses - mean
        square = np.einsum("nd,de,ne->n", apart, np.linalg.inv(covariance), apart)
        logs.append(np.log(weight) - 0.5 * (square + np.linalg.slogdet(2 * np.pi * covariance)[1]))
    np.testing.assert_allclose(solver.prior(tf.constant(poses, tf.float32)), -np.logaddexp.reduce(logs), rtol=1e-4)


def test_objective_is_the_formula_joint_by_joint(rng):
    solver, _ = _with_prior(steps=1)
    local = rotations.rotvec_to_matrix(tf.constant(0.3 * rng.normal(size=[1, 24, 3]), tf.float32))
    joints, betas = _observed(local, rng)
    joints += 0.03 * rng.normal(size=joints.shape).astype(np.float32)
    sigma = rng.uniform(0.0, 0.1, size=[1, 29]).astype(np.float32)
    sigma[0, [4, 20]] = skeletons.ABSENT
    problem = solver.problem(joints, tf.constant(sigma), solver.body_joints(betas))
    unknowns = np.float32(0.2 * rng.normal(size=[1, 73]))
    unknowns[:, -1] = np.log(0.04)
    posed, _ = kinematics.forward_kinematics(map_fit.local_rotations(unknowns, problem), problem.rest_joints)
    seen = [k for k in range(29) if k not in (4, 20)]
    apart, variance = (joints - posed).numpy()[0, seen], 0.04**2 + 0.001**2 + sigma[0, seen] ** 2
    apart = apart - (apart / variance[:, None]).sum(0) / (1 / variance).sum()
    wanted = sum(3 * np.log(v**0.5) + a @ a / (2 * v) for a, v in zip(apart, variance, strict=True))
    wanted += solver.prior(unknowns[:, 3:-1]).numpy()[0]
    np.testing.assert_allclose(solver.objective(unknowns, problem), [wanted], rtol=1e-4)


def test_more_steps_lower_the_objective(short, longer):
    heights = []
    joints, betas = _observed(_drawn_from(longer[1], np.random.default_rng(1), 6), np.random.default_rng(2))
    joints += 0.02 * np.random.default_rng(3).normal(size=joints.shape).astype(np.float32)
    for solver in (short, longer[0]):
        problem = solver.problem(joints, tf.zeros([6, 29]), solver.body_joints(betas))
        heights.append(solver.objective(solver.minimized(solver.first_guess(problem), problem), problem).numpy())
    assert (heights[0] > heights[1] + 10.0).all()


def test_a_pose_of_the_prior_is_found_again_from_clean_joints(rng):
    solver, mixture = _with_prior(steps=300)
    joints, betas = _observed(_drawn_from(mixture, rng, 6), rng)
    found = _posed(solver.ik(joints, betas=betas), betas)
    errors = np.linalg.norm(found - joints, axis=-1).mean(-1)
    assert errors.mean() < 0.003
    assert errors.max() < 0.005


def test_the_prior_counts_where_the_joints_are_noisy(rng):
    solver = solvers.MapFit(SKELETON, components=1, steps=60)
    _, mixture = _with_prior(steps=60, components=1, spread=0.05)
    joints, betas = _observed(_drawn_from(mixture, rng, 6), rng)
    noisy = joints + 0.1 * rng.normal(size=joints.shape).astype(np.float32)
    noisy -= noisy[:, :1]

    def error():
        return np.linalg.norm(_posed(solver.ik(noisy, betas=betas), betas) - joints, axis=-1).mean()

    vague = error()
    solver.set_prior(**mixture)
    told = error()
    assert told < 0.7 * vague
    assert told < 0.1


def test_an_absent_joint_does_not_matter_and_a_doubtful_one_little(longer, rng):
    solver, mixture = longer
    joints, betas = _observed(_drawn_from(mixture, rng, 6), rng)
    moved = joints.numpy()
    moved[:, 21] += 0.5
    sigma = np.zeros([6, 29], np.float32)
    sigma[:, 21] = skeletons.ABSENT
    once = solver.ik(moved, joint_sigma=sigma, betas=betas)["body_pose"]
    lost = np.where(sigma[..., None] > 0, np.float32("nan"), moved)
    np.testing.assert_array_equal(solver.ik(lost, joint_sigma=sigma, betas=betas)["body_pose"], once)
    sigma[:, 21] = 0.5
    told, not_told = (
        np.linalg.norm(_posed(solver.ik(moved, joint_sigma=known, betas=betas), betas) - joints, axis=-1).mean()
        for known in (sigma, None)
    )
    assert told < 0.5 * not_told
    assert np.isfinite(solver.ik(joints, joint_sigma=np.full([6, 29], np.inf))["body_pose"]).all()


def test_where_the_person_stands_and_faces_does_not_matter(short, rng):
    joints, betas = _observed(
        rotations.rotvec_to_matrix(tf.constant(0.3 * rng.normal(size=[3, 24, 3]), tf.float32)), rng
    )
    turn = rotations.rotvec_to_matrix(tf.constant(rng.normal(size=[3, 3]), tf.float32))
    elsewhere = tf.einsum("nij,nkj->nki", turn, joints) + np.float32([0.3, -1.0, 2.0])
    found, other = short.ik(joints, betas=betas), short.ik(elsewhere, betas=betas)
    np.testing.assert_allclose(other["body_pose"], found["body_pose"], atol=5e-3)
    np.testing.assert_allclose(other["global_orient"], turn[:, None] @ found["global_orient"], atol=5e-3)


def test_points_of_all_29_joints_are_the_problem_of_the_joints(longer, rng):
    solver, mixture = longer
    joints, betas = _observed(_drawn_from(mixture, rng, 6), rng)
    sigma = np.zeros([6, 29], np.float32)
    sigma[:, 20], sigma[:, 18] = skeletons.ABSENT, 0.05
    point_set, rest = skeletons.POINT_SETS["smpl_29"], solver.body_joints(betas)
    unknowns = np.float32(0.2 * rng.normal(size=[6, 73]))
    ordinary = solver.problem(joints, tf.constant(sigma), rest)
    of_points = solver.points_problem(point_set, joints, tf.constant(sigma), rest)
    np.testing.assert_allclose(of_points.frame, ordinary.frame, atol=1e-4)
    of_points = of_points._replace(frame=ordinary.frame)
    heights = solver.objective(unknowns, of_points, point_set.skeleton)
    np.testing.assert_allclose(heights, solver.objective(unknowns, ordinary), rtol=1e-4)
    met = _posed(solver.ik(joints, joint_sigma=sigma, betas=betas), betas)
    local = solver.fit_points(point_set, joints, point_sigma=tf.constant(sigma), betas=betas)
    also = _posed({"global_orient": local[:, :1], "body_pose": local[:, 1:]}, betas)
    assert np.linalg.norm(met - also, axis=-1)[:, :18].mean() < 0.003


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"means": np.zeros([1, 69])}, r"must have shapes \(2,\), \(2, 69\).*got \(2,\), \(1, 69\).*`components`"),
        ({"weights": np.array([1.0, 0.0])}, "`weights` must be positive; got 0"),
        ({"covariances": np.zeros([2, 69, 69])}, "`covariances` must be positive definite"),
    ],
)
def test_a_prior_that_is_none_is_refused(change, message):
    solver, mixture = _with_prior(steps=1)
    with pytest.raises(ValueError, match=message):
        solver.set_prior(**(mixture | change))


@pytest.mark.parametrize("name", ["steps", "components"])
def test_numbers_start_at_one(name):
    with pytest.raises(ValueError, match=f"`{name}` must be 1 or more; got 0"):
        solvers.MapFit(SKELETON, **{name: 0})
