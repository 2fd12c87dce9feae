"""Servers on this machine that speak gRPC and answer badly, each a function of the request's bytes and the call."""

import concurrent.futures
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
import wrong_values
from tensorflow_serving.apis import predict_pb2

Fault = Callable[[bytes, Any], bytes]

_MEGABYTES = 64


@contextlib.contextmanager
def serve(fault: Fault, *, credentials: Any = None) -> Iterator[str]:
    """Gives the address of a PredictionService that answers by `fault`; with `credentials` over TLS."""
    handlers = {name: grpc.unary_unary_rpc_method_handler(fault) for name in ("Predict",)}
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), options=[("grpc.max_send_message_length", -1)])
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", handlers)]
    )
    port = (
        server.add_insecure_port("localhost:0")
        if credentials is None
        else server.add_secure_port("localhost:0", credentials)
    )
    server.start()
    try:
        yield f"localhost:{port}"
    finally:
        server.stop(None)


def encoded(answer: wrong_values.Arrays) -> bytes:
    """The PredictResponse of arrays by name."""
    response = predict_pb2.PredictResponse()
    for name, array in answer.items():
        response.outputs[name].CopyFrom(tf.make_tensor_proto(array))
    return response.SerializeToString()


def changed(change: Callable[[wrong_values.Arrays], Any]) -> Fault:
    """Answers as it should, with the outputs changed."""
    return lambda asked, call: encoded(change(_right(asked)))


def _right(asked: bytes) -> wrong_values.Arrays:
    request = predict_pb2.PredictRequest.FromString(asked)
    return wrong_values.right({"joints": tf.make_ndarray(request.inputs["joints"])})


def _altered(name: str, alter: Callable[[Any], Any]) -> Fault:
    """Answers as it should, with the protocol buffer of one output altered."""

    def fault(asked: bytes, call: Any) -> bytes:
        response = predict_pb2.PredictResponse.FromString(encoded(_right(asked)))
        alter(response.outputs[name])
        return response.SerializeToString()

    return fault


def _aborts(code: grpc.StatusCode, details: str) -> Fault:
    return lambda asked, call: call.abort(code, details)


def _fails(asked: bytes, call: Any) -> bytes:
    call.set_code(grpc.StatusCode.UNKNOWN)
    call.set_details("")
    return b""


def _hangs(asked: bytes, call: Any) -> bytes:
    while call.is_active():
        time.sleep(0.1)
    return b""


def _sizes(*sizes: int) -> Callable[[Any], None]:
    """An alteration: the shape, with the numbers as they are."""

    def alter(proto: Any) -> None:
        for axis, size in zip(proto.tensor_shape.dim, sizes, strict=False):
            axis.size = size

    return alter


def _filled(proto: Any) -> None:
    """One number that stands for a terabyte of them."""
    proto.Clear()
    proto.dtype = tf.float32.as_datatype_enum
    proto.tensor_shape.CopyFrom(tf.TensorShape([2**40, 3]).as_proto())
    proto.float_val.append(0.0)


def _text(proto: Any) -> None:
    proto.CopyFrom(tf.make_tensor_proto(["no", "no"]))


def _unknown_type(proto: Any) -> None:
    proto.dtype = 99


def _cut(proto: Any) -> None:
    proto.tensor_content = proto.tensor_content[:-5]


RIGHT: dict[str, Fault] = {
    "whole": changed(lambda answer: answer),
    "with one output more": changed(lambda answer: {**answer, "logits": np.zeros([1, 2])}),
}
"""Servers whose answer is right."""

FAULTS: dict[str, Fault] = {
    "never answers": _hangs,
    "unavailable": _aborts(grpc.StatusCode.UNAVAILABLE, "starting"),
    "not found": _aborts(grpc.StatusCode.NOT_FOUND, "Servable not found"),
    "no token": _aborts(grpc.StatusCode.UNAUTHENTICATED, "who are you"),
    "forbidden": _aborts(grpc.StatusCode.PERMISSION_DENIED, ""),
    "many lines": _aborts(grpc.StatusCode.INTERNAL, "one\ntwo\x1b[31m\nTraceback (most recent call last)" * 50),
    "no reason": _fails,
    "noise": lambda asked, call: np.random.default_rng(0).bytes(300),
    "an empty message": lambda asked, call: b"",
    "the request": lambda asked, call: asked,
    "a message too large": lambda asked, call: bytes(_MEGABYTES * 2**20),
    "a terabyte of one number": _altered("transl", _filled),
    "a negative shape": _altered("transl", _sizes(-1, 3)),
    "a shape that its numbers do not fill": _altered("transl", _sizes(1, 1)),
    "numbers cut off": _altered("body_pose", _cut),
    "valid is text": _altered("valid", _text),
    "transl is text": _altered("transl", _text),
    "a type that is none": _altered("transl", _unknown_type),
}
"""What goes wrong with an answer by gRPC."""
