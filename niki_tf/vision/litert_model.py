"""A LiteRT file as a function from an array to arrays by name."""

import os
import threading
from typing import Any

import numpy as np


class LiteRtModel:
    """A network in a .tflite file with one input, run on the CPU.

    Args:
        path: of the file.
        threads: of the computation.

    Raises:
        ImportError: no interpreter is installed.
        ValueError: the file is none of a network.
    """

    def __init__(self, path: str | os.PathLike, *, threads: int = 1) -> None:
        interpreter, self._lock = _interpreter_class(), threading.Lock()
        try:
            self._interpreter = interpreter(model_path=os.fspath(path), num_threads=threads)
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"`path` must be a LiteRT file; {os.fspath(path)!r} cannot be read ({error}).") from None
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        self._outputs = {detail["name"]: detail["index"] for detail in self._interpreter.get_output_details()}

    @property
    def input_size(self) -> int:
        """Pixels, height and width of the pictures that the network takes."""
        return int(self._input["shape"][1])

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs by name for images (1, size, size, 3) float32; threads wait for each other."""
        with self._lock:
            self._interpreter.set_tensor(self._input["index"], images)
            self._interpreter.invoke()
            return {name: self._interpreter.get_tensor(index) for name, index in self._outputs.items()}


def _interpreter_class() -> Any:
    """The class that runs LiteRT files, of the package of its own."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise ImportError(
            'pictures need ai-edge-litert, which is not installed: pip install "niki-tf[image]"'
        ) from None
    return Interpreter
