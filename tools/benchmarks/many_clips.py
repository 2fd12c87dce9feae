"""Clips an hour a core by Apache Beam's pipeline: python tools/benchmarks/many_clips.py.

The pipeline runs in this process on one thread, reading and writing included, on clips of made motion; a first clip,
by which graphs are made, does not count. Needs the extra `beam`.
"""

import contextlib
import os
import pathlib
import tempfile
import time
from collections.abc import Sequence

os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"  # before TensorFlow is imported

import numpy as np
from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    from niki_tf import body, evaluation, motion
    from niki_tf.cli import solve_beam
    from niki_tf.cli.solve_files import Options

_CLIPS = flags.DEFINE_integer("clips", 8, "Clips of each length.", lower_bound=1)
_FRAMES = flags.DEFINE_multi_integer("frames", [120, 1200], "Frames of a clip; once for each row.", lower_bound=2)
_MODEL = flags.DEFINE_multi_string("model", ["temporal_prior", "one_stage"], "Shipped solver; once for each row.")
_MANY = 1e9


def main(_argv: Sequence[str]) -> None:
    """Times every solver at every length and prints a table."""
    rows = []
    for model in _MODEL.value:
        for frames in _FRAMES.value:
            seconds = _seconds(model, frames) / _CLIPS.value
            rows.append(
                {
                    "solver": model,
                    "frames": frames,
                    "clips/hour": 3600 / seconds,
                    "frames/s": frames / seconds,
                    "core-hours to 1e9 frames": _MANY / frames * seconds / 3600,
                }
            )
    print(evaluation.text_table(rows, decimals=0))


def _seconds(model: str, frames: int) -> float:
    """Seconds of a core in which all clips are solved, whatever else the machine does."""
    options = Options(formats=("npz",), model=model)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        _write(folder / "first", frames, 1)
        _write(folder / "clips", frames, _CLIPS.value)
        _solve(folder / "first", folder / "warm", options)
        started = time.process_time()
        _solve(folder / "clips", folder / "solved", options)
        return time.process_time() - started


def _solve(here: pathlib.Path, there: pathlib.Path, options: Options) -> None:
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        if solve_beam.solve(str(here), str(there), options, arguments=""):
            raise app.Error("a clip of made motion must be solved; got dead letters")


def _write(folder: pathlib.Path, frames: int, count: int) -> None:
    """Clips of made motion with noise."""
    folder.mkdir()
    poser = body.BodyPoser(body.mannequin())
    for seed in range(count):
        observed = motion.observe(motion.made_motion(seed, frames=frames), poser=poser, noise_mm=20.0, seed=seed)
        np.savez(folder / f"{seed:04}.npz", joints=observed.joints, fps=observed.fps)


if __name__ == "__main__":
    app.run(main)
