"""The noise protocol: exact without noise, worse with more of it, the same for every solver, seed and batch size."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, data, evaluation, motion, rotations, skeletons, solvers
from niki_tf.data import estimator
from niki_tf.evaluation.protocols import common, given_shape, joint_errors, noise, window_observer


@pytest.fixture(scope="module")
def analytic(toy_body):
    return solvers.Analytic(toy_body.body_joints())


def crude(inputs):
    """A solver that is quick to compile: turns the root by what a knee shows, and nothing else."""
    root = rotations.rotvec_to_matrix(inputs["joints"][:, 4:5])
    return {"global_orient": root, "body_pose": tf.eye(3, batch_shape=[tf.shape(root)[0], 23])}


@pytest.fixture(scope="module")
def rows(clips, analytic, toy_body):
    return evaluation.noise_rows(clips, solvers={"analytic": analytic}, body=toy_body, seed=5)


def test_one_row_a_level_with_the_paper_s_columns(rows):
    assert [row["noise_mm"] for row in rows] == [0, 10, 20, 30, 50, 70, 100]
    for row in rows:
        assert list(row) == ["solver", "noise_mm", "frames", "mpjpe", "pa_mpjpe", "pve", "rotation_deg"]
        assert row["solver"] == "analytic"
        assert row["frames"] == 11


def test_the_analytic_solver_is_exact_without_noise_when_given_the_twist(rows):
    assert rows[0]["mpjpe"] < 0.05
    assert rows[0]["pve"] < 0.05
    assert rows[0]["rotation_deg"] < 0.1


@pytest.mark.parametrize("metric", ["mpjpe", "pa_mpjpe", "pve", "rotation_deg"])
def test_error_grows_with_noise(rows, metric):
    assert np.all(np.diff([row[metric] for row in rows]) > 0)
    assert rows[1]["mpjpe"] > 5.0


@pytest.mark.usefixtures("eager")
def test_the_twist_reaches_the_solver(rows, clips, analytic, toy_body):
    blind_solver = {"blind": lambda inputs: analytic({**inputs, "twist": None})}
    blind = evaluation.noise_rows(clips, solvers=blind_solver, body=toy_body, levels_mm=(0,), seed=5)
    assert blind[0]["rotation_deg"] > 5.0


@pytest.mark.usefixtures("eager")
def test_the_twist_can_be_withheld_from_the_solvers(rows, clips, analytic, toy_body):
    blind_solver = {"analytic": lambda inputs: analytic({**inputs, "twist": None})}
    settings = {"body": toy_body, "levels_mm": (0, 30), "seed": 5}
    without = evaluation.noise_rows(clips, solvers={"analytic": analytic}, twist=False, **settings)
    assert without == evaluation.noise_rows(clips, solvers=blind_solver, **settings)
    assert without[0] != rows[0]


@pytest.mark.usefixtures("eager")
def test_seed_decides_and_batch_size_does_not(clips, toy_body):
    settings = {"solvers": {"crude": crude}, "body": toy_body, "levels_mm": (30,)}
    row, again, chopped, other = (
        evaluation.noise_rows(clips, seed=seed, batch_size=size, **settings)[0]
        for seed, size in ((5, 64), (5, 64), (5, 4), (6, 64))
    )
    assert again == row
    for name in ("mpjpe", "pa_mpjpe", "pve", "rotation_deg"):
        assert chopped[name] == pytest.approx(row[name], rel=1e-5)
        assert other[name] != pytest.approx(row[name], rel=1e-4)
    assert chopped["frames"] == row["frames"] == 11


@pytest.mark.usefixtures("eager")
def test_every_solver_sees_the_same_noise(clips, toy_body):
    both = evaluation.noise_rows(clips, solvers={"a": crude, "b": crude}, body=toy_body, levels_mm=(20, 50))
    assert [row["solver"] for row in both] == ["a", "a", "b", "b"]
    for first, second in zip(both[:2], both[2:], strict=True):
        assert {**first, "solver": "b"} == second


@pytest.mark.usefixtures("eager")
def test_every_solver_sees_the_same_estimator_s_errors(clips, toy_body):
    errors = evaluation.JointErrors(estimate=data.estimate, absent=0.2)
    both = evaluation.noise_rows(clips, solvers={"a": crude, "b": crude}, body=toy_body, errors=errors)
    assert [row["factor"] for row in both] == 2 * [0.5, 1, 1.5]
    for first, second in zip(both[:3], both[3:], strict=True):
        assert {**first, "solver": "b"} == second


def test_stride_counts_through_all_clips(clips):
    poses = np.concatenate([clip.poses for clip in clips])
    np.testing.assert_array_equal(common.strided_poses(clips, stride=3), poses[[0, 3, 6, 9]])


def test_noise_of_the_root_moves_all_other_joints(poser):
    truth = poser.truth(np.eye(3) + np.zeros([1, 24, 1, 1]), betas=np.zeros([1, 10]))
    error = np.zeros([1, 29, 3])
    error[0, 0], error[0, 4] = [0.1, 0.0, 0.0], [0.0, 0.2, 0.0]
    seen = common.observation(truth, noise=error)
    moved = seen["joints"] - truth["joints"]
    np.testing.assert_array_equal(seen["joints"][:, 0], np.zeros([1, 3]))
    np.testing.assert_allclose(moved[0, 4], [-0.1, 0.2, 0.0], atol=1e-7)
    np.testing.assert_allclose(moved[0, 5:], np.tile([-0.1, 0.0, 0.0], [24, 1]), atol=1e-7)
    assert sorted(seen) == ["betas", "joints", "twist"]


@pytest.fixture
def watched(clips, toy_body, monkeypatch, eager):
    """A function of a JointErrors and settings: what a solver is given, batch by batch and level by level, and rows."""

    def watch(errors, **settings):
        seen = []

        def solve(given):
            seen.append(given)
            return {name: value.numpy() for name, value in crude(given).items()}

        monkeypatch.setattr(noise, "compile_solver", lambda solver, inputs: solve)
        return seen, evaluation.noise_rows(clips, solvers={"a": crude}, body=toy_body, errors=errors, **settings)

    return watch


class Watching(solvers.WindowSolver):
    """A solver that sees time and keeps what it is given, as `noise.compile_solver` would give it."""

    def __init__(self):
        super().__init__(body.mannequin_joints())
        self.given = []

    def __call__(self, inputs):
        self.given.append(inputs)
        people, frames = inputs["joints"].shape[:2]
        return {
            "global_orient": np.tile(np.eye(3), (people, frames, 1, 1, 1)),
            "body_pose": np.tile(np.eye(3), (people, frames, 23, 1, 1)),
        }


@pytest.fixture
def both(clips, toy_body, monkeypatch, eager):
    """A function of settings: what a solver of single frames and one that sees time are given, batch by batch."""

    def see(**settings):
        watching, alone = Watching(), []

        def compiled(solver, inputs):
            if solver is watching:
                return solver
            return lambda seen: alone.append(seen) or {n: v.numpy() for n, v in crude(seen).items()}

        monkeypatch.setattr(noise, "compile_solver", compiled)
        rows = evaluation.noise_rows(clips, solvers={"a": crude, "t": watching}, body=toy_body, seed=5, **settings)
        return alone, watching.given, rows

    return see


def test_a_solver_that_sees_time_is_given_the_same_frames_with_those_around(both, clips):
    alone, windows, rows = both(levels_mm=(20,), stride=2)
    assert [row["frames"] for row in rows] == [6, 6]
    ((single,), (window,)) = alone, windows
    assert window["joints"].shape == (6, 16, 29, 3)
    np.testing.assert_array_equal(window["frame_mask"].sum(1), [7, 7, 7, 7, 4, 4])
    measured = window["joints"][np.arange(6), [0, 2, 4, 6, 1, 3]]
    np.testing.assert_allclose(measured, single["joints"], atol=1e-5)
    assert np.ptp(window["betas"], axis=1).max() == 0.0
    np.testing.assert_array_equal(window["betas"][:, 0], single["betas"])
    assert np.abs(window["joints"][0, 2] - window["joints"][1, 2]).max() > 0.02  # other bodies, other errors
    assert "twist" not in window


def test_the_other_frames_of_a_window_have_errors_of_their_own_and_of_the_same_size(both):
    (clean, noisy), _ = both(levels_mm=(0, 20))[1], None
    error = (noisy["joints"] - clean["joints"])[noisy["frame_mask"] > 0]
    np.testing.assert_array_equal(error[:, 0], np.zeros_like(error[:, 0]))
    assert error[:, 1:].std() == pytest.approx(0.02 * 2**0.5, rel=0.05)
    first, second = noisy["joints"][0, :2] - clean["joints"][0, :2]
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.4


@pytest.mark.parametrize("estimate", [None, data.estimate], ids=["isotropic", "estimator"])
def test_windows_do_not_depend_on_the_batch_size(both, estimate):
    errors = evaluation.JointErrors(estimate=estimate, sigma=estimate is not None, absent=0.3)
    settings = {"levels_mm": (10, 20, 30), "errors": errors}
    _, whole, rows = both(batch_size=64, **settings)
    _, chopped, others = both(batch_size=4, **settings)
    assert (len(whole), len(chopped)) == (3, 9)
    for level in range(3):
        for name, value in whole[level].items():
            parts = np.concatenate([given[name] for given in chopped[level::3]])
            np.testing.assert_allclose(parts, value, atol=1e-5, err_msg=name)
    assert rows[-1]["mpjpe"] == pytest.approx(others[-1]["mpjpe"], rel=1e-5)


def test_an_estimator_s_person_has_one_size_and_the_measured_frame_the_same_errors(both):
    alone, windows, _ = both(errors=evaluation.JointErrors(estimate=data.estimate, sigma=True, absent=0.2))
    for single, window in zip(alone, windows, strict=True):
        for name in ("joints", "joint_sigma"):
            measured = window[name][np.arange(11), [*range(7), *range(4)]]
            np.testing.assert_allclose(measured, single[name], atol=1e-5, err_msg=name)


def test_a_filter_sees_the_frames_around_and_leaves_the_rest_of_the_input(both, watched):
    seen = []

    def last_but_one(points, *, fps):
        seen.append(len(points))
        return np.roll(points, 1, axis=0)

    _, (window,), _ = both(levels_mm=(20,))
    given, _ = watched(joint_errors.ISOTROPIC, levels_mm=(20,), seed=5, filters={"a": last_but_one})
    plain, _ = watched(joint_errors.ISOTROPIC, levels_mm=(20,), seed=5)
    assert seen == 7 * [7] + 4 * [4]
    np.testing.assert_allclose(given[0]["joints"][3], window["joints"][3, 2], atol=1e-6)
    np.testing.assert_allclose(given[0]["joints"][0], window["joints"][0, 6], atol=1e-6)
    np.testing.assert_array_equal(given[0]["twist"], plain[0]["twist"])


@pytest.mark.parametrize(
    ("name", "errors", "message"),
    [
        ("a", evaluation.JointErrors(absent=0.1), "`absent` must be 0 where joints are filtered; got 0.1 and a"),
        ("t", joint_errors.ISOTROPIC, "`filters` must be for solvers of single frames; t sees time"),
    ],
)
def test_filters_that_make_no_sense_are_refused(clips, toy_body, name, errors, message):
    settings = {"solvers": {"a": crude, "t": Watching()}, "filters": {name: evaluation.one_euro}}
    with pytest.raises(ValueError, match=message):
        evaluation.noise_rows(clips, body=toy_body, errors=errors, **settings)


def test_a_solver_that_sees_time_is_compiled_for_windows_of_any_length(clips, toy_body):
    solver = solvers.Recurrent(toy_body.body_joints(), hidden_dim=4)
    rows = evaluation.noise_rows(clips, solvers={"t": solver}, body=toy_body, levels_mm=(10,), stride=4, batch_size=2)
    assert rows[0]["frames"] == 3
    assert np.isfinite(rows[0]["mpjpe"])


def test_an_estimator_s_errors_have_its_sizes_and_grow_with_the_factor():
    frames = 20000
    truth = {name: np.zeros([frames, *shape], np.float32) for name, shape in (("joints", [29, 3]), ("betas", [10]))}
    random = joint_errors.RandomErrors.draw(frames, seed=0)
    errors = evaluation.JointErrors(estimate=data.estimate, sigma=True)
    for factor in noise.FACTORS:
        seen = joint_errors.observe(truth, factor, random, errors=errors, twist=False)
        sizes = factor * estimator.deviation()[:, None] * [0.3, 0.4, 0.6]
        expected = np.sqrt(sizes**2 + sizes[0] ** 2)[1:]
        np.testing.assert_allclose(seen["joints"].std(0)[1:], expected, rtol=0.03)
        ratio = seen["joint_sigma"].mean(0) / np.sqrt((sizes**2).mean(-1))
        assert ratio.min() > 0.9
        assert ratio.max() < 1.1


def test_an_estimator_s_body_has_another_size(watched, monkeypatch):
    monkeypatch.setattr(estimator, "AXES", (0.0, 0.0, 1e-9))
    seen, _ = watched(evaluation.JointErrors(estimate=data.estimate))
    (plain,), _ = watched(joint_errors.ISOTROPIC, levels_mm=(0,))
    assert len(seen) == 3
    for level in seen:
        scale = np.linalg.norm(level["joints"], axis=(1, 2)) / np.linalg.norm(plain["joints"], axis=(1, 2))
        np.testing.assert_allclose(level["joints"], scale[:, None, None] * plain["joints"], atol=1e-5)
        assert 0.95 < scale.min() < 0.98
        assert 1.02 < scale.max() < 1.05


def test_sigma_is_given_only_when_asked_for(watched):
    withheld, _ = watched(evaluation.JointErrors(estimate=data.estimate))
    reported, _ = watched(evaluation.JointErrors(estimate=data.estimate, sigma=True))
    assert all("joint_sigma" not in given for given in withheld)
    for without, given in zip(withheld, reported, strict=True):
        np.testing.assert_array_equal(without["joints"], given["joints"])
        assert given["joint_sigma"].min() > 0.0


@pytest.mark.parametrize("estimate", [None, data.estimate], ids=["isotropic", "estimator"])
def test_errors_do_not_depend_on_the_batch_size(watched, estimate):
    errors = evaluation.JointErrors(estimate=estimate, sigma=estimate is not None, absent=0.3)
    settings = {"levels_mm": (10, 20, 30), "seed": 5}
    whole, rows = watched(errors, batch_size=64, **settings)
    chopped, others = watched(errors, batch_size=4, **settings)
    assert (len(whole), len(chopped)) == (3, 9)
    for level in range(3):
        for name, value in whole[level].items():
            parts = np.concatenate([given[name] for given in chopped[level::3]])
            np.testing.assert_allclose(parts, value, atol=1e-6, err_msg=name)
    for row, other in zip(rows, others, strict=True):
        assert other["mpjpe"] == pytest.approx(row["mpjpe"], rel=1e-5)
    again, _ = watched(errors, batch_size=64, **{**settings, "seed": 6})
    assert np.any(again[0]["joint_sigma"] != whole[0]["joint_sigma"])


def test_the_same_joints_are_absent_at_every_level_and_the_others_are_as_they_were(watched):
    settings = {"levels_mm": (0, 30), "seed": 5}
    plain, _ = watched(joint_errors.ISOTROPIC, **settings)
    seen, _ = watched(evaluation.JointErrors(absent=0.3), **settings)
    absent = seen[0]["joint_sigma"] == skeletons.ABSENT
    assert absent[:, 0].any()
    assert not absent[:, 0].all()
    assert 0.2 < absent.mean() < 0.4
    for given, whole in zip(seen, plain, strict=True):
        np.testing.assert_array_equal(given["joint_sigma"], np.where(absent, np.float32(skeletons.ABSENT), 0))
        np.testing.assert_array_equal(given["joints"][absent], np.zeros([absent.sum(), 3]))
        for frame, gone in enumerate(absent):
            present = whole["joints"][frame, ~gone]
            origin = present.mean(0) if gone[0] else np.zeros(3)
            np.testing.assert_allclose(given["joints"][frame, ~gone], present - origin, atol=1e-6)


def test_an_absent_root_does_not_show_through_the_others():
    joints = np.random.default_rng(0).normal(size=[1, 29, 3]).astype(np.float32)
    absent = np.zeros([1, 29], bool)
    absent[0, [0, 3, 20]] = True
    moved = joints + np.array([1.0, 2.0, -3.0], np.float32)
    first, second = (joint_errors.with_absent({"joints": places}, absent)["joints"] for places in (joints, moved))
    np.testing.assert_allclose(first, second, atol=1e-6)
    nobody = joint_errors.with_absent({"joints": joints}, np.ones([1, 29], bool))
    np.testing.assert_array_equal(nobody["joints"], np.zeros([1, 29, 3]))


def test_what_a_reported_sigma_was_stays_at_the_present_joints():
    seen = {"joints": np.zeros([1, 29, 3]), "joint_sigma": np.full([1, 29], 0.04, np.float32)}
    sigma = joint_errors.with_absent(seen, np.arange(29)[None] == 7)["joint_sigma"]
    assert sigma[0, 7] == skeletons.ABSENT
    np.testing.assert_array_equal(np.delete(sigma, 7), np.full(28, 0.04, np.float32))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sigma": True}, "`sigma` is reported by an estimator only"),
        ({"absent": 1.0}, r"`absent` must be a probability .*; got 1.0"),
        ({"absent": -0.1}, r"`absent` must be a probability .*; got -0.1"),
    ],
)
def test_errors_that_make_no_sense_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        evaluation.JointErrors(**change)


def test_random_bodies_and_noise_have_the_protocol_s_distribution():
    betas = common.random_bodies(20000, num_betas=12, seed=0)
    errors = common.random_noise(20000, seed=0)
    assert np.abs(betas).max() == 2.5
    assert np.std(betas[:, :10]) == pytest.approx(0.98, abs=0.01)
    np.testing.assert_array_equal(betas[:, 10:], np.zeros([20000, 2]))
    assert np.std(errors) == pytest.approx(1.0, abs=0.005)
    assert errors.shape == (20000, 29, 3)
    assert common.random_bodies(3, num_betas=4, seed=0).shape == (3, 4)


def test_the_streams_of_random_numbers_are_those_of_the_published_tables():
    noise_stream, absent_stream = (np.random.default_rng(7).spawn(count)[-1] for count in (2, 4))
    drawn = joint_errors.RandomErrors.draw(3, seed=7)
    np.testing.assert_array_equal(drawn.noise, noise_stream.standard_normal((3, 29, 3), np.float32))
    np.testing.assert_array_equal(drawn.absent, absent_stream.random((3, 29), np.float32))
    assert [stream.name for stream in common.Stream] == [
        *("SHAPE", "NOISE", "DISPLACEMENT", "ABSENT", "SCALE", "SIGMA", "WINDOWS", "MOTION", "LOST", "ROTATIONS")
    ]


def test_zeros_are_given_for_betas_and_the_answer_poses_the_true_body(both, watched):
    alone, windows, rows = both(levels_mm=(0,), betas="zeros")
    usual_alone, usual_windows, usual_rows = both(levels_mm=(0,))
    for seen, usual in ((alone, usual_alone), (windows, usual_windows)):
        np.testing.assert_array_equal(seen[0]["betas"], np.zeros_like(usual[0]["betas"]))
        assert np.abs(usual[0]["betas"]).max() > 1.0
        np.testing.assert_array_equal(seen[0]["joints"], usual[0]["joints"])
    assert rows == usual_rows  # these solvers do not use the betas


@pytest.fixture
def shapes(monkeypatch):
    """The joints, without padding, that shapes are found from; what is found is the number of the call."""
    calls = []

    def estimate(joints, joint_sigma, *, body_joints):
        calls.append((joints, joint_sigma))
        return type("Found", (), {"betas": np.full(body_joints.num_betas, float(len(calls)))})

    monkeypatch.setattr(given_shape.bone_shape, "estimate_shape", estimate)
    return calls


def test_betas_are_found_from_the_frames_around_and_given_to_all_solvers(both, shapes):
    alone, windows, _ = both(levels_mm=(0, 20), betas="found", stride=2)
    assert [len(joints) for joints, _ in shapes] == 2 * [7, 7, 7, 7, 4, 4]  # once for both solvers
    for level, (single, window) in enumerate(zip(alone, windows, strict=True)):
        found = np.repeat(np.arange(1.0, 7.0)[:, None] + 6 * level, 10, 1)
        np.testing.assert_array_equal(single["betas"], found)
        np.testing.assert_array_equal(window["betas"], np.repeat(found[:, None], 16, 1))


def test_the_frames_that_betas_are_found_from_move_the_same_body_with_the_same_level_of_errors(both, shapes):
    (clean, noisy), (around, _), _ = both(levels_mm=(0, 20), betas="found")
    for number, middle in enumerate([*range(7), *range(4)]):
        (at_zero, none), (at_twenty, _) = shapes[number], shapes[11 + number]
        np.testing.assert_allclose(at_zero[middle], clean["joints"][number], atol=1e-5)
        np.testing.assert_allclose(at_twenty[middle], noisy["joints"][number], atol=1e-5)  # these errors are its own
        np.testing.assert_allclose(at_zero, around["joints"][number, : len(at_zero)], atol=1e-5)
        assert (at_twenty - at_zero)[:, 1:].std() == pytest.approx(0.02 * 2**0.5, rel=0.2)
        assert not none.any()


def test_joints_that_are_absent_do_not_tell_the_shape(both, shapes):
    both(levels_mm=(0,), betas="found", errors=evaluation.JointErrors(absent=0.3))
    absent = np.concatenate([sigma for _, sigma in shapes]) == skeletons.ABSENT
    assert 0.2 < absent.mean() < 0.4


def test_long_clips_give_sixty_frames(toy_body, shapes):
    clip = motion.made_motion(0, frames=70)
    around = window_observer.WindowObserver(
        [clip],
        toy_body.body_joints(),
        joint_errors.RandomErrors.draw(1, seed=0),
        functools.partial(joint_errors.observe, errors=joint_errors.ISOTROPIC),
        stride=70,
        seed=0,
        size=common.CLIP_FRAMES,
    )
    around.move_to(slice(1), np.zeros([1, 10], np.float32))
    assert around.found_betas(10).shape == (1, 10)
    assert shapes[0][0].shape == (60, 29, 3)


@pytest.mark.usefixtures("eager")
def test_found_betas_are_nearly_as_good_as_true_ones(clips, toy_body):
    solver = {"finish": solvers.Analytic(toy_body.body_joints(), refine=4)}
    settings = {"body": toy_body, "levels_mm": (0,), "seed": 5}
    found = evaluation.noise_rows(clips, solvers=solver, betas="found", **settings)
    assert found[0]["mpjpe"] < 0.3


@pytest.mark.usefixtures("eager")
def test_a_solver_that_uses_the_betas_is_worse_with_zeros(rows, clips, analytic, toy_body):
    solver = {"finish": solvers.Analytic(toy_body.body_joints(), refine=4)}
    settings = {"body": toy_body, "levels_mm": (0,), "seed": 5}
    without = evaluation.noise_rows(clips, solvers=solver, betas="zeros", **settings)
    assert without[0]["mpjpe"] > 1.0 > evaluation.noise_rows(clips, solvers=solver, **settings)[0]["mpjpe"]


@pytest.mark.usefixtures("eager")
def test_a_solver_that_gives_nan_is_not_averaged(clips, toy_body):
    broken = {"broken": lambda inputs: crude({"joints": inputs["joints"] * np.nan})}
    with pytest.raises(FloatingPointError, match="must hold finite rotations"):
        evaluation.noise_rows(clips, solvers=broken, body=toy_body, levels_mm=(10,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clips": []}, "`clips` must hold at least one clip"),
        ({"solvers": {}}, "`solvers` must name at least one"),
        ({"stride": 0}, "`stride` must be at least 1; got 0"),
        ({"batch_size": -1}, "`batch_size` must be at least 1; got -1"),
        ({"levels_mm": (10, -5)}, r"`levels_mm` .* none below 0; got \(10, -5\)"),
        ({"levels_mm": ()}, "`levels_mm` must be"),
        ({"betas": "guessed"}, "`betas` must be true or zeros or found; got 'guessed'"),
    ],
)
def test_bad_arguments_are_named(change, message, toy_body):
    clip = motion.Clip(poses=np.zeros([1, 24, 3]), trans=np.zeros([1, 3]))
    settings = {"clips": [clip], "solvers": {"crude": crude}, "body": toy_body, **change}
    with pytest.raises(ValueError, match=message):
        evaluation.noise_rows(settings.pop("clips"), **settings)
