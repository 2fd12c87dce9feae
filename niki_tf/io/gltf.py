"""Writing a moving body as binary glTF: surface, skeleton, skin and animation in one .glb file."""

import os
import pathlib
from typing import Any

import numpy as np

from niki_tf import skeletons
from niki_tf.body.body import Body
from niki_tf.body.body_data import BodyData
from niki_tf.io.glb_file import GlbFile
from niki_tf.io.pose_morphs import Morphs, pose_morphs
from niki_tf.log import logger
from niki_tf.motion import quaternions
from niki_tf.motion.clip import checked_array, checked_rate, checked_times
from niki_tf.motion.pieces import pieces
from niki_tf.skeletons.bone_names import checked_bone_names

_INFLUENCES = 4
"""Joints that can move a vertex: what every program reads."""
_LOST_WEIGHT = 0.01
"""Share of a vertex in further joints from which on it is told in the log that they are left out."""
_SURFACE_TOLERANCE = 0.0005
"""Metres by which a vertex may be elsewhere than the body's."""
_MATERIAL = {
    "name": "skin",
    "pbrMetallicRoughness": {"baseColorFactor": [0.75, 0.78, 0.84, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.7},
}


def write_glb(
    path: str | os.PathLike,
    posed: BodyData | Body,
    *,
    rotations: np.ndarray,
    transl: np.ndarray,
    fps: float,
    times: np.ndarray | None = None,
    betas: np.ndarray | None = None,
    bone_names: str = "smpl",
    surface_tolerance: float = _SURFACE_TOLERANCE,
) -> pathlib.Path:
    """Writes a body in motion to the .glb file `path`, whole or not at all, and gives the path.

    The file holds the body's surface at rest, in the shape that `betas` give it; a skeleton of SMPL's 24 joints that
    moves it by linear blend skinning; an animation of their rotations and of the root's position; and, for a body with
    pose directions, as many morph targets as the motion needs. Metres, y up, the body at rest facing +z, which are
    glTF's own axes: nothing is turned.

    A vertex keeps its four largest skinning weights, scaled to add up to 1. SMPL's bodies and the mannequin have no
    more than four; of others the log says how much is lost.

    Args:
        path: ends in .glb.
        posed: the body, as data or as a layer.
        rotations: (T, 24, 3, 3) local rotation matrices, root first.
        transl: (T, 3) metres, what SMPL adds to all vertices.
        fps: frames per second.
        times: (T,) seconds that increase, in place of `fps` where frames are not even; the first becomes 0.
        betas: (B,) shape coefficients; zeros if not given.
        bone_names: one of `skeletons.bone_names.BONE_NAMES`: smpl, mixamo, unity or vrm.
        surface_tolerance: metres by which a vertex may be elsewhere than the body's for lack of morph targets; a
            larger one makes a smaller file, infinity one without morph targets.

    Raises:
        ValueError: a shape does not fit, a number is not finite, or `path` or `bone_names` cannot be.

    Example:
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> from niki_tf import body
        >>> from niki_tf.io import gltf
        >>> pose = np.eye(3) + np.zeros([30, 24, 1, 1])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "rest.glb")
        ...     gltf.write_glb(path, body.mannequin(), rotations=pose, transl=np.zeros([30, 3]), fps=30).name
        'rest.glb'
    """
    path = pathlib.Path(path)
    if path.suffix.lower() != ".glb":
        raise ValueError(f"`path` must end in .glb; got {path}.")
    data = _data(posed)
    rotations = checked_array(rotations, "`rotations`", [(None, skeletons.NUM_ROTATIONS, 3, 3)])
    transl = checked_array(transl, "`transl`", [(len(rotations), 3)])
    betas = checked_array(np.zeros(data.num_betas) if betas is None else betas, "`betas`", [(data.num_betas,)])
    names, seconds = checked_bone_names(bone_names), np.arange(len(rotations)) / checked_rate(fps, "`fps`")
    if times is not None:
        seconds = checked_times(times, len(rotations))
        seconds = seconds - seconds[0]
    joints = (data.joints + data.joint_directions @ betas)[: skeletons.NUM_ROTATIONS]
    morphs = None
    if data.posedirs is not None:
        morphs = pose_morphs(data.posedirs, rotations, tolerance=surface_tolerance)
    if morphs is None or not len(morphs.targets):
        morphs = None
    glb = GlbFile()
    document = {
        "scene": 0,
        "scenes": [{"nodes": [0, len(names)]}],
        "nodes": [*_joint_nodes(joints, names), {"name": "body", "mesh": 0, "skin": 0}],
        "meshes": [_mesh(glb, data, data.v_template + data.shapedirs @ betas, morphs)],
        "materials": [_MATERIAL],
        "skins": [_skin(glb, joints)],
        "animations": [_animation(glb, rotations, joints[0] + transl, seconds, morphs)],
    }
    glb.save(path, document)
    return path


def _data(posed: BodyData | Body) -> BodyData:
    """The arrays of a body, which its layer stores transposed."""
    if isinstance(posed, BodyData):
        return posed
    if not isinstance(posed, Body):
        raise ValueError(f"`posed` must be a BodyData or a Body; got {type(posed).__name__}.")
    vertices = posed.num_vertices
    directions = posed.shapedirs.numpy().reshape(posed.num_betas, 3, vertices).T
    posedirs = None if posed.posedirs is None else posed.posedirs.numpy().reshape(-1, 3, vertices).T
    return BodyData(
        v_template=posed.v_template.numpy().T,
        shapedirs=directions,
        lbs_weights=posed.lbs_weights.numpy().T,
        faces=posed.faces.numpy(),
        joints=posed.body_joints.joints,
        joint_directions=posed.body_joints.directions,
        posedirs=posedirs,
    )


def _joint_nodes(joints: np.ndarray, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """A node for each joint (24, 3) at rest, in the order of SMPL."""
    parents = skeletons.SMPL_24.parents
    nodes: list[dict[str, Any]] = []
    for joint, parent in enumerate(parents):
        offset = joints[joint] - joints[parent] if joint else joints[0]
        children = [child for child, above in enumerate(parents) if above == joint]
        node: dict[str, Any] = {"name": names[joint], "translation": offset.tolist()}
        nodes.append(node | ({"children": children} if children else {}))
    return nodes


def _mesh(glb: GlbFile, data: BodyData, vertices: np.ndarray, morphs: Morphs | None) -> dict[str, Any]:
    """The mesh of `vertices` (V, 3) at rest, with its skinning weights and morph targets."""
    joints, weights = influences(data.lbs_weights)
    index_type = np.uint16 if len(vertices) < np.iinfo(np.uint16).max else np.uint32
    primitive: dict[str, Any] = {
        "attributes": {
            "POSITION": glb.add(vertices.astype(np.float32), "VEC3", target="vertices", bounds=True),
            "NORMAL": glb.add(_normals(vertices, data.faces), "VEC3", target="vertices"),
            "JOINTS_0": glb.add(joints, "VEC4", target="vertices"),
            "WEIGHTS_0": glb.add(weights, "VEC4", target="vertices"),
        },
        "indices": glb.add(data.faces.ravel().astype(index_type), "SCALAR", target="indices"),
        "material": 0,
    }
    if morphs is None:
        return {"name": "body", "primitives": [primitive]}
    numbers = [glb.add(target, "VEC3", target="vertices", bounds=True) for target in morphs.targets]
    primitive["targets"] = [{"POSITION": number} for number in numbers]
    names = [f"pose_{k}" for k in range(len(numbers))]
    return {
        "name": "body",
        "primitives": [primitive],
        "weights": [0.0] * len(numbers),
        "extras": {"targetNames": names},
    }


def influences(lbs_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers (V, 4) and weights (V, 4) of the joints that move each vertex most."""
    joints = np.argsort(-lbs_weights, axis=1, kind="stable")[:, :_INFLUENCES]
    weights = np.maximum(np.take_along_axis(lbs_weights, joints, 1), 0.0)
    lost = (1.0 - weights.sum(1)).max()
    if lost > _LOST_WEIGHT:
        logger.warning("glTF moves a vertex by four joints; up to %.0f %% of one moved by more is lost.", 100 * lost)
    joints = np.where(weights > 0.0, joints, 0).astype(np.uint8)
    return joints, (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3) float32, of the faces around each vertex by their area; up where there are none."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices, np.float64)
    np.add.at(normals, faces.ravel(), np.repeat(across, 3, 0))
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(lengths > 0.0, normals / np.where(lengths > 0.0, lengths, 1.0), [0.0, 1.0, 0.0]).astype(np.float32)


def _skin(glb: GlbFile, joints: np.ndarray) -> dict[str, Any]:
    """The skin of a body that stands at rest with its joints (24, 3) unturned."""
    to_joint = np.tile(np.eye(4, dtype=np.float32), [len(joints), 1, 1])
    to_joint[:, 3, :3] = -joints  # matrices are stored column by column
    inverse = glb.add(to_joint.reshape(-1, 16), "MAT4")
    return {"joints": list(range(len(joints))), "inverseBindMatrices": inverse, "skeleton": 0}


def _turns(rotations: np.ndarray) -> np.ndarray:
    """Unit quaternions (T, 24, 4) float32, real part last, of rotation matrices; each frame is near the one before."""
    turns = np.empty([*rotations.shape[:2], 4], np.float32)
    for piece in pieces(len(rotations)):
        found = quaternions.matrix_to_quaternion_wxyz(rotations[piece].astype(np.float64))
        turns[piece] = np.roll(found, -1, axis=-1)
    return quaternions.continuous(turns)


def _animation(
    glb: GlbFile, rotations: np.ndarray, root: np.ndarray, times: np.ndarray, morphs: Morphs | None
) -> dict[str, Any]:
    """Local rotations (T, 24, 3, 3), positions of the root (T, 3) and weights of morph targets at `times` (T,)."""
    turns = _turns(rotations)
    tracks = [(joint, "rotation", glb.add(turns[:, joint], "VEC4")) for joint in range(rotations.shape[1])]
    tracks.append((0, "translation", glb.add(root.astype(np.float32), "VEC3")))
    if morphs is not None:
        tracks.append((rotations.shape[1], "weights", glb.add(morphs.weights.reshape(-1), "SCALAR")))
    time = glb.add(times.astype(np.float32), "SCALAR", bounds=True)
    return {
        "name": "motion",
        "samplers": [{"input": time, "output": output} for _, _, output in tracks],
        "channels": [
            {"sampler": k, "target": {"node": node, "path": path}} for k, (node, path, _) in enumerate(tracks)
        ],
    }
