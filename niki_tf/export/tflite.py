"""LiteRT files (.tflite): a solver on a phone or in a Web page, by LiteRT's built-in operations alone."""

import re
import tempfile

import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.python.convert import ConverterError
from tensorflow.lite.tools import flatbuffer_utils

from niki_tf.export.rounding import rounded
from niki_tf.export.signatures import module, signatures
from niki_tf.fitting.linear_solvers import ELIMINATION

QUANTIZE = ("none", "float16", "int8")
"""What weights can be stored as; all arithmetic but that of int8 matrix products is float32."""


def litert(solver, *, quantize="none", body=None):
    """The solver as the bytes of a .tflite file.

    The signatures are those of `signatures.signatures`, of any batch size, the weights shared among them. The exact
    finish (`refine`) solves its equations by elimination here, for LiteRT cannot factorise matrices.

    Args:
        solver: any solver but `MapFit`, for LiteRT does not know the gradients that it follows, and `Recurrent`, for
            it does not know loops over windows of any length.
        quantize: "none"; "float16", weights of half the size; or "int8", weights of a quarter of the size with a scale
            for each output (see `rounding`), multiplied with activations whose scale is found as they come (dynamic
            range).
        body: `Body` for the signature `mesh`; the file then carries its arrays.

    Raises:
        ValueError: the quantisation is unknown, or the solver needs operations that LiteRT does not have.

    Example:
        >>> from niki_tf import body, export, solvers
        >>> solver = solvers.MLP(body.mannequin_joints(), hidden_dim=16, num_layers=1)
        >>> export.litert(solver)[4:8]
        b'TFL3'
    """
    if quantize not in QUANTIZE:
        raise ValueError(f"`quantize` must be one of {', '.join(QUANTIZE)}; got {quantize!r}.")
    solver = rounded(solver) if quantize == "int8" else solver
    solver = solver.for_body(solver.body_joints, linear_solver=ELIMINATION)
    found = signatures(solver, body=body)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module(solver, body=body), folder, signatures=found)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(found))
        if quantize != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        converted = _converted(converter)
    return _lean(converted) if quantize == "int8" else converted


def _converted(converter):
    try:
        return converter.convert()
    except ConverterError as error:
        missing = ", ".join(sorted(set(re.findall(r"'tf\.(\w+)' op (?:is neither|requires)", str(error)))))
        raise ValueError(
            f"`solver` must do with LiteRT's built-in operations; it needs {missing or error}. Write a SavedModel."
        ) from None


def _lean(converted):
    """The same file, smaller: equal scales, which every signature brings along anew, stored once, inner names left out.

    What is left of the size after quantisation is for a good part scales and names.
    """
    model, stored = flatbuffer_utils.read_model_from_bytearray(bytearray(converted)), {}
    for graph in model.subgraphs:
        ends = {*graph.inputs, *graph.outputs}
        for number, tensor in enumerate(graph.tensors):
            if number not in ends:
                tensor.name = b""
            scales = tensor.quantization
            if scales is not None and scales.scale is not None:
                key = (scales.scale.tobytes(), scales.zeroPoint.tobytes(), scales.quantizedDimension)
                tensor.quantization = stored.setdefault(key, _Once(scales))
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


class _Once(schema.QuantizationParametersT):
    """Scales that are written once into a file and pointed to from then on."""

    def __init__(self, scales):
        super().__init__(**vars(scales))
        self._place = None

    def Pack(self, builder):
        if self._place is None:
            self._place = super().Pack(builder)
        return self._place
