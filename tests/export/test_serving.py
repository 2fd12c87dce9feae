"""Messages from and to TensorFlow Serving, over REST and gRPC; warm-up requests and configurations."""

import json

import numpy as np
import pytest
import stand_in
import tensorflow as tf

from niki_tf import export
from niki_tf.export import messages

pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")

from google.protobuf import text_format  # noqa: E402
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2  # noqa: E402
from tensorflow_serving.config import model_server_config_pb2  # noqa: E402

SERVERS = {
    "rest": (stand_in.rest, export.rest_server, {}),
    "grpc": (stand_in.grpc, export.grpc_server, {}),
    "v2": (stand_in.rest, export.rest_server, {"protocol": "v2"}),
}


def test_the_warm_up_file_asks_every_signature_what_it_can_answer(saved_model_folder, saved_model):
    records = tf.data.TFRecordDataset(str(saved_model_folder / export.WARM_UP))
    asked = set()
    for record in records:
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
        signature = request.model_spec.signature_name
        assert saved_model(signature, **inputs)["valid"].all()
        asked.add((signature, len(next(iter(inputs.values())))))
    assert asked == {
        (name, batch) for name in ("serving_default", "ik", "ik_full", "ik_known", "fk") for batch in (1, 64)
    }


def test_requests_fit_the_signature_and_answers_come_back_whole(saved_model_folder, arrays):
    graph = tf.saved_model.load(str(saved_model_folder)).signatures["ik"]
    request = messages.grpc_request({"joints": arrays(2)["joints"]}, model="tiny", signature="ik")
    sent = predict_pb2.PredictRequest.FromString(request.SerializeToString())
    for name, spec in graph.structured_input_signature[1].items():
        assert sent.inputs[name].dtype == spec.dtype.as_datatype_enum
        assert spec.shape.is_compatible_with(tf.TensorShape(sent.inputs[name].tensor_shape))
    answer = graph(**{name: tf.make_ndarray(proto) for name, proto in sent.inputs.items()})
    response = predict_pb2.PredictResponse()
    for name, tensor in answer.items():
        response.outputs[name].CopyFrom(tf.make_tensor_proto(tensor))
    for name, array in messages.grpc_answer(response).items():
        np.testing.assert_array_equal(array, answer[name])
        assert array.dtype == answer[name].dtype.as_numpy_dtype


@pytest.mark.parametrize("kind", SERVERS)
def test_a_model_on_a_server_answers_as_one_here(kind, saved_model, solver, arrays):
    serve, connect, spoken = SERVERS[kind]
    inputs = {name: arrays(3)[name] for name in ("joints", "joint_sigma", "betas", "twist")}
    with serve(saved_model, model="tiny", **spoken) as address:
        found = connect(address, model="tiny", **spoken)("ik_full", **inputs)
        with pytest.raises(ConnectionError, match="Servable not found"):
            connect(address, model="other", **spoken)("ik_full", **inputs)
    for name, array in saved_model("ik_full", **inputs).items():
        np.testing.assert_allclose(found[name], array, rtol=1e-6, atol=1e-6)
        assert found[name].dtype == array.dtype
    for name, tensor in solver(inputs).items():
        np.testing.assert_allclose(found[name], tensor, atol=1e-5)
    with pytest.raises(ConnectionError, match="does not answer"):
        connect(address, model="tiny", **spoken, retries=0)("ik_full", **inputs)


def test_an_error_of_the_server_is_quoted(saved_model):
    with stand_in.rest(saved_model, model="tiny") as address:
        ask = export.rest_server(address, model="tiny")
        with pytest.raises(ConnectionError, match="`joints` must have"):
            ask("ik", joints=np.zeros([2, 24, 3]))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"outputs": [[1.0]]}'])
def test_an_answer_of_another_form_is_named(body):
    with pytest.raises(ValueError, match="`body` must be a response in columns"):
        messages.rest_answer(body)


def test_rest_cannot_say_nan(arrays):
    with pytest.raises(ValueError, match="JSON compliant"):
        messages.rest_request({"joints": np.full([1, 29, 3], np.nan)}, signature="ik")
    assert json.loads(messages.rest_request({"joints": arrays(1)["joints"]}, signature="ik"))["signature_name"] == "ik"


def test_the_shipped_configuration_is_what_the_server_reads(repo):
    text = (repo / "configs" / "serving" / "models.config").read_text()
    served = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    for model in served:
        assert model.base_path == f"/models/{model.name}"
        assert (repo / "saved_models" / model.name / "model.keras").is_file()
