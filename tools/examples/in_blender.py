"""A .glb or .bvh of ours in Blender, as a picture and as an .fbx: python in_blender.py MOTION PICTURE.jpg [MOTION.fbx].

Python here is one with `bpy` (pip install "bpy==5.0.1" "numpy<2", Python 3.11); or, with Blender installed,
blender --background --python in_blender.py -- MOTION PICTURE.jpg. The picture shows the middle of the motion.
"""

import os
import sys

import bpy
from mathutils import Vector

SIZE, SAMPLES, FPS = 480, 24, 30

motion, picture, *fbx = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.render.fps = FPS  # to which Blender brings the times of a .glb
if motion.endswith(".bvh"):
    bpy.ops.import_anim.bvh(filepath=motion, global_scale=0.01, update_scene_fps=True, update_scene_duration=True)
else:
    bpy.ops.import_scene.gltf(filepath=motion)
rig = next(thing for thing in scene.objects if thing.type == "ARMATURE")
first, last = (round(frame) for frame in rig.animation_data.action.frame_range)
scene.frame_start, scene.frame_end = first, last
if fbx:
    bpy.ops.export_scene.fbx(filepath=fbx[0], add_leaf_bones=False, object_types={"ARMATURE", "MESH"})
scene.frame_set((first + last) // 2)


def material(name: str, color: tuple[float, float, float]) -> bpy.types.Material:
    """A matt surface of a colour."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    made.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (*color, 1.0)
    return made


def cone(start: Vector, end: Vector, surface: bpy.types.Material) -> None:
    """A bone: what a picture does not show of a rig."""
    length = (end - start).length
    bpy.ops.mesh.primitive_cone_add(vertices=8, radius1=0.03, radius2=0.006, depth=length, location=(start + end) / 2)
    made = bpy.context.object
    made.rotation_mode = "QUATERNION"
    made.rotation_quaternion = (end - start).to_track_quat("Z", "Y")
    made.data.materials.append(surface)


heads = [rig.matrix_world @ bone.head for bone in rig.pose.bones]
if not any(thing.type == "MESH" and thing.parent == rig for thing in scene.objects):
    orange = material("bone", (0.8, 0.35, 0.1))
    for bone in rig.pose.bones:
        tails = [rig.matrix_world @ child.head for child in bone.children] or [rig.matrix_world @ bone.tail]
        for tail in tails:
            if (tail - rig.matrix_world @ bone.head).length > 1e-3:
                cone(rig.matrix_world @ bone.head, tail, orange)

middle = sum(heads, Vector()) / len(heads)
floor = min(head.z for head in heads) - 0.06
bpy.ops.mesh.primitive_plane_add(size=40.0, location=(middle.x, middle.y, floor))
bpy.context.object.data.materials.append(material("floor", (0.55, 0.57, 0.6)))
camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
camera.location = middle + Vector((1.6, -3.4, 0.6))
turned = (middle - camera.location).to_track_quat("-Z", "Y").to_euler()
camera.rotation_euler = (turned.x, 0.0, turned.z)
sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
sun.data.energy, sun.rotation_euler = 3.0, (0.7, 0.2, 0.5)
for thing in (camera, sun):
    scene.collection.objects.link(thing)
scene.camera, scene.world = camera, bpy.data.worlds.new("world")
scene.world.use_nodes = True
scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.9, 0.93, 1.0, 1.0)
scene.world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.6
scene.render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", SAMPLES, "CPU"
scene.render.resolution_x = scene.render.resolution_y = SIZE
scene.render.image_settings.file_format, scene.render.image_settings.quality = "JPEG", 85
scene.view_settings.view_transform = "Standard"
scene.render.filepath = os.path.abspath(picture)
bpy.ops.render.render(write_still=True)
print(f"{motion}: frames {first} to {last}, {len(rig.pose.bones)} bones, such as {rig.pose.bones[1].name}")
