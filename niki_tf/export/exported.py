"""Exported solvers called from Python, with clear errors before the call; the graph itself only says `valid`."""

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from niki_tf import archives, contract, processes, provenance
from niki_tf.export.saved_model import STAMP
from niki_tf.export.tflite import stamp_of
from niki_tf.shapes import TensorLike, real_array

_Arrays = dict[str, np.ndarray]
_Shapes = Mapping[str, tuple[int | None, ...]]


class Exported:
    """An exported solver: a signature's name and named arrays in, named arrays out.

    Args:
        functions: name of a signature -> function that takes float32 arrays by name and returns a dict of arrays.
        shapes: name of a signature -> name of an input -> shape, None where any size will do.

    Example:
        >>> import numpy as np
        >>> from niki_tf import export
        >>> double = export.Exported({"ik": lambda joints: {"twice": 2 * joints}}, {"ik": {"joints": (None, 29, 3)}})
        >>> double("ik", joints=np.ones([5, 29, 3]))["twice"].shape
        (5, 29, 3)
    """

    def __init__(self, functions: Mapping[str, Callable[..., _Arrays]], shapes: Mapping[str, _Shapes]) -> None:
        self._functions, self.shapes = functions, shapes

    def __call__(self, signature: str = "ik", **inputs: TensorLike) -> _Arrays:
        """The signature's outputs, NumPy arrays by name.

        Raises:
            ValueError: there is no such signature; an input is missing, unknown or of another shape; or it holds NaN or
                infinity (absent joints may, those with a NaN or a joint_sigma of 10 m or more).
        """
        if not isinstance(signature, str) or signature not in self.shapes:
            raise ValueError(f"`signature` must be one of {', '.join(sorted(self.shapes))}; got {signature!r}.")
        arrays = {name: real_array(name, array).astype(np.float32) for name, array in inputs.items()}
        shapes = self.shapes[signature]
        _check(arrays, shapes)
        processes.check()
        if any(not array.size for array in arrays.values()):
            return _of_none(self._functions[signature], arrays, shapes)
        return self._functions[signature](**arrays)


def load_saved_model(folder: str | os.PathLike) -> Exported:
    """The `Exported` of a SavedModel's folder, such as saved_models/one_stage/1.

    Raises:
        ValueError: the folder holds no SavedModel, or one of a later format.
    """
    folder = archives.as_path("folder", folder)
    if not (folder / "saved_model.pb").is_file():
        raise ValueError(
            f"`folder` must hold saved_model.pb; got {str(folder)!r}, which does not. Give the version's folder (1)."
        )
    stamp = folder / STAMP
    if stamp.is_file():
        provenance.check_bytes(stamp.read_bytes(), folder)
    loaded = tf.saved_model.load(str(folder))
    specs = {name: function.structured_input_signature[1] for name, function in loaded.signatures.items()}
    shapes = {name: {key: tuple(spec.shape) for key, spec in inputs.items()} for name, inputs in specs.items()}
    return Exported({name: _call_signature(loaded, name) for name in shapes}, shapes)


def load_litert(path: str | os.PathLike, *, threads: int = 1) -> Exported:
    """The `Exported` of a .tflite file; threads that share it wait for each other, so let each load its own.

    Args:
        path: the file.
        threads: threads that it may use.

    Raises:
        ValueError: there is no such file, it is not a .tflite file with signatures, or one of a later format.
        ModuleNotFoundError: ai-edge-litert is not installed.
    """
    from ai_edge_litert.interpreter import Interpreter

    path = archives.as_path("path", path)
    if not path.is_file():
        raise ValueError(f"`path` must be a .tflite file; got {str(path)!r}, where there is none. Check the spelling.")
    provenance.check_bytes(stamp_of(path), path)
    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    runners = {name: interpreter.get_signature_runner(name) for name in interpreter.get_signature_list()}
    details = {name: runner.get_input_details() for name, runner in runners.items()}
    shapes = {name: {key: _litert_shape(detail) for key, detail in inputs.items()} for name, inputs in details.items()}
    lock = threading.Lock()  # all signatures share the interpreter's memory
    return Exported({name: _one_at_a_time(runner, lock) for name, runner in runners.items()}, shapes)


def _one_at_a_time(runner: Callable[..., _Arrays], lock: threading.Lock) -> Callable[..., _Arrays]:
    """The runner, which holds the lock while it runs."""

    def run(**arrays: np.ndarray) -> _Arrays:
        with lock:
            return runner(**arrays)

    return run


def _of_none(function: Callable[..., _Arrays], arrays: _Arrays, shapes: _Shapes) -> _Arrays:
    """The answer to no examples, or to windows of no frames, cut from one of zeros: LiteRT takes no empty arrays."""
    one = {name: np.zeros([max(size, 1) for size in array.shape], np.float32) for name, array in arrays.items()}
    name, array = next(iter(arrays.items()))
    free = sum(size is None for size in shapes[name])
    cut = tuple(slice(None) if size else slice(0) for size in array.shape[:free])
    return {name: value[cut[: value.ndim]] for name, value in function(**one).items()}


def _call_signature(loaded: Any, name: str) -> Callable[..., _Arrays]:
    """A signature as a function of arrays; it keeps `loaded` alive, which holds the weights."""

    def run(**arrays: np.ndarray) -> _Arrays:
        answer = loaded.signatures[name](**{key: tf.constant(array) for key, array in arrays.items()})
        return {key: tensor.numpy() for key, tensor in answer.items()}

    return run


def _litert_shape(detail: Mapping[str, Any]) -> tuple[int | None, ...]:
    """Shape of an input of a LiteRT file, None where any size will do."""
    return tuple(None if size < 0 else int(size) for size in detail["shape_signature"])


def _check(arrays: _Arrays, shapes: _Shapes) -> None:
    """Raises ValueError unless the arrays have the names and shapes and are finite but for absent joints."""
    unknown, missing = sorted(set(arrays) - set(shapes)), sorted(set(shapes) - set(arrays))
    if unknown or missing:
        problem = f"{unknown[0]!r}, which is none of them" if unknown else f"no {missing[0]!r}"
        raise ValueError(f"`inputs` must be {', '.join(shapes)}; got {problem}. Zeros stand for what is not known.")
    _check_shapes(arrays, shapes)
    contract.check_values(arrays)


def _check_shapes(arrays: _Arrays, shapes: _Shapes) -> None:
    leading = {}
    free = min(sum(size is None for size in shape) for shape in shapes.values())  # a picture has any size as well
    for name, array in arrays.items():
        pairs = list(zip(array.shape[free:], shapes[name][free:], strict=False))
        if array.ndim != len(shapes[name]) or any(wanted not in (None, size) for size, wanted in pairs):
            wanted = ", ".join("N" if size is None else str(size) for size in shapes[name])
            raise ValueError(f"`{name}` must have shape ({wanted}); got {array.shape}. N is the batch.")
        leading[name] = array.shape[:free]
    first = next(iter(leading))
    for name, axes in leading.items():
        if axes != leading[first]:
            raise ValueError(
                f"`{name}` must have the leading axes of `{first}`, {leading[first]}; got {axes}. Give one for each."
            )
