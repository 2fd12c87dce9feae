"""The text of a BVH rig as other programs write them, and where its joints are by SciPy."""

import numpy as np
from scipy.spatial.transform import Rotation

JOINTS = {
    "rig:Hips": (None, [0.0, 95.0, 2.0], "Xposition Yposition Zposition Zrotation Yrotation Xrotation"),
    "Left Up Leg": ("rig:Hips", [9.5, -4.0, 1.0], "Zrotation Xrotation Yrotation"),
    "LeftLeg": ("Left Up Leg", [0.5, -41.0, 0.5], "Xrotation"),
    "LeftFoot": ("LeftLeg", [0.0, -42.0, -3.0], "Xrotation Yrotation Zrotation"),
    "Spine": ("rig:Hips", [0.0, 11.0, -1.0], "Yrotation Xrotation Zrotation"),
    "Carrier": ("Spine", [0.0, 3.0, 0.0], ""),
    "LeftArm": ("Carrier", [15.0, 35.0, 0.0], "Zposition Xposition Yposition Yrotation Zrotation Xrotation"),
    "LeftHand": ("LeftArm", [27.0, 0.0, 3.0], "Xrotation Zrotation Yrotation"),
    "LeftThumb1": ("LeftHand", [3.0, -1.0, 4.0], "Zrotation Yrotation Xrotation"),
    "Head": ("Carrier", [0.0, 52.0, 4.0], "Zrotation Yrotation Xrotation"),
}
"""Name -> parent, offset and channels."""
FULL = JOINTS | {name: (*JOINTS[name][:2], "Zrotation Xrotation Yrotation") for name in ("LeftLeg", "Carrier")}
"""The same rig with three rotations at every joint, without which Blender reads none."""
ENDS = {"LeftFoot": [0.0, -6.0, 14.0], "LeftThumb1": [2.0, 0.0, 3.0], "Head": [0.0, 0.0, 0.0]}


def channel_values(frames, joints=JOINTS, seed=0):
    """Channels (T, C) of a motion without jumps; angles go round."""
    random, time = np.random.default_rng(seed), np.linspace(0.0, 2.0, frames)
    columns = []
    for _, offset, channels in joints.values():
        for channel in channels.split():
            wave = np.sin(random.uniform(1, 4) * time + random.uniform(0, 6))
            if channel.endswith("position"):
                columns.append(offset["XYZ".index(channel[0])] + 20.0 * wave)
            else:
                columns.append(random.uniform(20, 140) * wave + random.choice([0.0, 100.0, -100.0]))
    return np.round(np.stack(columns, 1), 6)


def rig_text(frames=5, joints=JOINTS, frame_time="0.0333333"):
    """The rig with the motion of `channel_values`."""
    rows = [" ".join(f"{value:.6f}" for value in row) for row in channel_values(frames, joints)]
    motion = ["MOTION", f"Frames: {frames}", f"Frame Time: {frame_time}", *rows]
    return "\n".join(["HIERARCHY", *_lines(joints, "rig:Hips", "ROOT"), *motion, ""])


def _lines(joints, name, kind):
    _, offset, channels = joints[name]
    yield from (f"{kind} {name}", "{", "OFFSET {} {} {}".format(*offset))
    yield f"CHANNELS {len(channels.split())} {channels}"
    for child, (parent, *_) in joints.items():
        if parent == name:
            yield from _lines(joints, child, "JOINT")
    if name in ENDS:
        yield from ("End Site", "{", "OFFSET {} {} {}".format(*ENDS[name]), "}")
    yield "}"


def world(values):
    """Name -> world rotations (T, 3, 3) and positions (T, 3) of joints, and of end sites as NAME_end."""
    found, column = {}, 0
    for name, (parent, offset, channels) in JOINTS.items():
        place, axes, angles = np.tile(np.array(offset), [len(values), 1]), "", []
        for channel in channels.split():
            if channel.endswith("position"):
                place[:, "XYZ".index(channel[0])] = values[:, column]
            else:
                axes += channel[0]
                angles.append(values[:, column])
            column += 1
        turn = np.tile(np.eye(3), [len(values), 1, 1])
        if axes:
            turn = Rotation.from_euler(axes, np.stack(angles, -1), degrees=True).as_matrix()
        above, start = found[parent] if parent else (np.eye(3), 0.0)
        found[name] = above @ turn, start + (above @ place[..., None])[..., 0]
    for name, offset in ENDS.items():
        turn, place = found[name]
        found[f"{name}_end"] = turn, place + turn @ np.array(offset)
    return found
