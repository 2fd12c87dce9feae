"""How far off each joint of an answer may be: numbers that tell of it, and a small calibrated network that reads them.

What tells: how the answer fits the joints that were seen, their sigma and the noise that is found in them, how many
bones and how many frames it is to what was seen, how fast things move, and what the solver says itself. The network's
weights are fitted so that it gives the mean distance (`niki-tf fit_expected_error`), for each solver apart.
"""

import dataclasses
import functools
import pathlib
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from niki_tf import archives, files, skeletons
from niki_tf.contract import JointState
from niki_tf.fitting import joint_weights, smoothing
from niki_tf.shapes import LeadingAxes

_JOINTS, _ROTATIONS = skeletons.NUM_JOINTS, skeletons.NUM_ROTATIONS
REACH = 30.0
"""Frames at 30 a second; a joint that was not seen is filled from neighbours in time if it was seen that near."""
NEVER = 1000.0
"""Frames; stands for those to a frame in which a joint was seen where there is none."""
FILE = pathlib.Path(__file__).with_name("expected_error.npz")
"""The calibrations of the solvers that come with the package."""
_FINISH, _MOTION = "+finish", "+motion"
_READING = threading.Lock()
_TINY, _CLEAN = 1e-5, 1e-3
"""Metres; below the first residuals, below the second speeds and sigmas are as good as none."""
_UNIT = 0.01
"""Metres; the length whose logarithm is zero."""
_LEAST, _LARGEST = 1e-6, 1.0
"""Metres; limits of an expected error."""
_SHORT, _LONG, _EDGE = 4.0, 16.0, 3.0
"""Frames after which closeness in time is a third, of the features that tell it."""

Calibration = Callable[[tf.Tensor], tf.Tensor]
"""From features (..., 24, F) to expected errors (..., 24), metres."""


class Evidence(NamedTuple):
    """What an answer was found from, and the answer; N windows of T frames."""

    joints: tf.Tensor
    """(N, T, 29, 3) metres, as they were observed; absent ones may hold any finite number."""
    posed: tf.Tensor
    """(N, T, 29, 3) metres, of the answer, in any place."""
    joint_sigma: tf.Tensor
    """(N, T, 29) metres."""
    frame_mask: tf.Tensor
    """(N, T), 1 for frames and 0 for padding frames."""
    since: tf.Tensor
    """(N, T, 24) frames at 30 a second from the last in which each joint was seen, 0 where it is; `NEVER` if none."""
    until: tf.Tensor
    """(N, T, 24), the same to the next."""
    over_time: bool = True
    """Whether the frames of a window follow each other in time."""
    times: tf.Tensor | None = None
    """(N, T) seconds; None for 30 frames a second."""
    first: tf.Tensor | None = None
    """(N, T, 24) metres, what the network expects of its own answer; None if it says nothing."""

    @property
    def seen(self) -> tf.Tensor:
        """Whether each joint was seen, (N, T, 29) bool."""
        seen = self.joint_sigma < skeletons.ABSENT
        return seen if self.single else seen & (tf.expand_dims(self.frame_mask, -1) > 0.0)

    @property
    def single(self) -> bool:
        """Whether windows are known to be of one frame, which stands alone and is there."""
        return not self.over_time and self.joint_sigma.shape[1] == 1


def evidence(
    joints: tf.Tensor,
    posed: tf.Tensor,
    joint_sigma: tf.Tensor,
    frame_mask: tf.Tensor,
    *,
    over_time: bool,
    first: tf.Tensor | None = None,
) -> Evidence:
    """`Evidence` of windows at 30 frames a second, or of frames that stand alone, as windows of one; see there."""
    if over_time:
        away = frames_to_seen(joint_sigma, frame_mask)
    else:
        away = (NEVER * tf.cast(joint_sigma[..., :_ROTATIONS] >= skeletons.ABSENT, tf.float32),) * 2
    return Evidence(joints, posed, joint_sigma, frame_mask, *away, over_time=over_time, first=first)


def frames_to_seen(joint_sigma: tf.Tensor, frame_mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`Evidence.since` and `Evidence.until` of windows at 30 frames a second.

    Args:
        joint_sigma: (N, T, 29) metres.
        frame_mask: (N, T), 1 for frames and 0 for padding frames.
    """
    sigma = joint_sigma[..., :_ROTATIONS]
    unseen = tf.cast(sigma >= skeletons.ABSENT, tf.float32) + 1.0 - tf.expand_dims(frame_mask, -1)
    unseen = NEVER * tf.expand_dims(tf.minimum(unseen, 1.0), 1)
    times = tf.cast(tf.range(tf.shape(sigma)[1]), tf.float32)
    apart = tf.expand_dims(tf.expand_dims(times, 1) - tf.expand_dims(times, 0), 0)
    both = (tf.expand_dims(tf.where(away < 0.0, NEVER, away), -1) for away in (apart, -apart))
    since, until = (tf.minimum(tf.reduce_min(unseen + away, 2), NEVER) for away in both)
    return since, until


def times_to_seen(seen: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same, (T, 24) each, of one motion of any rate, without a graph.

    Args:
        seen: (T, 24) bool.
        times: (T,) seconds, increasing.
    """
    ticks = np.broadcast_to((smoothing.FPS * (times - times[0]))[:, None], seen.shape)
    last = np.maximum.accumulate(np.where(seen, ticks, -np.inf), 0)
    following = np.minimum.accumulate(np.where(seen, ticks, np.inf)[::-1], 0)[::-1]
    since, until = (np.minimum(away, NEVER) for away in (ticks - last, following - ticks))
    return since.astype(np.float32), until.astype(np.float32)


def joint_states(since: Any, until: Any) -> Any:
    """The `JointState` (..., 24), int32, of joints that were seen so many frames (..., 24) before and afterwards.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf.fitting import expected_error
        >>> since, until = tf.constant([0.0, 5.0, 40.0]), tf.constant([0.0, 1000.0, 50.0])
        >>> expected_error.joint_states(since, until).numpy().tolist()
        [0, 1, 2]
    """
    nearest = tf.minimum(since, until)
    not_seen = tf.where(nearest <= REACH, int(JointState.FILLED), int(JointState.GUESSED))
    return tf.where(nearest <= 0.0, int(JointState.SEEN), not_seen)


def certainty(evidence: Evidence, calibration: Calibration) -> dict[str, tf.Tensor]:
    """The `state` (N, T, 24), int32, and `expected_error` (N, T, 24), metres, of each joint."""
    if evidence.single:
        state = tf.where(evidence.seen[..., :_ROTATIONS], int(JointState.SEEN), int(JointState.GUESSED))
    else:
        state = joint_states(evidence.since, evidence.until)
    return {"state": state, "expected_error": calibration(features(evidence, state))}


def features(evidence: Evidence, state: tf.Tensor) -> tf.Tensor:
    """What tells of the error of each joint, (N, T, 24, F), of the order of one; lengths as logarithms."""
    rows = [*_fits(evidence), *_noise(evidence), *_places(evidence, state), *_speeds(evidence)]
    zeros = tf.zeros_like(evidence.joint_sigma[..., :_ROTATIONS])
    return tf.stack([_spread(tf.convert_to_tensor(row), zeros) for row in rows], -1)


def _spread(row: tf.Tensor, zeros: tf.Tensor) -> tf.Tensor:
    """`row` with the shape of `zeros`; other than that of `broadcast_to`, LiteRT knows it before it runs."""
    is_whole = zeros.shape[1:].is_fully_defined() and row.shape[1:] == zeros.shape[1:]
    return row if is_whole else row + zeros


def _log(metres: tf.Tensor, least: float = _TINY) -> tf.Tensor:
    return tf.math.log(metres + least) - float(np.log(_UNIT))


def _mean(values: tf.Tensor, weights: tf.Tensor, axes: list[int]) -> tf.Tensor:
    """Means over some axes, kept, with weights 0 and 1; zeros where there are none."""
    total = tf.reduce_sum(weights, axes, keepdims=True)
    return tf.reduce_sum(values * weights, axes, keepdims=True) / tf.maximum(total, 1.0)


def _length(vectors: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_sum(vectors * vectors, -1) + 1e-14)


def _fits(evidence: Evidence) -> list[tf.Tensor]:
    """How the answer fits what was seen: the joint, those beside it, the frame, the window; and the sigma given."""
    seen, sigma = tf.cast(evidence.seen, tf.float32), joint_weights.clip_sigma(evidence.joint_sigma)
    apart = tf.where(tf.expand_dims(evidence.seen, -1), evidence.joints - evidence.posed, 0.0)
    weights = tf.expand_dims(seen * joint_weights.precision(evidence.joint_sigma), -1)
    total = tf.reduce_sum(weights, -2, keepdims=True)
    shift = tf.math.divide_no_nan(tf.reduce_sum(weights * apart, -2, keepdims=True), total)
    distances = seen * _length(apart - shift)
    frame = whole = _mean(distances, seen, [2])
    if not evidence.single:
        whole = _mean(distances, seen, [1, 2])
        frame = tf.where(tf.reduce_any(evidence.seen, -1, keepdims=True), frame, whole)
    own = tf.where(evidence.seen, distances, frame)[..., :_ROTATIONS]
    beside, present = (tf.linalg.matmul(x, tf.constant(_BESIDE)) for x in (distances, seen))
    beside = tf.where(present > 0.0, beside / tf.maximum(present, 1.0), frame)
    sigma_of_frame = _mean(sigma, seen, [2])
    own_sigma = tf.where(evidence.seen, sigma, sigma_of_frame)[..., :_ROTATIONS]
    return [_log(own), _log(beside), _log(frame), _log(whole), _log(own_sigma, _CLEAN), _log(sigma_of_frame, _CLEAN)]


def _noise(evidence: Evidence) -> list[tf.Tensor]:
    """The noise that is found in each joint's path and in all; zeros for frames that stand alone."""
    if not evidence.over_time:
        return [0.0, 0.0]
    trunk, sigma = skeletons.TRUNK, evidence.joint_sigma
    weights = joint_weights.normalized_weights(sigma, trunk)
    centre = joint_weights.weighted_mean(weights, tf.gather(evidence.joints, trunk, axis=-2))
    found = smoothing.noise_variance(evidence.joints - centre, sigma, evidence.frame_mask, evidence.times)
    noise = tf.sqrt(found)
    return [_log(noise[..., :_ROTATIONS]), _log(tf.reduce_mean(noise, -1, keepdims=True))]


def _places(evidence: Evidence, state: tf.Tensor) -> list[tf.Tensor]:
    """How many bones and frames it is to what was seen, its share of all, and how far the window's ends are."""
    seen = tf.cast(evidence.seen, tf.float32)
    here, share = seen[..., :_ROTATIONS], tf.reduce_mean(seen, -1, keepdims=True)
    bones = tf.reduce_min(tf.where(tf.expand_dims(evidence.seen, -2), tf.constant(_BONES_BETWEEN), _FARTHEST), -1)
    bones = tf.math.log(1.0 + bones)
    if evidence.single:
        return [bones, share, share, here, here, here, here, here, 0.0, 1.0 - here, 1.0, 1.0]
    mask = tf.expand_dims(evidence.frame_mask, -1)
    weights, count = mask + tf.zeros_like(seen), tf.cumsum(mask, 1)
    before, after = count - 1.0, tf.reduce_sum(mask, 1, keepdims=True) - count
    near = [tf.exp(-away / scale) for scale in (_SHORT, _LONG) for away in (evidence.since, evidence.until)]
    return [
        bones,
        share,
        _mean(seen, weights, [1, 2]),
        _mean(seen, weights, [1])[..., :_ROTATIONS],
        *near,
        *(tf.cast(state == int(which), tf.float32) for which in (JointState.FILLED, JointState.GUESSED)),
        *(tf.exp(-away / _EDGE) for away in (before, after)),
    ]


def _speeds(evidence: Evidence) -> list[tf.Tensor]:
    """How far each joint of the answer is from the root, how fast it moves, all and the root; what `first` says."""
    first = 0.0 if evidence.first is None else _log(evidence.first)
    local = (evidence.posed - evidence.posed[..., :1, :])[..., :_ROTATIONS, :]
    lever = _log(_length(local))
    if not evidence.over_time:
        return [lever, 0.0, 0.0, 0.0, first]
    speed, pairs = _steps(local, evidence.frame_mask, evidence.times)
    usual = _mean(speed, pairs + tf.zeros_like(speed), [1])
    nothing = tf.zeros_like(tf.expand_dims(evidence.frame_mask[:, :1], -1))
    before, after = tf.concat([nothing, pairs], 1), tf.concat([pairs, nothing], 1)
    total = tf.reduce_mean(pairs * speed, -1, keepdims=True)
    around = tf.concat([nothing, total], 1) + tf.concat([total, nothing], 1)
    now = tf.math.divide_no_nan(around, before + after)
    return [
        lever,
        _log(usual, _CLEAN),
        _log(tf.reduce_mean(usual, -1, keepdims=True), _CLEAN),
        _log(now, _CLEAN),
        first,
    ]


def _steps(local: tf.Tensor, frame_mask: tf.Tensor, times: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
    """Way (N, T - 1, 24), metres, of joints (N, T, 24, 3) in a thirtieth of a second; (N, T - 1, 1), 1 for frames."""
    pairs = tf.expand_dims(frame_mask[:, 1:] * frame_mask[:, :-1], -1)
    way = _length(local[:, 1:] - local[:, :-1])
    if times is None:
        return way, pairs
    step = smoothing.FPS * tf.expand_dims(times[:, 1:] - times[:, :-1], -1)
    return way / tf.where(step > 0.0, step, 1.0), tf.where(step > 0.0, pairs, 0.0)


def _bones_between() -> np.ndarray:
    """(24, 29) how many bones it is from each of the joints that turn to each joint."""
    parents = skeletons.SMPL_29.parents
    chains = [[joint] for joint in range(_JOINTS)]
    for joint, chain in enumerate(chains[1:], 1):
        chain += chains[parents[joint]]
    between = [[len(set(chains[one]) ^ set(chains[other])) for other in range(_JOINTS)] for one in range(_ROTATIONS)]
    return np.array(between, np.float32)


_BONES_BETWEEN = _bones_between()
_FARTHEST = float(_BONES_BETWEEN.max()) + 1.0
_BESIDE = np.float32(_BONES_BETWEEN.T == 1.0)
"""(29, 24), 1 for the joints at the other ends of a joint's bones."""


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
    """Weights of a network of F features with H hidden units, whose biases belong to the joint.

    log(error / 10 mm) = features . skip + bias + tanh(features . hidden + hidden_bias) . out
    """

    skip: np.ndarray
    """(F, 1)."""
    bias: np.ndarray
    """(24,)."""
    hidden: np.ndarray
    """(F, H)."""
    hidden_bias: np.ndarray
    """(24, H)."""
    out: np.ndarray
    """(H, 1)."""

    def __call__(self, told: tf.Tensor) -> tf.Tensor:
        """Expected errors (..., 24), metres, of features (..., 24, F); 0 of joint 0, from which errors are measured."""
        error = _UNIT * tf.exp(tf.clip_by_value(self.logarithm(told), *_LIMITS))
        return error * tf.constant(_MEASURED)

    def logarithm(self, told: tf.Tensor) -> tf.Tensor:
        """log(error / 10 mm), (..., 24), of features (..., 24, F), without limits."""
        weights = [tf.convert_to_tensor(getattr(self, part)) for part in PARTS]
        leading, joints = LeadingAxes(told, inner=2), [-1, *self.hidden_bias.shape]
        rows = tf.reshape(told, [-1, told.shape[-1]])
        wide = tf.tanh(tf.reshape(tf.linalg.matmul(rows, weights[2]), joints) + weights[3])
        found = tf.linalg.matmul(rows, weights[0]) + tf.linalg.matmul(tf.reshape(wide, [-1, joints[-1]]), weights[4])
        return leading.restore(tf.reshape(found, joints[:2]) + weights[1])


PARTS = tuple(field.name for field in dataclasses.fields(Network))
"""Names of a network's arrays."""
_LIMITS = tuple(float(np.log(metres / _UNIT)) for metres in (_LEAST, _LARGEST))
_MEASURED = np.float32(np.arange(_ROTATIONS) > 0)


def read(path: pathlib.Path = FILE) -> dict[str, Network]:
    """The networks of a file, by name: `OneStage`, `OneStage+finish`, `Temporal+finish+motion` and so on."""
    read_arrays = archives.read_arrays(path)
    arrays = {name: array.astype(np.float32) for name, array in read_arrays.items() if array is not None}
    names = dict.fromkeys(name.split("/")[0] for name in arrays)
    return {name: Network(*(arrays[f"{name}/{part}"] for part in PARTS)) for name in names}


def write(networks: Mapping[str, Network], path: pathlib.Path = FILE) -> None:
    """Writes what `read` reads, whole or not at all; weights as float16."""
    arrays: dict[str, Any] = {
        f"{name}/{part}": getattr(network, part).astype(np.float16)
        for name, network in networks.items()
        for part in PARTS
    }
    with files.atomic_write(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, **arrays)


def calibrations() -> dict[str, Calibration]:
    """The calibrations by name, those of the package at first; a fit puts others in."""
    with _READING:  # else threads would have some of their own, and graphs that depend on them
        return _calibrations()


@functools.cache
def _calibrations() -> dict[str, Calibration]:
    return {**read()}


def name_of(kind: str, *, finish: bool, motion: bool = False) -> str:
    """The name of a calibration: a solver's class, `+finish` after the finish, `+motion` in `niki_tf.solve`."""
    return kind + _FINISH * finish + _MOTION * motion


def calibration_of(kind: str, *, over_time: bool, finish: bool, motion: bool = False) -> Calibration:
    """The calibration of a kind of solver; one that was never calibrated has that of `OneStage` or `Temporal`.

    Args:
        kind: name of the solver's class.
        over_time: whether it sees time.
        finish: whether the exact finish follows.
        motion: in `niki_tf.solve`.
    """
    known, which = calibrations(), {"finish": finish, "motion": motion}
    usual = name_of("Temporal" if over_time else "OneStage", **which)
    return known.get(name_of(kind, **which)) or known[usual]
