"""Runs the package for long: whether answers stay right, calls as fast, and memory as small as at the beginning.

Example:
    python tools/reliability/soak.py --seed=0
    python tools/reliability/soak.py --part=stream --part=c_api --seconds=180

    one_stage, temporal  a million frames in pieces, by `predict` and by `solve_motion`; a call is a piece
    clip                 one clip of 100,000 frames by `solve_motion` with the finish; a call is a period of it
    stream               20,000 frames that are pushed one by one
    load                 20 solvers that are loaded, used and forgotten; a call is one
    saved_model, c_api   a SavedModel from 8 threads, in Python and in C
    litert               a LiteRT file from 8 threads that each have loaded it
    litert_shared        a LiteRT file from 8 threads that share one

Each part is a process of its own. An answer is wrong if it is further than 1e-4 from the one that was given to the same
joints before, by one thread. Memory is looked at after the first calls and at the end, and `peak` is the most between;
of the clip, what it holds at the end beside the answer. Prints a row for each part, and ends with 1 if an answer is
wrong, memory has grown by 100 MB, or a call takes twice as long at the end as at the beginning.
"""

import concurrent.futures
import multiprocessing
import sys

from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import soak_exports
    import soak_motion
    from soak_motion import Sizes
    from soak_tally import faults

PARTS = {
    "one_stage": soak_motion.one_stage,
    "temporal": soak_motion.temporal,
    "clip": soak_motion.clip,
    "stream": soak_motion.stream,
    "load": soak_motion.load,
    "saved_model": soak_exports.saved_model,
    "c_api": soak_exports.c_api,
    "litert": soak_exports.litert,
    "litert_shared": soak_exports.litert_shared,
}
"""Name -> function of sizes that gives a row."""
_HEADING = "| part | calls | wrong | apart | MB | grown MB | peak MB | first calls, ms (p99) | last calls, ms (p99) |"


_PART = flags.DEFINE_multi_enum("part", [*PARTS], [*PARTS], "What is run.")
_SEED = flags.DEFINE_integer("seed", 0, "Of motion and of the order of calls.", lower_bound=0)
_FRAMES = flags.DEFINE_integer("frames", 1_000_000, "Frames in pieces.", lower_bound=8)
_CLIP = flags.DEFINE_integer("clip_frames", 100_000, "Frames of the clip.", lower_bound=1100)
_STREAM = flags.DEFINE_integer("stream_frames", 20_000, "Frames of the stream.", lower_bound=1)
_LOADS = flags.DEFINE_integer("loads", 20, "Solvers that are loaded.", lower_bound=2)
_SECONDS = flags.DEFINE_float("seconds", 180.0, "Seconds that threads call.", lower_bound=0.1)
_THREADS = flags.DEFINE_integer("threads", 8, "Threads.", lower_bound=1)


def main(argv: list[str]) -> None:
    """Runs all parts, one after the other, and prints the table."""
    if argv[1:]:
        sys.exit(f"soak takes flags only; got {' '.join(argv[1:])}.")
    sizes = Sizes(
        seed=_SEED.value,
        frames=_FRAMES.value,
        clip_frames=_CLIP.value,
        stream_frames=_STREAM.value,
        loads=_LOADS.value,
        seconds=_SECONDS.value,
        threads=_THREADS.value,
    )
    print(f"{_HEADING}\n{'|---' * 9}|", flush=True)
    wrong = []
    for name in dict.fromkeys(_PART.value):
        alone = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=alone) as pool:
            row = pool.submit(PARTS[name], sizes).result()
        print(_line(name, row), flush=True)
        wrong += [f"{name}: {fault}" for fault in faults(row)]
    print("\n".join(wrong))
    sys.exit(int(bool(wrong)))


def _line(name: str, row: dict[str, float]) -> str:
    """A row of the table in Markdown."""
    memory = " | ".join(f"{row[key]:.0f}" for key in ("mb", "grown_mb", "peak_mb"))
    times = " | ".join(f"{row[f'median_{at}_ms']:.1f} ({row[f'p99_{at}_ms']:.1f})" for at in ("first", "last"))
    return f"| {name} | {row['tried']} | {row['wrong']} | {row['apart']:.1e} | {memory} | {times} |"


if __name__ == "__main__":
    app.run(main)
