"""Trains the guess of joints that a joint set does not tell, for `niki_tf.solve`, and writes its model.keras.

Example:
    python tools/fit_joint_completion.py --source='AMASS/CMU=0.85' --source=made=0.15 --workdir=runs/joint_completion
"""

import pathlib
import sys

import numpy as np
import tqdm
from absl import flags

from niki_tf import body, data, skeletons
from niki_tf.cli import run_record
from niki_tf.solvers import zoo
from niki_tf.solvers.joint_completion import JointCompletion
from niki_tf.training import joint_completion

_SOURCE = flags.DEFINE_multi_string(
    "source", None, "Motion to learn from, PATH=WEIGHT: a folder, a glob of .npz files, or `made`.", required=True
)
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder for model.keras.", required=True)
_STEPS = flags.DEFINE_integer("steps", 12_000, "Steps of Adam.", lower_bound=1)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 512, "Examples of a step.", lower_bound=1)
_HIDDEN_DIM = flags.DEFINE_integer("hidden_dim", 256, "Width of the hidden layers.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of examples and errors.", lower_bound=0)
_SKIP_BAD = flags.DEFINE_bool("skip_bad", default=False, help="Leave bad motion files out instead of stopping.")

_AUGMENT = data.Augmentation(natural=0.85, perturb=0.1)
"""Most poses as recorded: what is guessed is what people usually do. Set by hand."""
_CLEAN = data.Corruption(noise=0.0, absent=0.0)
"""The errors are those of joint sets, made by `training.joint_completion`."""
_AVERAGED = 200
"""Steps that the figures of the progress bar are a mean of."""


def main(argv: list[str]) -> None:
    """Checks everything, trains, writes, prints."""
    if argv[1:]:
        sys.exit(f"fit_joint_completion takes flags only; got {' '.join(argv[1:])}.")
    try:
        motion = data.load_sources(_SOURCE.value, skip_bad=_SKIP_BAD.value)
        flags_used = (_SOURCE, _STEPS, _BATCH_SIZE, _HIDDEN_DIM, _SEED, _SKIP_BAD)
        run_record.write(_WORKDIR.value, {flag.name: flag.value for flag in flags_used})
    except (ValueError, OSError) as reason:
        sys.exit(f"fit_joint_completion: {reason}")
    batches = data.batches(
        motion,
        body_joints=body.mannequin_joints(),
        batch_size=_BATCH_SIZE.value,
        seed=_SEED.value,
        augment=_AUGMENT,
        corrupt=_CLEAN,
    )
    model = JointCompletion(hidden_dim=_HIDDEN_DIM.value)
    sets = [points for name, points in skeletons.POINT_SETS.items() if name != "smpl_29"]
    told = joint_completion.told_sigma(sets)
    steps = joint_completion.fit(model, batches, sigma_of_sets=told, steps=_STEPS.value, seed=_SEED.value)
    figures = []
    with tqdm.tqdm(steps, total=_STEPS.value, unit="step") as bar:
        for found in bar:
            figures.append(found)
            loss, error = np.mean(figures[-_AVERAGED:], 0)
            bar.set_postfix_str(f"loss {loss:.3f}, absent joints {1000 * error:.1f} mm off", refresh=False)
    zoo.save(model, _WORKDIR.value, half=True)
    print(f"{len(motion):,} frames, {_STEPS.value:,} steps: absent joints {1000 * error:.1f} mm off, loss {loss:.3f}")
    print(f"model written to {pathlib.Path(_WORKDIR.value) / 'model.keras'}")
