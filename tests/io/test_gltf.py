"""Bodies in .glb files: skinned by the file's own numbers they are the body's vertices and joints."""

import json
import logging
import os
import shutil
import subprocess

import glb_reader
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from niki_tf import body, motion, rotations
from niki_tf.io import gltf
from niki_tf.motion import pieces
from niki_tf.skeletons.bone_names import BONE_NAMES

FRAMES = 12
BETAS = np.linspace(-1.5, 1.5, 10).astype(np.float32)


@pytest.fixture(scope="module")
def moving():
    """Rotations, transl and fps of a motion."""
    clip = motion.made_motion(1, frames=FRAMES)
    return {"rotations": rotations.rotvec_to_matrix(clip.poses).numpy(), "transl": clip.trans, "fps": 25}


@pytest.fixture(scope="module")
def sparse():
    """A twentieth of the mannequin's vertices."""
    data = body.mannequin()
    picked = {name: getattr(data, name)[::20] for name in ("v_template", "shapedirs", "lbs_weights", "posedirs")}
    kept = {"joints": data.joints, "joint_directions": data.joint_directions}
    return body.BodyData(**picked, **kept, faces=[[0, 100, 200]])


def _posed(data, moving, betas):
    turns = moving["rotations"]
    answer = body.Body(data)(
        betas=np.tile(betas, [len(turns), 1]),
        global_orient=turns[:, :1],
        body_pose=turns[:, 1:],
        transl=moving["transl"],
    )
    return {name: array.numpy() for name, array in answer.items()}


def _assert_is_the_body(path, data, moving, betas, surface):
    shown, posed = glb_reader.play(path), _posed(data, moving, betas)
    np.testing.assert_allclose(shown["times"], np.arange(FRAMES) / moving["fps"], rtol=1e-6)
    np.testing.assert_allclose(shown["rotations"], moving["rotations"], atol=1e-5)
    np.testing.assert_allclose(shown["joints"], posed["joints"][:, :24], atol=1e-5)
    assert np.linalg.norm(shown["vertices"] - posed["vertices"], axis=-1).max() < surface
    assert (np.sum(shown["quaternions"][1:] * shown["quaternions"][:-1], -1) > 0.5).all()


def test_the_mannequin_with_its_pose_directions(tmp_path, moving):
    data = body.mannequin()
    path = gltf.write_glb(tmp_path / "new" / "a.glb", data, **moving, betas=BETAS)
    _assert_is_the_body(path, data, moving, BETAS, surface=0.00055)
    document, arrays = glb_reader.read(path)
    (weights,) = (
        arrays[document["animations"][0]["samplers"][channel["sampler"]]["output"]]
        for channel in document["animations"][0]["channels"]
        if channel["target"]["path"] == "weights"
    )
    assert weights.min() >= 0
    assert weights.max() <= 1


def test_fewer_morph_targets_are_a_smaller_file_and_a_coarser_surface(tmp_path, moving, sparse):
    posed = _posed(sparse, moving, BETAS)["vertices"]
    sizes, errors = [], []
    for tolerance in (0.0001, 0.002, np.inf):
        path = gltf.write_glb(tmp_path / "a.glb", sparse, **moving, betas=BETAS, surface_tolerance=tolerance)
        sizes.append(path.stat().st_size)
        errors.append(np.linalg.norm(glb_reader.play(path)["vertices"] - posed, axis=-1).max())
    assert sizes == sorted(sizes, reverse=True)
    assert errors[0] < 0.00012 < errors[1] < 0.002 < errors[2]
    assert "targets" not in glb_reader.read(path)[0]["meshes"][0]["primitives"][0]


def test_a_body_of_the_users_as_data_and_as_a_layer(tmp_path, moving, toy_body, sparse):
    for data, surface in ((toy_body, 1e-5), (sparse, 0.00055)):
        for posed in (data, body.Body(data)):
            path = gltf.write_glb(tmp_path / "a.glb", posed, **moving, betas=BETAS)
            _assert_is_the_body(path, data, moving, BETAS, surface=surface)
    path = gltf.write_glb(tmp_path / "a.glb", sparse, **moving)
    _assert_is_the_body(path, sparse, moving, np.zeros(10, np.float32), surface=0.00055)


@pytest.mark.parametrize("bone_names", BONE_NAMES)
def test_bones_have_the_names_that_are_wanted(tmp_path, moving, toy_body, bone_names):
    path = gltf.write_glb(tmp_path / "a.glb", toy_body, **moving, bone_names=bone_names)
    assert tuple(glb_reader.play(path)["names"]) == BONE_NAMES[bone_names]


def test_one_frame(tmp_path, moving, toy_body):
    one = {name: value if name == "fps" else value[:1] for name, value in moving.items()}
    shown = glb_reader.play(gltf.write_glb(tmp_path / "a.glb", toy_body, **one))
    assert shown["times"].tolist() == [0]
    np.testing.assert_allclose(shown["joints"], _posed(toy_body, one, np.zeros(10))["joints"][:, :24], atol=1e-5)


def test_a_long_motion_goes_on_from_piece_to_piece(tmp_path, sparse):
    turns = np.linspace(0, 40 * np.pi, pieces.FRAMES + 40)  # quaternions change their sign on the way
    axes = np.random.default_rng(0).normal(size=[24, 3])
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    local = Rotation.from_rotvec((turns[:, None, None] * axes).reshape(-1, 3)).as_matrix().reshape(-1, 24, 3, 3)
    moving = {"rotations": local.astype(np.float32), "transl": np.zeros([len(turns), 3], np.float32), "fps": 25}
    shown = glb_reader.play(gltf.write_glb(tmp_path / "a.glb", sparse, **moving))
    np.testing.assert_allclose(shown["rotations"], local, atol=1e-5)
    assert (np.sum(shown["quaternions"][1:] * shown["quaternions"][:-1], -1) > 0.5).all()
    posed = _posed(sparse, moving, np.zeros(10, np.float32))
    assert np.linalg.norm(shown["vertices"] - posed["vertices"], axis=-1).max() < 0.00055


def test_a_vertex_keeps_its_four_largest_weights_and_what_is_lost_is_told(tmp_path, moving, toy_body, caplog):
    weights = np.tile(np.eye(24)[0], [len(toy_body.v_template), 1])
    weights[0, :6] = [0.1, 0.3, 0.05, 0.25, 0.2, 0.1]
    fields = {name: getattr(toy_body, name) for name in toy_body.__dataclass_fields__}
    many = body.BodyData(**fields | {"lbs_weights": weights})
    with caplog.at_level(logging.WARNING, logger="niki_tf"):
        document, arrays = glb_reader.read(gltf.write_glb(tmp_path / "a.glb", many, **moving))
    assert "up to 15 % of one moved by more is lost" in caplog.text
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    assert arrays[attributes["JOINTS_0"]][:2].tolist() == [[1, 3, 4, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(arrays[attributes["WEIGHTS_0"]][0], np.array([0.3, 0.25, 0.2, 0.1]) / 0.85, rtol=1e-6)


def test_normals_are_unit_and_point_outwards(tmp_path, moving, toy_body):
    document, arrays = glb_reader.read(gltf.write_glb(tmp_path / "a.glb", toy_body, **moving))
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    corners = (arrays[attributes["POSITION"]].reshape(29, 4, 3) - toy_body.joints[:, None]) / 0.03 / np.sqrt(3)
    np.testing.assert_allclose(arrays[attributes["NORMAL"]].reshape(29, 4, 3), corners, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "a.gltf"}, r"`path` must end in \.glb; got a\.gltf"),
        ({"posed": None}, "`posed` must be a BodyData or a Body; got NoneType"),
        ({"rotations": np.zeros([12, 23, 3, 3])}, r"`rotations` must be numbers of shape \(T, 24, 3, 3\)"),
        ({"transl": np.zeros([11, 3])}, r"`transl` must be numbers of shape \(12, 3\); got float64 \(11, 3\)"),
        ({"betas": np.zeros(9)}, r"`betas` must be numbers of shape \(10,\); got float64 \(9,\)"),
        ({"fps": -1}, "`fps` must be one positive number"),
        ({"times": np.zeros(12)}, "`times` must increase from frame to frame"),
        ({"bone_names": "max"}, "`bone_names` must be one of smpl"),
    ],
)
def test_bad_arguments_are_named(tmp_path, moving, toy_body, change, message):
    arguments = {"path": tmp_path / "a.glb", "posed": toy_body, **moving} | change
    with pytest.raises(ValueError, match=message):
        gltf.write_glb(**arguments)
    assert not list(tmp_path.iterdir())


_VALIDATE = """
const validator = require(process.argv[1]), file = require("fs").readFileSync(process.argv[2]);
validator.validateBytes(new Uint8Array(file)).then(report => console.log(JSON.stringify(report.issues)));
"""


@pytest.mark.skipif(
    "NIKI_GLTF_VALIDATOR" not in os.environ or not shutil.which("node"),
    reason="NIKI_GLTF_VALIDATOR names no folder of the npm package gltf-validator",
)
def test_the_validator_of_khronos_has_nothing_to_say(tmp_path, moving, toy_body, sparse):
    for posed in (sparse, toy_body):
        path = gltf.write_glb(tmp_path / "a.glb", posed, **moving, betas=BETAS)
        command = ["node", "-e", _VALIDATE, os.environ["NIKI_GLTF_VALIDATOR"], str(path)]
        found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert json.loads(found.stdout)["messages"] == []


def test_trimesh_reads_the_body_at_rest(tmp_path, moving):
    trimesh = pytest.importorskip("trimesh")
    data = body.mannequin()
    (mesh,) = trimesh.load(gltf.write_glb(tmp_path / "a.glb", data, **moving, betas=BETAS)).geometry.values()
    np.testing.assert_allclose(mesh.vertices, data.v_template + data.shapedirs @ BETAS, atol=1e-6)
    assert mesh.is_watertight
