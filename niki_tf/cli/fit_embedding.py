"""Makes the error embedding of a trained invertible solver standard normal, whatever the pose; its answers stay.

Example:
    python tools/fit_embedding.py --model=runs/one_stage --source='AMASS/CMU' --workdir=runs/one_stage_normal
"""

import pathlib
import sys

import numpy as np
import tqdm
from absl import flags

from niki_tf import data, solvers
from niki_tf.cli import run_record
from niki_tf.solvers import zoo
from niki_tf.training import embedding

_MODEL = flags.DEFINE_string("model", None, "A shipped invertible solver or the folder of one.", required=True)
_SOURCE = flags.DEFINE_multi_string(
    "source", None, "Motion to learn from, PATH=WEIGHT: a folder, a glob of .npz files, or `made`.", required=True
)
_LEAVE_OUT = flags.DEFINE_multi_string("leave_out", [], "Name of a file of the sources that is kept for tests.")
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder for model.keras.", required=True)
_STEPS = flags.DEFINE_integer("steps", 8_000, "Steps of Adam.", lower_bound=1)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 256, "Examples of a step; of windows, frames.", lower_bound=16)
_COUPLINGS = flags.DEFINE_integer("embedding_couplings", 8, "Steps of the flow.", lower_bound=1)
_HIDDEN_DIM = flags.DEFINE_integer("embedding_hidden_dim", 64, "Width of its networks.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of examples and errors.", lower_bound=0)
_SKIP_BAD = flags.DEFINE_bool("skip_bad", default=False, help="Leave bad motion files out instead of stopping.")

_CORRUPT = data.Corruption(absent=0.0, sigma_given=0.3)
"""Noise as solvers are trained on, without joints that are absent."""
_FRAMES = 16
"""Frames of a window."""
_AVERAGED = 200
"""Steps that the figure of the progress bar is a mean of."""


def main(argv: list[str]) -> None:
    """Checks everything, fits, writes, prints."""
    if argv[1:]:
        sys.exit(f"fit_embedding takes flags only; got {' '.join(argv[1:])}.")
    try:
        solver = _solver(_MODEL.value)
        motion = data.load_sources(_SOURCE.value, skip_bad=_SKIP_BAD.value, leave_out=_LEAVE_OUT.value)
        used = (_MODEL, _SOURCE, _LEAVE_OUT, _STEPS, _BATCH_SIZE, _COUPLINGS, _HIDDEN_DIM, _SEED, _SKIP_BAD)
        run_record.write(_WORKDIR.value, {flag.name: flag.value for flag in used})
    except (ValueError, OSError) as reason:
        sys.exit(f"fit_embedding: {reason}")
    frames = _FRAMES if solver.event_axes == 2 else None
    batches = data.batches(
        motion,
        body_joints=solver.body_joints,
        batch_size=_BATCH_SIZE.value // (frames or 1),
        seed=_SEED.value,
        augment=data.Augmentation(natural=0.7),
        corrupt=_CORRUPT,
        frames=frames,
    )
    found = []
    with tqdm.tqdm(embedding.fit(solver, batches, steps=_STEPS.value), total=_STEPS.value, unit="step") as bar:
        for loss in bar:
            found.append(loss)
            bar.set_postfix_str(f"loss {np.mean(found[-_AVERAGED:]):.3f}", refresh=False)
    zoo.save(solver, _WORKDIR.value, half=True)
    print(f"{len(motion):,} frames, {_STEPS.value:,} steps: loss {np.mean(found[-_AVERAGED:]):.4f}")
    print(f"model written to {pathlib.Path(_WORKDIR.value) / 'model.keras'}")


def _solver(name: str) -> solvers.InvertibleSolver:
    """The solver with a new `EmbeddingFlow`; ValueError if it is not invertible."""
    solver = solvers.load(name)
    if not isinstance(solver, solvers.InvertibleSolver):
        raise ValueError(f"`model` must be an invertible solver; got {name}, {type(solver).__name__}.")
    return solver.with_embedding_flow(_COUPLINGS.value, _HIDDEN_DIM.value)
