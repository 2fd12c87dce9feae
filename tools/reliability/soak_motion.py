"""Parts of a soak: a million frames in pieces, one long clip, a stream."""

import dataclasses
import gc
import time
from collections.abc import Callable

import numpy as np
from answers import apart
from soak_tally import Tally, megabytes
from tqdm import tqdm

import niki_tf
from niki_tf import body, contract, motion, rotations, solvers
from niki_tf.body import kinematics
from niki_tf.inference import streaming, windows
from niki_tf.solvers import zoo

_NAMES = (*contract.POSE, "transl")
_PIECE = 1000
"""Frames of a piece of the million."""
_PIECES = 4
"""Pieces that differ from each other and come again and again."""
_PERIOD = 960
"""Frames after which the long clip repeats itself: windows, of which each begins 4 or 48 frames after the one before,
begin at the same places of each period."""
_EDGE = 64
"""Frames at the end of a clip whose windows are others."""
_LOADED = 60
"""Frames that a solver which was loaded solves."""
_STREAMED = 480
"""Frames after which a stream repeats itself."""

Answer = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is tried."""

    seed: int
    frames: int
    """Of the parts that solve a motion in pieces."""
    clip_frames: int
    stream_frames: int
    loads: int
    """Solvers that are loaded one after the other."""
    seconds: float
    """That threads call an exported solver."""
    threads: int


def joints_of(seed: int, frames: int) -> np.ndarray:
    """Joints (frames, 29, 3), float32 metres, of a made motion, with 10 mm of noise."""
    local = rotations.rotvec_to_matrix(motion.made_motion(seed, frames=frames).poses.astype(np.float32)).numpy()
    rest = np.broadcast_to(body.mannequin_joints().joints, [frames, 29, 3]).astype(np.float32)
    noise = 0.01 * np.random.default_rng(seed).standard_normal([frames, 29, 3])
    return (kinematics.forward_kinematics(local, rest)[0].numpy() + noise).astype(np.float32)


def one_stage(sizes: Sizes) -> dict[str, float]:
    """A million frames by `predict`, which comes a piece at a time."""
    solver = zoo.load("one_stage")
    return _pieces(sizes, lambda joints: solver.predict({"joints": joints}, batch_size=256, verbose=0))


def temporal(sizes: Sizes) -> dict[str, float]:
    """A million frames by `solve_motion`, which comes a piece at a time."""
    solver = zoo.load("temporal")
    assert isinstance(solver, solvers.WindowSolver)
    return _pieces(sizes, lambda joints: windows.solve_motion(solver, {"joints": joints}))


def _pieces(sizes: Sizes, solve: Callable[[np.ndarray], Answer]) -> dict[str, float]:
    """Pieces again and again: each time the answer must be that of the first time."""
    size = min(_PIECE, max(sizes.frames // (2 * _PIECES), 1))
    pieces = [joints_of(sizes.seed + k, size) for k in range(_PIECES)]
    wanted = [_pose(solve(piece)) for piece in pieces]
    count = sizes.frames // size
    tally = Tally(max(count // 20, 1))
    for k in tqdm(range(count), unit=f" x {size} frames", mininterval=10.0, disable=None):
        began = time.monotonic()
        answer = solve(pieces[k % _PIECES])
        tally.add(apart(wanted[k % _PIECES], answer), time.monotonic() - began)
    return tally.row()


def clip(sizes: Sizes) -> dict[str, float]:
    """One long clip with the finish: each of its periods must have the answer of a period of a short clip.

    A call is a period here, and memory is that of the whole answer and of what was needed on the way.
    """
    solver = zoo.load("temporal+finish")
    assert isinstance(solver, solvers.WindowSolver)
    period = joints_of(sizes.seed, _PERIOD)
    short = _pose(windows.solve_motion(solver, {"joints": np.tile(period, (3, 1, 1))}))
    wanted = {name: value[_PERIOD : 2 * _PERIOD] for name, value in short.items()}
    joints = np.tile(period, (-(-sizes.clip_frames // _PERIOD), 1, 1))[: sizes.clip_frames]
    tally = Tally(1 + sizes.clip_frames)
    began = time.monotonic()
    answer = windows.solve_motion(solver, {"joints": joints})
    seconds, peak = time.monotonic() - began, megabytes("VmHWM:")
    for first in range(_PERIOD, sizes.clip_frames - _EDGE, _PERIOD):
        last = min(first + _PERIOD, sizes.clip_frames - _EDGE)
        found = {name: answer[name][first:last] for name in _NAMES}
        tally.add(apart(found, {name: value[: last - first] for name, value in wanted.items()}), 0.0)
    row = tally.row()
    each = 1000.0 * seconds / (sizes.clip_frames / _PERIOD)
    times = {name: each for name in row if name.endswith("_ms")}
    held = sum(value.nbytes for value in answer.values()) / 2**20
    return {**row, **times, "grown_mb": row["grown_mb"] - held, "peak_mb": peak - row["mb"]}


def stream(sizes: Sizes) -> dict[str, float]:
    """A stream that repeats itself: each pose must be that of the period before."""
    solver = zoo.load("temporal")
    assert isinstance(solver, solvers.WindowSolver)
    joints, state = joints_of(sizes.seed, _STREAMED), streaming.start(solver)
    streaming.warm_up(solver)
    wanted: list[Answer] = []
    tally = Tally(1000)
    for k in tqdm(range(2 * _STREAMED + sizes.stream_frames), unit="frame", mininterval=10.0, disable=None):
        began = time.monotonic()
        state, found = streaming.push(solver, state, {"joints": joints[k % _STREAMED, None]})
        answer = {name: found[name].numpy() for name in _NAMES}
        seconds = time.monotonic() - began
        if _STREAMED <= k < 2 * _STREAMED:
            wanted.append(answer)
        if k >= 2 * _STREAMED:
            tally.add(apart(wanted[k % _STREAMED], answer), seconds)
    return tally.row()


def load(sizes: Sizes) -> dict[str, float]:
    """A solver is loaded, used and forgotten again and again: its answer must be that of the first."""
    joints, wanted = joints_of(sizes.seed, _LOADED), None
    tally = Tally(max(sizes.loads // 5, 1))
    for _ in tqdm(range(sizes.loads), unit="solver", mininterval=10.0, disable=None):
        began = time.monotonic()
        found = niki_tf.solve(joints, solver=zoo.load("temporal_prior+finish"))
        answer = {name: np.asarray(getattr(found, name)) for name in ("rotations", "transl")}
        wanted = answer if wanted is None else wanted
        tally.add(apart(wanted, answer), time.monotonic() - began)
        gc.collect()
    return tally.row()


def _pose(answer: Answer) -> Answer:
    return {name: np.asarray(answer[name]) for name in _NAMES}
