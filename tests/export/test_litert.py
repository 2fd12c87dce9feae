"""LiteRT files: same numbers and names as in Keras, built-in operations only, smaller when quantised."""

import numpy as np
import pytest
import tensorflow as tf
from test_saved_model import INPUTS, SKELETON, assert_same, chosen, in_keras

from niki_tf import contract, export, solvers
from niki_tf.contract import Reason
from niki_tf.export import signatures, tflite

interpreter = pytest.importorskip("ai_edge_litert.interpreter", reason="ai-edge-litert is not installed")


@pytest.fixture(scope="session")
def written(solver, tmp_path_factory):
    path = tmp_path_factory.mktemp("litert") / "model.tflite"
    path.write_bytes(export.litert(solver, known_rotations=True))
    return path


@pytest.fixture
def ik_full_only(monkeypatch):
    """Files have one signature: the others are made of the same operations, and each costs seconds."""

    def one(solver, body, **_):
        return {"ik_full": signatures.traced(solver, contract.input_shapes(10), axes=solver.event_axes)}

    monkeypatch.setattr(tflite, "signatures", one)


@pytest.mark.slow
@pytest.mark.parametrize("signature", INPUTS)
def test_it_computes_what_keras_computes_by_name(solver, written, arrays, signature):
    run = export.load_litert(written)
    for batch in (1, 7, 256, 1):
        inputs = chosen(arrays(batch), INPUTS[signature])
        assert_same(run(signature, **inputs), in_keras(solver, signature, inputs))


@pytest.mark.slow
def test_only_built_in_operations(written):
    plain = interpreter.InterpreterWithCustomOps(
        custom_op_registerers=[],
        model_path=str(written),
        experimental_op_resolver_type=interpreter.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    names = {operation["op_name"] for operation in plain._get_ops_details()}
    assert "FULLY_CONNECTED" in names
    assert not [name for name in names if name.startswith("Flex") or name == "CUSTOM"]


@pytest.mark.slow
def test_an_interpreter_that_knows_no_signatures_runs_ik(written, arrays):
    plain = interpreter.Interpreter(model_path=str(written))
    (joints,) = plain.get_input_details()
    given = arrays(1)["joints"]
    plain.resize_tensor_input(joints["index"], given.shape)
    plain.allocate_tensors()
    plain.set_tensor(joints["index"], given)
    plain.invoke()
    found = [plain.get_tensor(output["index"]) for output in plain.get_output_details()]
    wanted = export.load_litert(written)("ik", joints=given)
    for array in wanted.values():
        assert any(array.shape == one.shape and np.allclose(array, one, atol=1e-6) for one in found)


@pytest.mark.slow
def test_a_bad_example_is_flagged(written, arrays):
    joints = arrays(3)["joints"]
    joints[1, 5], joints[2, 7, 1] = np.inf, np.nan  # that with a NaN is absent
    runner = interpreter.Interpreter(model_path=str(written)).get_signature_runner("ik")
    answer = runner(joints=joints)
    assert answer["valid"].tolist() == [True, False, True]
    assert answer["reason"].tolist() == [0, Reason.TOO_FAR, 0]
    assert np.isfinite(answer["body_pose"]).all()


@pytest.mark.slow
def test_it_tells_the_reasons_of_joints(written):
    joints = np.float32([SKELETON.joints, 1000 * SKELETON.joints, 0.01 * SKELETON.joints, 0 * SKELETON.joints])
    answer = export.load_litert(written)(joints=joints)
    assert answer["reason"].tolist() == [0, Reason.TOO_LARGE, Reason.TOO_SMALL, Reason.NOTHING_SEEN]
    assert answer["valid"].tolist() == [True, False, False, True]


@pytest.mark.slow
@pytest.mark.parametrize(("quantize", "share", "apart"), [("float16", 0.6, 5e-3), ("int8", 1 / 3, 0.02)])
def test_quantised_weights_are_smaller_and_nearly_as_good(arrays, tmp_path, request, quantize, share, apart):
    if quantize == "float16":  # int8 shows that signatures share their weights
        request.getfixturevalue("ik_full_only")
    solver = solvers.MLP(SKELETON, hidden_dim=512, num_layers=2)
    path = tmp_path / "model.tflite"
    path.write_bytes(export.litert(solver, quantize=quantize))
    inputs = chosen(arrays(16), INPUTS["ik_full"])
    found, expected = export.load_litert(path)("ik_full", **inputs), in_keras(solver, "ik_full", inputs)
    assert path.stat().st_size < share * 4 * solver.count_params() + 300_000
    assert 0.0 < np.median(np.abs(found["body_pose"] - expected["body_pose"])) < apart


def test_an_unknown_quantisation_is_refused():
    with pytest.raises(ValueError, match="`quantize` must be one of none, float16, int8; got 'int4'"):
        export.litert(solvers.Analytic(SKELETON), quantize="int4")


@pytest.mark.slow
@pytest.mark.usefixtures("ik_full_only")
def test_windows_of_any_length(arrays, tmp_path):
    solver = solvers.Temporal(
        SKELETON, num_couplings=2, hidden_dim=8, num_temporal_pairs=1, temporal_hidden_dim=8, refine=1
    )
    (tmp_path / "model.tflite").write_bytes(export.litert(solver))
    run = export.load_litert(tmp_path / "model.tflite")
    for leading in ((1, 16), (7, 5), (4, 1)):
        inputs = chosen(arrays(*leading), INPUTS["ik_full"])
        # Without absent joints: in LiteRT's float32 they are smoothed to positions that are off by millimetres.
        inputs["joint_sigma"] = np.minimum(inputs["joint_sigma"], 0.02)
        inputs["joints"] = np.float32(SKELETON.joints + 0.1 * (inputs["joints"] - SKELETON.joints))
        found, wanted = run("ik_full", **inputs), in_keras(solver, "ik_full", inputs)
        # The path is smoothed in float32, too: right to half a millimetre where it is rough.
        np.testing.assert_allclose(found.pop("transl"), wanted.pop("transl"), atol=5e-4)
        assert_same(found, wanted, within=5e-5)


class Factorising(solvers.MLP):
    def solve_known_body(self, joints, joint_sigma, betas, rest_joints, twist):
        rotations, further = super().solve_known_body(joints, joint_sigma, betas, rest_joints, twist)
        return tf.linalg.cholesky(tf.eye(3) + tf.linalg.matmul(rotations, rotations, transpose_b=True)), further


@pytest.mark.usefixtures("ik_full_only")
@pytest.mark.slow
def test_operations_that_litert_does_not_have_are_named():
    with pytest.raises(
        ValueError, match="`solver` must do with LiteRT's built-in operations; it needs Cholesky. Write"
    ):
        export.litert(Factorising(SKELETON, hidden_dim=8, num_layers=1))


@pytest.mark.usefixtures("ik_full_only")
@pytest.mark.slow
def test_the_exact_finish_is_part_of_the_file(arrays, tmp_path):
    solver = solvers.MLP(SKELETON, hidden_dim=8, num_layers=1, refine=1)
    (tmp_path / "model.tflite").write_bytes(export.litert(solver))
    inputs = chosen(arrays(7), INPUTS["ik_full"])
    assert_same(export.load_litert(tmp_path / "model.tflite")("ik_full", **inputs), in_keras(solver, "ik_full", inputs))


@pytest.mark.slow
def test_the_exact_finish_holds_known_rotations_in_the_file_too(arrays, tmp_path, monkeypatch):
    def one(solver, body, **_):
        shapes = {**contract.input_shapes(10), **contract.KNOWN}
        return {"ik_known": signatures.traced(solver, shapes, axes=solver.event_axes)}

    monkeypatch.setattr(tflite, "signatures", one)
    solver = solvers.MLP(SKELETON, hidden_dim=8, num_layers=1, refine=1)
    (tmp_path / "model.tflite").write_bytes(export.litert(solver))
    inputs = chosen(arrays(7), INPUTS["ik_known"])
    assert_same(
        export.load_litert(tmp_path / "model.tflite")("ik_known", **inputs), in_keras(solver, "ik_known", inputs)
    )


def test_a_path_without_a_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`path` must be a .tflite file; got .*, where there is none"):
        export.load_litert(tmp_path / "absent.tflite")
