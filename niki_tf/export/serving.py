"""Clients of servers: a model on TensorFlow Serving or a server of Open Inference, called like a function.

An answer is refused that comes too late, is too long, or is not what the signature gives (`answers.check`). A token is
sent to this machine or over TLS only. A server that is busy or starting is asked again (`retrying`).
"""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from niki_tf.export import addresses, answers, http_post, retrying
from niki_tf.export.addresses import Address
from niki_tf.export.dialects import DIALECTS
from niki_tf.shapes import TensorLike

DEADLINE = 60.0
"""Seconds that a server has for an answer."""
RETRIES = 3
"""How often a server that is busy or starting is asked again."""


def rest_server(
    address: str,
    *,
    model: str,
    protocol: str = "tfs",
    deadline: float = DEADLINE,
    retries: int = RETRIES,
    token: str | None = None,
) -> Callable[..., dict[str, np.ndarray]]:
    """A function (signature, **arrays) -> dict of arrays that asks a server by REST.

    Args:
        address: "localhost:8501", or "https://HOST:PORT" for TLS, whose certificate must be one that Python trusts
            (SSL_CERT_FILE names others).
        model: name of the model on the server.
        protocol: "tfs", TensorFlow Serving's, in columns, or "v2", Open Inference's, where the names of the inputs say
            which signature is asked.
        deadline: seconds in which an answer must be there to its last byte, from the call on, whatever the retries.
        retries: how often a server is asked again that refuses the connection, breaks off, or answers with 429, 502,
            503 or 504.
        token: sent as `Authorization: Bearer`; None for none.

    Raises:
        ValueError: an argument is not as it must be; (the function) the answer is not one of the protocol, not whole,
            too long, or not what the signature gives.
        ConnectionError: (the function) nobody answers in time, or the server answers with an error or a redirect.

    Source: TensorFlow Serving, RESTful API, the predict call in its columnar form; Open Inference Protocol, version 2.
    """
    place, dialect = addresses.parse(address, protocol="rest"), DIALECTS[protocol]
    _check(place, model=model, deadline=deadline, retries=retries, token=token)
    url = f"{'https' if place.tls else 'http'}://{place.host}:{place.port}{place.path}{dialect.url(model)}"
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def ask(signature: str, **inputs: TensorLike) -> dict[str, np.ndarray]:
        body = dialect.rest_request(inputs, signature)
        most = answers.most_bytes(inputs, signature=signature, protocol="rest")
        found = retrying.persistently(
            lambda left: http_post.post(url, body, headers=headers, deadline=left, most=most),
            deadline=deadline,
            retries=retries,
        )
        answer = _read(lambda: dialect.rest_answer(found), url)
        answers.check(answer, inputs, signature=signature, url=url)
        return answer

    return ask


def grpc_server(
    address: str,
    *,
    model: str,
    protocol: str = "tfs",
    deadline: float = DEADLINE,
    retries: int = RETRIES,
    token: str | None = None,
) -> Callable[..., dict[str, np.ndarray]]:
    """A function (signature, **arrays) -> dict of arrays that asks a server by gRPC.

    Args:
        address: "localhost:8500", or "grpcs://HOST:PORT" for TLS, whose certificate must be one that gRPC trusts
            (GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names others).
        model: name of the model on the server.
        protocol: as `rest_server`.
        deadline: seconds in which an answer must be there, from the call on, whatever the retries.
        retries: how often a server is asked again that is UNAVAILABLE or whose resources are exhausted.
        token: sent as `authorization: Bearer`; None for none.

    Raises:
        ModuleNotFoundError: grpcio is not installed, or, for "tfs", tensorflow-serving-api.
        ValueError: as `rest_server`.
        ConnectionError: (the function) nobody answers in time, or the server answers with an error.

    Source: TensorFlow Serving, PredictionService.Predict; Open Inference Protocol, GRPCInferenceService.ModelInfer.
    """
    import grpc

    place, dialect = addresses.parse(address, protocol="grpc"), DIALECTS[protocol]
    _check(place, model=model, deadline=deadline, retries=retries, token=token)
    if protocol == "tfs":
        import tensorflow_serving.apis  # noqa: F401
    url = f"{'grpcs' if place.tls else 'grpc'}://{place.host}:{place.port}"
    metadata = [("authorization", f"Bearer {token}")] if token else []

    def ask(signature: str, **inputs: TensorLike) -> dict[str, np.ndarray]:
        request = dialect.grpc_request(inputs, model, signature)
        most = answers.most_bytes(inputs, signature=signature, protocol="grpc")

        def once(left: float) -> bytes:
            with _channel(place, most) as channel:
                try:
                    # Bytes come back: gRPC logs a traceback for messages that it cannot read.
                    return channel.unary_unary(dialect.method)(request, timeout=left, metadata=metadata)
                except grpc.RpcError as error:
                    raise _failed(error, url, deadline=deadline) from None

        found = retrying.persistently(once, deadline=deadline, retries=retries)
        answer = _read(lambda: dialect.grpc_answer(found, most // answers.BYTES["grpc"]), url)
        answers.check(answer, inputs, signature=signature, url=url)
        return answer

    return ask


def _check(place: Address, *, model: str, deadline: float, retries: int, token: str | None) -> None:
    """ValueError unless model, deadline, retries and token can be used with the address; no token is repeated."""
    if not model:
        raise ValueError("`model` must be the name of a model on the server; got ''.")
    if not (deadline > 0.0 and math.isfinite(deadline)):
        raise ValueError(f"`deadline` must be a positive number of seconds; got {deadline}.")
    if retries < 0:
        raise ValueError(f"`retries` must be 0 or more; got {retries}.")
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
        grpc.StatusCode.UNAVAILABLE: "Is the server running, and this its gRPC port?",
        grpc.StatusCode.DEADLINE_EXCEEDED: f"It had {deadline:g} s: allow it more, or send fewer frames at once.",
        grpc.StatusCode.UNAUTHENTICATED: "Is the token right?",
        grpc.StatusCode.PERMISSION_DENIED: "Is the token right?",
    }
    said = http_post.in_one_line(error.details() or "without a reason")
    exhausted = error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" not in said
    soon = exhausted or error.code() == grpc.StatusCode.UNAVAILABLE
    return (retrying.Unavailable if soon else ConnectionError)(
        f"{url} does not answer ({error.code().name}): {said} {cures.get(error.code(), '')}".rstrip()
    )


def _read(read: Callable[[], dict[str, np.ndarray]], url: str) -> dict[str, np.ndarray]:
    """What `read` gives; its ValueError with the address before it."""
    try:
        return read()
    except ValueError as error:
        raise ValueError(f"{url} answers with something else: {http_post.in_one_line(str(error))}") from None
