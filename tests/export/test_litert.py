"""LiteRT files: same numbers and names as in Keras, built-in operations only, smaller when quantised."""

import numpy as np
import pytest
from test_saved_model import INPUTS, assert_same, chosen, in_keras

from niki_tf import body, export, solvers

interpreter = pytest.importorskip("ai_edge_litert.interpreter", reason="ai-edge-litert is not installed")


@pytest.fixture(scope="module")
def written(solver, tmp_path_factory):
    """A function of the quantisation that gives the file, each converted once."""
    folder, made = tmp_path_factory.mktemp("litert"), {}

    def file(quantize):
        if quantize not in made:
            made[quantize] = folder / f"{quantize}.tflite"
            made[quantize].write_bytes(export.litert(solver, quantize=quantize))
        return made[quantize]

    return file


@pytest.mark.parametrize("signature", INPUTS)
def test_it_computes_what_keras_computes_by_name(solver, written, arrays, signature):
    run = export.load_litert(written("none"))
    for batch in (1, 7, 256, 1):
        inputs = chosen(arrays(batch), INPUTS[signature])
        assert_same(run(signature, **inputs), in_keras(solver, signature, inputs))


def test_only_built_in_operations(written):
    plain = interpreter.InterpreterWithCustomOps(
        custom_op_registerers=[], model_path=str(written("none")),
        experimental_op_resolver_type=interpreter.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )  # fmt: skip
    names = {operation["op_name"] for operation in plain._get_ops_details()}
    assert "FULLY_CONNECTED" in names
    assert not [name for name in names if name.startswith("Flex") or name == "CUSTOM"]


def test_a_bad_example_is_flagged(written, arrays):
    joints = arrays(3)["joints"]
    joints[1, 5] = np.nan
    runner = interpreter.Interpreter(model_path=str(written("none"))).get_signature_runner("ik")
    answer = runner(joints=joints)
    assert answer["valid"].tolist() == [True, False, True]
    assert np.isfinite(answer["body_pose"]).all()


def test_quantised_weights_are_smaller_and_nearly_as_good(written, arrays):
    joints = arrays(16)["joints"]
    sizes, answers = {}, {}
    for quantize in ("none", "int8"):
        sizes[quantize] = written(quantize).stat().st_size
        answers[quantize] = export.load_litert(written(quantize))(joints=joints)["body_pose"]
    assert sizes["int8"] < sizes["none"] - 20_000
    assert 0.0 < np.abs(answers["int8"] - answers["none"]).mean() < 0.01


def test_wrong_requests_are_turned_away():
    analytic = solvers.Analytic(body.mannequin_skeleton())
    with pytest.raises(ValueError, match="`quantize` must be one of none, float16, int8; got 'int4'"):
        export.litert(analytic, quantize="int4")
    analytic.refine = 3
    with pytest.raises(ValueError, match="`solver` must have refine = 0 for LiteRT"):
        export.litert(analytic)


def test_what_is_no_file_is_turned_away(tmp_path):
    with pytest.raises(ValueError, match="`path` must be a .tflite file; there is no file"):
        export.load_litert(tmp_path / "absent.tflite")
