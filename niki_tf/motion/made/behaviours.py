"""Everyday movements as smooth curves of joint angles: the vocabulary of the motion that the package makes.

Each function takes a random generator and times (T,) in seconds, from the start of the movement, and returns joint
angles (T, 24, 3) in degrees as `anatomy` names them. The pelvis' angles lean the trunk; facing is added later.
Amplitudes, rates and phases are set by hand.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from niki_tf import skeletons
from niki_tf.motion.made import anatomy

_Curve = Any
"""An angle in degrees: a number, or an array (T,)."""
_Angles = Sequence[_Curve]
"""(bend, side, turn) of a joint."""

_RELAXED = {
    "hip": (3, 3, 6),
    "knee": (5, 0, 0),
    "ankle": (2, 0, 0),
    "neck": (4, 0, 0),
    "collar": (0, -3, 0),
    "shoulder": (2, 14, 0),
    "elbow": (18, 0, 15),
    "wrist": (6, 0, 0),
}
"""Angles of a person who stands at ease; all others are zero."""


def relaxed() -> np.ndarray:
    """Joint angles (24, 3), degrees, of a person who stands at ease."""
    return _pose(np.zeros(1))[0]


def ease(fraction: np.ndarray) -> np.ndarray:
    """Smooth step from 0 (at `fraction` 0 and below) to 1 (at 1 and above): no jump in speed or acceleration."""
    fraction = np.clip(fraction, 0.0, 1.0)
    return fraction**3 * (fraction * (6 * fraction - 15) + 10)


def _pose(times: np.ndarray, **joints: _Angles) -> np.ndarray:
    """Joint angles (T, 24, 3): relaxed, but for the `joints` given as (bend, side, turn), numbers or curves (T,).

    A part without its side (`knee`) means both sides.
    """
    angles = np.zeros([len(times), skeletons.NUM_ROTATIONS, 3])
    for joint, name in enumerate(skeletons.SMPL_24.names):
        part = anatomy.part(name)
        chosen = joints.get(name, joints.get(part, _RELAXED.get(part, (0, 0, 0))))
        angles[:, joint] = np.stack([np.broadcast_to(angle, times.shape) for angle in chosen], -1)
    return _with_collars(angles)


def _with_collars(angles: np.ndarray) -> np.ndarray:
    """Collars rise and swing along with arms that are lifted, as shoulder blades do."""
    for side in ("left", "right"):
        collar, shoulder = (skeletons.SMPL_24.index(f"{side}_{part}") for part in ("collar", "shoulder"))
        bend, out, _ = np.moveaxis(angles[:, shoulder], -1, 0)
        angles[:, collar, 0] += 0.06 * np.maximum(bend, 0)
        angles[:, collar, 1] += 0.12 * np.maximum(out - 20, 0) + 0.06 * np.maximum(bend - 30, 0)
    return angles


def _trunk(bend: _Curve = 0.0, side: _Curve = 0.0, turn: _Curve = 0.0) -> dict[str, _Angles]:
    """Keywords for `_pose` that share a bend of the trunk among the three joints of the spine."""
    shares = {"spine1": 0.36, "spine2": 0.36, "spine3": 0.28}
    return {joint: (share * bend, share * side, share * turn) for joint, share in shares.items()}


def _bump(phase: np.ndarray, centre: float, width: float) -> np.ndarray:
    """Periodic bump of height 1 at `centre`, both in turns; `width` in turns is that of a bell."""
    return np.exp((np.cos(2 * np.pi * (phase - centre)) - 1.0) / (2 * np.pi * width) ** 2)


def _flat_foot(lean: _Curve, hip: _Curve, knee: _Curve) -> _Curve:
    """Bend of the ankle, degrees, that keeps the sole level, softly bounded to what an ankle can do."""
    return 3.0 + 29.0 * np.tanh((lean - hip + knee - 3.0) / 29.0)


def _keyframes(
    rng: np.random.Generator,
    times: np.ndarray,
    low: Sequence[float],
    high: Sequence[float],
    pause: tuple[float, float] = (0.7, 1.6),
) -> np.ndarray:
    """Curves (T, n) that rest for a moment at random values between `low` and `high` (n,) and glide on to the next."""
    knots = np.cumsum(rng.uniform(*pause, size=int(times[-1] / pause[0]) + 3)) - pause[1]
    values = rng.uniform(low, high, size=[len(knots), len(low)])
    place = np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(knots) - 2)
    fraction = ((times - knots[place]) / (knots[place + 1] - knots[place]))[:, None]
    return values[place] + ease(fraction) * (values[place + 1] - values[place])


def _gait(
    rng: np.random.Generator,
    times: np.ndarray,
    *,
    pace: float,
    stride: float,
    lift: float,
    elbow: float,
    lean: float,
) -> np.ndarray:
    """Legs and arms of a two-legged gait: `pace` strides a second, thighs that swing by `stride` degrees."""
    joints: dict[str, _Angles] = {}
    swing_arm = stride * rng.uniform(0.6, 1.2)
    for side, offset in {"left": 0.0, "right": 0.5}.items():
        phase = pace * times + offset
        hip = lean + 7 + stride * np.cos(2 * np.pi * (phase + 0.06)) + 10 * _bump(phase, 0.82, 0.1)
        knee = 5 + 9 * _bump(phase, 0.13, 0.06) + lift * _bump(phase, 0.71, 0.11)
        ankle = 2 + 7 * _bump(phase, 0.42, 0.1) - 17 * _bump(phase, 0.58, 0.05) + 9 * _bump(phase, 0.82, 0.1)
        arm = -swing_arm * np.cos(2 * np.pi * phase)
        joints |= {
            f"{side}_hip": (hip, 1.5, 5),
            f"{side}_knee": (knee, 0, 0),
            f"{side}_ankle": (ankle, 0, 0),
            f"{side}_foot": (25 * _bump(phase, 0.58, 0.06), 0, 0),
            f"{side}_shoulder": (arm - 3, 13, -5),
            f"{side}_elbow": (elbow + 0.35 * arm, 0, 20),
        }
    turn = np.cos(2 * np.pi * pace * times)
    rock = np.sin(2 * np.pi * pace * times)
    return _pose(
        times,
        pelvis=(lean, -2.5 * rock, -5 * turn),
        **_trunk(1 + 0.3 * lean, 4 * rock, 11 * turn),
        neck=(4 - 0.7 * lean, -1.5 * rock, -4 * turn),
        **joints,
    )


def walk(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Walking, arms against legs."""
    return _gait(
        rng,
        times,
        pace=rng.uniform(0.75, 1.05),
        stride=rng.uniform(17, 26),
        lift=rng.uniform(48, 62),
        elbow=rng.uniform(18, 35),
        lean=rng.uniform(0, 4),
    )


def jog(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Jogging, elbows bent."""
    return _gait(
        rng,
        times,
        pace=rng.uniform(1.25, 1.45),
        stride=rng.uniform(24, 32),
        lift=rng.uniform(75, 95),
        elbow=rng.uniform(70, 95),
        lean=rng.uniform(5, 10),
    )


def wave(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Waving one raised hand."""
    beat = np.sin(2 * np.pi * rng.uniform(1.1, 1.8) * times)
    raised, look = rng.uniform(60, 100), rng.uniform(-12, 20)
    return _pose(
        times,
        left_shoulder=(rng.uniform(5, 40), raised + 6 * beat, 62 + 8 * beat),
        left_elbow=(95 + 24 * beat, 0, -10),
        left_wrist=(8 * beat, 0, 0),
        neck=(2, -2, look),
        pelvis=(0, 2 + 0.5 * beat, 0),
        **_trunk(-2, -4 - beat, 4),
    )


def reach(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Reaching here and there with both hands, the trunk following."""
    arm = _keyframes(rng, times, [10, -10, -35, 5] * 2, [135, 55, 35, 75] * 2)
    lean = 0.06 * (arm[:, 0] + arm[:, 4])
    turn = 0.16 * (arm[:, 4] - arm[:, 0])
    return _pose(
        times,
        left_shoulder=arm[:, :3].T,
        right_shoulder=arm[:, 4:7].T,
        left_elbow=(arm[:, 3], 0, 10),
        right_elbow=(arm[:, 7], 0, 10),
        pelvis=(0.5 * lean, 0, 0.2 * turn),
        hip=(3 + 0.5 * lean, 3, 6),
        **_trunk(lean, 0.3 * turn, turn),
        neck=(0, 0, 0.8 * turn),
    )


def squat(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Squatting down and rising, arms to the front for balance."""
    depth = rng.uniform(0.75, 1.0) * (0.5 - 0.5 * np.cos(2 * np.pi * rng.uniform(0.35, 0.5) * times))
    lean, knee, hip = 34 * depth, 5 + 105 * depth, 3 + 108 * depth
    return _pose(
        times,
        pelvis=(lean, 0, 0),
        hip=(hip, 3 + 14 * depth, 8 + 10 * depth),
        knee=(knee, 0, 0),
        ankle=(_flat_foot(lean, hip, knee), 0, 0),
        **_trunk(16 * depth),
        neck=(4 - 24 * depth, 0, 0),
        shoulder=(2 + 118 * depth, 14 - 8 * depth, 0),
        elbow=(18 - 6 * depth, 0, 15),
    )


def sit(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Sitting on a chair, hands near the knees or telling something."""
    talk = _keyframes(rng, times, [18, 0, -30, 45, 0, 0], [48, 22, 0, 95, 1, 1])
    look, lean = 25 * (2 * talk[:, 5] - 1), rng.uniform(-8, 14)
    knee, hip = rng.uniform(75, 100), rng.uniform(78, 90) + lean
    wide = rng.uniform(4, 16)
    return _pose(
        times,
        pelvis=(lean, 0, 0),
        hip=(hip, wide, 6),
        knee=(knee, 0, 0),
        ankle=(_flat_foot(lean, hip, knee), 0, 0),
        **_trunk(rng.uniform(4, 18), 0, 0.3 * look),
        left_shoulder=talk[:, :3].T,
        left_elbow=(talk[:, 3], 0, 20),
        right_shoulder=(rng.uniform(22, 38), 8, -10),
        right_elbow=(rng.uniform(38, 65), 0, 25),
        neck=(4 + 6 * talk[:, 4], 0, look),
    )


def side_bend(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Bending sideways, one arm over the head, legs apart."""
    sway = np.sin(2 * np.pi * rng.uniform(0.25, 0.4) * times)
    lift = 75 + 55 * sway
    return _pose(
        times,
        pelvis=(0, -4 * sway, 0),
        **_trunk(2, -30 * sway, 0),
        neck=(2, -8 * sway, 0),
        left_hip=(2, 14 - 4 * sway, 8),
        right_hip=(2, 14 + 4 * sway, 8),
        left_shoulder=(10, lift, 20),
        left_elbow=(30 + 20 * sway, 0, 0),
        right_shoulder=(10, 150 - lift, 20),
        right_elbow=(30 - 20 * sway, 0, 0),
    )


def kick(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Swinging one leg back and kicking forward, arms in balance."""
    phase = rng.uniform(0.45, 0.65) * times
    back, passing, hit = (_bump(phase, centre, width) for centre, width in ((0.3, 0.09), (0.46, 0.07), (0.6, 0.09)))
    hit = rng.uniform(0.75, 1.15) * hit
    return _pose(
        times,
        left_hip=(4 - 24 * back + 72 * hit, 4, 8),
        left_knee=(12 + 62 * back + 48 * passing, 0, 0),
        left_ankle=(8 - 14 * hit - 12 * back, 0, 0),
        right_hip=(3 + 4 * back - 8 * hit, 3 + 2 * hit, 8),
        right_knee=(7 + 5 * back, 0, 0),
        right_ankle=(5 + 6 * back, 0, 0),
        pelvis=(4 * back - 12 * hit, -3 * hit, 10 * back - 12 * hit),
        **_trunk(12 * hit, 3 * hit, 12 * hit),
        left_shoulder=(12 * back - 32 * hit, 22 + 18 * hit, 0),
        left_elbow=(30, 0, 15),
        right_shoulder=(-18 * back + 48 * hit, 22 + 22 * back, 0),
        right_elbow=(30 + 25 * hit, 0, 15),
    )


def dance(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Swaying to a beat: hips from side to side, knees in turn, arms along."""
    beat = rng.uniform(0.7, 1.0)
    sway, late = (np.sin(2 * np.pi * (beat * times - lag)) for lag in (0.0, rng.uniform(0.08, 0.3)))
    bounce = 0.5 - 0.5 * np.cos(4 * np.pi * beat * times)
    left, right = (10 + 12 * bounce + 16 * np.maximum(0, 0.5 + 0.5 * side) ** 2 for side in (-sway, sway))
    arm, out = rng.uniform(10, 60), rng.uniform(20, 60)
    return _pose(
        times,
        pelvis=(5, 6 * sway, 7 * late),
        **_trunk(2, -12 * sway, -9 * late),
        neck=(5 * bounce, 4 * sway, 0),
        left_hip=(0.55 * left + 5, 8 + 5 * sway, 12),
        left_knee=(left, 0, 0),
        left_ankle=(0.5 * left, 0, 0),
        right_hip=(0.55 * right + 5, 8 - 5 * sway, 12),
        right_knee=(right, 0, 0),
        right_ankle=(0.5 * right, 0, 0),
        left_shoulder=(arm + 18 * late, out + 14 * sway, 0),
        right_shoulder=(arm - 18 * late, out - 14 * sway, 0),
        left_elbow=(75 + 20 * sway, 0, 10),
        right_elbow=(75 - 20 * sway, 0, 10),
    )


def bow(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Bending down to the floor and coming up again."""
    depth = rng.uniform(0.7, 1.0) * (0.5 - 0.5 * np.cos(2 * np.pi * rng.uniform(0.28, 0.4) * times))
    lean, knee, hip = 52 * depth, 5 + 45 * depth, 3 + 82 * depth
    return _pose(
        times,
        pelvis=(lean, 0, 0),
        hip=(hip, 4, 8),
        knee=(knee, 0, 0),
        **_trunk(48 * depth),
        ankle=(_flat_foot(lean, hip, knee), 0, 0),
        neck=(4 + 6 * depth, 0, 0),
        shoulder=(2 + 72 * depth, 12 - 6 * depth, 0),
        elbow=(18 - 4 * depth, 0, 15),
    )


def look_round(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Standing at ease, head and trunk turning to look about."""
    look = _keyframes(rng, times, [-1, -1, 0], [1, 1, 1])
    return _pose(
        times,
        **_trunk(0, -3 * look[:, 1], 22 * look[:, 0]),
        neck=(4 + 8 * look[:, 1], 0, 32 * look[:, 0]),
        head=(0, 0, 14 * look[:, 0]),
        pelvis=(0, 3 * look[:, 1], 0),
        left_hip=(3, 3 + 3 * look[:, 1], 6),
        right_hip=(3, 3 - 3 * look[:, 1], 6),
        shoulder=(2 - 14 * look[:, 2], 16 + 10 * look[:, 2], 0),
        elbow=(18 + 50 * look[:, 2], 0, 15),
    )


def jumping_jack(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Arms up and legs apart, arms down and legs together."""
    opening = 0.5 - 0.5 * np.cos(2 * np.pi * rng.uniform(0.6, 0.9) * times)
    dip = 0.5 - 0.5 * np.cos(4 * np.pi * (rng.uniform(0.55, 0.6) * times))
    return _pose(
        times,
        hip=(3 + 8 * dip, 2 + 20 * opening, 8),
        knee=(6 + 16 * dip, 0, 0),
        ankle=(3 + 8 * dip, 0, 0),
        shoulder=(6, 16 + 122 * opening, 30 * opening),
        elbow=(14 + 14 * opening, 0, 10),
    )


ALL: tuple[Callable[[np.random.Generator, np.ndarray], np.ndarray], ...] = (
    walk,
    walk,
    jog,
    wave,
    reach,
    squat,
    sit,
    side_bend,
    kick,
    dance,
    bow,
    look_round,
    jumping_jack,
)
"""What motion is made of; walking counts twice."""
