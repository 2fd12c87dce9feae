"""Messages to and from TensorFlow Serving, over gRPC (protocol buffers) and REST (JSON).

The protocol buffers come from tensorflow-serving-api, which is imported where it is needed: REST does without.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from niki_tf.shapes import TensorLike

_DTYPES = {"valid": (np.bool_, "b"), "state": (np.int32, "iu"), "reason": (np.int32, "iu")}
"""Outputs that are not float32, which JSON does not tell, and the kinds of NumPy's types they may come as."""
_FLOAT = (np.float32, "fiu")
_NUMBERS = {dtype.as_datatype_enum: dtype.name for dtype in (tf.float32, tf.float64, tf.int32, tf.int64, tf.bool)}
"""Types of outputs, as protocol buffers number them."""


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


def predict_response(message: bytes) -> Any:
    """The PredictResponse of its bytes.

    Raises:
        ModuleNotFoundError: tensorflow-serving-api is not installed.
        ValueError: they are none.
    """
    from google.protobuf.message import DecodeError
    from tensorflow_serving.apis import predict_pb2

    try:
        return predict_pb2.PredictResponse.FromString(message)
    except DecodeError:
        raise ValueError(f"`message` must be a PredictResponse; got {message[:40]!r}.") from None


def grpc_answer(response: Any, *, most: int | None = None) -> dict[str, np.ndarray]:
    """Arrays by output name of a PredictResponse.

    Args:
        response: the PredictResponse.
        most: numbers that the largest array may have: a few bytes can stand for any number of equal ones.

    Raises:
        ValueError: an output is no array of numbers, or larger than that.
    """
    return {name: _array(name, proto, most) for name, proto in response.outputs.items()}


def _array(name: str, proto: Any, most: int | None) -> np.ndarray:
    """The array of a TensorProto; ValueError if it holds something else, or more than `most` numbers."""
    sizes = [axis.size for axis in proto.tensor_shape.dim]
    if proto.dtype not in _NUMBERS or min(sizes, default=0) < 0 or (most is not None and math.prod(sizes) > most):
        kind = _NUMBERS.get(proto.dtype, f"type {proto.dtype}")
        raise ValueError(f"`{name}` must be an array of at most {most} numbers; got {kind} of shape {tuple(sizes)}.")
    try:
        return tf.make_ndarray(proto)
    except (ValueError, TypeError, OverflowError, MemoryError) as error:
        raise ValueError(f"`{name}` must be a whole array of shape {tuple(sizes)}; got another size.") from error


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
        ValueError: the body is no such response, or an output is no array of numbers.
    """
    try:
        columns = json.loads(body)["outputs"]
        items = list(columns.items())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"`body` must be a response in columns (`outputs`); got {body[:80]!r}.") from None
    return {name: _column(name, column) for name, column in items}


def _column(name: str, column: Any) -> np.ndarray:
    """An output of a REST response as an array; text, null, ragged lists and other kinds are a ValueError."""
    dtype, kinds = _DTYPES.get(name, _FLOAT)
    try:
        array = np.asarray(column)
    except (ValueError, OverflowError):  # lists of different lengths
        array = np.array(None)
    if array.dtype.kind not in kinds and array.size:
        wanted = "true and false" if dtype is np.bool_ else "numbers"
        raise ValueError(f"`{name}` must be an array of {wanted}; got {repr(column)[:80]}.")
    with np.errstate(over="ignore"):  # to infinity, which is refused for what it is
        return array.astype(dtype)
