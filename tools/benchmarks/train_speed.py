"""How fast a solver trains: python tools/benchmarks/train_speed.py --flagfile=configs/quickstart.flags.

Takes the flags of `niki-tf train`, but for --workdir. Prints the seconds to the first step, in which the graph is
traced, the shortest and the median step of `--timed_steps`, in which the frames of a batch take part, the share of the
machine's largest product of float32 matrices, and how fast the input pipeline alone makes batches. Operations are
counted over one way through the network and back with its gradients, for every frame; the losses take further ways for
a share of the batch, so that the share of the machine is a lower bound. Nothing is kept.
"""

import itertools
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import ceilings
    import speed_subjects

    from niki_tf import evaluation
    from niki_tf.cli import train

_TIMED = flags.DEFINE_integer("timed_steps", 30, "Steps that are timed, and batches of the pipeline.", lower_bound=1)
_OUTPUT = flags.DEFINE_string("output", None, "Folder for train_speed.json; none if not given.")
_WARM_UP = 3
"""Steps before those that are timed, the first among them."""
_WAYS = 3
"""Products a weight: forwards, the gradient of the inputs, that of the weights."""


def main(argv: list[str]) -> None:
    """Makes some steps of the training that the flags describe and prints their times."""
    if argv[1:]:
        sys.exit(f"train_speed.py takes flags only; got {' '.join(argv[1:])}.")
    try:
        with tempfile.TemporaryDirectory() as folder:
            flags.FLAGS.workdir = str(pathlib.Path(folder, "run"))
            row = _measured()
    except (ValueError, OSError) as error:
        sys.exit(f"train_speed.py: {error}")
    print(evaluation.text_table([row], decimals=3))
    if _OUTPUT.value:
        evaluation.write_json([row], pathlib.Path(_OUTPUT.value, "train_speed.json"))


def _measured() -> dict[str, Any]:
    """The row of the table."""
    start = time.perf_counter()
    trainer = train.prepared()
    dataset, step = trainer._dataset(), trainer._train_step()
    batches = iter(dataset)
    step(next(batches))
    first = time.perf_counter() - start
    steps = _seconds(lambda: step(next(batches))["loss"].numpy())
    pipeline = _seconds(lambda: next(batches))
    frames = trainer.settings.batch_size * (flags.FLAGS.window if trainer.solver.event_axes == 2 else 1)
    operations = _WAYS * speed_subjects.flops(trainer.solver) * frames
    return {
        "solver": flags.FLAGS.solver,
        "batch": trainer.settings.batch_size,
        "first step s": first,
        "ms a step": 1000 * min(steps),
        "median ms": 1000 * statistics.median(steps),
        "samples/s": trainer.settings.batch_size / min(steps),
        "flops % at least": 100 * operations / min(steps) / 1e9 / ceilings.gigaflops(),
        "pipeline ms": 1000 * statistics.median(pipeline),
        "pipeline samples/s": trainer.settings.batch_size / statistics.median(pipeline),
    }


def _seconds(call: Callable[[], Any]) -> list[float]:
    """Seconds of every call that is timed."""
    for _ in range(_WARM_UP - 1):
        call()
    times = [time.perf_counter()]
    for _ in range(_TIMED.value):
        call()
        times.append(time.perf_counter())
    return [end - start for start, end in itertools.pairwise(times)]


if __name__ == "__main__":
    app.run(main)
