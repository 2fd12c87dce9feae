"""Weights of .tflite files in half precision.

LiteRT's converter stores every constant as float16 if any is to be, also the 1e-12 that a length is kept above, which
becomes zero, and the largest float32. Here weights alone are, which are many numbers.
"""

import copy

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

_MANY = 1024
"""Numbers of a constant that is stored in half precision."""
_VERSION = 3
"""Of the operation that makes float32 of float16."""


def store_half(model: schema.ModelT) -> None:
    """Stores large constants of a file of float32 as float16, of which each graph makes float32 again.

    Constants that hold a number beyond those of float16 stay as they are.
    """
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = _VERSION
    model.operatorCodes.append(code)
    halves = {place: half for place, buffer in enumerate(model.buffers) if (half := _half(buffer)) is not None}
    large = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors if _is_float(tensor)} & {*halves}
    for graph in model.subgraphs:
        made = []
        for place, tensor in enumerate([*graph.tensors]):
            if tensor.buffer in large:
                half, operator = copy.copy(tensor), schema.OperatorT()
                half.type = schema.TensorType.FLOAT16
                half.name = b""
                tensor.buffer = 0  # empty: it is computed
                operator.opcodeIndex = len(model.operatorCodes) - 1
                operator.inputs, operator.outputs = [len(graph.tensors)], [place]
                graph.tensors.append(half)
                made.append(operator)
        graph.operators = [*made, *graph.operators]
    for place in large:
        model.buffers[place].data = halves[place]


def _is_float(tensor: schema.TensorT) -> bool:
    return tensor.type == schema.TensorType.FLOAT32


def _half(buffer: schema.BufferT) -> np.ndarray | None:
    """The bytes of a buffer of float32 in half precision; None if it holds few numbers or one that is too large."""
    if buffer.data is None or len(buffer.data) < 4 * _MANY or len(buffer.data) % 4:
        return None
    values = np.frombuffer(bytes(buffer.data), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        half = values.astype(np.float16)
    return np.frombuffer(half.tobytes(), np.uint8) if np.isfinite(half).all() else None
