"""Messages of Open Inference: bytes as its own stubs make them, JSON as its specification has it."""

import json

import numpy as np
import pytest

from niki_tf.export import open_inference

REQUEST = "0a016d2a120a066a6f696e74731204465033321a0201023a080000803f00000040"
TYPED = (
    "0a016d1201311a01782a220a067472616e736c1204465033321a0201032a0e320c0000803f00000040000040402a150a0576616c69641204424f"
    "4f4c1a01012a030a01012a180a0573746174651205494e5433321a0201022a0412020002"
)
RAW = (
    "0a016d2a120a067472616e736c1204465033321a0201032a100a0576616c69641204424f4f4c1a0101320c0000803f00000040000040403201"
    "01"
)
"""Written by the stubs that protoc makes of open_inference_grpc.proto: model m; joints, 1 and 2; transl, 1, 2 and 3,
valid true, state 0 and 2, as typed fields or as bytes."""
TRANSL = {"name": "transl", "datatype": "FP32", "shape": [1, 3], "data": [1, 2.0, 3]}


def test_requests_are_those_of_the_stubs_and_of_the_specification():
    joints = np.array([[1, 2]])
    assert open_inference.grpc_request({"joints": joints}, model="m").hex() == REQUEST
    sent = json.loads(open_inference.rest_request({"joints": joints}))
    assert sent == {"inputs": [{"name": "joints", "datatype": "FP32", "shape": [1, 2], "data": [1.0, 2.0]}]}


@pytest.mark.parametrize(("message", "names"), [(TYPED, ["transl", "valid", "state"]), (RAW, ["transl", "valid"])])
def test_answers_of_the_stubs_are_read(message, names):
    answer = open_inference.grpc_answer(bytes.fromhex(message))
    assert list(answer) == names
    np.testing.assert_array_equal(answer["transl"], np.array([[1, 2, 3]], np.float32))
    assert (answer["valid"].tolist(), answer["valid"].dtype) == ([True], np.bool_)
    if "state" in names:
        np.testing.assert_array_equal(answer["state"], np.array([[0, 2]], np.int32))


def test_an_answer_in_json_is_read():
    valid = {"name": "valid", "datatype": "BOOL", "shape": [1], "data": [True], "parameters": {"content_type": "np"}}
    answer = open_inference.rest_answer(json.dumps({"model_name": "m", "outputs": [TRANSL, valid]}).encode())
    np.testing.assert_array_equal(answer["transl"], np.array([[1, 2, 3]], np.float32))
    assert answer["transl"].dtype == np.float32
    assert answer["valid"].tolist() == [True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": [1, 2]}, r"`transl` must be a whole array of shape \(1, 3\); got 2 numbers"),
        ({"shape": [-1, -3]}, r"`transl` must be a whole array of shape \(-1, -3\)"),
        ({"data": ["1", "2", "3"]}, "`transl` must be an array of FP32"),
        ({"data": [1, None, 3]}, "`transl` must be an array of FP32"),
        ({"data": [[1], [2, 3]]}, "`transl` must be an array of FP32"),
        ({"datatype": "BYTES"}, r"`transl` must be an array of numbers .*; got 'BYTES'"),
        ({"datatype": "BOOL"}, "`transl` must be an array of BOOL"),
        ({"datatype": 1}, "a response of tensors"),
        ({"shape": [1, 3.0]}, "a response of tensors"),
        ({"shape": None}, "a response of tensors"),
    ],
)
def test_what_is_no_tensor_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        open_inference.rest_answer(json.dumps({"outputs": [{**TRANSL, **change}]}).encode())


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"outputs": {"transl": [[1, 2, 3]]}}', b'{"outputs": [1]}', b"[" * 9999]
)
def test_another_body_is_named(body):
    with pytest.raises(ValueError, match="`body` must be a response of tensors"):
        open_inference.rest_answer(body)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"\xff\xfe", "must be a ModelInferResponse"),
        (b"", "must hold outputs"),
        (bytes.fromhex(RAW[:-6]), "must hold outputs; got 2, and bytes of 1"),
        (bytes.fromhex(RAW.replace("320c0000803f", "320b00803f")), "whole numbers of FP32; got 11 bytes"),
    ],
)
def test_another_message_is_named(message, said):
    with pytest.raises(ValueError, match=said):
        open_inference.grpc_answer(message)
