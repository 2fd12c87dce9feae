"""A reader of .glb files that knows the specification and nothing of the package: nodes, skin, morph targets."""

import json
import struct

import numpy as np
from scipy.spatial.transform import Rotation

_TYPES = {5126: np.float32, 5121: np.uint8, 5123: np.uint16, 5125: np.uint32}
_SIZES = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def read(path):
    """The JSON of the file and its accessors as arrays (n, size)."""
    content = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", content)
    assert (magic, version, length) == (b"glTF", 2, len(content))
    size, kind = struct.unpack_from("<I4s", content, 12)
    assert kind == b"JSON"
    document = json.loads(content[20 : 20 + size])
    binary_size, kind = struct.unpack_from("<I4s", content, 20 + size)
    assert kind == b"BIN\0"
    binary = content[28 + size :]
    assert len(binary) == binary_size == document["buffers"][0]["byteLength"]
    arrays = []
    for accessor in document["accessors"]:
        view, dtype = document["bufferViews"][accessor["bufferView"]], _TYPES[accessor["componentType"]]
        start, count = view["byteOffset"], accessor["count"] * _SIZES[accessor["type"]]
        assert start % 4 == 0
        assert view["byteLength"] == count * dtype().nbytes
        array = np.frombuffer(binary, dtype, count, start).reshape(accessor["count"], -1)
        for name, edge in {"min": np.min, "max": np.max}.items():
            if name in accessor:
                np.testing.assert_array_equal(np.float32(accessor[name]), edge(array, 0))
        arrays.append(array)
    return document, arrays


def play(path):
    """What a viewer shows at the key frames: times, names, local rotations, joint positions, vertices, all arrays."""
    document, arrays = read(path)
    (animation,), (skin,), nodes = document["animations"], document["skins"], document["nodes"]
    samplers = animation["samplers"]
    tracks = {
        (channel["target"]["node"], channel["target"]["path"]): arrays[samplers[channel["sampler"]]["output"]]
        for channel in animation["channels"]
    }
    times = arrays[samplers[0]["input"]][:, 0]
    local = np.tile(np.eye(4), [len(times), len(nodes), 1, 1])
    for number, node in enumerate(nodes):
        if (number, "rotation") in tracks:
            turns = Rotation.from_quat(tracks[number, "rotation"])
            local[:, number, :3, :3] = turns.as_matrix()
        local[:, number, :3, 3] = tracks.get((number, "translation"), node.get("translation", [0, 0, 0]))
    world = local.copy()

    def walk(number):
        for child in nodes[number].get("children", ()):
            world[:, child] = world[:, number] @ local[:, child]
            walk(child)

    for root in document["scenes"][document["scene"]]["nodes"]:
        walk(root)
    joints = skin["joints"]
    (mesh_node,) = (number for number, node in enumerate(nodes) if "mesh" in node)
    inverse = arrays[skin["inverseBindMatrices"]].reshape(-1, 4, 4).transpose(0, 2, 1)
    moved = _morphed(document, arrays, tracks.get((mesh_node, "weights")), len(times))
    return {
        "times": times,
        "names": [nodes[joint]["name"] for joint in joints],
        "rotations": local[:, joints][..., :3, :3],
        "quaternions": np.stack([tracks[joint, "rotation"] for joint in joints], 1),
        "joints": world[:, joints][..., :3, 3],
        "vertices": _skinned(document, arrays, moved, world[:, joints] @ inverse),
    }


def _primitive(document):
    return document["meshes"][0]["primitives"][0]


def _morphed(document, arrays, weights, frames):
    primitive = _primitive(document)
    vertices = np.tile(arrays[primitive["attributes"]["POSITION"]].astype(float), [frames, 1, 1])
    for target, weight in zip(
        primitive.get("targets", ()), () if weights is None else weights.reshape(frames, -1).T, strict=True
    ):
        vertices += weight[:, None, None] * arrays[target["POSITION"]]
    return vertices


def _skinned(document, arrays, vertices, moves):
    attributes = _primitive(document)["attributes"]
    joints, weights = arrays[attributes["JOINTS_0"]], arrays[attributes["WEIGHTS_0"]]
    skinned = np.zeros_like(vertices)
    for k in range(4):
        move = moves[:, joints[:, k]]
        skinned += weights[:, k, None] * (np.einsum("tvrc,tvc->tvr", move[..., :3, :3], vertices) + move[..., :3, 3])
    return skinned
