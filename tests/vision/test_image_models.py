"""From images to joints and to poses: the contract, the crop, the camera, files and exports."""

import cv2
import image_models
import keras
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, camera, data, export, provenance, solvers, vision
from niki_tf.data.rendered_images import RenderedImages, Scenes
from niki_tf.solvers import zoo
from niki_tf.training import image_joints
from niki_tf.vision import image_crop, joint_heads

SIZE = image_models.SIZE


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, [2, SIZE, SIZE, 3]).astype(np.uint8)


@pytest.fixture
def image_solver():
    skeleton = body.mannequin_joints()
    return vision.ImageSolver(image_models.seen(), solver=solvers.OneStage(skeleton, num_couplings=2, hidden_dim=8))


def test_outputs_are_what_solvers_take(images):
    found = image_models.seen()({"image": images})
    solver = solvers.Analytic(body.mannequin_joints())
    told = {name: found[name] for name in ("joints", "joint_sigma", "betas", "twist")}
    assert solver(told)["body_pose"].shape.as_list() == [2, 23, 3, 3]
    np.testing.assert_array_equal(found["joints"][:, 0], np.zeros([2, 3]))
    assert found["camera"].shape.as_list() == [2, 3]
    assert found["confidence"].shape.as_list() == [2, 29]


def test_batch_normalisation_is_in_inference_form_in_training_too(images):
    model = image_models.seen()
    before = [weight.numpy() for weight in model.non_trainable_weights]
    for name in ("uvd", "twist", "betas"):
        np.testing.assert_array_equal(
            model({"image": images}, training=True)[name], model({"image": images})[name], err_msg=name
        )
    for weight, value in zip(model.non_trainable_weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_the_camera_sees_joints_where_they_are_in_the_crop(images):
    center = np.float32([[0.3, -0.2], [0.0, 0.1]])
    found = image_models.seen()({"image": images, "image_center": center})
    points = found["joints"] + camera.camera_to_transl(found["camera"])[:, None]
    seen = camera.perspective(points, focal_length=camera.FOCAL)
    np.testing.assert_allclose(seen, found["uvd"][..., :2] - center[:, None], atol=1e-4)


@pytest.mark.slow
def test_uint8_leading_axes_and_predict_give_the_same(images):
    model = image_models.seen()
    whole, one = model({"image": images}), model({"image": images[1]})
    both, predicted = model({"image": images[:, None]}), model.predict({"image": images}, verbose=0)
    for name, value in whole.items():
        np.testing.assert_allclose(one[name], value[1], atol=1e-4)
        np.testing.assert_allclose(both[name], value[:, None], atol=1e-4)
        np.testing.assert_allclose(predicted[name], value, atol=1e-4)


def test_a_box_is_the_crop_of_opencv(rng):
    picture = rng.integers(0, 256, [50, 70, 3]).astype(np.float32)
    box = np.float32([20, 5, 40, 45])
    left, top, right, bottom = image_crop.square_box(tf.constant(box)).numpy()
    assert (left, top, right, bottom) == (5.0, 0.0, 55.0, 50.0)
    outside = np.float32([-10, -20, 60, 50])
    for square in (np.float32([left, top, right, bottom]), outside):
        scale = (square[2] - square[0]) / SIZE
        matrix = np.float32([[scale, 0, square[0]], [0, scale, square[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        expected = cv2.warpAffine(picture, matrix, (SIZE, SIZE), flags=flags)
        found = image_crop.crop(tf.constant(picture[None]), tf.constant(square[None]), size=SIZE)[0]
        assert np.abs(found - expected).max() < 255 / 32  # OpenCV rounds places to a 32nd of a pixel
        assert np.abs(found - expected).mean() < 1.0


def test_a_picture_with_a_box_equals_its_crop_with_a_centre(rng):
    model, picture = image_models.seen(), rng.integers(0, 256, [1, 50, 70, 3]).astype(np.float32)
    box = np.float32([[20, 5, 40, 45]])
    square = image_crop.square_box(tf.constant(box))
    crop = image_crop.crop(tf.constant(picture), square, size=SIZE)
    center = (np.float32([[35, 25]]) - [[30, 25]]) / 50
    whole, part = model({"image": picture, "box": box}), model({"image": crop, "image_center": center})
    for name, value in whole.items():
        np.testing.assert_allclose(part[name], value, atol=1e-4)


def test_soft_argmax_finds_a_peak_and_mirroring_swaps_sides():
    heat = np.full([1, 8, 8, 29, 8], -40.0, np.float32)
    heat[0, 5, 2, :, 6] = 0.0
    uvd, confidence = joint_heads.soft_argmax(joint_heads.probabilities(tf.constant(heat)))
    np.testing.assert_allclose(uvd[0], np.tile([2 / 8 - 0.5, 5 / 8 - 0.5, 6 / 8 - 0.5], [29, 1]), atol=1e-6)
    np.testing.assert_allclose(confidence, np.ones([1, 29]), atol=1e-6)
    heat[0, 5, 2, 1, 6], heat[0, 0, 2, 1, 6] = -40.0, 0.0  # the left hip
    turned = joint_heads.probabilities(joint_heads.mirrored(tf.constant(heat)))
    mirrored, _ = joint_heads.soft_argmax(turned)
    np.testing.assert_allclose(mirrored[0, 3], [-(2 / 8 - 0.5), 5 / 8 - 0.5, 6 / 8 - 0.5], atol=1e-6)
    np.testing.assert_allclose(mirrored[0, 2, 1], -0.5, atol=1e-6)
    np.testing.assert_allclose(mirrored[0, 1, 1], 5 / 8 - 0.5, atol=1e-6)


def test_the_published_sums_are_those_of_an_exact_softmax_up_to_rounding(rng):
    heat = tf.constant(rng.normal(size=[1, 8, 8, 29, 8]), tf.float32)
    exact, published = (joint_heads.probabilities(heat, as_published=flag) for flag in (False, True))
    np.testing.assert_allclose(published, exact, rtol=1e-5)
    np.testing.assert_allclose(tf.reduce_sum(exact, (1, 2, 4)), np.ones([1, 29]), atol=1e-6)
    assert joint_heads.shifted_columns(40, as_published=False) == [0, *range(39)]


def test_a_scale_is_found_again_from_the_body():
    skeleton = body.mannequin_joints()
    rest = skeleton(tf.zeros([1, 10])) * [1.0, -1.0, -1.0]
    points, scale = rest - rest[:, :1], 0.8
    depth = camera.FOCAL / scale
    uv = camera.perspective(points, focal_length=camera.FOCAL, distance=depth)
    uvd = tf.concat([uv, points[..., 2:] / joint_heads.DEPTH], -1)
    twist = tf.constant(np.tile([[[1.0, 0.0]]], [1, 23, 1]), tf.float32)
    given = {"rest_joints": skeleton(tf.zeros([1, 10])), "twist": twist}
    first = tf.constant([[0.8]])
    found = joint_heads.fitted_scale(uvd, tf.zeros([1, 29]), first, tf.zeros([1, 2]), **given)
    np.testing.assert_allclose(found, [[scale]], rtol=1e-3)
    larger = joint_heads.fitted_scale(uvd, tf.zeros([1, 29]), first * 0.8, tf.zeros([1, 2]), **given)
    assert abs(float(larger[0, 0]) - scale) < 0.2 * scale  # from a body that was solved at a wrong depth


@pytest.mark.slow
def test_a_mirrored_image_is_averaged(images):
    model = image_models.seen()
    other = vision.ImageJoints.from_config({**model.get_config(), "flip_test": True})
    other.set_weights(model.get_weights())
    one, two = other({"image": images}), other({"image": images[:, :, ::-1]})
    np.testing.assert_allclose(two["joint_sigma"], joint_heads.mirrored_sigma(one["joint_sigma"]), atol=1e-5)
    np.testing.assert_allclose(two["twist"], joint_heads.mirrored_twist(one["twist"]), atol=1e-5)
    assert np.abs(one["uvd"] - model({"image": images})["uvd"]).max() > 1e-6


@pytest.mark.slow
def test_a_pose_in_the_cameras_axes_survives_the_disk(image_solver, images, tmp_path):
    found = image_solver({"image": images})
    seen = image_models.seen()({"image": images})
    solved = image_solver.solver({name: seen[name] for name in ("joints", "joint_sigma", "betas", "twist")})
    np.testing.assert_allclose(found["body_pose"], solved["body_pose"], atol=1e-5)
    np.testing.assert_allclose(found["transl"], solved["transl"] + camera.camera_to_transl(seen["camera"]), atol=1e-5)
    solvers.save(image_solver, tmp_path)
    again = vision.load_image_model(tmp_path)({"image": images})
    for name, value in found.items():
        np.testing.assert_allclose(again[name], value, atol=1e-6)


@pytest.mark.slow
def test_exports_give_the_same(image_solver, images, rng, tmp_path):
    pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")
    picture, box = rng.integers(0, 256, [2, 50, 70, 3]).astype(np.float32), np.float32([[20, 5, 40, 45], [0, 0, 9, 9]])
    crops = {"image": images.astype(np.float32)}
    expected = {"ik": image_solver(crops), "ik_box": image_solver({"image": picture, "box": box})}
    (tmp_path / "model.tflite").write_bytes(export.litert(image_solver))
    served = export.load_saved_model(export.write_saved_model(image_solver, tmp_path))
    for exported in (served, export.load_litert(tmp_path / "model.tflite")):
        found = {"ik": exported("ik", **crops), "ik_box": exported("ik_box", image=picture, box=box)}
        for signature, answer in expected.items():
            assert found[signature]["valid"].all()
            for name, value in answer.items():
                np.testing.assert_allclose(found[signature][name], value, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": None}, r"^`image` \(..., H, W, 3\) is missing"),
        ({"picture": 0}, "^`picture` is no input of a model of images"),
        ({"image": np.zeros([2, 31, 32, 3])}, r"^`image` must end in shape \(32, 32, 3\).*or with `box` a whole"),
        ({"image": np.zeros([2, 32, 32, 4])}, "^`image` must end in shape"),
        ({"box": np.zeros([3, 4])}, r"^`box` must have the leading axes of `image`, \(2,\); got \(3,\)"),
        ({"box": np.zeros([2, 4]), "image_center": np.zeros([2, 2])}, "^`image_center` is for a crop without a `box`"),
    ],
)
def test_bad_inputs_are_named(images, change, message):
    with pytest.raises(ValueError, match=message):
        image_models.seen()({"image": images} | change)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backbone": "resnet"}, "^`backbone` must be one of hrnet_w8.*mobilenet_v2; got 'resnet'"),
        ({"image_size": 100}, "^`image_size` must be a multiple of 32"),
        ({"normalization": "none"}, "^`normalization` must be one of imagenet"),
    ],
)
def test_bad_settings_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        vision.ImageJoints(body.mannequin_joints(), **{"image_size": 32, **options})


def test_a_solver_of_other_betas_is_named():
    skeleton = body.mannequin_joints()
    other = body.BodyJoints(skeleton.joints, directions=skeleton.directions[..., :4])
    with pytest.raises(ValueError, match="^`solver` must have a body of as many betas as `image_joints`, 10; got 4"):
        vision.ImageSolver(image_models.seen(), solver=solvers.Analytic(other))


def test_a_folder_without_a_model_of_images_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"^`name` must be a folder that holds model.keras"):
        vision.load_image_model(tmp_path)
    solvers.save(solvers.Analytic(body.mannequin_joints()), tmp_path)
    with pytest.raises(ValueError, match="^`name` must be a model of images; .* is a Analytic"):
        vision.load_image_model(tmp_path)


def test_a_file_that_asks_for_more_weights_than_it_has_is_refused(tmp_path, monkeypatch):
    model = image_models.seen()
    config = {**model.get_config(), "backbone": "hrnet_w48", "image_size": 256}
    monkeypatch.setattr(type(model), "get_config", lambda self: config)
    keras.Model.save(model, tmp_path / "model.keras")
    with pytest.raises(ValueError, match="`backbone` hrnet_w48 with .* weights, which are too few"):
        vision.load_image_model(tmp_path)


def test_a_model_that_ships_is_found_by_its_name(tmp_path, monkeypatch):
    zoo.save(image_models.seen(), tmp_path / "image_backbone")
    zoo.save(solvers.Analytic(body.mannequin_joints()), tmp_path / "plain")
    monkeypatch.setattr(provenance, "PLACES", (tmp_path,))
    assert list(vision.shipped_image_models()) == ["image_backbone"]
    assert list(zoo.shipped()) == ["plain"]
    loaded = vision.load_image_model("image_backbone")
    np.testing.assert_array_equal(loaded.get_weights()[0], image_models.seen().get_weights()[0])
    with pytest.raises(
        ValueError, match="^`name` must be a folder that holds model.keras, or image_backbone; got 'nowhere'"
    ):
        vision.load_image_model("nowhere")
    (tmp_path / provenance.SUMS).write_text(f"{64 * '0'}  image_backbone/model.keras\n")
    with pytest.raises(ValueError, match="must be the weights that ship, SHA-256 000"):
        vision.load_image_model("image_backbone")


_NONE = pytest.param(None, marks=pytest.mark.skip(reason="no model of images lies in saved_models/"))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*vision.shipped_image_models()] or [_NONE])
def test_what_ships_sees_drawn_people(name):
    model = vision.load_image_model(name)
    scenes = Scenes(image_size=model.image_size, distance_range=(6.0, 12.0))
    motion = data.load_sources(["made"], made_frames=100)
    drawn = RenderedImages(motion, body=body.mannequin(), scenes=scenes, seed=7, opengl=False)
    examples = [drawn.example(number) for number in range(8)]
    batch = {key: np.stack([one[key] for one in examples]) for key in ("image", "image_center", "focal")}
    found = model(image_joints.model_inputs({key: tf.constant(value) for key, value in batch.items()}))
    errors = 1e3 * np.linalg.norm(found["joints"] - np.stack([one["joints"] for one in examples]), axis=-1)
    assert errors.mean() < 200.0
