"""How sure an answer is: states, what tells of errors, and the network that reads it."""

import concurrent.futures

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import contract, skeletons
from niki_tf.contract import JointState
from niki_tf.fitting import expected_error
from niki_tf.fitting.expected_error import NEVER, Evidence, Network


def _sigma(rng, shape=(2, 9, 29)):
    """Sigma in which three of five joints are absent, one throughout, and padding frames at the end of one window."""
    sigma = np.where(rng.uniform(size=shape) < 0.6, skeletons.ABSENT, 0.01).astype(np.float32)
    sigma[:, :, 7] = skeletons.ABSENT
    mask = np.ones(shape[:2], np.float32)
    mask[1, 6:] = 0.0
    return sigma, mask


def _evidence(rng, *, over_time=True, **changes):
    sigma, mask = _sigma(rng)
    if not over_time:
        sigma, mask = sigma.reshape(-1, 1, 29), np.ones([18, 1], np.float32)
    posed = rng.normal(size=[*sigma.shape, 3]).astype(np.float32)
    joints = posed + np.float32(0.02) * rng.standard_normal(posed.shape, np.float32)
    since, until = expected_error.frames_to_seen(tf.constant(sigma), tf.constant(mask))
    given = {"joints": joints, "posed": posed, "joint_sigma": sigma, "frame_mask": mask, "since": since, "until": until}
    return Evidence(
        **{name: tf.convert_to_tensor(value) for name, value in {**given, **changes}.items()}, over_time=over_time
    )


def _features(evidence):
    return expected_error.features(evidence, expected_error.joint_states(evidence.since, evidence.until)).numpy()


def test_frames_to_what_was_seen_are_counted(rng):
    sigma, mask = _sigma(rng)
    since, until = expected_error.frames_to_seen(tf.constant(sigma), tf.constant(mask))
    seen = (sigma < skeletons.ABSENT)[..., :24] & (mask[..., None] > 0)
    for window, frame, joint in np.ndindex(seen.shape):
        others = np.flatnonzero(seen[window, :, joint])
        before, after = frame - others[others <= frame], others[others >= frame] - frame
        assert since[window, frame, joint] == min(before, default=NEVER)
        assert until[window, frame, joint] == min(after, default=NEVER)
    for window in range(2):
        told = expected_error.times_to_seen(seen[window], 3.0 + np.arange(9) / 30)
        np.testing.assert_allclose(told[0], since[window], atol=1e-4)
        np.testing.assert_allclose(told[1], until[window], atol=1e-4)


def test_time_counts_and_not_frames():
    seen = np.zeros([4, 24], bool)
    seen[0] = seen[3] = True
    since, until = expected_error.times_to_seen(seen, np.array([0.0, 0.1, 0.5, 0.6]))
    np.testing.assert_allclose(since[:, 5], [0, 3, 15, 0], atol=1e-4)
    np.testing.assert_allclose(until[:, 5], [0, 15, 3, 0], atol=1e-4)


def test_what_was_seen_within_a_second_is_filled():
    since, until = np.float32([0, 30, 31, 31, NEVER]), np.float32([0, 40, 30, 31, NEVER])
    states = expected_error.joint_states(since, until).numpy()
    assert states.tolist() == [0, 1, 1, 2, 2]
    assert states.dtype == np.int32
    assert [*JointState] == [0, 1, 2]


def test_a_frame_that_is_known_to_be_alone_has_the_features_of_any(rng):
    alone = _evidence(rng, over_time=False)
    given = {name: value for name, value in alone._asdict().items() if tf.is_tensor(value)}
    specs = {name: tf.TensorSpec([None, None, *value.shape[2:]]) for name, value in given.items()}
    unknown = []

    @tf.function(input_signature=[specs], autograph=False)
    def of_any(given):
        evidence = Evidence(**given, over_time=False)
        unknown.append(not evidence.single)
        return expected_error.features(evidence, expected_error.joint_states(evidence.since, evidence.until))

    assert alone.single
    np.testing.assert_allclose(_features(alone), of_any(given), atol=1e-5)
    assert unknown == [True]


@pytest.mark.parametrize("over_time", [True, False])
def test_features_are_finite_and_do_not_mind_where_the_body_is(rng, over_time):
    evidence = _evidence(rng, over_time=over_time)
    told = _features(evidence)
    assert np.isfinite(told).all()
    assert told.shape[:3] == (*evidence.frame_mask.shape, 24)
    moved = evidence._replace(joints=evidence.joints + 3.0, posed=evidence.posed - 2.0)
    np.testing.assert_allclose(_features(moved), told, atol=2e-3)
    nothing = evidence._replace(joint_sigma=tf.fill(evidence.joint_sigma.shape, skeletons.ABSENT))
    assert np.isfinite(_features(nothing)).all()


def test_a_window_of_one_frame_is_told_of_as_others(rng):
    one = Evidence(*(part if part is None or part is True else part[:, :1] for part in _evidence(rng)))
    told = _features(one)
    assert told.shape == (2, 1, 24, _features(_evidence(rng)).shape[-1])
    assert np.isfinite(told).all()


def test_an_absent_joint_is_not_read(rng):
    evidence = _evidence(rng)
    elsewhere = tf.where(evidence.seen[..., None], evidence.joints, 100.0)
    np.testing.assert_allclose(_features(evidence._replace(joints=elsewhere)), _features(evidence), atol=2e-3)


def test_each_frame_tells_of_its_own_fit_and_of_what_moves(rng):
    evidence = _evidence(rng)._replace(joint_sigma=tf.zeros([2, 9, 29]))
    told = _features(evidence)
    spoilt = np.array(evidence.joints)
    spoilt[0, 4, 20] += 0.3
    changed = np.abs(_features(evidence._replace(joints=tf.constant(spoilt))) - told).max(-1)
    assert changed[0, 4, 20] == changed[0].max() > 1.0
    assert changed[1].max() < 1e-5


def test_frames_at_other_times_have_the_same_speeds(rng):
    evidence = _evidence(rng)
    evidence = evidence._replace(frame_mask=tf.ones([2, 9]))
    timed = evidence._replace(times=tf.tile(tf.range(9.0)[None] / 30, [2, 1]))
    np.testing.assert_allclose(_features(timed), _features(evidence), atol=2e-3)
    slow = evidence._replace(times=timed.times * 2.0)
    assert np.abs(_features(slow) - _features(evidence)).max() > 0.5


def test_bones_between_joints_are_counted():
    parents = skeletons.SMPL_29.parents
    for joint, other, wanted in ((0, 0, 0), (4, 1, 1), (1, 2, 2), (20, 21, 8), (10, 0, 4), (15, 28, None)):
        if wanted is not None:
            assert expected_error._BONES_BETWEEN[joint, other] == wanted
    neighbours = [(joint, parents[joint]) for joint in range(1, 29)]
    for joint, parent in neighbours:
        assert expected_error._BESIDE[joint, parent] == 1.0
    assert expected_error._BESIDE.sum() == 2 * 23 + 5


def _network(rng, count=6):
    shapes = ((count, 1), (24,), (count, 5), (24, 5), (5, 1))
    return Network(*(0.3 * rng.standard_normal(shape, np.float32) for shape in shapes))


def test_the_network_is_its_formula(rng):
    network, told = _network(rng), rng.standard_normal([3, 4, 24, 6], np.float32)
    wide = np.tanh(told @ network.hidden + network.hidden_bias)
    wanted = 0.01 * np.exp((told @ network.skip + wide @ network.out)[..., 0] + network.bias)
    wanted[..., 0] = 0.0
    np.testing.assert_allclose(network(tf.constant(told)), wanted, rtol=1e-4)
    limits = network(tf.constant(1e3 * told)).numpy()[..., 1:]
    assert limits.min() == pytest.approx(1e-6, rel=1e-3)
    assert limits.max() == pytest.approx(1.0, rel=1e-3)


def test_networks_come_back_from_a_file(rng, tmp_path):
    networks = {"OneStage": _network(rng), "Temporal+finish+motion": _network(rng)}
    expected_error.write(networks, tmp_path / "some.npz")
    again = expected_error.read(tmp_path / "some.npz")
    assert set(again) == set(networks)
    for name, network in networks.items():
        for part in expected_error.PARTS:
            np.testing.assert_allclose(getattr(again[name], part), getattr(network, part), atol=1e-3)


def test_a_kind_that_was_never_calibrated_has_a_calibration(monkeypatch):
    known = {f"{kind}{end}": object() for kind in ("OneStage", "Temporal", "MLP") for end in ("", "+finish+motion")}
    monkeypatch.setattr(expected_error, "calibrations", lambda: known)
    find = expected_error.calibration_of
    assert find("MLP", over_time=False, finish=True, motion=True) is known["MLP+finish+motion"]
    assert find("Mine", over_time=False, finish=False) is known["OneStage"]
    assert find("Mine", over_time=True, finish=True, motion=True) is known["Temporal+finish+motion"]


def test_the_package_knows_what_it_falls_back_on():
    names = {
        f"{kind}{end}{way}" for kind in ("OneStage", "Temporal") for end in ("", "+finish") for way in ("", "+motion")
    }
    assert names <= set(expected_error.calibrations())
    told = tf.zeros([1, 24, expected_error.calibrations()["OneStage"].skip.shape[0]])
    for network in expected_error.calibrations().values():
        assert network(told).shape == (1, *contract.CERTAINTY["expected_error"])
    assert expected_error.FILE.stat().st_size < 100_000


def test_threads_that_ask_first_get_the_same_calibrations():
    expected_error._calibrations.cache_clear()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: expected_error.calibrations(), range(8)))
    assert all(one is found[0] for one in found)
