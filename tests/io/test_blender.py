"""What Blender's importers make of our files: needs a Python with bpy, named by the variable NIKI_BPY_PYTHON."""

import json
import os
import subprocess

import cv2
import numpy as np
import pytest
from rig import FULL, rig_text

from niki_tf import body, motion, rotations, skeletons
from niki_tf.io import bvh, bvh_motion, bvh_pose, gltf
from niki_tf.skeletons.bone_names import BONE_NAMES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("NIKI_BPY_PYTHON" not in os.environ, reason="NIKI_BPY_PYTHON names no Python with bpy"),
]

_SCRIPT = """
import json, sys
import bpy
import numpy as np

path, fps, frames, answer = sys.argv[1], float(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4]
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.render.fps = round(fps)
if path.endswith(".bvh"):
    bpy.ops.import_anim.bvh(filepath=path)
    first = 1
else:
    bpy.ops.import_scene.gltf(filepath=path)
    first = 0
rig = next(thing for thing in scene.objects if thing.type == "ARMATURE")
meshes = [thing for thing in scene.objects if thing.type == "MESH" and thing.parent == rig]
joints, vertices = {}, []
for frame in frames:
    scene.frame_set(frame + first)
    for bone in rig.pose.bones:
        head = rig.matrix_world @ bone.head
        joints.setdefault(bone.name, []).append([head.x, head.z, -head.y])
    for mesh in meshes:
        evaluated = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
        found = [mesh.matrix_world @ vertex.co for vertex in evaluated.to_mesh().vertices]
        vertices.append([[place.x, place.z, -place.y] for place in found])
np.savez(answer, vertices=np.array(vertices), **{f"joint {name}": np.array(path) for name, path in joints.items()})
"""
"""Joints and vertices of some frames, turned back from Blender's z up to y up."""

FRAMES = [0, 1, 17, 39]


def _seen_by_blender(path, *, fps, folder):
    script, answer = folder / "ask.py", folder / "answer.npz"
    script.write_text(_SCRIPT)
    command = [os.environ["NIKI_BPY_PYTHON"], str(script), str(path), str(fps), json.dumps(FRAMES), str(answer)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    found = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert answer.exists(), found.stdout + found.stderr
    with np.load(answer) as arrays:
        joints = {name.removeprefix("joint "): arrays[name] for name in arrays.files if name.startswith("joint ")}
        return joints, arrays["vertices"]


@pytest.fixture(scope="module")
def moving():
    """A body in motion: data, betas, the motion, and its joints and vertices."""
    clip, data = motion.made_motion(1, frames=40), body.mannequin()
    turns, betas = rotations.rotvec_to_matrix(clip.poses).numpy(), np.linspace(-1.5, 1.5, 10).astype(np.float32)
    posed = body.Body(data)(
        betas=np.tile(betas, [len(clip), 1]), global_orient=turns[:, :1], body_pose=turns[:, 1:], transl=clip.trans
    )
    arguments = {"rotations": turns, "transl": clip.trans, "fps": 30}
    return data, betas, arguments, {name: array.numpy()[FRAMES] for name, array in posed.items()}


@pytest.mark.parametrize("bone_names", ["smpl", "mixamo"])
def test_a_bvh_of_ours_stands_in_blender_where_the_body_does(tmp_path, moving, bone_names):
    data, betas, arguments, posed = moving
    rest = data.joints + data.joint_directions @ betas
    rig = bvh_motion.from_motion(**arguments, rest_joints=rest, bone_names=bone_names, unit=1.0)
    joints, _ = _seen_by_blender(bvh.write_bvh(tmp_path / "a.bvh", rig), fps=30, folder=tmp_path)
    names = BONE_NAMES[bone_names]
    seen = np.stack([joints[name] for name in names], 1)
    np.testing.assert_allclose(seen, posed["joints"][:, :24], atol=1e-3)


def test_a_glb_of_ours_looks_in_blender_as_the_body_does(tmp_path, moving):
    data, betas, arguments, posed = moving
    path = gltf.write_glb(tmp_path / "a.glb", data, **arguments, betas=betas)
    joints, vertices = _seen_by_blender(path, fps=30, folder=tmp_path)
    seen = np.stack([joints[name] for name in skeletons.SMPL_24.names], 1)
    np.testing.assert_allclose(seen, posed["joints"][:, :24], atol=1e-3)
    assert np.linalg.norm(vertices - posed["vertices"], axis=-1).max() < 1e-3


def test_our_own_reading_of_a_rig_is_blenders(tmp_path):
    path = tmp_path / "rig.bvh"
    path.write_text(rig_text(40, FULL))
    rig = bvh.read_bvh(path)
    joints, _ = _seen_by_blender(path, fps=rig.fps, folder=tmp_path)
    seen = np.stack([joints[name.replace(" ", "_")] for name in rig.names], 1)  # which Blender does, too
    np.testing.assert_allclose(seen, bvh_pose.world_pose(rig).positions[FRAMES], atol=1e-3)


_NAMES = """
import json, sys
import bpy

bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.fbx(filepath=sys.argv[1])
rig = next(thing for thing in bpy.context.scene.objects if thing.type == "ARMATURE")
print(json.dumps([bone.name for bone in rig.pose.bones]))
"""


def test_the_example_draws_a_picture_and_an_fbx_keeps_the_names(tmp_path, moving, repo):
    data, betas, arguments, _ = moving
    gltf.write_glb(tmp_path / "a.glb", data, **arguments, betas=betas, bone_names="unity")
    (tmp_path / "names.py").write_text(_NAMES)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for command in (
        [repo / "tools" / "examples" / "in_blender.py", "a.glb", "a.jpg", "a.fbx"],
        ["names.py", "a.fbx"],
    ):
        line = [os.environ["NIKI_BPY_PYTHON"], *map(str, command)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=300, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr[-2000:]
    names = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("[")))
    assert sorted(names) == sorted(BONE_NAMES["unity"])
    picture = cv2.imread(str(tmp_path / "a.jpg"))
    assert picture.shape == (480, 480, 3)
    middle, corner = picture[100:400, 180:300].astype(float), picture[:60, :60].astype(float)
    assert middle.std() > 3.0 * corner.std()
