"""Clients of TensorFlow Serving: a model on a server, called like a function.

An answer is refused that comes too late, is too long, or is not what the signature gives (`answers.check`). A token is
sent to this machine or over TLS only.
"""

import math
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

import numpy as np

from niki_tf.export import addresses, answers, http_post, messages
from niki_tf.export.addresses import Address
from niki_tf.shapes import TensorLike

DEADLINE = 60.0
"""Seconds that a server has for an answer."""
_PREDICT = "/tensorflow.serving.PredictionService/Predict"
"""Source: TensorFlow Serving, prediction_service.proto."""


def rest_server(
    address: str, *, model: str, deadline: float = DEADLINE, token: str | None = None
) -> Callable[..., dict[str, np.ndarray]]:
    """A function (signature, **arrays) -> dict of arrays that asks a server by REST.

    Args:
        address: "localhost:8501", or "https://HOST:PORT" for TLS, whose certificate must be one that Python trusts
            (SSL_CERT_FILE names others).
        model: name of the model on the server.
        deadline: seconds in which an answer must be there to its last byte, from the call on.
        token: sent as `Authorization: Bearer`; None for none.

    Raises:
        ValueError: an argument is not as it must be; (the function) the answer is not one of TensorFlow Serving's, not
            whole, too long, or not what the signature gives.
        ConnectionError: (the function) nobody answers in time, or the server answers with an error or a redirect.

    Source: TensorFlow Serving, RESTful API, the predict call in its columnar form.
    """
    place = addresses.parse(address, protocol="rest")
    _check(place, model=model, deadline=deadline, token=token)
    name = urllib.parse.quote(model, safe="")
    url = f"{'https' if place.tls else 'http'}://{place.host}:{place.port}{place.path}/v1/models/{name}:predict"
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def ask(signature: str, **inputs: TensorLike) -> dict[str, np.ndarray]:
        body = messages.rest_request(inputs, signature=signature)
        most = answers.most_bytes(inputs, signature=signature, protocol="rest")
        found = http_post.post(url, body, headers=headers, deadline=deadline, most=most)
        answer = _read(lambda: messages.rest_answer(found), url)
        answers.check(answer, inputs, signature=signature, url=url)
        return answer

    return ask


def grpc_server(
    address: str, *, model: str, deadline: float = DEADLINE, token: str | None = None
) -> Callable[..., dict[str, np.ndarray]]:
    """A function (signature, **arrays) -> dict of arrays that asks a server by gRPC.

    Args:
        address: "localhost:8500", or "grpcs://HOST:PORT" for TLS, whose certificate must be one that gRPC trusts
            (GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names others).
        model: name of the model on the server.
        deadline: seconds in which an answer must be there, from the call on.
        token: sent as `authorization: Bearer`; None for none.

    Raises:
        ModuleNotFoundError: tensorflow-serving-api is not installed.
        ValueError: as `rest_server`.
        ConnectionError: (the function) nobody answers in time, or the server answers with an error.

    Source: TensorFlow Serving, PredictionService.Predict.
    """
    import grpc
    from google.protobuf.message import DecodeError
    from tensorflow_serving.apis import predict_pb2

    place = addresses.parse(address, protocol="grpc")
    _check(place, model=model, deadline=deadline, token=token)
    url = f"{'grpcs' if place.tls else 'grpc'}://{place.host}:{place.port}"
    metadata = [("authorization", f"Bearer {token}")] if token else []

    def ask(signature: str, **inputs: TensorLike) -> dict[str, np.ndarray]:
        request = messages.grpc_request(inputs, model=model, signature=signature)
        most = answers.most_bytes(inputs, signature=signature, protocol="grpc")
        with _channel(place, most) as channel:
            try:
                predict = channel.unary_unary(_PREDICT)  # bytes: gRPC logs a traceback for those that it cannot read
                found = predict(request.SerializeToString(), timeout=deadline, metadata=metadata)
            except grpc.RpcError as error:
                raise _failed(error, url, deadline=deadline) from None
        try:
            response = predict_pb2.PredictResponse.FromString(found)
        except DecodeError:
            raise ValueError(
                f"{url} must answer with a PredictResponse; got {found[:40]!r}. Is it TensorFlow Serving?"
            ) from None
        answer = _read(lambda: messages.grpc_answer(response, most=most // answers.BYTES["grpc"]), url)
        answers.check(answer, inputs, signature=signature, url=url)
        return answer

    return ask


def _check(place: Address, *, model: str, deadline: float, token: str | None) -> None:
    """ValueError unless model, deadline and token can be used with the address; the token is not repeated."""
    if not model:
        raise ValueError("`model` must be the name of a model on the server; got ''.")
    if not (deadline > 0.0 and math.isfinite(deadline)):
        raise ValueError(f"`deadline` must be a positive number of seconds; got {deadline}.")
    if token is None:
        return
    if not re.fullmatch("[!-~]+", token):
        raise ValueError("the token must be printable ASCII without spaces; got something else. Is a line break in it?")
    if not (place.tls or place.local):
        raise ValueError(
            f"the token may leave this machine over TLS only; got {place.host}:{place.port} without. Give an address "
            "that begins with https:// or grpcs://, or no token."
        )


def _channel(place: Address, most: int) -> Any:
    """The gRPC channel to an address, by which a message of at most `most` bytes comes back."""
    import grpc

    target, options = f"{place.host}:{place.port}", [("grpc.max_receive_message_length", most)]
    if place.tls:
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(), options=options)
    return grpc.insecure_channel(target, options=options)


def _failed(error: Any, url: str, *, deadline: float) -> ConnectionError:
    """What a failed call by gRPC means."""
    import grpc

    cures = {
        grpc.StatusCode.UNAVAILABLE: "Is the server running, and this its gRPC port (8500)?",
        grpc.StatusCode.DEADLINE_EXCEEDED: f"It had {deadline:g} s: allow it more, or send fewer frames at once.",
        grpc.StatusCode.UNAUTHENTICATED: "Is the token right?",
        grpc.StatusCode.PERMISSION_DENIED: "Is the token right?",
    }
    said = http_post.in_one_line(error.details() or "without a reason")
    return ConnectionError(
        f"{url} does not answer ({error.code().name}): {said} {cures.get(error.code(), '')}".rstrip()
    )


def _read(read: Callable[[], dict[str, np.ndarray]], url: str) -> dict[str, np.ndarray]:
    """What `read` gives; its ValueError with the address before it."""
    try:
        return read()
    except ValueError as error:
        raise ValueError(f"{url} answers with something else: {http_post.in_one_line(str(error))}") from None
