"""Motion that the package makes itself, without any file: for the demo, for tests and to widen training."""

import numpy as np

from niki_tf import skeletons
from niki_tf.body.mannequin_joints import rest_joints
from niki_tf.motion import quaternions
from niki_tf.motion.clip import Clip
from niki_tf.motion.made import anatomy, behaviours

_SPELL = (2.2, 4.5)  # seconds that one behaviour lasts
_BLEND = 0.8  # seconds in which it gives way to the next
_TURNING = 30.0  # degrees a second, the standard deviation among spells of walking
_SOLE = 0.02  # metres between the lowest joint and the ground


def made_motion(seed, *, frames, fps=30.0):
    """A person who walks, waves, reaches, squats, sits, dances ... in turn, in an order and manner of `seed`.

    Joint angles are smooth curves within anatomical limits, blended from one behaviour to the next. The lower foot
    stands on the ground y = 0 and moves the body along, so feet hardly slide; `trans` is the pelvis joint of the
    mannequin.

    Args:
        seed: Whole number, or several in a tuple; equal seeds give equal motion.
        frames: Number of frames T, at least 1.
        fps: Frames per second.

    Returns:
        A `Clip` of T frames, y up, that starts by facing +z.

    Example:
        >>> from niki_tf import data
        >>> motion.made_motion(0, frames=60).poses.shape
        (60, 24, 3)
    """
    if frames < 1 or not 0 < fps < np.inf:
        raise ValueError(f"`frames` must be 1 or more and `fps` positive; got {frames} and {fps}.")
    rng = np.random.default_rng([1, *np.atleast_1d(seed)])
    times = np.arange(frames) / fps
    angles, turning = _blended(rng, times)
    poses = anatomy.angles_to_poses(_alive(rng, times, angles))
    facing = np.zeros([frames, 3])
    facing[1:, 1] = np.cumsum(np.radians(turning[1:] / fps))
    root = quaternions.multiply(*(quaternions.rotvec_to_quaternion_wxyz(turn) for turn in (facing, poses[:, 0])))
    poses[:, 0] = quaternions.quaternion_wxyz_to_rotvec(root)
    return Clip(poses=poses, trans=_grounded(poses), fps=fps, name="made-" + "-".join(map(str, np.atleast_1d(seed))))


def random_poses(seed, count):
    """Single poses of great variety within the joints' limits, unrelated to each other.

    Each pose has its own liveliness, from near rest to near the limits. Spine, neck and head share a bend; thighs
    and shins mostly fold together, some poses sit or squat; now and then left and right are alike. The trunk mostly
    stands, sometimes leans by any angle up to lying or upside down, facing anywhere.

    Args:
        seed: Whole number, or several in a tuple; equal seeds give equal poses.
        count: Number of poses.

    Returns:
        Rotation vectors (count, 24, 3) float32, radians, root first.
    """
    rng = np.random.default_rng([2, *np.atleast_1d(seed)])
    low, high = anatomy.limits()
    rest = behaviours.relaxed()
    liveliness = rng.uniform(0.15, 1.15, [count, 1, 1])
    angles = rest + liveliness * _spread(rng, low - rest, high - rest, count)
    trunk = [skeletons.SMPL_24.index(name) for name in ("spine1", "spine2", "spine3", "neck", "head")]
    shared = _spread(rng, -np.ones(3), np.ones(3), count)[:, None] * liveliness
    reach = np.where(shared < 0, -low[trunk], high[trunk])
    angles[:, trunk] = 0.6 * shared * reach + 0.4 * angles[:, trunk]
    angles = _alike_sides(rng, _leg_habits(rng, angles))
    poses = anatomy.angles_to_poses(np.clip(angles, low, high))
    poses[:, 0] = _any_orientation(rng, count)
    return poses.astype(np.float32)


def _blended(rng, times):
    """One behaviour after the other: joint angles (T, 24, 3), degrees, and rate of turning (T,), degrees a second."""
    angles, turning, total = np.zeros([len(times), 24, 3]), np.zeros(len(times)), np.zeros(len(times))
    start, last = -rng.uniform(0.0, 1.0), None
    while start < times[-1] + _BLEND:
        length = rng.uniform(*_SPELL)
        behaviour = rng.choice([b for b in behaviours.ALL if b is not last])
        since, left = times - start, start + length - times
        weight = behaviours.ease(since / _BLEND + 0.5) * behaviours.ease(left / _BLEND + 0.5)
        now = weight > 0
        if now.any():
            weight = weight[now]
            here = behaviour(rng, since[now] + _BLEND)
            here = anatomy.mirror_angles(here) if rng.random() < 0.5 else here
            angles[now] += weight[:, None, None] * here
            turning[now] += weight * rng.normal(0.0, _TURNING) * (behaviour in (behaviours.walk, behaviours.jog))
            total[now] += weight
        start, last = start + length, behaviour
    return angles / total[:, None, None], turning / total


def _alive(rng, times, angles):
    """Adds the slow small movements that nobody can suppress, and keeps within the limits."""
    pace, phase = rng.uniform(0.15, 0.6, [2, 24, 3]), rng.uniform(0, 2 * np.pi, [2, 24, 3])
    drift = np.sin(2 * np.pi * pace * times[:, None, None, None] + phase).sum(1)
    low, high = anatomy.limits()
    return np.clip(angles + 0.9 * drift * (high > low), low, high)


def _grounded(poses):
    """Root positions (T, 3), metres, with which the lower foot rests on the ground while it bears the body."""
    joints = _joints(poses)
    feet = joints[
        :,
        [
            skeletons.SMPL_29.index(f"{side}_{part}")
            for side in ("left", "right")
            for part in ("ankle", "foot", "big_toe")
        ],
    ]
    height = feet[..., 1] - [[0.07, 0.01, 0.0] * 2]
    bearing = np.exp(-(height - height.min(1, keepdims=True)) / 0.01)
    bearing /= bearing.sum(1, keepdims=True)
    steps = np.diff(feet, axis=0) * 0.5 * (bearing[1:] + bearing[:-1])[..., None]
    trans = np.zeros([len(poses), 3])
    trans[1:] = -np.cumsum(steps.sum(1), 0)
    trans[:, 1] = _SOLE - (bearing * height).sum(1)
    return trans


def _joints(poses):
    """The mannequin's joints (T, 29, 3), metres, relative to the pelvis, for rotation vectors (T, 24, 3)."""
    rest, parents = rest_joints(), skeletons.SMPL_29.parents
    local = quaternions.rotvec_to_quaternion_wxyz(poses)
    world, joints = [local[:, 0]], [np.zeros([len(poses), 3])]
    for joint in range(1, len(parents)):
        above = parents[joint]
        joints.append(joints[above] + quaternions.rotate(world[above], rest[joint] - rest[above]))
        world.append(quaternions.multiply(world[above], local[:, joint]) if joint < 24 else world[above])
    return np.stack(joints, 1)


def _spread(rng, low, high, count):
    """`count` draws, each component bell-shaped about 0 with a reach of its own to `low` below and `high` above."""
    draw = rng.normal(0.0, 0.55, [count, *np.shape(low)])
    return np.where(draw < 0, -draw * low, draw * high)


def _leg_habits(rng, angles):
    """A sixth of the poses sits or squats; in two thirds thighs and shins fold together, so feet stay below."""
    habit = rng.random([len(angles), 1]) < 2 / 3
    seated = np.where(rng.random([len(angles), 1]) < 1 / 6, rng.uniform(40, 100, [len(angles), 1]), 0.0)
    for side in ("left", "right"):
        hip, knee = (skeletons.SMPL_24.index(f"{side}_{part}") for part in ("hip", "knee"))
        angles[:, hip, :1] += seated
        folded = np.maximum(angles[:, hip, :1], 0) * rng.uniform(0.6, 1.5, [len(angles), 1]) + 4
        angles[:, knee, :1] = np.where(habit, folded, angles[:, knee, :1])
    return angles


def _alike_sides(rng, angles):
    """Makes left and right alike, more or less, in some poses: arms in a quarter of them, legs in another quarter."""
    left = np.array([name.startswith("left_") for name in skeletons.SMPL_24.names])
    for parts in (("collar", "shoulder", "elbow", "wrist"), ("hip", "knee", "ankle", "foot")):
        joints = [j for j, name in enumerate(skeletons.SMPL_24.names) if left[j] and anatomy.part(name) in parts]
        other = [skeletons.SMPL_24.mirror[j] for j in joints]
        alike = np.where(rng.random([len(angles), 1, 1]) < 0.25, rng.uniform(0.7, 1.0, [len(angles), 1, 1]), 0.0)
        mean = 0.5 * (angles[:, joints] + angles[:, other])
        for side in (joints, other):
            angles[:, side] += alike * (mean - angles[:, side])
    return angles


def _any_orientation(rng, count):
    """Root rotation vectors (count, 3): mostly upright, some leaning by any angle in any direction, facing anywhere."""
    lean = np.abs(rng.normal(0.0, np.radians(14.0), count))
    lean = np.where(rng.random(count) < 0.3, rng.uniform(0.0, np.pi, count), lean)
    way, facing = rng.uniform(-np.pi, np.pi, [2, count])
    zero = np.zeros(count)
    tilt = np.stack([lean * np.cos(way), zero, lean * np.sin(way)], -1)
    turns = (quaternions.rotvec_to_quaternion_wxyz(turn) for turn in (tilt, np.stack([zero, facing, zero], -1)))
    return quaternions.quaternion_wxyz_to_rotvec(quaternions.multiply(*turns))
