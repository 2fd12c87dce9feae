"""Compares answers of `ik`, streams and loading from many threads, batches and XLA with those one at a time.

Example:
    python tools/reliability/threads.py --seed=0 --threads=8 --calls=64

Every thread solves examples of its own, in any order; an answer is wrong if it is further than --tolerance from the
one that a single thread gave. Then one batch of 1,024 and the graph that XLA compiles are compared with batches of one.
Prints how far answers are apart, rotations by entry and translations in metres, and ends with 1 if one is wrong.
"""

import concurrent.futures
import sys
from collections.abc import Callable
from typing import Any

from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import numpy as np
    import tensorflow as tf
    from answers import apart

    from niki_tf import body, solvers
    from niki_tf.inference import streaming

_SEED = flags.DEFINE_integer("seed", 0, "Of the joints.")
_THREADS = flags.DEFINE_integer("threads", 8, "Threads.", lower_bound=1)
_CALLS = flags.DEFINE_integer("calls", 64, "Calls of each solver from all threads.", lower_bound=1)
_BATCH = flags.DEFINE_integer("batch", 1024, "Examples of the large batch.", lower_bound=1)
_SOLVER = flags.DEFINE_multi_string("solver", ["mlp", "one_stage", "temporal"], "Shipped solvers.")
_TOLERANCE = flags.DEFINE_float("tolerance", 1e-4, "How far apart answers may be.")
_ALONE = 16
"""Examples of the large batch that are solved one at a time, too."""
_NAMES = ("global_orient", "body_pose", "transl")

Answer = dict[str, np.ndarray]


def examples(count: int, *, frames: int | None, seed: int) -> np.ndarray:
    """Joints (count, 29, 3), or windows (count, frames, 29, 3), of a body that bends, metres."""
    rng = np.random.default_rng(seed)
    shape = [count, 29, 3] if frames is None else [count, frames, 29, 3]
    return (body.mannequin_joints().joints + 0.03 * rng.normal(size=shape)).astype(np.float32)


def answer_of(solver: solvers.Solver, joints: np.ndarray) -> Answer:
    """The pose as arrays."""
    found = solver.ik(joints)
    return {name: np.asarray(found[name]) for name in _NAMES}


def from_threads(work: Callable[[int], Any], *, calls: int, threads: int) -> list[Any]:
    """What `work` gives for each number, from so many threads at once."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(calls)))


def threads_apart(solver: solvers.Solver, joints: np.ndarray, *, calls: int, threads: int) -> float:
    """How far answers from threads are from those of one."""
    single = [answer_of(solver, one) for one in joints]
    found = from_threads(lambda k: answer_of(solver, joints[k % len(joints)]), calls=calls, threads=threads)
    return max(apart(answer, single[k % len(joints)]) for k, answer in enumerate(found))


def streams_apart(solver: solvers.WindowSolver, joints: np.ndarray, *, threads: int) -> float:
    """How far streams, one a thread, are from the same streams one after the other."""

    def stream(k: int) -> Answer:
        state = streaming.start(solver)
        for frame in joints[k % len(joints)][:4]:
            state, found = streaming.push(solver, state, {"joints": frame[None]}, delay=1)
        return {name: np.asarray(found[name]) for name in _NAMES}

    single = [stream(k) for k in range(threads)]
    return max(map(apart, from_threads(stream, calls=threads, threads=threads), single))


def loading_apart(name: str, joints: np.ndarray, *, threads: int) -> float:
    """How far answers of solvers that are loaded at once are from each other."""
    found = from_threads(lambda k: answer_of(solvers.load(name), joints), calls=threads, threads=threads)
    return max(apart(found[0], other) for other in found)


def batch_apart(solver: solvers.Solver, joints: np.ndarray) -> float:
    """How far a large batch is from the same examples one at a time."""
    whole = answer_of(solver, joints)
    places = np.linspace(0, len(joints) - 1, min(_ALONE, len(joints))).astype(int)
    return max(apart({n: a[k] for n, a in whole.items()}, answer_of(solver, joints[k])) for k in places)


def xla_apart(solver: solvers.Solver, joints: np.ndarray) -> float:
    """How far the graph that XLA compiles is from the solver as it is."""
    graph = tf.function(lambda x: solver({"joints": x}), jit_compile=True, autograph=False)
    found = graph(tf.constant(joints))
    return apart({name: np.asarray(found[name]) for name in _NAMES}, answer_of(solver, joints))


def main(argv: list[str]) -> None:
    """Prints a line for each solver."""
    if argv[1:]:
        sys.exit(f"threads takes flags only; got {' '.join(argv[1:])}.")
    print("| solver | 8 threads | streams | load | batch | XLA |".replace("8", str(_THREADS.value)))
    print("|---|---|---|---|---|---|")
    worst = 0.0
    for name in _SOLVER.value:
        solver = solvers.load(name)
        over_time = isinstance(solver, solvers.WindowSolver)
        joints = examples(_ALONE, frames=solver.frames if over_time else None, seed=_SEED.value)
        many = joints if over_time else examples(_BATCH.value, frames=None, seed=_SEED.value)
        found = {
            "threads": threads_apart(solver, joints, calls=_CALLS.value, threads=_THREADS.value),
            "streams": streams_apart(solver, joints, threads=_THREADS.value) if over_time else None,
            "load": loading_apart(name, joints[:2], threads=_THREADS.value),
            "batch": batch_apart(solver, many),
            "XLA": xla_apart(solver, joints),
        }
        print(f"| {name} | " + " | ".join("–" if gap is None else f"{gap:.1e}" for gap in found.values()) + " |")
        worst = max(worst, *(gap for gap in found.values() if gap is not None))
    sys.exit(int(worst > _TOLERANCE.value))


if __name__ == "__main__":
    app.run(main)
