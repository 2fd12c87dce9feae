"""Exported solvers called from Python: bad inputs are named before the call."""

import concurrent.futures

import numpy as np
import pytest

from niki_tf import body, export


@pytest.fixture
def exported():
    shapes = {"joints": (None, 29, 3), "joint_sigma": (None, 29)}
    return export.Exported({"ik_full": lambda joints, joint_sigma: {"sum": joints.sum()}}, {"ik_full": shapes})


GOOD = {"joints": np.ones([2, 29, 3]), "joint_sigma": np.zeros([2, 29])}
INFINITE = np.full([2, 29, 3], np.inf)


def test_good_inputs_reach_the_function_as_float32(exported):
    assert exported("ik_full", **GOOD)["sum"].dtype == np.float32
    assert exported("ik_full", joints=INFINITE, joint_sigma=np.full([2, 29], 10.0))


@pytest.mark.parametrize("leading", [(0, 16), (3, 0), (0, 0)])
def test_no_examples_have_an_answer_though_a_runtime_takes_none(leading):
    def run(joints):
        assert joints.size
        return {"pose": np.ones([*joints.shape[:2], 4]), "valid": np.ones(len(joints), bool)}

    windows = export.Exported({"ik": run}, {"ik": {"joints": (None, None, 29, 3)}})
    answer = windows(joints=np.zeros([*leading, 29, 3]))
    assert answer["pose"].shape == (*leading, 4)
    assert answer["valid"].shape == leading[:1]


@pytest.mark.parametrize(
    ("signature", "changed", "message"),
    [
        ("fk", {}, "`signature` must be one of ik_full; got 'fk'"),
        ("ik_full", {"bettas": np.zeros([2, 10])}, "`inputs` must be joints, joint_sigma; got 'bettas'"),
        ("ik_full", {"joints": None}, "got no 'joints'. Zeros stand for what is not known"),
        ("ik_full", {"joints": np.ones([29, 3])}, r"`joints` must have shape \(N, 29, 3\); got \(29, 3\)"),
        ("ik_full", {"joints": np.ones([2, 24, 3])}, r"`joints` must have shape \(N, 29, 3\); got \(2, 24, 3\)"),
        (
            "ik_full",
            {"joint_sigma": np.zeros([3, 29])},
            "`joint_sigma` must have the leading axes of `joints`",
        ),
        (
            "ik_full",
            {"joints": INFINITE},
            "`joints` must be finite; got NaN or infinity. NaN is for a joint that was not",
        ),
        ("ik_full", {"joint_sigma": np.full([2, 29], np.nan)}, "`joint_sigma` must be finite"),
    ],
)
def test_bad_inputs_are_named(exported, signature, changed, message):
    inputs = {name: array for name, array in {**GOOD, **changed}.items() if array is not None}
    with pytest.raises(ValueError, match=message):
        exported(signature, **inputs)


def test_a_folder_without_a_saved_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`folder` must hold saved_model.pb; .* Give the version's folder \(1\)"):
        export.load_saved_model(tmp_path)


def test_threads_that_share_a_litert_file_get_their_own_answers(repo):
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    shared = export.load_litert(repo / "saved_models" / "one_stage" / "model_int8.tflite")
    rng = np.random.default_rng(0)
    poses = body.mannequin_joints().joints
    batches = [poses + 0.05 * rng.normal(size=[1 + k % 3, 29, 3]) for k in range(6)]
    wanted = [shared(joints=batch)["body_pose"] for batch in batches]

    def asked(k):
        return shared(joints=batches[k % 6])["body_pose"]

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for k, found in enumerate(pool.map(asked, range(60))):
            np.testing.assert_array_equal(found, wanted[k % 6])
