"""Messages to and from TensorFlow Serving, over gRPC (protocol buffers) and REST (JSON).

The protocol buffers come from tensorflow-serving-api, which is imported where it is needed: REST does without.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from niki_tf.shapes import TensorLike

_DTYPES = {"valid": bool, "state": np.int32}
"""Outputs that are not float32, which JSON does not tell."""


def grpc_request(inputs: Mapping[str, TensorLike], *, model: str, signature: str) -> Any:
    """The PredictRequest for arrays by input name.

    Raises:
        ModuleNotFoundError: tensorflow-serving-api is not installed.
    """
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, array in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array, tf.float32))
    return request


def grpc_answer(response: Any) -> dict[str, np.ndarray]:
    """Arrays by output name of a PredictResponse."""
    return {name: tf.make_ndarray(proto) for name, proto in response.outputs.items()}


def warm_up(inputs: Mapping[str, TensorLike], *, signature: str) -> Any:
    """The PredictionLog of one request, a record of a model's warm-up file."""
    from tensorflow_serving.apis import prediction_log_pb2

    request = grpc_request(inputs, model="", signature=signature)
    return prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))


def rest_request(inputs: Mapping[str, TensorLike], *, signature: str) -> bytes:
    """The body of a REST request in its columnar form, for arrays by input name.

    Raises:
        ValueError: an array holds NaN or infinity, which JSON does not have. Give absent joints a joint_sigma of 10 m.

    Example:
        >>> import numpy as np
        >>> from niki_tf.export import messages
        >>> messages.rest_request({"joints": np.zeros([1, 2])}, signature="ik")
        b'{"signature_name": "ik", "inputs": {"joints": [[0.0, 0.0]]}}'
    """
    columns = {name: np.asarray(array, np.float32).tolist() for name, array in inputs.items()}
    return json.dumps({"signature_name": signature, "inputs": columns}, allow_nan=False).encode()


def rest_answer(body: bytes) -> dict[str, np.ndarray]:
    """Arrays by output name of the body of a REST response.

    Raises:
        ValueError: the body is no such response.
    """
    try:
        columns = json.loads(body)["outputs"]
        return {name: np.array(column, _DTYPES.get(name, np.float32)) for name, column in columns.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"`body` must be a response in columns (`outputs`); got {body[:80]!r}.") from None
