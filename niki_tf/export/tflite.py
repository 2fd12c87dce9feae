"""LiteRT files (.tflite): a solver on a phone or in a Web page, by LiteRT's built-in operations alone."""

import tempfile

import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from niki_tf.export.signatures import module, signatures

QUANTIZE = ("none", "float16", "int8")
"""What weights can be stored as; all arithmetic but that of int8 matrix products is float32."""


def litert(solver, *, quantize="none", body=None):
    """The solver as the bytes of a .tflite file.

    The signatures are those of `signatures.signatures`, of any batch size, the weights shared among them. A solver with
    the exact finish (`refine`) solves equations by Cholesky's factorisation, which LiteRT does not have.

    Args:
        solver: a solver whose `refine` is 0.
        quantize: "none"; "float16", weights of half the size; or "int8", weights of a quarter of the size with a scale
            for each output, multiplied with activations whose scale is found as they come (dynamic range).
        body: `Body` for the signature `mesh`; the file then carries its arrays.

    Raises:
        ValueError: the quantisation is unknown, or the solver needs operations that LiteRT does not have.

    Example:
        >>> from niki_tf import body, export, solvers
        >>> solver = solvers.MLP(body.mannequin_skeleton(), hidden=16, layers=1)
        >>> export.litert(solver)[4:8]
        b'TFL3'
    """
    if quantize not in QUANTIZE:
        raise ValueError(f"`quantize` must be one of {', '.join(QUANTIZE)}; got {quantize!r}.")
    if solver.refine:
        raise ValueError(
            f"`solver` must have refine = 0 for LiteRT, which cannot factorise matrices; got {solver.refine}. Export "
            "the solver without its finish, or as a SavedModel."
        )
    found = signatures(solver, body=body)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module(solver, body=body), folder, signatures=found)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(found))
        if quantize != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        converted = converter.convert()
    return _lean(converted) if quantize == "int8" else converted


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
