"""HRNet with HybrIK's heads against numbers recorded from the published code, and what becomes of every tensor."""

import json
import zlib

import keras
import numpy as np
import pth_reader
import pytest
import tensorflow as tf

from niki_tf import body, camera, convert
from niki_tf.body import analytic_ik
from niki_tf.convert import image_weights
from niki_tf.vision import joint_heads
from niki_tf.vision.backbones import NORMALIZATIONS
from niki_tf.vision.image_joints import network

MODES = ("bbox", "nohybrik", "nobbox", "flip")
HALVES = 2
"""Largest whole number of the recipe's random weights."""


def made(name, shape, info):
    """A tensor of the recipe of a recorded model, or None if it is left as the published code makes it."""
    rng = np.random.default_rng([info["seed"], zlib.crc32(name.encode())])
    last, dims = name.rpartition(".")[2], len(shape)
    if last == "weight" and dims > 1:
        inputs, outputs = (shape[axis] * int(np.prod(shape[2:])) for axis in (1, 0))
        gain = info["gain"].get(name, info["default_gain"])
        std = gain * np.sqrt(2 / inputs if dims == 4 else 2 / (inputs + outputs))
        raw = std / np.sqrt(HALVES * (HALVES + 1) / 3)
        grid = 2.0 ** (np.floor(np.log2(raw)) - 3)
        value = rng.integers(-HALVES, HALVES + 1, shape) * np.round(raw / grid) * grid
    elif last in ("weight", "running_var"):
        value = rng.uniform(0.6, 1.4, shape)
    elif last in ("bias", "running_mean"):
        value = rng.uniform(-0.1, 0.1, shape)
    else:
        return None
    return value.astype(np.float32) + np.float32(info["added_after"].get(name, 0.0))


class Recorded:
    """A published network of images, what it gives, and ours made of it."""

    def __init__(self, folder, width):
        self.info = json.loads((folder / f"hrnet_w{width}_info.json").read_text())
        with np.load(folder / f"hrnet_w{width}_io.npz") as file:
            self.io = dict(file)
        with np.load(folder / "synthetic_smpl.npz") as file:
            self.regressor = file["J_regressor_h36m"]
        arrays = pth_reader.read(folder / "hrnet_w8_state_dict.pth")
        if width != 8:
            recipe = {name: made(name, shape, self.info) for name, (shape, _) in self.info["state_dict"].items()}
            arrays = {name: arrays.get(name) if array is None else array for name, array in recipe.items()}
        for name, (total, absolute) in self.info["weight_check"].items():
            np.testing.assert_allclose([arrays[name].sum(), np.abs(arrays[name]).sum()], [total, absolute], rtol=1e-5)
        self.arrays = convert.state_dict(arrays)
        self.conversion = convert.convert(self.arrays)
        self.model, self.solver = self.conversion.image, self.conversion.solver
        self.body = body.Body(body.load_body(folder / "synthetic_smpl.npz"))

    @property
    def center(self):
        """The image's centre from the crop's, in widths of the crop."""
        boxes = self.io["in.bboxes"]
        return (self.io["in.img_center"] - 0.5 * (boxes[:, :2] + boxes[:, 2:])) / (boxes[:, 2:] - boxes[:, :2])

    def answer(self, mode):
        """What our model says in a recorded mode."""
        mean, deviation = NORMALIZATIONS["hybrik"]
        image = 255.0 * (self.io["in.image"].transpose(0, 2, 3, 1) * np.array(deviation) + mean)
        self.model.flip_test = mode == "flip"
        given = {"image": image} if mode == "nobbox" else {"image": image, "image_center": self.center}
        return self.model(given)


@pytest.fixture(scope="module")
def small(parity):
    return Recorded(parity, 8)


@pytest.fixture(params=[8, 48])
def recorded(request, parity, small):
    return small if request.param == 8 else Recorded(parity, request.param)


def close(found, expected, tolerance=1e-4):
    """Within `tolerance` of the largest value that is expected."""
    found = np.asarray(found)
    expected = np.reshape(expected, found.shape)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def compare_body(recorded, found, expected):
    """What HybrIK's solver makes of the answer, as recorded."""
    told = {name: found[name] for name in ("joints", "betas", "twist")}
    solved = recorded.solver(told)
    local = tf.concat([solved["global_orient"], solved["body_pose"]], 1)
    close(local, expected("pred_theta_mats"), 1e-3)
    posed = recorded.body(betas=told["betas"], **{name: solved[name] for name in ("global_orient", "body_pose")})
    close(posed["joints"][:, :24] / joint_heads.DEPTH, expected("pred_xyz_jts_24_struct"))
    close(posed["vertices"][:, ::10], expected("pred_vertices_every10"))
    close(recorded.regressor @ posed["vertices"].numpy() / joint_heads.DEPTH, expected("pred_xyz_jts_17"))
    root = camera.camera_to_transl(found["camera"])
    close(root - posed["joints"][:, 0], expected("transl"))
    close(told["betas"] - recorded.arrays["init_shape"], expected("pred_delta_shape"))
    close(told["joints"][:, :24] / joint_heads.DEPTH, expected("pred_xyz_jts_24"))


@pytest.mark.slow
def test_every_recorded_mode(recorded):
    for mode in MODES:
        found, expected = recorded.answer(mode), lambda name, mode=mode: recorded.io[f"eval_{mode}.{name}"]
        close(found["twist"], expected("pred_phi"))
        close(found["betas"], expected("pred_shape"))
        close(found["uvd"], expected("pred_uvd_jts"))
        close(found["confidence"], expected("maxvals"))
        close(found["joint_sigma"], expected("sigma"))
        close(1 - found["joint_sigma"], expected("scores"))
        close(found["scale"], expected("cam_scale"))
        close(found["joints"] / joint_heads.DEPTH, expected("pred_xyz_jts_29"))
        close(camera.camera_to_transl(found["camera"]), expected("cam_root"))
        if mode == "bbox":
            compare_body(recorded, found, expected)


@pytest.mark.slow
def test_maps_within_the_backbone(small):
    inner = keras.Model(
        small.model.network.input,
        {
            name: small.model.network.get_layer(f"{place}.relu").output
            for name, place in {
                "layer1.branch0": "layer1.3",
                **{f"stage2.branch{n}": f"stage2.0.fuse_layers.{n}" for n in range(2)},
                **{f"stage3.branch{n}": f"stage3.3.fuse_layers.{n}" for n in range(3)},
                **{f"stage4.branch{n}": f"stage4.2.fuse_layers.{n}" for n in range(4)},
            }.items()
        },
    )
    crop = small.io["in.image"].transpose(0, 2, 3, 1)
    for name, found in inner(crop).items():
        close(tf.transpose(found, [0, 3, 1, 2])[:, :4, ::4, ::4], small.io[f"backbone.{name}.first4ch_every4px"])
    heat, *_, scale, _, features = small.model.network(crop)
    close(features, small.io["backbone.feat"])
    close(scale, small.io["eval_bbox.pred_camera"])
    volume = np.transpose(joint_heads.volumes(heat), [0, 3, 4, 1, 2])
    close([volume.mean(), volume.std()], small.io["backbone.heatmap_mean_std"])
    close(volume[:, ::4, ::8, ::8, ::8], small.io["backbone.heatmap_every8"])


@pytest.mark.slow
def test_rotations_in_double_precision(small):
    keras.config.set_dtype_policy("float64")
    try:
        double = network("hrnet_w8", image_size=256, num_betas=10)
    finally:
        keras.config.set_dtype_policy("float32")
    double.set_weights([weight.astype(np.float64) for weight in small.model.network.get_weights()])
    crop = small.io["in.image"].transpose(0, 2, 3, 1).astype(np.float64)
    heat, betas, twist, scale, sigma, _ = double(crop)
    uvd, _ = joint_heads.soft_argmax(joint_heads.probabilities(joint_heads.volumes(heat)))
    close(uvd, small.io["eval_bbox.pred_uvd_jts"], 1e-5)
    skeleton = small.model.body_joints
    rest = tf.constant(skeleton.joints + skeleton.directions @ betas.numpy()[0])[None]
    center = tf.constant(-small.center, tf.float64)
    scale = joint_heads.fitted_scale(uvd, sigma, scale, center, rest_joints=rest, twist=twist, as_published=True)
    close(scale, small.io["eval_bbox.cam_scale"], 1e-5)
    joints, _ = joint_heads.back_project(uvd, scale, center)
    found = analytic_ik(joints, rest_joints=rest, twist=twist, as_published=True)
    close(found, small.io["eval_bbox.pred_theta_mats"])


@pytest.mark.slow
def test_the_report_names_every_tensor_and_the_rest_of_a_checkpoint_is_a_solver(small, parity):
    report = small.conversion.report
    assert {tensor["name"] for tensor in report["tensors"]} == set(small.arrays)
    unused = {tensor["name"] for tensor in report["tensors"] if not tensor["used"]}
    assert all(name.endswith("num_batches_tracked") or name.startswith("smpl.") for name in unused)
    assert (report["backbone"], report["left_as_made"]) == ("hrnet_w8", [])
    niki = convert.state_dict(pth_reader.read(parity / "niki_1stage_state_dict.pth"))
    both = niki | {f"hybrik.{name}": array for name, array in small.arrays.items()}
    found = convert.convert(both)
    assert type(found.solver).__name__ == "OneStage"
    assert {tensor["name"] for tensor in found.report["tensors"]} == set(both)
    for one, other in zip(found.image.get_weights(), small.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_hrnet_of_another_task_is_a_start(small, rng):
    """As pose estimators trained on COCO are stored: 17 heat maps, one output in the last module, no features."""
    own = {name.removeprefix("preact."): array for name, array in small.arrays.items() if name.startswith("preact.")}
    lacking = ("incre_modules.", "downsamp_modules.", "final_feat_layer.", "stage4.2.fuse_layers.1.")
    arrays = {name: array for name, array in own.items() if not name.startswith((*lacking, "final_layer."))}
    arrays["final_layer.weight"] = rng.normal(size=[17, 8, 1, 1]).astype(np.float32)
    with pytest.raises(ValueError, match="the checkpoint holds no body"):
        convert.convert(arrays)
    found = convert.convert(arrays, body_joints=body.mannequin_joints())
    assert found.image.normalization == "imagenet"
    assert {tensor["name"] for tensor in found.report["tensors"]} == set(arrays)
    left = found.report["left_as_made"]
    assert {"final_layer.weight", "decphi.bias", "incre_modules.0.0.conv1.weight"} <= set(left)
    conv = found.image.network.get_layer("stage3.2.branches.1.0.conv1")
    np.testing.assert_array_equal(conv.kernel, own["stage3.2.branches.1.0.conv1.weight"].transpose(2, 3, 1, 0))
    del arrays["stage3.2.branches.1.0.conv1.weight"]
    with pytest.raises(ValueError, match="missing: stage3.2.branches.1.0.conv1.weight"):
        convert.convert(arrays, body_joints=body.mannequin_joints())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("preact.conv1.weight", None, "missing: preact.conv1.weight"),
        ("decsigma.bias", np.zeros(28), r"misshapen: decsigma.bias \(wanted \(29,\), got \(28,\)\)"),
        ("preact.conv9.weight", np.zeros(2), r"not known: preact.conv9.weight \(2,\)"),
        ("preact.bn1.weight", np.full(64, np.nan), "not finite: preact.bn1.weight"),
    ],
)
def test_broken_checkpoints_are_named(small, name, array, message):
    arrays = {key: value for key, value in small.arrays.items() if key != name}
    if array is not None:
        arrays[name] = np.float32(array)
    with pytest.raises(ValueError, match=message):
        convert.convert(arrays)


def test_the_part_of_an_image_is_told_by_names():
    arrays = {f"hybrik.{name}": np.zeros(1) for name in ("preact.conv1.weight", "decphi.bias", "init_cam")}
    part, others = image_weights.split(arrays | {"regressor.flow.mask": np.zeros(2)})
    assert (part.prefix, list(part.arrays), list(others)) == (
        "hybrik.",
        ["preact.conv1.weight", "decphi.bias", "init_cam"],
        ["regressor.flow.mask"],
    )
    assert image_weights.split({"regressor.flow.mask": np.zeros(2)})[0] is None
    with pytest.raises(
        ValueError, match="must hold an HRNet of width 8, 32, 48, told by preact.transition1.0.0.weight"
    ):
        convert.convert(arrays)
