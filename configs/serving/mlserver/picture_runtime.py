"""MLServer's runtime of photographs: the file of a picture in, the poses of the people in it out.

Needs this package in the server's environment: pip install "niki-tf[image]", and tools/get_assets.py blazepose.
"""

import asyncio
import io
import threading

import numpy as np
from mlserver import MLModel
from mlserver.codecs import Base64Codec, NumpyCodec
from mlserver.codecs.numpy import to_datatype
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse, MetadataTensor, RequestInput, ResponseOutput
from PIL import Image

import niki_tf
from niki_tf.vision import BlazePose

_OUTPUTS = ("global_orient", "body_pose", "transl", "betas", "state", "expected_error")


class Pictures(MLModel):
    """People of a picture, N: `image` (1,), bytes of a file, and `focal` (1,), pixels, if it is known."""

    async def load(self) -> bool:
        """Loads the networks."""
        extra = self._settings.parameters.extra
        self._solver, self._most_pixels = niki_tf.load(extra["solver"]), extra["most_pixels"]
        self._estimator, self._one_at_a_time = BlazePose(extra["landmarks"]), threading.Lock()
        self.inputs = [MetadataTensor(name="image", datatype="BYTES", shape=[1])]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """The poses of the people in the picture, the largest first, in the camera's axes."""
        given = {tensor.name: tensor for tensor in payload.inputs}
        if "image" not in given or not set(given) <= {"image", "focal"}:
            raise InferenceError(f"inputs must be image, and focal if it is known; got {sorted(given)}.")
        content = _content(given["image"], self._most_pixels)
        focal = NumpyCodec.decode_input(given["focal"]).item() if "focal" in given else None
        try:
            motions = await asyncio.to_thread(self._solved, content, focal)
        except ValueError as error:
            raise InferenceError(str(error)) from None
        found = {name: np.concatenate([getattr(motion, name) for motion in motions]) for name in _OUTPUTS}
        return InferenceResponse(model_name=self.name, outputs=[_written(*one) for one in found.items()])

    def _solved(self, content: bytes, focal: float | None) -> list[niki_tf.inference.Motion]:
        """The people of a picture; the networks of the landmarks see one picture at a time."""
        with self._one_at_a_time:
            return niki_tf.solve_picture(content, estimator=self._estimator, solver=self._solver, focal=focal)


def _content(tensor: RequestInput, most_pixels: int) -> bytes:
    """The bytes of the file, or those that its text in base64 stands for; InferenceError if it is too large or none."""
    try:
        (content,) = Base64Codec.decode_input(tensor)
        width, height = Image.open(io.BytesIO(content)).size
    except (ValueError, OSError, SyntaxError, Image.DecompressionBombError):
        raise InferenceError("image must be the file of one picture, in JSON as base64; got something else.") from None
    if width * height > most_pixels:
        raise InferenceError(f"image must have at most {most_pixels} pixels; got {width} x {height}.")
    return content


def _written(name: str, array: np.ndarray) -> ResponseOutput:
    """An output."""
    return ResponseOutput(name=name, shape=array.shape, datatype=to_datatype(array.dtype), data=array.ravel().tolist())
