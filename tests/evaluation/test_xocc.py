"""The occlusion protocol: exact where nothing is hidden, the same for all, split by what is seen."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import data, evaluation, skeletons, solvers
from niki_tf.evaluation.protocols import xocc
from niki_tf.evaluation.protocols.occluded_clips import ClipRunner, ObservedClip
from niki_tf.fitting import bone_shape
from niki_tf.motion import Clip, made_motion

POSE = {"global_orient": 1, "body_pose": 23}


@pytest.fixture(scope="module")
def motion():
    return [made_motion(seed, frames=frames) for seed, frames in ((0, 21), (1, 12))]


@pytest.fixture(scope="module")
def analytic(toy_body):
    return solvers.Analytic(toy_body.body_joints())


@pytest.fixture(scope="module")
def rows(motion, analytic, toy_body):
    filters = {"smooth": evaluation.FILTERS["+savgol"]}
    tf.config.run_functions_eagerly(run_eagerly=True)
    try:
        return evaluation.xocc_rows(
            motion,
            solvers={"plain": analytic, "smooth": analytic},
            body=toy_body,
            occlude=data.occluded_motion,
            filters=filters,
            seed=3,
        )
    finally:
        tf.config.run_functions_eagerly(run_eagerly=False)


def test_three_rows_a_solver_that_of_all_joints_first(rows):
    assert [(row["solver"], row["joints"]) for row in rows] == [
        (name, which) for name in ("plain", "smooth") for which in ("all", "visible", "hidden")
    ]
    for row in rows:
        feet = ["foot_speed", "true_foot_speed", "sliding_percent", "penetration_mm"]
        assert list(row) == ["solver", "joints", "frames", "mpjpe", "pa_mpjpe", "pve", "accel", *feet]
        assert row["frames"] == 33
        assert all(row[name] is None for name in feet) == (row["joints"] != "all")


def test_hidden_joints_are_worse_and_a_filter_smooths(rows):
    plain, smooth = ({row["joints"]: row for row in rows if row["solver"] == name} for name in ("plain", "smooth"))
    for metric in ("mpjpe", "pa_mpjpe", "pve", "accel"):
        assert plain["visible"][metric] < plain["all"][metric] < plain["hidden"][metric]
    assert smooth["all"]["accel"] < 0.5 * plain["all"]["accel"]


def test_sigma_of_filtered_joints_is_not_told_but_that_they_are_absent(motion, toy_body):
    runner = ClipRunner(toy_body, data.occluded_motion, seed=0, batch_size=64, twist=True, betas="true")
    observed = runner.observe(motion[0])
    observed.inputs["joint_sigma"][3, 7] = skeletons.ABSENT
    told = []

    def solve(inputs):
        told.append(inputs["joint_sigma"])
        rest = np.tile(np.eye(3, dtype=np.float32), [21, 24, 1, 1])
        return {"global_orient": rest[:, :1], "body_pose": rest[:, 1:], "transl": np.zeros([21, 3], np.float32)}

    for function in (None, evaluation.FILTERS["+savgol"]):
        runner.solve(solve, observed, function)
    assert (told[0] > 0.0).any(1).all()
    assert np.argwhere(told[1]).tolist() == [[3, 7]]
    assert told[1][3, 7] == skeletons.ABSENT


@pytest.mark.usefixtures("eager")
def test_nothing_hidden_is_solved_exactly_and_has_no_hidden_row(motion, analytic, toy_body):
    clean = evaluation.xocc_rows(motion, solvers={"analytic": analytic}, body=toy_body, occlude=None)
    assert [row["joints"] for row in clean] == ["all", "visible"]
    for row in clean:
        assert max(row["mpjpe"], row["pa_mpjpe"], row["pve"], row["accel"]) < 0.1


@pytest.mark.usefixtures("eager")
def test_neither_batch_size_nor_other_clips_change_a_clip(motion, analytic, toy_body):
    options = {"solvers": {"analytic": analytic}, "body": toy_body, "occlude": data.occluded_motion}
    alone = evaluation.xocc_rows(motion[:1], batch_size=5, **options)
    beside = evaluation.xocc_rows([*motion[:1], motion[1]], stride=2, **options)
    for one, other in zip(alone, beside, strict=True):
        assert one["mpjpe"] == pytest.approx(other["mpjpe"], rel=1e-5)


def _observed(truth, hidden, path=0.0):
    clip = Clip(poses=np.zeros([len(hidden), 24, 3]), trans=np.zeros([len(hidden), 3]))
    return ObservedClip(clip, truth, np.zeros([len(hidden), 3]) + path, {}, hidden)


def test_sums_by_hand():
    total = xocc._Sums(np.array([0, 1]), skeletons.EVALUATION_14)
    rng = np.random.default_rng(0)
    true = {"joints": rng.normal(size=[4, 29, 3]), "vertices": rng.normal(size=[4, 2, 3])}
    shift = np.zeros([4, 29, 3])
    shift[:, 1, 0], shift[2, 2, 1] = 0.03, 0.01  # joint 1 is hidden, joint 2 is seen and jumps once
    hidden = np.zeros([4, 29], bool)
    hidden[:, 1] = True
    moved = {
        "root": np.zeros([4, 3]),
        "joints": true["joints"] + shift,
        "vertices": true["vertices"] + [[0.002, 0, 0], [0.005, 0, 0]],
    }
    total.add(moved, _observed(true, hidden))
    means = dict(total.means())
    assert means["hidden"]["mpjpe"] == pytest.approx(30.0)
    assert means["visible"]["mpjpe"] == pytest.approx(10.0 / (4 * 23))
    assert means["all"]["mpjpe"] == pytest.approx((4 * 30.0 + 10.0) / (4 * 24))
    assert (means["visible"]["pve"], means["hidden"]["pve"]) == pytest.approx((2.0, 5.0))
    assert means["hidden"]["accel"] == pytest.approx(0.0, abs=1e-9)
    assert means["visible"]["accel"] == pytest.approx((10.0 + 20.0) / (2 * 23))


def test_feet_and_depth_are_told_in_the_world():
    total = xocc._Sums(np.array([0, 1]), skeletons.EVALUATION_14)
    path = np.linspace([0, 0, 0], [0.3, 0, 0], 4)  # 3 m/s, while the feet stay where they are
    true = {"joints": np.zeros([4, 29, 3]) - path[:, None], "vertices": np.zeros([4, 2, 3])}
    slide, sunk = np.linspace([0, 0, 0], [0, 0, 0.02], 4), [0, -0.01, 0]
    moved = {"root": path + slide + sunk, **true}
    total.add(moved, _observed(true, np.zeros([4, 29], bool), path))
    row = dict(total.means())["all"]
    assert row["true_foot_speed"] == pytest.approx(0.0, abs=1e-9)
    assert row["foot_speed"] == pytest.approx(0.2)
    assert row["sliding_percent"] == 100.0
    assert row["penetration_mm"] == pytest.approx(10.0)


@pytest.mark.usefixtures("eager")
def test_the_body_is_put_where_the_joints_are_seen_on_the_path(motion, analytic, toy_body):
    runner = ClipRunner(toy_body, None, seed=0, batch_size=8, twist=True, betas="true")
    observed = runner.observe(motion[0])
    path = motion[0].trans - motion[0].trans[0]
    lengths = (np.linalg.norm(np.diff(one, axis=0), axis=-1) for one in (observed.path, path))
    np.testing.assert_allclose(*lengths, atol=1e-6)
    np.testing.assert_allclose(observed.path[:, 1], path[:, 1], atol=1e-6)
    posed = runner.solve(lambda inputs: {k: v.numpy() for k, v in analytic(inputs).items()}, observed, None)
    np.testing.assert_allclose(posed["root"], observed.path, atol=1e-3)


@pytest.mark.usefixtures("eager")
def test_a_root_seen_beside_its_place_moves_all_joints(motion, toy_body):
    def occlude(clip, joints, twist, *, seed):
        nothing = {"joint_sigma": np.zeros(joints.shape[:2], "f"), "hidden": np.zeros(joints.shape[:2], bool)}
        return {"joints": joints, "root": np.full([len(joints), 3], 0.1, "f"), "twist": twist, **nothing}

    options = {"seed": 0, "batch_size": 8, "twist": True, "betas": "true"}
    beside, right = (ClipRunner(toy_body, function, **options).observe(motion[0]) for function in (occlude, None))
    np.testing.assert_allclose(beside.inputs["joints"], right.inputs["joints"] + 0.1, atol=1e-6)
    assert "root" not in beside.inputs


@pytest.mark.parametrize("alignment", ["14", "17"])
def test_a_similarity_is_aligned_away(alignment):
    rng = np.random.default_rng(0)
    joints = rng.normal(size=[3, 29, 3])
    body = {"joints": joints, "vertices": joints}
    total = xocc._Sums(np.arange(24).repeat(2)[:29], evaluation.ALIGNMENTS[alignment])
    moved = {**body, "root": np.zeros([3, 3]), "joints": 1.3 * joints[..., [1, 2, 0]] + 0.2}
    total.add(moved, _observed(body, np.zeros([3, 29], bool)))
    assert dict(total.means())["all"]["pa_mpjpe"] == pytest.approx(0.0, abs=1e-6)
    assert len(evaluation.ALIGNMENTS[alignment]) == int(alignment)


@pytest.mark.slow
def test_solvers_are_compiled_and_those_that_see_time_are_given_windows(motion, toy_body):
    body_joints, shapes = toy_body.body_joints(), []

    class Watching(solvers.Recurrent):
        def solve(self, joints, *rest, **extra):
            shapes.append(joints.shape.as_list())
            return super().solve(joints, *rest, **extra)

    def still(inputs):
        shapes.append(inputs["joints"].shape.as_list())
        still = {name: tf.eye(3, batch_shape=[tf.shape(inputs["joints"])[0], n]) for name, n in POSE.items()}
        return {**still, "transl": inputs["joints"][:, 0]}

    compiled = {"watching": Watching(body_joints, hidden_dim=8), "still": still}
    found = evaluation.xocc_rows(motion, solvers=compiled, body=toy_body, occlude=data.occluded_motion)
    assert shapes == [[None, None, 29, 3], [None, 29, 3]]
    assert np.isfinite([row["mpjpe"] for row in found]).all()


@pytest.mark.usefixtures("eager")
def test_the_hardest_clip_is_the_one_with_most_hidden_joints(motion, analytic, toy_body):
    def occlude(clip, joints, twist, *, seed):
        hidden = np.full(joints.shape[:2], len(clip) == 12)
        root, sigma = np.zeros([len(joints), 3], "f"), np.zeros(joints.shape[:2], "f")
        return {"joints": joints, "root": root, "joint_sigma": sigma, "twist": twist, "hidden": hidden}

    clip = evaluation.hardest_clip(motion, solvers={"analytic": analytic}, body=toy_body, occlude=occlude)
    assert clip.name == motion[1].name
    assert clip.hidden.all()
    assert clip.answers["analytic"].shape == (12, 24, 3, 3)
    assert clip.accel["analytic"].shape == (10,)
    assert clip.accel["analytic"].max() < 0.1
    assert evaluation.rotation_error_deg(clip.answers["analytic"], clip.observed.true_rotations).max() < 0.1


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("betas", ["true", "zeros"])
def test_the_betas_are_given_or_zeros(motion, toy_body, betas):
    runner = ClipRunner(toy_body, None, seed=0, batch_size=8, twist=True, betas=betas)
    observed = runner.observe(motion[0])
    true = observed.truth["betas"]
    assert np.abs(true).max() > 0.1
    np.testing.assert_array_equal(observed.inputs["betas"], true if betas == "true" else np.zeros_like(true))


@pytest.mark.usefixtures("eager")
def test_betas_are_found_from_what_was_seen_of_the_whole_clip(motion, toy_body):
    options = {"seed": 0, "batch_size": 8, "twist": True, "betas": "found"}
    clean, hidden = (ClipRunner(toy_body, occlude, **options) for occlude in (None, data.occluded_motion))
    body_joints = toy_body.body_joints()
    rest = [body_joints(x).numpy()[0] for x in (clean.observe(motion[0]).inputs["betas"], _true(clean, motion[0]))]
    np.testing.assert_allclose(*(_lengths(x) for x in rest), atol=1e-3)
    observed = hidden.observe(motion[0])
    assert observed.inputs["betas"].shape == (21, 10)
    assert np.ptp(observed.inputs["betas"], axis=0).max() == 0.0
    expected = bone_shape.estimate_shape(
        observed.inputs["joints"], observed.inputs["joint_sigma"], body_joints=body_joints
    ).betas
    np.testing.assert_allclose(observed.inputs["betas"][0], expected, atol=1e-5)


def _true(runner, clip):
    return runner.observe(clip).truth["betas"]


def _lengths(rest):
    return np.linalg.norm(rest[1:] - rest[list(skeletons.SMPL_29.parents[1:])], axis=-1)


def test_bad_arguments_are_named(motion, analytic, toy_body):
    options = {"solvers": {"analytic": analytic}, "body": toy_body, "occlude": None}
    with pytest.raises(ValueError, match="`alignment` must be one of 14, 17; got '24'"):
        evaluation.xocc_rows(motion, alignment="24", **options)
    with pytest.raises(ValueError, match="`betas` must be true or zeros or found; got 'guess'"):
        evaluation.xocc_rows(motion, betas="guess", **options)
    short = Clip(poses=np.zeros([2, 24, 3]), trans=np.zeros([2, 3]))
    with pytest.raises(ValueError, match="`clips` must have 3 frames or more"):
        evaluation.xocc_rows([*motion, short], **options)
    with pytest.raises(ValueError, match="`clips` must hold at least one clip"):
        evaluation.xocc_rows([], **options)


@pytest.mark.usefixtures("eager")
def test_an_answer_that_is_not_finite_stops_the_protocol(motion, toy_body):
    def broken(inputs):
        return {
            "global_orient": tf.fill([tf.shape(inputs["joints"])[0], 1, 3, 3], float("nan")),
            "body_pose": tf.zeros([tf.shape(inputs["joints"])[0], 23, 3, 3]),
            "transl": inputs["joints"][:, 0],
        }

    with pytest.raises(FloatingPointError, match="holds NaN or infinity"):
        evaluation.xocc_rows(motion, solvers={"broken": broken}, body=toy_body, occlude=None)


def test_the_acceleration_figure_is_a_picture(tmp_path):
    curves = {"a/one": np.linspace(0, 1, 38), "a/two": np.ones(38)}
    evaluation.acceleration_figure(curves, tmp_path / "x.png", hidden=np.linspace(0, 1, 40))
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
