"""The noise protocol of solvers that see time, and of filters: the frames around the measured one."""

import numpy as np
import pytest
from quick_solvers import Watching, crude

from niki_tf import data, evaluation, solvers
from niki_tf.evaluation.protocols import joint_errors


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


@pytest.mark.slow
def test_a_solver_that_sees_time_is_compiled_for_windows_of_any_length(clips, toy_body):
    solver = solvers.Recurrent(toy_body.body_joints(), hidden_dim=4)
    rows = evaluation.noise_rows(clips, solvers={"t": solver}, body=toy_body, levels_mm=(10,), stride=4, batch_size=2)
    assert rows[0]["frames"] == 3
    assert np.isfinite(rows[0]["mpjpe"])
