"""What servers speak: TensorFlow Serving's own protocol and Open Inference, each over REST and gRPC."""

import dataclasses
import urllib.parse
from collections.abc import Callable, Mapping

import numpy as np

from niki_tf.export import messages, open_inference
from niki_tf.shapes import TensorLike

_Inputs = Mapping[str, TensorLike]
_Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a kind of server is asked for a signature, and how its answers are read."""

    path: str
    """Of a URL, with {model}."""
    method: str
    """Of gRPC."""
    rest_request: Callable[[_Inputs, str], bytes]
    """Body for inputs and a signature."""
    rest_answer: Callable[[bytes], _Arrays]
    """Arrays of a body."""
    grpc_request: Callable[[_Inputs, str, str], bytes]
    """Message for inputs, a model and a signature."""
    grpc_answer: Callable[[bytes, int], _Arrays]
    """Arrays of a message, each of so many numbers at most."""

    def url(self, model: str) -> str:
        """What stands in a URL behind the address."""
        return self.path.format(model=urllib.parse.quote(model, safe=""))


DIALECTS = {
    "tfs": Dialect(
        path="/v1/models/{model}:predict",
        method="/tensorflow.serving.PredictionService/Predict",
        rest_request=lambda inputs, signature: messages.rest_request(inputs, signature=signature),
        rest_answer=messages.rest_answer,
        grpc_request=lambda inputs, model, signature: messages.grpc_request(
            inputs, model=model, signature=signature
        ).SerializeToString(),
        grpc_answer=lambda found, most: messages.grpc_answer(messages.predict_response(found), most=most),
    ),
    "v2": Dialect(
        path="/v2/models/{model}/infer",
        method="/inference.GRPCInferenceService/ModelInfer",
        rest_request=lambda inputs, signature: open_inference.rest_request(inputs),
        rest_answer=open_inference.rest_answer,
        grpc_request=lambda inputs, model, signature: open_inference.grpc_request(inputs, model=model),
        grpc_answer=lambda found, most: open_inference.grpc_answer(found),
    ),
}
"""Protocol -> how it is spoken. Source: TensorFlow Serving, RESTful API and prediction_service.proto; Open Inference
Protocol, version 2."""
