"""A stand-in for servers: REST and gRPC on this machine, answering with an exported SavedModel."""

import concurrent.futures
import contextlib
import http.server
import json
import threading

import numpy as np

_DATATYPES = {"f": "FP32", "i": "INT32", "b": "BOOL"}


def _in_columns(saved_model, request):
    inputs = {name: np.array(column) for name, column in request["inputs"].items()}
    answer = saved_model(request["signature_name"], **inputs)
    return {"outputs": {name: array.tolist() for name, array in answer.items()}}


def _in_tensors(saved_model, request):
    inputs = {one["name"]: np.reshape(one["data"], one["shape"]) for one in request["inputs"]}
    answer = saved_model("ik" if set(inputs) == {"joints"} else "ik_full", **inputs)
    return {
        "outputs": [
            {
                "name": name,
                "datatype": _DATATYPES[array.dtype.kind],
                "shape": array.shape,
                "data": array.ravel().tolist(),
            }
            for name, array in answer.items()
        ]
    }


@contextlib.contextmanager
def rest(saved_model, *, model, protocol="tfs"):
    """Gives the address of a server that takes one model's predict calls, in columns or as tensors (v2)."""
    path, reply = {
        "tfs": (f"/v1/models/{model}:predict", _in_columns),
        "v2": (f"/v2/models/{model}/infer", _in_tensors),
    }[protocol]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            code, answer = 404, {"error": "Servable not found"}
            if self.path == path:
                try:
                    code, answer = 200, reply(saved_model, request)
                except ValueError as error:
                    code, answer = 400, {"error": str(error)}
            body = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield f"localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def grpc(saved_model, *, model):
    """Gives the address of a PredictionService with one model."""
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            if request.model_spec.name != model:
                context.abort(grpc.StatusCode.NOT_FOUND, "Servable not found")
            inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
            response = predict_pb2.PredictResponse()
            for name, array in saved_model(request.model_spec.signature_name, **inputs).items():
                response.outputs[name].CopyFrom(tf.make_tensor_proto(array))
            return response

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    try:
        yield f"localhost:{port}"
    finally:
        server.stop(None).wait()
