"""LiteRT files (.tflite): a solver on a phone or in a Web page, by LiteRT's built-in operations alone."""

import os
import pathlib
import re
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.python.convert import ConverterError
from tensorflow.lite.tools import flatbuffer_utils

from niki_tf import provenance
from niki_tf.body import Body
from niki_tf.export.half_precision import store_half
from niki_tf.export.rounding import rounded
from niki_tf.export.signatures import module, signatures
from niki_tf.fitting.linear_solvers import ELIMINATION
from niki_tf.solvers.solver import Solver
from niki_tf.vision.image_model import ImageModel
from niki_tf.vision.image_solver import ImageSolver

QUANTIZE = ("none", "float16", "int8")
"""What weights can be stored as; all arithmetic but that of int8 matrix products is float32."""


def litert(
    solver: Solver | ImageModel, *, quantize: str = "none", body: Body | None = None, known_rotations: bool = False
) -> bytes:
    """The solver as the bytes of a .tflite file.

    The signatures are those of `signatures.signatures`, of any batch size, the weights shared among them; `ik` is what
    an interpreter runs that knows no signatures. The exact finish (`refine`) solves its equations by elimination here,
    since LiteRT cannot factorise matrices.

    Args:
        solver: any solver but `MapFit`, since LiteRT does not have the gradients that it follows, and `Recurrent`,
            since it does not have loops over windows of any length; or a model of images, which takes crops alone.
        quantize: "none"; "float16", weights of half the size, see `half_precision`; or "int8", weights of a quarter of
            the size with a scale for each output, see `rounding`, multiplied with activations whose scale is measured
            at run time (dynamic range).
        body: `Body` for the signature `mesh`; the file then carries its arrays.
        known_rotations: add the signature `ik_known`. Every signature is a graph of its own, which a file for joints
            alone does not need to carry.

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
    if isinstance(solver, Solver):
        solver = rounded(solver) if quantize == "int8" else solver
        solver = solver.for_body(solver.body_joints, linear_solver=ELIMINATION)
    elif isinstance(solver, ImageSolver):
        solver = solver.for_body(solver.solver.body_joints, linear_solver=ELIMINATION)
    functions = signatures(solver, body=body, known_rotations=known_rotations)
    return litert_of(functions, module(solver, body=body), quantize=quantize)


def litert_of(
    functions: Mapping[str, tf.types.experimental.ConcreteFunction], holder: tf.Module, *, quantize: str = "none"
) -> bytes:
    """The bytes of a .tflite file with these graphs as signatures, the weights shared among them.

    Args:
        functions: name -> graph, the first of which is what an interpreter runs that knows no signatures.
        holder: has the weights that they read, plain variables; see `signatures.module`.
        quantize: one of `QUANTIZE`; weights that are int8 are not rounded for it here, as `litert` does.

    Raises:
        ValueError: the graphs need operations that LiteRT does not have.
    """
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(holder, folder, signatures=dict(functions))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(functions))
        if quantize == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converted = _converted(converter)
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(converted))
    _put_first(model, next(iter(functions)))
    if quantize == "float16":
        store_half(model)
    if quantize == "int8":
        _leave_out_duplicates(model)
    _add_stamp(model)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _converted(converter: tf.lite.TFLiteConverter) -> bytes:
    try:
        return converter.convert()
    except ConverterError as error:
        missing = ", ".join(sorted(set(re.findall(r"'tf\.(\w+)' op (?:is neither|requires)", str(error)))))
        raise ValueError(
            f"`solver` must do with LiteRT's built-in operations; it needs {missing or error}. Write a SavedModel."
        ) from None


def _put_first(model: schema.ModelT, name: str) -> None:
    """Makes the graph of the signature `name` the first, which interpreters run that know no signatures."""
    places = {signature.signatureKey.decode(): signature.subgraphIndex for signature in model.signatureDefs}
    place = places.get(name, 0)
    swapped, graphs = {0: place, place: 0}, model.subgraphs
    graphs[0], graphs[place] = graphs[place], graphs[0]
    options = [operator.builtinOptions for graph in graphs for operator in graph.operators or ()]
    for item in [*model.signatureDefs, *filter(None, options)]:
        for key, value in vars(item).items():
            if key.lower().endswith(("subgraph", "subgraphindex")):
                setattr(item, key, swapped.get(value, value))


def _add_stamp(model: schema.ModelT) -> None:
    """Puts the number of the format into the metadata of a file."""
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(provenance.stamp_bytes(), np.uint8)
    entry.name, entry.buffer = provenance.KEY.encode(), len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]


def stamp_of(path: str | os.PathLike) -> bytes:
    """The stamp in the metadata of a .tflite file, as JSON; an empty one if there is none, or no such file."""
    try:
        model = schema.Model.GetRootAs(pathlib.Path(path).read_bytes(), 0)
        for k in range(model.MetadataLength()):
            if model.Metadata(k).Name() == provenance.KEY.encode():
                return model.Buffers(model.Metadata(k).Buffer()).DataAsNumpy().tobytes()
    except Exception:  # bytes that are no such file go wrong in many ways, which the interpreter then says
        return b"{}"
    return b"{}"


def _leave_out_duplicates(model: schema.ModelT) -> None:
    """Stores equal scales once, of which every signature has a copy, and leaves out inner names.

    After quantisation scales and names are a good part of the size.
    """
    stored: dict[tuple[bytes, bytes, int], _SharedScales] = {}
    for graph in model.subgraphs:
        ends = {*graph.inputs, *graph.outputs}
        for number, tensor in enumerate(graph.tensors):
            if number not in ends:
                tensor.name = b""
            scales = tensor.quantization
            if scales is not None and scales.scale is not None:
                key = (scales.scale.tobytes(), scales.zeroPoint.tobytes(), scales.quantizedDimension)
                tensor.quantization = stored.setdefault(key, _SharedScales(scales))


class _SharedScales(schema.QuantizationParametersT):
    """Scales that are written into a file once; other tensors refer to that place."""

    def __init__(self, scales: schema.QuantizationParametersT) -> None:
        super().__init__(**vars(scales))
        self._place: int | None = None

    def Pack(self, builder: Any) -> int:
        if self._place is None:
            self._place = super().Pack(builder)
        return self._place
