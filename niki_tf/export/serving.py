"""Clients of TensorFlow Serving: a model on a server, called like a function."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable

import numpy as np

from niki_tf.export import messages
from niki_tf.shapes import TensorLike

_SECONDS = 60.0
"""How long a client waits for an answer."""


def rest_server(address: str, *, model: str) -> Callable[..., dict[str, np.ndarray]]:
    """A function (signature, **arrays) -> dict of arrays that asks a server by REST.

    Args:
        address: host and port, for instance "localhost:8501".
        model: name of the model on the server.

    Raises:
        ConnectionError: (the function) nobody answers, or the server answers with an error.
        ValueError: (the function) the answer is not one of TensorFlow Serving's.

    Source: TensorFlow Serving, RESTful API, the predict call in its columnar form.
    """
    url = f"http://{address}/v1/models/{model}:predict"

    def ask(signature: str, **inputs: TensorLike) -> dict[str, np.ndarray]:
        body = messages.rest_request(inputs, signature=signature)
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as response:
                return messages.rest_answer(response.read())
        except urllib.error.HTTPError as error:
            raise ConnectionError(f"{url} answers with an error: {_reason(error)}") from None
        except OSError as error:
            raise ConnectionError(f"{url} does not answer ({error}). Is the server running?") from None

    return ask


def grpc_server(address: str, *, model: str) -> Callable[..., dict[str, np.ndarray]]:
    """A function (signature, **arrays) -> dict of arrays that asks a server by gRPC.

    Args:
        address: host and port, for instance "localhost:8500".
        model: name of the model on the server.

    Raises:
        ModuleNotFoundError: tensorflow-serving-api is not installed.
        ConnectionError: (the function) nobody answers, or the server answers with an error.

    Source: TensorFlow Serving, PredictionService.Predict.
    """
    import grpc
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    # Without a limit, since the default of 4 MB is some 1,500 answers.
    channel = grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)])
    predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict

    def ask(signature: str, **inputs: TensorLike) -> dict[str, np.ndarray]:
        try:
            request = messages.grpc_request(inputs, model=model, signature=signature)
            return messages.grpc_answer(predict(request, timeout=_SECONDS))
        except grpc.RpcError as error:
            raise ConnectionError(f"{address} does not answer ({error.code().name}): {error.details()}") from None

    return ask


def _reason(error: urllib.error.HTTPError) -> str:
    """What the server says in an HTTP error: its JSON `error`, or else the bare code."""
    try:
        return json.loads(error.read())["error"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {error.code}"
