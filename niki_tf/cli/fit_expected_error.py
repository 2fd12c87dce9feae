"""Fits what solvers expect of their own error, and writes niki_tf/fitting/expected_error.npz anew for them.

Every solver is fitted four times: asked itself and by `niki_tf.solve`, without and with its finish. The motion is cut
into parts of 60 frames. It must be one that the solvers were not trained with, or they are too sure of themselves.

Example:
    python tools/fit_expected_error.py --motion='AMASS/BMLrub/*' --stride=10 --solver=one_stage --solver=temporal
"""

import pathlib
import sys

import numpy as np
import tensorflow as tf
import tqdm
from absl import flags

from niki_tf import body, data, io, solvers
from niki_tf.evaluation.protocols import calibration, common, conditions
from niki_tf.evaluation.protocols.calibration import Asked
from niki_tf.fitting import expected_error
from niki_tf.motion.clip import Clip
from niki_tf.solvers import zoo
from niki_tf.training import expected_error as training

_MOTION = flags.DEFINE_multi_string("motion", None, "Folder, file or pattern of motion to learn from.", required=True)
_STRIDE = flags.DEFINE_integer("stride", 1, "Use every n-th clip.", lower_bound=1)
_SOLVER = flags.DEFINE_multi_string("solver", None, "A shipped solver or a folder, once a solver.", required=True)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of shapes and errors.", lower_bound=0)
_STEPS = flags.DEFINE_integer("steps", training.STEPS, "Steps of Adam, of each network.", lower_bound=1)
_OUTPUT = flags.DEFINE_string(
    "output", str(expected_error.FILE), "File to write; what it has of other solvers stays. That of the package."
)
_TRANS = flags.DEFINE_enum("trans", "transl", ("transl", "pelvis"), "What `trans` is in a file without that key.")


def main(argv: list[str]) -> None:
    """Checks everything, fits, writes, prints."""
    if argv[1:]:
        sys.exit(f"fit_expected_error takes flags only; got {' '.join(argv[1:])}.")
    try:
        for name in _SOLVER.value:
            zoo.check_solver(name)
        clips = [clip for motion in _MOTION.value for clip in io.load_clips(motion, trans=_TRANS.value)]
        clips = conditions.parts(common.long_clips(clips, stride=_STRIDE.value))
        output = pathlib.Path(_OUTPUT.value)
        networks = expected_error.read(output) if output.is_file() else {}
        for name in _SOLVER.value:
            networks |= fitted(name, clips, seed=_SEED.value, steps=_STEPS.value)
            expected_error.write(networks, output)
    except (ValueError, OSError) as error:
        sys.exit(f"fit_expected_error: {error}")
    size = output.stat().st_size / 1000
    print(f"{len(clips)} parts of clips; {len(networks)} calibrations written to {output}, {size:.0f} kB")


def fitted(name: str, clips: list[Clip], *, seed: int, steps: int) -> dict[str, expected_error.Network]:
    """The calibrations of one solver by their names.

    Args:
        name: of the solver.
        clips: of 60 frames.
        seed: of shapes and errors.
        steps: of Adam.
    """
    poser, found = body.BodyPoser(body.mannequin()), {}
    observed = [
        *conditions.observations(clips, [*conditions.CONDITIONS], poser=poser, occlude=data.occluded_motion, seed=seed)
    ]
    for way in reversed(calibration.WAYS):  # `niki_tf.solve` is told what the solver itself expects
        for end in ("", zoo.FINISH):
            solver = solvers.load(name + end)
            key = expected_error.name_of(type(solver).__name__, finish=bool(end), motion=way == "motion")
            expected_error.calibrations()[key] = _features
            asked = Asked(solver, way)
            answers = [asked(one) for one in tqdm.tqdm(observed, desc=key, unit="clip")]
            features, errors, states = (np.concatenate(parts) for parts in zip(*answers, strict=True))
            network = training.fit(features, errors, states, seed=seed, steps=steps)
            found[key] = expected_error.calibrations()[key] = network
    return found


def _features(told: tf.Tensor) -> tf.Tensor:
    """In place of a calibration: the features themselves come out."""
    return told
