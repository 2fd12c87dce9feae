import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import toy_body

from niki_tf import body


def outputs_close(given, expected, tolerance=1e-5):
    for name in ("vertices", "joints"):
        np.testing.assert_allclose(given[name], expected[name], atol=tolerance, err_msg=name)


@pytest.mark.parametrize("posed", [True, False])
@pytest.mark.parametrize("num_betas", [3, 10])
def test_body_is_the_numpy_oracle(posed, num_betas):
    data, pose = toy_body.make(posed=posed, num_betas=num_betas), toy_body.pose(num_betas=num_betas)
    given = body.Body(data)(pose)
    expected = [toy_body.oracle(data, **{name: value[one] for name, value in pose.items()}) for one in range(5)]
    vertices, joints = zip(*expected, strict=True)
    outputs_close(given, {"vertices": vertices, "joints": joints}, 2e-5)


def test_zero_pose_gives_the_shaped_template():
    data, betas = toy_body.make(), toy_body.pose()["betas"]
    eyes = np.broadcast_to(np.eye(3, dtype=np.float32), [5, 24, 3, 3])
    given = body.Body(data)(betas=betas, global_orient=eyes[:, :1], body_pose=eyes[:, 1:])
    shaped = data.v_template + np.einsum("vck,bk->bvc", data.shapedirs, betas)
    np.testing.assert_allclose(given["vertices"], shaped, atol=1e-5)
    np.testing.assert_allclose(given["joints"], data.body_joints()(betas), atol=1e-6)


def test_turning_the_root_and_moving_is_a_rigid_motion():
    data, pose = toy_body.make(), toy_body.pose()
    layer, turn = body.Body(data), toy_body.pose(seed=7)["global_orient"][:, 0]
    before = layer(pose)
    after = layer({**pose, "global_orient": turn[:, None] @ pose["global_orient"], "transl": pose["transl"] + 1.0})
    pivot = before["joints"][:, :1]
    for name, points in before.items():
        turned = np.einsum("bij,bnj->bni", turn, points - pivot) + pivot + 1.0
        np.testing.assert_allclose(after[name], turned, atol=2e-5)


def test_leading_axes_are_free_and_broadcast():
    layer, pose = body.Body(toy_body.make()), toy_body.pose(count=6)
    flat = layer(pose)
    folded = layer({name: value.reshape(2, 3, *value.shape[1:]) for name, value in pose.items()})
    outputs_close({name: tf.reshape(value, flat[name].shape) for name, value in folded.items()}, flat)
    one = layer({name: value[4] for name, value in pose.items()})
    outputs_close(one, {name: value[4] for name, value in flat.items()})
    shared = {**pose, "betas": pose["betas"][0], "transl": pose["transl"][0]}
    repeated = {**pose, "betas": np.tile(pose["betas"][:1], [6, 1]), "transl": np.tile(pose["transl"][:1], [6, 1])}
    outputs_close(layer(shared), layer(repeated))
    still = {**pose, "global_orient": pose["global_orient"][0], "body_pose": pose["body_pose"][0]}
    assert layer(still)["vertices"].shape == (6, 80, 3)


def test_betas_and_transl_may_be_left_out():
    layer, pose = body.Body(toy_body.make()), toy_body.pose()
    zeros = {**pose, "betas": 0 * pose["betas"], "transl": 0 * pose["transl"]}
    outputs_close(layer(global_orient=pose["global_orient"], body_pose=pose["body_pose"]), layer(zeros))


def test_eager_graph_and_xla_agree():
    layer, pose = body.Body(toy_body.make()), toy_body.pose()
    eager = layer(pose)
    outputs_close(tf.function(layer)(pose), eager)
    outputs_close(tf.function(layer, jit_compile=True)(pose), eager, 2e-5)


def test_every_input_has_a_finite_gradient_even_at_rest():
    layer, pose = body.Body(toy_body.make()), {name: tf.constant(value) for name, value in toy_body.pose().items()}
    rest = {**pose, "global_orient": tf.eye(3, batch_shape=[5, 1]), "body_pose": tf.eye(3, batch_shape=[5, 23])}
    for inputs in (pose, rest):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            total = sum(tf.reduce_sum(value**2) for value in layer(inputs).values())
        for name, gradient in tape.gradient(total, inputs).items():
            assert np.isfinite(gradient).all(), name
            assert np.abs(gradient).reshape(5, -1).max(-1).min() > 0, name


def test_arrays_do_not_train_and_stay_out_of_the_config():
    layer = body.Body(toy_body.make(vertices=500))
    assert layer.trainable_variables == []
    config = json.loads(json.dumps(layer.get_config()))
    assert len(json.dumps(config)) < 40_000
    assert config["body_joints"] == layer.body_joints.get_config()
    assert [v.shape for v in body.Body.from_config(config).weights] == [v.shape for v in layer.weights]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3 on NumPy 2 while saving
@pytest.mark.parametrize("posed", [True, False])
def test_a_model_with_a_body_survives_saving(tmp_path, posed):
    shapes = {"betas": [10], "global_orient": [1, 3, 3], "body_pose": [23, 3, 3]}
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    layer = body.Body(toy_body.make(posed=posed))
    model = keras.Model(inputs, layer(inputs))
    pose = {name: value for name, value in toy_body.pose().items() if name != "transl"}
    expected = model.predict(pose, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    outputs_close(loaded.predict(pose, verbose=0), expected, 0)
    again = next(part for part in loaded.layers if isinstance(part, body.Body))
    np.testing.assert_array_equal(again.faces.numpy(), layer.faces.numpy())
    outputs_close(
        {"vertices": 0, "joints": again.body_joints(pose["betas"])},
        {"vertices": 0, "joints": layer.body_joints(pose["betas"])},
        0,
    )


def test_a_body_converts_to_litert_with_built_in_operations(tmp_path):
    shapes = {"betas": [10], "global_orient": [1, 3, 3], "body_pose": [23, 3, 3]}
    inputs = {name: keras.Input(shape, name=name, batch_size=1) for name, shape in shapes.items()}
    keras.Model(inputs, body.Body(toy_body.make())(inputs)).export(tmp_path, verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    assert len(converter.convert()) > 4 * 80 * 3 * 207


BAD_CALLS = {
    "betas": ({"betas": np.zeros([5, 12], np.float32)}, r"`betas` must end in shape \(10,\); got \(5, 12\)"),
    "rotvec": ({"body_pose": np.zeros([5, 23, 3], np.float32)}, r"`body_pose` must end in .* got .*rotvec_to_matrix"),
    "transl": ({"transl": np.zeros([5, 2], np.float32)}, r"`transl` must end in shape \(3,\); got \(5, 2\)"),
    "missing": ({"global_orient": None}, "`global_orient` is missing"),
    "unknown": ({"pose": np.zeros([5, 72], np.float32)}, "`inputs` must be a dictionary .* got .*pose"),
}


@pytest.mark.parametrize(("change", "message"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_a_call_that_does_not_fit_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        body.Body(toy_body.make())({**toy_body.pose(), **change})


def test_body_wants_body_data():
    with pytest.raises(ValueError, match="`data` must be a BodyData .* got dict"):
        body.Body({})


BAD_FIELDS = {
    "flat template": ({"v_template": np.zeros(240)}, r"`v_template` must have shape \(V, 3\); got \(240,\)"),
    "vertices differ": ({"shapedirs": np.zeros([79, 3, 10])}, r"`shapedirs` must have shape .*80, 3, 10.* got \(79"),
    "betas differ": ({"joint_directions": np.zeros([29, 3, 9])}, r"`joint_directions` .* got \(29, 3, 9\)"),
    "24 joints": ({"joints": np.zeros([24, 3])}, r"`joints` must have shape .* got \(24, 3\)"),
    "pose directions": ({"posedirs": np.zeros([80, 3, 93])}, r"`posedirs` must have shape .* got \(80, 3, 93\)"),
    "no such vertex": ({"faces": [[0, 1, 80]]}, "`faces` must hold vertex numbers 0 to 79; got 0 to 80"),
    "weights": ({"lbs_weights": np.ones([80, 24])}, "`lbs_weights` .* must add up to 1; got .* 24"),
    "not finite": ({"joints": np.full([29, 3], np.nan)}, "`joints` must be finite; got 87"),
    "no numbers": ({"v_template": "here"}, "`v_template` must be an array of real numbers"),
}


@pytest.mark.parametrize(("change", "message"), BAD_FIELDS.values(), ids=BAD_FIELDS)
def test_body_data_that_does_not_fit_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(toy_body.make(), **change)


def test_body_data_is_read_only_and_does_not_share():
    template = np.zeros([80, 3], np.float32)
    data = dataclasses.replace(toy_body.make(), v_template=template)
    template += 1.0
    assert data.v_template.max() == 0.0
    with pytest.raises(ValueError, match="read-only"):
        data.v_template[0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.v_template = template
