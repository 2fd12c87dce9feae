"""Time of a streamed frame: python tools/benchmarks/stream_speed.py.

Frames of a made motion with noise are pushed one after the other, on one thread unless `--threads` says otherwise,
after the call that makes the graph. Reported are its seconds, and the shortest time, the median and the 99th percentile
of a push, and the median of the processors' time; `--skipped` also feeds a `Stream` at 30 frames a second and tells how
many poses it leaves out.
"""

import os
import time
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    from niki_tf import body, evaluation, motion
    from niki_tf.inference import streaming
    from niki_tf.solvers import zoo
    from niki_tf.solvers.window_solver import WindowSolver

_SOLVER = flags.DEFINE_multi_string("solver", ["temporal", "temporal+finish"], "Shipped solver of windows, once each.")
_PUSHES = flags.DEFINE_integer("pushes", 2000, "Pushes that are timed.", lower_bound=1)
_DELAY = flags.DEFINE_integer("delay", 8, "Frames that a pose comes after its joints.", lower_bound=0)
_THREADS = flags.DEFINE_integer("threads", 1, "Threads of TensorFlow.", lower_bound=1)
_NOISE_MM = flags.DEFINE_float("noise_mm", 20.0, "Noise of the joints.", lower_bound=0.0)
_SKIPPED = flags.DEFINE_integer("skipped", 0, "Frames that a `Stream` is fed at 30 a second.", lower_bound=0)
_FPS = 30.0


def main(_argv: Sequence[str]) -> None:
    """Times every solver and prints a table."""
    tf.config.threading.set_intra_op_parallelism_threads(_THREADS.value)
    tf.config.threading.set_inter_op_parallelism_threads(_THREADS.value)
    poser, frames = body.BodyPoser(body.mannequin()), 300
    clip = motion.made_motion(1, frames=frames)
    joints = motion.observe(clip, poser=poser, noise_mm=_NOISE_MM.value, seed=0).inputs["joints"]
    rows = [{"solver": name, **_row(zoo.load(name), joints)} for name in _SOLVER.value]
    print(evaluation.text_table(rows, decimals=2))
    print(f"load average {os.getloadavg()[0]:.1f}, {_THREADS.value} threads, delay {_DELAY.value}")


def _row(solver: WindowSolver, joints: np.ndarray) -> dict[str, float]:
    """Seconds of the graph and milliseconds of a push."""
    first = streaming.warm_up(solver, delay=_DELAY.value)
    state, times, busy = streaming.start(solver), [], []
    for number in range(_PUSHES.value):
        began, processor = time.perf_counter(), time.process_time()
        state, answer = streaming.push(
            solver, state, {"joints": joints[None, number % len(joints)]}, delay=_DELAY.value
        )
        answer["body_pose"].numpy()
        times.append(1000.0 * (time.perf_counter() - began))
        busy.append(1000.0 * (time.process_time() - processor))
    row = {"first s": first, "best ms": min(times), "median ms": float(np.median(times))}
    row |= {"p99 ms": float(np.percentile(times, 99)), "processor ms": float(np.median(busy))}
    return {**row, "left out %": _left_out(solver, joints)} if _SKIPPED.value else row


def _left_out(solver: WindowSolver, joints: np.ndarray) -> float:
    """The share of poses that a `Stream` leaves out, which gets frames at 30 a second."""
    stream, began, put = streaming.Stream(solver, delay=_DELAY.value), time.perf_counter(), 0
    while put < _SKIPPED.value:
        while put < min(_SKIPPED.value, int((time.perf_counter() - began) * _FPS)):
            stream.put({"joints": joints[None, put % len(joints)]})
            put += 1
        if stream.pose() is None:
            time.sleep(0.001)
    return 100.0 * stream.skipped / _SKIPPED.value


if __name__ == "__main__":
    app.run(main)
