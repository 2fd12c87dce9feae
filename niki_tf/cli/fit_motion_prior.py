"""Trains the prior of motion of the solver `temporal_prior`: --flagfile=configs/temporal_prior.flags --workdir=DIR.

First the temporal solver answers windows of motion that are observed in many ways; they are kept in DIR/examples. Then
the prior learns to correct these answers. Interrupted, the same command goes on.
"""

import functools
import pathlib
import sys
from typing import Any

import tensorflow as tf
from absl import flags

from niki_tf import data, skeletons, solvers, training
from niki_tf.cli import dataclass_flags, run_record
from niki_tf.data import example_files, observed_windows
from niki_tf.motion.clip import TRANS_CONVENTIONS
from niki_tf.solvers import motion_prior, zoo
from niki_tf.training import joint_completion
from niki_tf.training import motion_prior as prior_training

FLAGS = flags.FLAGS
_SOURCE = flags.DEFINE_multi_string(
    "source", None, "Motion to learn from, PATH=WEIGHT: a folder, a glob of .npz files, or `made`.", required=True
)
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run: examples, checkpoints, model.keras.", required=True)
_TRANS = flags.DEFINE_enum("trans", "transl", TRANS_CONVENTIONS, "What `trans` is in a file without that key.")
_LEAVE_OUT = flags.DEFINE_multi_string("leave_out", [], "Name of a file that is kept for tests; once a file.")
_SKIP_BAD = flags.DEFINE_bool("skip_bad", default=False, help="Leave bad motion files out instead of stopping.")
_FIRST = flags.DEFINE_string(
    "first", "temporal", "The temporal solver, by name or folder, whose answers are corrected."
)
_INITIAL = flags.DEFINE_string(
    "initial", None, "The temporal_prior, by name or folder, from whose prior the training starts; random if none."
)
_EXAMPLES = flags.DEFINE_integer("examples", 800, "Batches of examples that are made.", lower_bound=1)
_HIDDEN_DIM = flags.DEFINE_integer("hidden_dim", 192, "Width of the prior, a multiple of 6.", lower_bound=6)
_NUM_LAYERS = flags.DEFINE_integer("num_layers", 4, "Encoder layers of the prior.", lower_bound=1)
_PRECISION = flags.DEFINE_enum(
    "precision", "mixed_bfloat16", ["mixed_bfloat16", "float32"], "Of the prior's large products in training."
)
dataclass_flags.define(training.TrainSettings)
flags.adopt_module_key_flags(dataclass_flags)
_OWN = (_SOURCE, _TRANS, _LEAVE_OUT, _SKIP_BAD, _FIRST, _INITIAL, _EXAMPLES, _HIDDEN_DIM, _NUM_LAYERS, _PRECISION)
_FREE_TO_CHANGE = ("max_steps", "save_every", "log_every", "precision")

_AUGMENT = data.Augmentation(natural=0.9, perturb=0.1, reverse=0.15)
"""Most motion as recorded: what is filled in is what people usually do. Set by hand."""


def main(argv: list[str]) -> None:
    """Makes the examples that are missing, trains, writes."""
    if argv[1:]:
        sys.exit(f"fit_motion_prior takes flags only; got {' '.join(argv[1:])}.")
    try:
        trainer = _prepared()
        terms = trainer.run()
    except (ValueError, OSError, FloatingPointError) as reason:
        sys.exit(f"fit_motion_prior: {reason}")
    zoo.save(_with_precision(zoo.load(_WORKDIR.value), "float32"), _WORKDIR.value, half=True)
    shown = ", ".join(f"{name} {value:.4g}" for name, value in terms.items())
    print(f"step {trainer.step}: {shown or 'nothing left to train'}")
    print(f"model written to {pathlib.Path(_WORKDIR.value) / 'model.keras'}")


def _prepared() -> training.Trainer:
    """The trainer that the flags describe, after the examples are made."""
    settings = dataclass_flags.read(training.TrainSettings)
    names = [flag.name for flag in _OWN] + dataclass_flags.names(training.TrainSettings)
    values = run_record.resolved(names)
    run_record.check(_WORKDIR.value, values, free=_FREE_TO_CHANGE)
    untrained = _untrained()
    folder = pathlib.Path(_WORKDIR.value) / "examples"
    motion = _motion() if example_files.missing(folder, _EXAMPLES.value) else None
    run_record.write(_WORKDIR.value, values)
    if motion:
        _make_examples(folder, motion, untrained, settings)

    def make_batches(first_step: int, shards: int, own_shards: tuple[int, ...]) -> tf.data.Dataset:
        return example_files.batches(
            folder, _EXAMPLES.value, seed=settings.seed, first_step=first_step, shards=shards, own_shards=own_shards
        )

    return training.Trainer(
        lambda: _with_precision(untrained, _PRECISION.value),
        loss=prior_training.loss,
        make_batches=make_batches,
        settings=settings,
        workdir=_WORKDIR.value,
        joint_errors=None,
    )


def _untrained() -> solvers.TemporalPrior:
    """A solver with the weights of the first network, of the guess of joints and, if given, of the initial prior."""
    first, completion = zoo.load(_FIRST.value), zoo.joint_completion()
    if not isinstance(first, solvers.Temporal):
        raise ValueError(f"`first` must be a temporal solver; got {_FIRST.value}, {type(first).__name__}.")
    sizes = {"hidden_dim": _HIDDEN_DIM.value, "num_layers": _NUM_LAYERS.value}
    solver = solvers.TemporalPrior.behind(first, completion, **sizes)
    if _INITIAL.value is not None:
        initial = zoo.load(_INITIAL.value)
        if not isinstance(initial, solvers.TemporalPrior) or any(
            getattr(initial.prior, name) != size for name, size in sizes.items()
        ):
            raise ValueError(
                f"`initial` must be a temporal_prior with {sizes}; got {_INITIAL.value}, {type(initial).__name__}."
            )
        solver.prior.set_weights(initial.prior.get_weights())
    return solver


def _with_precision(solver: solvers.TemporalPrior, precision: str) -> solvers.TemporalPrior:
    """The same solver, same weights, whose prior computes in `precision`."""
    config: dict[str, Any] = {**solver.get_config(), "precision": precision}
    other = solvers.TemporalPrior.from_config(config)
    other.set_weights(solver.get_weights())
    return other


def _motion() -> data.MotionSet:
    return data.load_sources(_SOURCE.value, skip_bad=_SKIP_BAD.value, trans=_TRANS.value, leave_out=_LEAVE_OUT.value)


def _make_examples(
    folder: pathlib.Path, motion: data.MotionSet, solver: solvers.TemporalPrior, settings: training.TrainSettings
) -> None:
    """Writes the batches of examples that are missing."""
    sets = [points for name, points in skeletons.POINT_SETS.items() if name != "smpl_29"]
    observe = functools.partial(
        observed_windows.observed_windows,
        motion=motion,
        body_joints=solver.body_joints,
        augment=_AUGMENT,
        frames=motion_prior.FRAMES,
        sigma_of_sets=joint_completion.told_sigma(sets),
    )

    @tf.function(autograph=False)
    def make(number: tf.Tensor) -> dict[str, tf.Tensor]:
        streams = data.RandomStreams(settings.seed, number, batch_size=settings.batch_size, shard=(0, 1))
        return prior_training.example(solver, observe(streams)._asdict())

    def arrays(number: int) -> dict[str, Any]:
        return {name: value.numpy() for name, value in make(tf.constant(number, tf.int64)).items()}

    example_files.write(folder, _EXAMPLES.value, arrays, progress=True)
