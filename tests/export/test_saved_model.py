"""SavedModels: same numbers and names as in Keras, invalid examples flagged, warm-up requests that fit."""

import numpy as np
import pytest
import toy_body

from niki_tf import body, export, solvers
from niki_tf.contract import Reason
from niki_tf.export import signatures

SKELETON = body.mannequin_joints()
INPUTS = {
    "ik": ["joints"],
    "ik_full": ["joints", "joint_sigma", "betas", "twist"],
    "ik_known": ["joints", "joint_sigma", "betas", "twist", "known_rotations"],
    "fk": ["global_orient", "body_pose", "z", "betas"],
}


def chosen(arrays, names):
    return {name: arrays[name] for name in names}


def in_keras(solver, signature, inputs):
    answer = solver.fk(**inputs) if signature == "fk" else solver(inputs)
    return {name: tensor.numpy() for name, tensor in answer.items()}


def assert_same(found, expected, *, within=1e-5):
    """By name, to 1e-5; a few entries more, where an example is so near to degenerate that rounding grows."""
    assert found["valid"].all()
    assert set(found) == {*expected, "valid", "reason"}
    np.testing.assert_array_equal(found["reason"], np.zeros(len(found["valid"])))
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-3, atol=3e-3, err_msg=name)
        assert np.isclose(found[name], array, rtol=within, atol=within).mean() > 0.99, name


@pytest.mark.slow
@pytest.mark.parametrize("signature", INPUTS)
def test_it_computes_what_keras_computes_by_name(solver, saved_model, arrays, signature):
    for batch in (1, 7, 256):
        inputs = chosen(arrays(batch), INPUTS[signature])
        assert_same(saved_model(signature, **inputs), in_keras(solver, signature, inputs))


@pytest.mark.slow
def test_the_default_signature_is_ik(saved_model, arrays):
    joints = arrays(2)["joints"]
    default, ik = saved_model("serving_default", joints=joints), saved_model(joints=joints)
    for name, array in ik.items():
        np.testing.assert_array_equal(default[name], array)


def test_zeros_stand_for_what_is_not_known(saved_model, arrays):
    joints = arrays(2)["joints"]
    zeros = {"joint_sigma": np.zeros([2, 29]), "betas": np.zeros([2, 10]), "twist": np.zeros([2, 23, 2])}
    expected = saved_model(joints=joints)
    for name, array in saved_model("ik_full", joints=joints, **zeros).items():
        np.testing.assert_allclose(array, expected[name], atol=1e-5, err_msg=name)


@pytest.mark.parametrize(("name", "bad"), [("joints", np.inf), ("betas", np.inf), ("twist", np.nan), ("joints", 1e30)])
def test_a_bad_example_is_flagged_and_harms_no_other(saved_model, arrays, name, bad):
    graph = saved_model._functions["ik_full"]  # without the checks that Python makes
    inputs = chosen(arrays(3), INPUTS["ik_full"])
    good = graph(**inputs)
    inputs["joint_sigma"][1], inputs[name][1, ..., 0] = 0.0, bad
    answer = graph(**inputs)
    assert answer["valid"].tolist() == [True, False, True]
    assert answer["reason"].tolist() == [0, Reason.TOO_FAR if name == "joints" else Reason.NOT_FINITE, 0]
    for key, array in answer.items():
        assert np.isfinite(array).all()
        np.testing.assert_allclose(array[[0, 2]], good[key][[0, 2]], atol=1e-6)
    np.testing.assert_array_equal(answer["body_pose"][1], np.tile(np.eye(3), [23, 1, 1]))
    assert not answer["z"][1].any()


def test_absent_joints_may_hold_nan(saved_model, arrays):
    inputs = chosen(arrays(4), INPUTS["ik_full"])
    inputs["joints"][inputs["joint_sigma"] >= 10.0] = np.nan
    answer = saved_model("ik_full", **inputs)
    assert answer["valid"].all()


def test_a_joint_with_a_nan_is_absent(saved_model, arrays):
    joints, sigma = arrays(3)["joints"], np.zeros([3, 29], np.float32)
    lost, sigma[1, 5] = joints.copy(), 10.0
    lost[1, 5, 2] = np.nan
    rest = chosen(arrays(3), [name for name in INPUTS["ik_full"] if name not in ("joints", "joint_sigma")])
    told = saved_model("ik_full", joints=joints, joint_sigma=sigma, **rest)
    for given in (np.zeros([3, 29]), sigma):
        found = saved_model("ik_full", joints=lost, joint_sigma=given, **rest)
        for name, array in found.items():
            np.testing.assert_allclose(array, told[name], atol=1e-5, err_msg=name)
    assert saved_model(joints=lost)["valid"].all()


class Windowed(solvers.Analytic):
    event_axes = 2


@pytest.fixture(scope="module")
def windowed(tmp_path_factory):
    """Folder of a solver of windows with a body's mesh, written over another export."""
    pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")
    folder = tmp_path_factory.mktemp("windowed")
    (folder / "1").mkdir()
    (folder / "1" / "former").touch()
    return export.write_saved_model(Windowed(SKELETON), folder, body=body.Body(toy_body.make()))


@pytest.fixture(scope="module")
def saved_windowed(windowed):
    return export.load_saved_model(windowed)


@pytest.mark.slow
def test_a_new_export_replaces_the_former(windowed):
    assert [path.name for path in windowed.parent.iterdir()] == ["1"]
    assert not (windowed / "former").exists()


@pytest.mark.slow
def test_windows_of_time_come_whole_and_a_body_adds_its_mesh(saved_windowed, arrays):
    saved = saved_windowed
    assert saved.shapes["ik"] == {"joints": (None, None, 29, 3)}
    solver, surface = Windowed(SKELETON), body.Body(toy_body.make())
    for time in (1, 5):
        inputs = arrays(2, time)
        assert_same(saved(joints=inputs["joints"]), in_keras(solver, "ik", {"joints": inputs["joints"]}))
        pose = chosen(inputs, ["betas", "global_orient", "body_pose"])
        assert_same(saved("mesh", **pose), {name: array.numpy() for name, array in surface(pose).items()})


@pytest.mark.slow
def test_a_window_with_one_bad_frame_is_flagged_whole(saved_windowed, arrays):
    joints = arrays(2, 3)["joints"]
    joints[1, 2] = np.inf
    assert saved_windowed._functions["ik"](joints=joints)["valid"].tolist() == [True, False]


def test_a_body_with_other_betas_is_refused():
    with pytest.raises(ValueError, match="`body` must have the 10 betas of the solver; got 4"):
        signatures.signatures(solvers.Analytic(SKELETON), body=body.Body(toy_body.make(num_betas=4)))


def test_a_version_below_one_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`version` must be 1 or more; got 0"):
        export.write_saved_model(solvers.Analytic(SKELETON), tmp_path, version=0)
    assert not list(tmp_path.iterdir())
