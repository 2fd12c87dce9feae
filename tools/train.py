"""Trains a solver: python tools/train.py --flagfile=configs/one_stage.flags --workdir=DIR.

Overrides come after --flagfile. Interrupted, the same command goes on from the newest checkpoint.
"""

import functools
import os
import pathlib
import sys

import dataclass_flags
import run_record
from absl import app, flags
from quiet_start import quiet_start

with quiet_start():
    import tensorflow as tf

    from niki_tf import body, data, flows, solvers, training

_FLOW = ("couplings", "bounded")
_OVER_TIME = (*_FLOW, "pairs", "temporal_hidden", "split")
_TWO_FLOWS = (*_FLOW, "rotation_couplings", "rotation_hidden", "dropout", "twist_known", "composed", "twist_hidden")
_SOLVERS = {
    "one_stage": (solvers.OneStage, training.invertible, _FLOW),
    "twist_swing": (solvers.TwistSwing, training.invertible, _TWO_FLOWS),
    "temporal": (solvers.Temporal, training.invertible, _OVER_TIME),
    "mlp": (solvers.MLP, training.regression, ("layers",)),
    "recurrent": (solvers.Recurrent, training.regression, ()),
}
_COMMON_FLAGS = ("hidden", "condition", "condition_size", "canonical")
_MODEL_FLAGS = (*_COMMON_FLAGS, *dict.fromkeys(name for _, _, own in _SOLVERS.values() for name in own))
_SETTINGS = {training.TrainSettings: "", training.LossWeights: "loss_", data.Augmentation: "", data.Corruption: ""}
_FREE_TO_CHANGE = ("max_steps", "save_every", "log_every", "strategy", "cpu_replicas")

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Folder of the run: checkpoints, TensorBoard, model.keras.", required=True)
flags.DEFINE_enum("solver", "one_stage", sorted(_SOLVERS), "What to train.")
flags.DEFINE_multi_string(
    "source", None, "Motion to train on, PATH=WEIGHT: a folder, a glob of .npz files, or `made`.", required=True
)
flags.DEFINE_string(
    "initial", None,
    "Folder of a trained model.keras whose weights the run starts from; `temporal` can start from a one-stage model.",
)  # fmt: skip
flags.DEFINE_bool(
    "freeze_spatial", False, "Train the temporal couplings of `temporal` alone; all that acts on single frames stays."
)
flags.DEFINE_integer("window", 16, "Frames of each example of a solver that sees time; others see one.", lower_bound=2)
flags.DEFINE_bool("skip_bad", False, "Skip and count motion files that cannot be read instead of stopping.")
flags.DEFINE_string("body", "mannequin", "Body whose skeleton is trained on: `mannequin` or an SMPL file.")
flags.DEFINE_integer("hidden", None, "Width of the hidden layers.", lower_bound=1)
flags.DEFINE_integer("couplings", None, "Coupling steps of the flow.", lower_bound=1)
flags.DEFINE_integer("layers", None, "Hidden layers of the MLP.", lower_bound=1)
flags.DEFINE_integer("rotation_couplings", None, "Coupling steps of the second flow of twist_swing.", lower_bound=1)
flags.DEFINE_integer("rotation_hidden", None, "Width of the second flow of twist_swing.", lower_bound=1)
flags.DEFINE_float("dropout", None, "Dropout of the second flow of twist_swing.", lower_bound=0.0, upper_bound=0.9)
flags.DEFINE_bool("twist_known", None, "The twist is a condition of the first flow of twist_swing.")
flags.DEFINE_bool("composed", None, "Put swing and twist together exactly before the second flow of twist_swing.")
flags.DEFINE_integer("twist_hidden", None, "Width of the network that guesses the twist, 0 for none.", lower_bound=0)
flags.DEFINE_integer("pairs", None, "Pairs of temporal couplings of the temporal solver.", lower_bound=1)
flags.DEFINE_integer("temporal_hidden", None, "Width of the attention of the temporal solver.", lower_bound=1)
flags.DEFINE_enum("split", None, flows.SPLITS, "Which frames a temporal coupling of the temporal solver moves.")
flags.DEFINE_enum("bounded", None, ["scale", "translation"], "Where the tanh of a coupling sits.")
flags.DEFINE_enum("condition", None, ["bones", "betas", "none"], "How the solver knows the body's shape.")
flags.DEFINE_integer("condition_size", None, "Entries of the code of the bones.", lower_bound=1)
flags.DEFINE_bool("canonical", None, "Solve in the frame of the trunk.")
flags.DEFINE_enum("strategy", "none", ["none", "mirrored", "multi_worker"], "tf.distribute strategy.")
flags.DEFINE_integer(
    "cpu_replicas", 1, "Logical CPU devices, so that `mirrored` can be tried without GPUs.", lower_bound=1
)
for settings, prefix in _SETTINGS.items():
    dataclass_flags.define(settings, prefix=prefix)
_NAMES = (
    "solver", "source", "initial", "freeze_spatial", "window", "skip_bad", "body", "strategy", "cpu_replicas",
    *_MODEL_FLAGS,
    *(name for settings, prefix in _SETTINGS.items() for name in dataclass_flags.names(settings, prefix=prefix)),
)  # fmt: skip


def make_strategy():
    """The tf.distribute strategy that the flags name; must run before TensorFlow does anything else."""
    tf.get_logger().setLevel("WARNING")  # the strategies tell of every collective operation, twice
    if FLAGS.cpu_replicas > 1:
        if FLAGS.strategy != "mirrored":
            raise ValueError(f"`cpu_replicas` goes with --strategy=mirrored; got --strategy={FLAGS.strategy}.")
        cpus = [tf.config.LogicalDeviceConfiguration() for _ in range(FLAGS.cpu_replicas)]
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], cpus)
    if FLAGS.strategy == "multi_worker":
        if "TF_CONFIG" not in os.environ:
            raise ValueError("`strategy` multi_worker needs the environment variable TF_CONFIG; it is not set.")
        return tf.distribute.MultiWorkerMirroredStrategy()
    if FLAGS.strategy == "mirrored":
        devices = [f"CPU:{i}" for i in range(FLAGS.cpu_replicas)] if FLAGS.cpu_replicas > 1 else None
        return tf.distribute.MirroredStrategy(devices)
    return tf.distribute.get_strategy()


def make_solver(skeleton):
    """The untrained solver that the flags describe."""
    kind, _, own = _SOLVERS[FLAGS.solver]
    given = {name: FLAGS[name].value for name in _MODEL_FLAGS if FLAGS[name].value is not None}
    strange = sorted(given.keys() - {*_COMMON_FLAGS, *own})
    if FLAGS.freeze_spatial and kind is not solvers.Temporal:
        strange.append("freeze_spatial")
    if strange:
        raise ValueError(f"`solver` {FLAGS.solver} does not take --{', --'.join(strange)}.")
    solver = kind(skeleton, **given)
    if FLAGS.freeze_spatial:
        solver.freeze_spatial()
    return solver


def main(argv):
    """Trains, or goes on training, the solver that the flags describe."""
    if argv[1:]:
        sys.exit(f"train.py takes flags only; got {' '.join(argv[1:])}.")
    try:
        trainer = _prepared()
        if trainer.is_chief:
            print(f"{FLAGS.solver}: {_weights(trainer.solver)}", flush=True)
        terms = trainer.run()
    except (ValueError, OSError, FloatingPointError) as error:
        sys.exit(f"train.py: {error}")
    if trainer.is_chief:
        told = ", ".join(f"{name} {value:.4g}" for name, value in terms.items())
        print(f"step {trainer.step}: {told or 'nothing left to train'}")
        print(f"model written to {trainer.workdir / 'model.keras'}")


def _prepared():
    """The trainer that the flags describe; cheap checks first, so that a slip shows before any work."""
    values = run_record.resolved(_NAMES)
    run_record.check(FLAGS.workdir, values, free=_FREE_TO_CHANGE)
    train = _read(training.TrainSettings)
    strategy = make_strategy()
    skeleton = body.mannequin_skeleton() if FLAGS.body == "mannequin" else body.load_body(FLAGS.body).rest_skeleton()
    kind = _SOLVERS[FLAGS.solver][0]
    initial = _initial_weights(make_solver(skeleton))
    make_batches = functools.partial(
        _batches, motion=data.load_sources(FLAGS.source, skip_bad=FLAGS.skip_bad), skeleton=skeleton,
        batch_size=train.batch_size, seed=train.seed, augment=_read(data.Augmentation), corrupt=_read(data.Corruption),
        frames=FLAGS.window if kind.temporal else None,
    )  # fmt: skip
    trainer = training.Trainer(
        lambda: _with_weights(make_solver(skeleton), initial),
        loss=functools.partial(_SOLVERS[FLAGS.solver][1], weights=_read(training.LossWeights)),
        make_batches=make_batches, settings=train, workdir=pathlib.Path(FLAGS.workdir), strategy=strategy,
    )  # fmt: skip
    if trainer.is_chief:
        run_record.write(FLAGS.workdir, values)
    return trainer


def _weights(solver):
    """How many weights a solver has, and how many the published code would store for it."""
    told = f"{solver.count_params():,} weights"
    published = getattr(solver, "published_weights", None)
    return told + (f" (stored as in the published code: {published:,})" if published else "")


def _initial_weights(solver):
    """Weights of the model of --initial, or None; they must fit `solver`."""
    if FLAGS.initial is None:
        return None
    given = solvers.load(FLAGS.initial)
    if FLAGS.solver == "temporal" and isinstance(given, solvers.OneStage):
        solver.start_from(given)
        return solver.get_weights()
    weights = given.get_weights()
    if [w.shape for w in weights] != [w.shape for w in solver.get_weights()]:
        raise ValueError(f"`initial` must hold a model of the size that the flags describe; {FLAGS.initial} does not.")
    return weights


def _with_weights(solver, weights):
    if weights is not None:
        solver.set_weights(weights)
    return solver


def _read(settings):
    return dataclass_flags.read(settings, prefix=_SETTINGS[settings])


def _batches(first_step, shards, own_shards, **settings):
    return data.batches(first_step=first_step, shards=shards, own_shards=own_shards, **settings)


if __name__ == "__main__":
    app.run(main)
