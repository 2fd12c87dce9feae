"""The gap protocol: what is lost, what is given, what is measured, and that no way is right by chance."""

import types

import numpy as np
import pytest

from niki_tf import evaluation, motion, rotations, skeletons, solvers
from niki_tf.evaluation.protocols import gaps
from niki_tf.motion import gap_filling


@pytest.fixture(scope="module")
def walks():
    return [motion.made_motion(seed, frames=frames) for seed, frames in ((0, 95), (1, 59), (2, 60))]


@pytest.fixture
def given(monkeypatch):
    """What solvers are given, call by call; they answer with a body turned everywhere by the number of the call."""
    calls = []

    def answer(joints, *, betas, solver, function=None):
        calls.append({"joints": joints, "betas": betas, "solver": solver, "function": function})
        turn = rotations.rotvec_to_matrix(np.full([1, 1, 3], [0.0, 0.01 * len(calls), 0.0], np.float32)).numpy()
        return types.SimpleNamespace(rotations=np.tile(turn, [len(joints), 24, 1, 1]))

    monkeypatch.setattr(gaps, "solved", answer)
    return calls


def _measure(walks, toy_body, **changes):
    solver = {"some": solvers.Analytic(toy_body.body_joints())}
    return evaluation.gap_rows(walks, **{"solvers": solver, "body": toy_body, "gaps": [4], **changes})


def test_windows_are_of_sixty_frames_every_thirty_and_short_clips_are_left_out(walks, toy_body, given):
    rows = _measure(walks, toy_body, gaps=[4, 7])
    assert [(row["way"], row["gap"], row["frames"]) for row in rows] == [
        (way, gap, 3 * gap) for way in ("solver", "interpolated", "slerp") for gap in (4, 7)
    ]
    assert [len(call["joints"]) for call in given[:4]] == [60, 60, 28, 28]
    lost = np.isnan(given[1]["joints"])
    assert np.flatnonzero(lost.all((1, 2))).tolist() == [28, 29, 30, 31]
    assert lost.sum() == 4 * 29 * 3
    second = given[4]["joints"][0] - given[0]["joints"][30]
    assert 0.001 < np.abs(second).max() < 0.5  # the same frame, another body, other noise
    assert np.abs(given[0]["betas"] - given[4]["betas"]).max() > 0.1
    assert not np.isnan(given[0]["joints"]).any()


def test_noise_is_of_the_size_that_is_said_and_the_same_in_all_cases(walks, toy_body, given):
    _measure(walks[2:], toy_body, noise_mm=[0, 30], gaps=[2, 4])
    clean, other_gap, noisy, last = (given[call]["joints"] for call in (1, 5, 9, 13))
    noise = (noisy - clean)[~np.isnan(clean)]
    assert noise.std() == pytest.approx(0.03, rel=0.05)
    seen = ~np.isnan(other_gap)
    np.testing.assert_array_equal(clean[seen], other_gap[seen])
    np.testing.assert_array_equal(noisy[seen], last[seen])
    np.testing.assert_array_equal(given[0]["joints"], gap_filling.interpolate_joints(clean, np.zeros([60, 29]))[0])


def test_a_part_that_is_lost_is_the_same_for_all_gaps_and_the_neighbours_are_solved_apart(walks, toy_body, given):
    _measure(walks[2:], toy_body, parts=["limb_end"], gaps=[2, 30])
    short, before, after, long = (given[call]["joints"] for call in (1, 2, 3, 5))
    lost = np.isnan(short).all(-1)
    assert lost.sum() == 2 * 3
    assert set(np.flatnonzero(lost.any(0))) in [set(some) for some in gaps.lost_joints.PARTS["limb_end"]]
    np.testing.assert_array_equal(lost.any(0), np.isnan(long).any((0, 2)))
    np.testing.assert_array_equal(before, short[:29])
    np.testing.assert_array_equal(after, short[31:])


def test_slerp_turns_what_is_lost_from_the_one_side_to_the_other(walks, toy_body, given, monkeypatch):
    seen = {}
    monkeypatch.setattr(gaps._Run, "_error", lambda run, local, truth, one: seen.setdefault(len(seen), local)[:, 0, 0])
    _measure(walks[2:], toy_body, parts=["limb_end"], gaps=[2])
    solver, _, slerp = (rotations.matrix_to_rotvec(seen[number]).numpy()[..., 1] for number in range(3))
    lost = np.isnan(given[1]["joints"]).any((0, 2))
    turned = gaps.lost_joints.turned_mask(lost)
    np.testing.assert_allclose(slerp[29:31, turned], [[0.03 + 0.01 / 3], [0.03 + 0.02 / 3]] * np.ones(3), atol=1e-5)
    np.testing.assert_allclose(slerp[29:31, ~turned], solver[29:31, ~turned], atol=1e-5)


def test_true_rotations_have_no_error_and_others_have_that_of_the_lost_joints(walks, toy_body, poser):
    run = gaps._Run(solvers.Analytic(toy_body.body_joints()), None, poser, live=None)
    (window,) = gaps._windows(walks[2:], poser, seed=0)
    one = gaps._seen(window, gaps._Case("joint", 10.0, 4))
    np.testing.assert_allclose(run._error(window.truth["rotations"], window.truth, one), np.zeros(4), atol=1e-3)
    truth = {**window.truth, "joints": np.array(window.truth["joints"])}
    truth["joints"][:, np.flatnonzero(one.lost)[0], 0] += 0.02
    truth["joints"][:, [joint for joint in range(1, 29) if not one.lost[joint]]] += 0.5
    np.testing.assert_allclose(run._error(window.truth["rotations"], truth, one), np.full(4, 20.0), atol=1e-2)
    everything = gaps._seen(window, gaps._Case("all", 10.0, 4))
    truth["joints"] = np.array(window.truth["joints"])
    truth["joints"][:, 28] += 1.0  # a tip is not among the 24
    truth["joints"][:, 23, 0] += 0.24
    np.testing.assert_allclose(run._error(window.truth["rotations"], truth, everything), np.full(4, 10.0), atol=1e-2)


def test_behind_a_filter_and_for_the_optimiser_all_joints_are_needed(walks, toy_body, given):
    body_joints, function = toy_body.body_joints(), evaluation.FILTERS["+one_euro"]
    compared = {"a+one_euro": solvers.Analytic(body_joints), "fit": solvers.MapFit(body_joints, components=1, steps=1)}
    rows = _measure(walks[2:], toy_body, solvers=compared, filters={"a+one_euro": function})
    assert [(row["solver"], row["way"]) for row in rows] == [(name, "interpolated") for name in compared]
    assert [call["function"] for call in given] == [function, None]
    assert not any(np.isnan(call["joints"]).any() for call in given)


@pytest.fixture
def recurrent(toy_body):
    return solvers.Recurrent(toy_body.body_joints(), hidden_dim=4)


@pytest.mark.usefixtures("eager")
def test_live_frames_come_once_and_in_order_and_a_gap_is_told(walks, poser, recurrent, monkeypatch):
    seen = [gaps._seen(window, gaps._Case("limb", 10.0, 4)) for window in gaps._windows([walks[0]], poser, seed=0)]
    pushed = []

    def numbered(people, frames):
        """An answer that has the number of its frame in place of rotations."""
        numbers = np.broadcast_to(np.float32(frames).reshape(1, -1, 1, 1, 1), [people, len(frames), 24, 3, 3])
        return {"global_orient": numbers[:, :, :1], "body_pose": numbers[:, :, 1:]}

    def push(solver, state, inputs):
        pushed.append({name: np.asarray(tensor) for name, tensor in inputs.items()})
        answer = numbered(len(inputs["joints"]), [len(pushed) - 1 - 8])
        return state, {name: array[:, 0] for name, array in answer.items()}

    monkeypatch.setattr(gaps.streaming, "push", push)
    monkeypatch.setattr(gaps.streaming, "remaining", lambda solver, state: numbered(2, range(52, 60)))
    found = gaps._Live(recurrent, 256)(seen)
    assert [local.shape for local in found] == [(60, 24, 3, 3)] * 2
    for local in found:
        np.testing.assert_array_equal(local, np.arange(60)[:, None, None, None] + np.zeros([24, 3, 3]))
    joints, sigma = (np.stack([one[name] for one in pushed], 1) for name in ("joints", "joint_sigma"))
    for one, of_window, uncertain in zip(seen, joints, sigma, strict=True):
        np.testing.assert_array_equal(uncertain >= skeletons.ABSENT, np.isnan(one.joints).any(-1))
        np.testing.assert_array_equal(of_window, np.nan_to_num(one.joints))


@pytest.mark.slow
def test_live_solving_is_streaming_of_many_people(walks, poser, recurrent):
    seen = [gaps._seen(window, gaps._Case("limb", 10.0, 4)) for window in gaps._windows([walks[0]], poser, seed=0)]
    together, alone = (gaps._Live(recurrent, size)(seen) for size in (2, 1))
    np.testing.assert_allclose(together, alone, atol=1e-3)
    assert np.isfinite(together).all()


def test_live_rows_are_those_of_solvers_that_see_time_and_held_ones_do_not_move(
    walks, toy_body, given, recurrent, monkeypatch
):
    live = np.tile(np.eye(3, dtype=np.float32), [60, 24, 1, 1])
    monkeypatch.setattr(gaps._Live, "__call__", lambda self, seen: [live] * len(seen))
    answers = {}
    monkeypatch.setattr(
        gaps._Run, "_error", lambda run, local, *_: answers.setdefault(len(answers), np.array(local))[:, 0, 0, 0]
    )
    compared = {"still": solvers.Analytic(toy_body.body_joints()), "live": recurrent}
    rows = _measure(walks[2:], toy_body, solvers=compared, stream=True, parts=["limb"], gaps=[2])
    ways = [row["way"] for row in rows if row["solver"] == "live"]
    assert ways == ["solver", "interpolated", "slerp", "stream", "held"]
    assert [row["way"] for row in rows if row["solver"] == "still"] == ["solver", "interpolated", "slerp"]
    held = rotations.matrix_to_rotvec(answers[7]).numpy()[..., 1]
    moved = np.abs(held) > 1e-3
    assert np.flatnonzero(moved.any(1)).tolist() == [29, 30]
    assert moved.any(0).sum() == 5  # those that carry the five joints of a limb
    np.testing.assert_allclose(held[moved], 0.07, atol=1e-5)  # the call that solved what is before the gap


def test_tables_compare_with_the_better_simple_way():
    base = {"solver": "a", "lost": "half", "noise_mm": 10.0, "gap": 4, "frames": 8}
    errors = {"solver": 30.0, "interpolated": 60.0, "slerp": 40.0, "stream": 45.0, "held": 90.0}
    text = gaps.gap_tables([{**base, "way": way, "mpjpe": mpjpe} for way, mpjpe in errors.items()])
    assert "Lost: half, 10 mm of noise" in text
    assert "a, slerp" in text
    shares = text.split("better simple way")[1]
    assert shares.split()[-6:] == ["a,", "solver", "75.0", "a,", "stream", "50.0"]


@pytest.mark.usefixtures("eager")
def test_short_gaps_are_better_than_long_ones_and_drawn(walks, toy_body, tmp_path):
    rows = _measure(walks[2:], toy_body, gaps=[2, 30])
    by = {(row["lost"], row["way"], row["gap"]): row["mpjpe"] for row in rows}
    assert by["all", "interpolated", 2] < by["all", "interpolated", 30]
    assert by["all", "slerp", 2] < by["all", "slerp", 30]
    gaps.gap_figure(rows, tmp_path / "gaps.png", title="Gaps")
    assert (tmp_path / "gaps.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gaps": [0]}, r"`gaps` must be frames, 1 to 58; got \(0,\)"),
        ({"gaps": [59]}, "`gaps` must be frames, 1 to 58"),
        ({"gaps": []}, "`gaps` must be frames"),
        ({"noise_mm": [-1.0]}, "`noise_mm` must be millimetres, none below 0"),
        ({"parts": ["leg"]}, "`parts` must be of all, joint, limb_end, limb, half; got leg"),
        ({"parts": []}, "`parts` must be of .*; got none"),
        ({"stride": 0}, "`stride` must be at least 1"),
        ({"solvers": {}}, "`solvers` must name at least one"),
    ],
)
def test_what_does_not_fit_is_told_before_any_work(walks, toy_body, changes, message):
    with pytest.raises(ValueError, match=message):
        _measure(walks, toy_body, **changes)


def test_the_longest_gap_leaves_a_frame_on_each_side(walks, toy_body, given):
    _measure(walks[2:], toy_body, gaps=[58])
    assert [len(call["joints"]) for call in given] == [60, 60, 1, 1]
    with pytest.raises(ValueError, match="`clips` must hold a clip of 60 frames or more"):
        _measure(walks[1:2], toy_body)
