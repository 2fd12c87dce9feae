"""The ways to call a solver that speed.py times; TensorFlow is imported where it is needed."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

LITERT = ("litert_float32", "litert_float16", "litert_int8")
STORED = ("saved_model", *LITERT)
"""Ways that need a file."""
WINDOW_PATHS = ("bulk", "stream")
"""Ways of solvers that see time, whose batch is frames of one motion."""
PATHS = ("eager", "ik", "predict", "graph", "xla", *WINDOW_PATHS, *STORED)

Call = Callable[[], Any]
Prepare = Callable[[int], Call | None]
"""A batch -> the call that is timed; None if there is no such call."""


def place(request: Mapping[str, Any]) -> pathlib.Path:
    """The folder of the files of a request."""
    return pathlib.Path(request["folder"], f"{request['solver']}-{request['size']}-{request['path']}")


def save_inputs(subject: Any, folder: pathlib.Path, batches: Sequence[int]) -> None:
    """Writes the inputs of every batch, for processes without TensorFlow."""
    for batch in batches:
        np.savez(folder / f"inputs_{batch}.npz", **subject.inputs(batch))


def export(subject: Any, path: str, folder: pathlib.Path) -> pathlib.Path:
    """Writes the file of a path; where it is."""
    from niki_tf import export as exports

    if path == "saved_model":
        return exports.write_saved_model(subject.model, folder)
    file = folder / "model.tflite"
    quantize = path.removeprefix("litert_").replace("float32", "none")
    file.write_bytes(
        _flow_file(subject, quantize) if subject.is_flow else exports.litert(subject.model, quantize=quantize)
    )
    return file


def _flow_file(subject: Any, quantize: str) -> bytes:
    """A flow alone as a LiteRT file, converted as `niki_tf.export.litert` does."""
    import tensorflow as tf

    from niki_tf.export import signatures

    graph = signatures.traced(subject.model, subject.shapes())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph], signatures.module(subject.model))
    if quantize != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


def litert_call(folder: pathlib.Path, path: str, *, threads: int) -> Prepare:
    """Calls of the signature `ik` of a LiteRT file, arrays in and out."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(folder / "model.tflite"), num_threads=threads)
    names = interpreter.get_signature_list()
    run = interpreter.get_signature_runner("ik" if "ik" in names else next(iter(names)))

    def prepare(batch: int) -> Call:
        arrays = dict(np.load(folder / f"inputs_{batch}.npz"))
        return lambda: run(**arrays)

    return prepare


def call(subject: Any, path: str, folder: pathlib.Path) -> Prepare:
    """Calls by TensorFlow, arrays in and out."""
    if path == "bulk":
        return lambda batch: _bulk(subject, batch)
    if path == "stream":
        return lambda batch: _stream(subject) if batch == 1 else None
    function = _function(subject, path, folder)
    return lambda batch: _bound(function, subject.inputs(batch))


def _function(subject: Any, path: str, folder: pathlib.Path) -> Callable[[dict[str, np.ndarray]], Any]:
    import tensorflow as tf

    model = subject.model
    if path == "predict":
        return lambda inputs: model.predict(inputs, batch_size=len(inputs["joints"]), verbose=0)
    if path == "saved_model":
        loaded = tf.saved_model.load(str(folder / "1"))
        return lambda inputs: _arrays(loaded.signatures["ik"](**_tensors(inputs)))
    if path == "eager":
        return lambda inputs: _arrays(model(inputs))
    if path == "ik":
        return lambda inputs: _arrays(model.ik(**inputs))
    graph = tf.function(model, autograph=False, jit_compile=path == "xla")
    return lambda inputs: _arrays(graph(_tensors(inputs)))


def _bound(function: Callable[[dict[str, np.ndarray]], Any], inputs: dict[str, np.ndarray]) -> Call:
    return lambda: function(inputs)


def _bulk(subject: Any, frames: int) -> Call:
    """A motion of so many frames, in windows that overlap."""
    from niki_tf.inference import graphs

    inputs = subject.inputs(frames, in_windows=False)
    solve = graphs.compile_solver(subject.model, inputs=inputs, motion=True)
    return lambda: solve(inputs)


def _stream(subject: Any) -> Call:
    """One frame after the other, with the usual delay, as a graph."""
    import tensorflow as tf

    from niki_tf.inference import streaming

    solver, frame = subject.model, _tensors(subject.inputs(1, in_windows=False))
    push = tf.function(lambda state, inputs: streaming.push(solver, state, inputs), autograph=False)
    state = [streaming.start(solver)]

    def one() -> dict[str, np.ndarray]:
        state[0], answer = push(state[0], frame)
        return _arrays(answer)

    return one


def _tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    import tensorflow as tf

    return {name: tf.constant(array) for name, array in arrays.items()}


def _arrays(tensors: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(tensor) for name, tensor in tensors.items()}
