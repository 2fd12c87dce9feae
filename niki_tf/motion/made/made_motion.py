"""Motion that the package makes without any file: for examples, for tests and to add variety to training."""

import numpy as np

from niki_tf import skeletons
from niki_tf.body.mannequin_joints import rest_joints
from niki_tf.motion import quaternions
from niki_tf.motion.clip import Clip
from niki_tf.motion.joint_positions import joint_positions
from niki_tf.motion.made import anatomy, behaviours

_DURATION = (2.2, 4.5)
"""Shortest and longest duration of one behaviour, seconds. Set by hand, as all constants of this module."""
_BLEND = 0.8
"""Duration of the transition to the next behaviour, seconds."""
_TURNING = 30.0
"""Standard deviation of the rate of turning while walking, degrees per second."""
_SOLE = 0.02
"""Height of the lowest joint of a foot above the ground, metres."""
_JOINT_HEIGHTS = (0.07, 0.01, 0.0)
"""Heights of ankle, foot and big toe above the lowest joint of a flat foot, metres."""
_BEARING_SCALE = 0.01
"""Difference of height by which a joint of the foot bears less of the body by the factor e, metres."""


def made_motion(seed: int | tuple[int, ...], *, frames: int, fps: float = 30.0) -> Clip:
    """A clip of a person who walks, waves, reaches, squats, sits, dances ... in random order, determined by `seed`.

    Joint angles are smooth curves within anatomical limits, blended from one behaviour to the next. The lower foot
    stands on the ground y = 0 and moves the body along, so feet hardly slide; `trans` is the position of the
    mannequin's pelvis.

    Args:
        seed: whole number, or several in a tuple; equal seeds give equal motion.
        frames: number of frames T, at least 1.
        fps: frames per second.

    Returns:
        A `Clip` of T frames, y up, that faces +z at the start.

    Raises:
        ValueError: `frames` is below 1, or `fps` is not positive.

    Example:
        >>> from niki_tf import motion
        >>> motion.made_motion(0, frames=60).poses.shape
        (60, 24, 3)
    """
    if frames < 1 or not 0 < fps < np.inf:
        raise ValueError(f"`frames` must be 1 or more and `fps` positive; got {frames} and {fps}.")
    rng = np.random.default_rng([1, *np.atleast_1d(seed)])
    times = np.arange(frames) / fps
    angles, turning = _blended(rng, times)
    poses = anatomy.angles_to_poses(_with_drift(rng, times, angles))
    facing = np.zeros([frames, 3])
    facing[1:, 1] = np.cumsum(np.radians(turning[1:] / fps))
    root = quaternions.multiply(*(quaternions.rotvec_to_quaternion_wxyz(turn) for turn in (facing, poses[:, 0])))
    poses[:, 0] = quaternions.quaternion_wxyz_to_rotvec(root)
    name = "made-" + "-".join(map(str, np.atleast_1d(seed)))
    return Clip(poses=poses, trans=_grounded(poses), fps=fps, name=name, trans_convention="pelvis")


def random_poses(seed: int | tuple[int, ...], count: int) -> np.ndarray:
    """Independent random poses within the limits of the joints.

    Each pose has its own amplitude, from near rest to near the limits. Spine, neck and head share a bend; hips and
    knees mostly bend together, some poses sit or squat, and some are symmetric. The trunk is mostly upright, sometimes
    tilted by any angle up to upside down; the heading is uniform.

    Args:
        seed: whole number, or several in a tuple; equal seeds give equal poses.
        count: number of poses.

    Returns:
        Rotation vectors (count, 24, 3) float32, radians, root first.
    """
    rng = np.random.default_rng([2, *np.atleast_1d(seed)])
    low, high = anatomy.limits()
    rest = behaviours.relaxed()
    amplitude = rng.uniform(0.15, 1.15, [count, 1, 1])
    angles = rest + amplitude * _spread(rng, low - rest, high - rest, count)
    trunk = [skeletons.SMPL_24.index(name) for name in ("spine1", "spine2", "spine3", "neck", "head")]
    shared = _spread(rng, -np.ones(3), np.ones(3), count)[:, None] * amplitude
    reach = np.where(shared < 0, -low[trunk], high[trunk])
    angles[:, trunk] = 0.6 * shared * reach + 0.4 * angles[:, trunk]
    angles = _with_symmetry(rng, _with_bent_legs(rng, angles))
    poses = anatomy.angles_to_poses(np.clip(angles, low, high))
    poses[:, 0] = _random_orientations(rng, count)
    return poses.astype(np.float32)


def _blended(rng: np.random.Generator, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One behaviour after the other: joint angles (T, 24, 3), degrees, and rate of turning (T,), degrees a second."""
    angles = np.zeros([len(times), skeletons.NUM_ROTATIONS, 3])
    turning, total = np.zeros(len(times)), np.zeros(len(times))
    start, last = -rng.uniform(0.0, 1.0), None
    while start < times[-1] + _BLEND:
        length = rng.uniform(*_DURATION)
        behaviour = rng.choice(np.array([b for b in behaviours.ALL if b is not last], object))
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


def _with_drift(rng: np.random.Generator, times: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Joint angles (T, 24, 3), degrees, with small slow sinusoids added, clipped to the limits."""
    shape = [2, skeletons.NUM_ROTATIONS, 3]
    pace, phase = rng.uniform(0.15, 0.6, shape), rng.uniform(0, 2 * np.pi, shape)
    drift = np.sin(2 * np.pi * pace * times[:, None, None, None] + phase).sum(1)
    low, high = anatomy.limits()
    return np.clip(angles + 0.9 * drift * (high > low), low, high)


def _grounded(poses: np.ndarray) -> np.ndarray:
    """Root positions (T, 3), metres, with which the lower foot rests on the ground while it bears the body."""
    names = [f"{side}_{part}" for side in ("left", "right") for part in ("ankle", "foot", "big_toe")]
    feet = joint_positions(poses, rest_joints())[:, [skeletons.SMPL_29.index(name) for name in names]]
    height = feet[..., 1] - [_JOINT_HEIGHTS * 2]
    bearing = np.exp(-(height - height.min(1, keepdims=True)) / _BEARING_SCALE)
    bearing /= bearing.sum(1, keepdims=True)
    steps = np.diff(feet, axis=0) * 0.5 * (bearing[1:] + bearing[:-1])[..., None]
    trans = np.zeros([len(poses), 3])
    trans[1:] = -np.cumsum(steps.sum(1), 0)
    trans[:, 1] = _SOLE - (bearing * height).sum(1)
    return trans


def _spread(rng: np.random.Generator, low: np.ndarray, high: np.ndarray, count: int) -> np.ndarray:
    """Random numbers (count, *low.shape), normal on each side of 0, scaled by `low` below and by `high` above."""
    draw = rng.normal(0.0, 0.55, [count, *np.shape(low)])
    return np.where(draw < 0, -draw * low, draw * high)


def _with_bent_legs(rng: np.random.Generator, angles: np.ndarray) -> np.ndarray:
    """Joint angles with a sixth of the poses seated; in two thirds hips and knees bend together, so feet stay below."""
    together = rng.random([len(angles), 1]) < 2 / 3
    seated = np.where(rng.random([len(angles), 1]) < 1 / 6, rng.uniform(40, 100, [len(angles), 1]), 0.0)
    for side in ("left", "right"):
        hip, knee = (skeletons.SMPL_24.index(f"{side}_{part}") for part in ("hip", "knee"))
        angles[:, hip, :1] += seated
        folded = np.maximum(angles[:, hip, :1], 0) * rng.uniform(0.6, 1.5, [len(angles), 1]) + 4
        angles[:, knee, :1] = np.where(together, folded, angles[:, knee, :1])
    return angles


def _with_symmetry(rng: np.random.Generator, angles: np.ndarray) -> np.ndarray:
    """Joint angles with nearly symmetric arms in a quarter of the poses and nearly symmetric legs in a quarter."""
    left = np.array([name.startswith("left_") for name in skeletons.SMPL_24.names])
    for parts in (("collar", "shoulder", "elbow", "wrist"), ("hip", "knee", "ankle", "foot")):
        joints = [j for j, name in enumerate(skeletons.SMPL_24.names) if left[j] and anatomy.part(name) in parts]
        other = [skeletons.SMPL_24.mirror[j] for j in joints]
        alike = np.where(rng.random([len(angles), 1, 1]) < 0.25, rng.uniform(0.7, 1.0, [len(angles), 1, 1]), 0.0)
        mean = 0.5 * (angles[:, joints] + angles[:, other])
        for side in (joints, other):
            angles[:, side] += alike * (mean - angles[:, side])
    return angles


def _random_orientations(rng: np.random.Generator, count: int) -> np.ndarray:
    """Root rotation vectors (count, 3): mostly upright, some tilted by any angle in any direction, any heading."""
    lean = np.abs(rng.normal(0.0, np.radians(14.0), count))
    lean = np.where(rng.random(count) < 0.3, rng.uniform(0.0, np.pi, count), lean)
    way, facing = rng.uniform(-np.pi, np.pi, [2, count])
    zero = np.zeros(count)
    tilt = np.stack([lean * np.cos(way), zero, lean * np.sin(way)], -1)
    turns = (quaternions.rotvec_to_quaternion_wxyz(turn) for turn in (tilt, np.stack([zero, facing, zero], -1)))
    return quaternions.quaternion_wxyz_to_rotvec(quaternions.multiply(*turns))
