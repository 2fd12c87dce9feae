"""MLServer's runtime of the SavedModels that tools/export.py writes: the names of the inputs choose the signature."""

import asyncio
import pathlib

import numpy as np
import tensorflow as tf
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.codecs.numpy import to_datatype
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse, MetadataTensor, RequestInput, ResponseOutput
from mlserver.utils import get_model_uri


class SavedModel(MLModel):
    """A SavedModel: `parameters.uri` is the folder of its versions, `parameters.extra.most_frames` of one request."""

    async def load(self) -> bool:
        """Loads the newest version and runs each signature once, which is slow the first time."""
        versions = pathlib.Path(await get_model_uri(self._settings)).glob("[0-9]*")
        self._loaded = tf.saved_model.load(str(max(versions, key=lambda path: int(path.name))))
        self._most = self._settings.parameters.extra["most_frames"]
        self._signatures = {
            frozenset(graph.structured_input_signature[1]): graph for graph in self._loaded.signatures.values()
        }
        for graph in self._signatures.values():
            specs = graph.structured_input_signature[1]
            graph(**{name: tf.zeros([size or 1 for size in spec.shape]) for name, spec in specs.items()})
        inputs = self._loaded.signatures["ik_full"].structured_input_signature[1]
        self.inputs = [
            MetadataTensor(name=name, datatype="FP32", shape=[size or -1 for size in spec.shape])
            for name, spec in inputs.items()
        ]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """The outputs of the signature that takes the inputs of these names."""
        graph = self._signatures.get(frozenset(tensor.name for tensor in payload.inputs))
        if graph is None or len(payload.inputs) != len(graph.structured_input_signature[1]):
            choice = "; ".join(sorted(", ".join(sorted(names)) for names in self._signatures))
            raise InferenceError(f"inputs must be one of: {choice}; got {[one.name for one in payload.inputs]}.")
        specs = graph.structured_input_signature[1]
        inputs = {tensor.name: self._read(tensor, specs[tensor.name]) for tensor in payload.inputs}
        if len({array.shape[0] for array in inputs.values()}) > 1:
            raise InferenceError(f"inputs must be equally many; got { ({k: len(v) for k, v in inputs.items()}) }.")
        answer = await asyncio.to_thread(lambda: graph(**{name: tf.constant(array) for name, array in inputs.items()}))
        return InferenceResponse(model_name=self.name, outputs=[_write(name, value) for name, value in answer.items()])

    def _read(self, tensor: RequestInput, spec: tf.TensorSpec) -> np.ndarray:
        """An input as float32; InferenceError unless it has the shape of the signature and is not too long."""
        frames = int(np.prod(tensor.shape[: sum(size is None for size in spec.shape)]))
        positive = min(tensor.shape, default=0) > 0
        if not (positive and spec.shape.is_compatible_with(tensor.shape) and frames <= self._most):
            shape = [size or "N" for size in spec.shape]
            raise InferenceError(f"{tensor.name} must be {shape}, of at most {self._most} frames; got {tensor.shape}.")
        try:
            return NumpyCodec.decode_input(tensor).astype(np.float32)
        except (ValueError, TypeError) as error:
            raise InferenceError(f"{tensor.name} must be numbers, as many as its shape says; got {error}.") from None


def _write(name: str, value: tf.Tensor) -> ResponseOutput:
    """An output in its own shape, which NumpyCodec would add an axis to if it has but one."""
    array = value.numpy()
    return ResponseOutput(name=name, shape=array.shape, datatype=to_datatype(array.dtype), data=array.ravel().tolist())
