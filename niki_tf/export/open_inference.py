"""Messages to and from servers of the Open Inference Protocol, version 2, over REST (JSON) and gRPC.

The protocol has no signatures: which one is asked follows from the names of the inputs.
Source: Open Inference Protocol, specification of version 2, inference_rest.md and open_inference_grpc.proto.
"""

import functools
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from niki_tf.shapes import TensorLike

_DTYPES = {"BOOL": np.bool_, "INT32": np.int32, "INT64": np.int64, "FP32": np.float32, "FP64": np.float64}
"""Types of outputs by their names in the protocol."""
_CONTENTS = {
    "BOOL": "bool_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
}
"""Type -> the field of its numbers in a message of gRPC that does not send bytes."""
_KINDS = {"BOOL": "b", "INT32": "iu", "INT64": "iu", "FP32": "fiu", "FP64": "fiu"}
"""Type -> the kinds that NumPy makes of its numbers in JSON."""
_TENSOR = {"name": (1, "STRING"), "datatype": (2, "STRING"), "shape": (3, "INT64*")}
_FIELDS = {
    "Contents": {
        "bool_contents": (1, "BOOL*"),
        "int_contents": (2, "INT32*"),
        "int64_contents": (3, "INT64*"),
        "fp32_contents": (6, "FLOAT*"),
        "fp64_contents": (7, "DOUBLE*"),
    },
    "Tensor": {**_TENSOR, "contents": (5, "Contents")},
    "Request": {
        "model_name": (1, "STRING"),
        "inputs": (5, "Tensor*"),
        "raw_input_contents": (7, "BYTES*"),
    },
    "Response": {
        "model_name": (1, "STRING"),
        "outputs": (5, "Tensor*"),
        "raw_output_contents": (6, "BYTES*"),
    },
}
"""Message -> field -> its number and type, repeated with a star: those fields that are written or read here."""


def rest_request(inputs: Mapping[str, TensorLike]) -> bytes:
    """The body of a REST request for arrays by input name.

    Raises:
        ValueError: an array holds NaN or infinity, which JSON does not have. Give absent joints a joint_sigma of 10 m.

    Example:
        >>> import numpy as np
        >>> from niki_tf.export import open_inference
        >>> open_inference.rest_request({"joints": np.zeros([1, 2])})
        b'{"inputs": [{"name": "joints", "datatype": "FP32", "shape": [1, 2], "data": [0.0, 0.0]}]}'
    """
    tensors = [
        {"name": name, "datatype": "FP32", "shape": list(array.shape), "data": array.reshape(-1).tolist()}
        for name, array in _floats(inputs).items()
    ]
    return json.dumps({"inputs": tensors}, allow_nan=False).encode()


def rest_answer(body: bytes) -> dict[str, np.ndarray]:
    """Arrays by output name of the body of a REST response.

    Raises:
        ValueError: the body is no such response, or an output is no array of numbers.
    """
    try:
        outputs = json.loads(body)["outputs"]
        read = {str(tensor["name"]): _stated(tensor["datatype"], tensor["shape"]) for tensor in outputs}
        columns = {str(tensor["name"]): tensor["data"] for tensor in outputs}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"`body` must be a response of tensors (`outputs`); got {body[:80]!r}.") from None
    return {name: _array(name, columns[name], *stated) for name, stated in read.items()}


def grpc_request(inputs: Mapping[str, TensorLike], *, model: str) -> bytes:
    """The ModelInferRequest for arrays by input name, whose numbers are sent as bytes."""
    request = _messages()["Request"](model_name=model)
    for name, array in _floats(inputs).items():
        request.inputs.add(name=name, datatype="FP32", shape=array.shape)
        request.raw_input_contents.append(array.astype("<f4").tobytes())
    return request.SerializeToString()


def grpc_answer(response: bytes) -> dict[str, np.ndarray]:
    """Arrays by output name of a ModelInferResponse.

    Raises:
        ValueError: it is no such message, or an output is no array of numbers.
    """
    from google.protobuf.message import DecodeError

    try:
        read = _messages()["Response"].FromString(response)
    except DecodeError:
        raise ValueError(f"`response` must be a ModelInferResponse; got {response[:40]!r}.") from None
    raw = read.raw_output_contents
    if not read.outputs or len(raw) not in (0, len(read.outputs)):
        raise ValueError(f"`response` must hold outputs; got {len(read.outputs)}, and bytes of {len(raw)}.")
    return {tensor.name: _tensor(tensor, raw[index] if raw else None) for index, tensor in enumerate(read.outputs)}


def _floats(inputs: Mapping[str, TensorLike]) -> dict[str, np.ndarray]:
    return {name: np.asarray(array, np.float32) for name, array in inputs.items()}


def _stated(datatype: Any, shape: Any) -> tuple[str, tuple[int, ...]]:
    """The type and shape that a tensor states; TypeError unless they are text and whole numbers."""
    if not isinstance(datatype, str) or not all(type(size) is int for size in shape):
        raise TypeError
    return datatype, tuple(shape)


def _tensor(tensor: Any, raw: bytes | None) -> np.ndarray:
    """The array of a tensor by gRPC, of its bytes if there are any."""
    datatype, shape = tensor.datatype, tuple(tensor.shape)
    if raw is None:
        numbers = getattr(tensor.contents, _CONTENTS.get(datatype, _CONTENTS["FP32"]))
        return _array(tensor.name, list(numbers), datatype, shape)
    dtype = np.dtype(_DTYPES.get(datatype, np.float32)).newbyteorder("<")
    if len(raw) % dtype.itemsize:
        raise ValueError(f"`{tensor.name}` must be whole numbers of {datatype}; got {len(raw)} bytes.")
    return _array(tensor.name, np.frombuffer(raw, dtype), datatype, shape)


def _array(name: str, data: Any, datatype: str, shape: tuple[int, ...]) -> np.ndarray:
    """The numbers of an output as an array of its type and shape; ValueError if they are none of that."""
    if datatype not in _DTYPES:
        raise ValueError(f"`{name}` must be an array of numbers ({', '.join(_DTYPES)}); got {datatype[:40]!r}.")
    try:
        array = np.asarray(data)
    except (ValueError, OverflowError):  # lists of different lengths
        array = np.array(None)
    if array.dtype.kind not in _KINDS[datatype] and array.size:
        raise ValueError(f"`{name}` must be an array of {datatype}; got {repr(data)[:80]}.")
    if min(shape, default=0) < 0 or array.size != math.prod(shape):
        raise ValueError(f"`{name}` must be a whole array of shape {shape}; got {array.size} numbers.")
    with np.errstate(over="ignore"):  # to infinity, which is refused for what it is
        return array.astype(_DTYPES[datatype]).reshape(shape)


@functools.cache
def _messages() -> dict[str, Any]:
    """The classes of the messages in `_FIELDS`, by name."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="niki_tf/open_inference.proto", package="niki_tf", syntax="proto3")
    for message, fields in _FIELDS.items():
        added = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            plain = kind.rstrip("*")
            label = kinds.LABEL_REPEATED if kind.endswith("*") else kinds.LABEL_OPTIONAL
            field = added.field.add(name=name, number=number, label=label)
            field.type = kinds.TYPE_MESSAGE if plain in _FIELDS else kinds.Type.Value(f"TYPE_{plain}")
            if plain in _FIELDS:
                field.type_name = f".niki_tf.{plain}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        message: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"niki_tf.{message}"))
        for message in _FIELDS
    }
