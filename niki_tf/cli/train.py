"""Trains a solver: --flagfile=configs/quickstart.flags --workdir=DIR; overrides come after --flagfile.

Interrupted, the same command goes on from the newest checkpoint. --stages=DIR instead of --flagfile trains one stage
after another, each DIR/*.flags in a folder of its own below --workdir and from where the one before it ended.
"""

import functools
import pathlib
import shutil
import subprocess
import sys
from typing import Any, TypeGuard

import keras
import numpy as np
import tensorflow as tf
from absl import flags

from niki_tf import body, data, files, solvers, training
from niki_tf.cli import (
    body_flag,
    constructor_flags,
    dataclass_flags,
    deterministic_flag,
    frozen_backbone,
    run_record,
    stopping,
)
from niki_tf.cli.body_flag import body_joints
from niki_tf.data import seen_images
from niki_tf.data.image_augmentation import ImageAugmentation
from niki_tf.solvers import zoo
from niki_tf.training import checkpoints

_KINDS = {
    name: kind
    for name, kind in zoo.KINDS.items()
    if issubclass(kind, solvers.LearnedSolver) and kind is not solvers.TemporalPrior
}
"""What this program trains; `fit_motion_prior` trains `TemporalPrior`."""
_Larger = solvers.TemporalSolver | solvers.OneStage
_SETTINGS = {training.TrainSettings: "", training.LossWeights: "loss_", data.Augmentation: "", data.Corruption: ""}
_FREE_TO_CHANGE = ("max_steps", "save_every", "log_every", "strategy", "cpu_replicas")

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Folder of the run: checkpoints, TensorBoard, model.keras.")
flags.DEFINE_string("stages", None, "Folder of flag files, one a stage, that are trained one after another.")
flags.DEFINE_enum("solver", "one_stage", sorted(_KINDS), "What to train.")
flags.DEFINE_multi_string(
    "source", None, "Motion to train on, PATH=WEIGHT: a folder, a glob of .npz files, or `made`; once a source."
)
flags.DEFINE_string(
    "initial",
    None,
    "Folder of a trained model.keras whose weights the run starts from; a solver of windows can start from one of "
    "single frames, one with a heatmap condition from one without.",
)
flags.DEFINE_bool("freeze_spatial", False, "Train the temporal couplings alone; all that acts on single frames stays.")
flags.DEFINE_integer("window", 16, "Frames of each example of a solver that sees time; others see one.", lower_bound=2)
flags.DEFINE_multi_string("leave_out", [], "Name of a file of the sources that is kept for tests; once a file.")
flags.DEFINE_float("clip_share", 1.0, "Share of the clips of each source that is drawn and trained on; 1 for all.")
flags.DEFINE_bool("skip_bad", False, "Skip and count motion files that cannot be read instead of stopping.")
flags.DEFINE_enum("strategy", "none", training.STRATEGIES, "tf.distribute strategy.")
flags.DEFINE_integer(
    "cpu_replicas", 1, "Logical CPU devices, so that `mirrored` can be tried without GPUs.", lower_bound=1
)
flags.DEFINE_integer("copies", 4, "Variants of each clip of --images, half of them partly hidden.", lower_bound=1)
_MODEL = constructor_flags.define(_KINDS.values(), leave_out=("refine", "embedding_couplings", "embedding_hidden_dim"))
for _settings, _prefix in _SETTINGS.items():
    dataclass_flags.define(_settings, prefix=_prefix)
flags.adopt_module_key_flags(body_flag)
flags.adopt_module_key_flags(deterministic_flag)
flags.adopt_module_key_flags(frozen_backbone)
flags.adopt_module_key_flags(constructor_flags)
flags.adopt_module_key_flags(dataclass_flags)
_NAMES = (
    *("solver", "source", "leave_out", "clip_share", "initial", "freeze_spatial", "window", "skip_bad", "body"),
    *("strategy", "cpu_replicas", "images", "freeze_backbone", "copies"),
    *_MODEL,
    *(name for settings, prefix in _SETTINGS.items() for name in dataclass_flags.names(settings, prefix=prefix)),
)


def main(argv: list[str]) -> None:
    """Trains, or goes on training, the solver that the flags describe."""
    if argv[1:]:
        sys.exit(f"train takes flags only; got {' '.join(argv[1:])}.")
    deterministic_flag.apply()
    try:
        if FLAGS.stages is not None:
            _train_stages(pathlib.Path(FLAGS.stages))
            return
        trainer = prepared()
        if trainer.is_chief:
            print(f"{FLAGS.solver}: {_weights(trainer.solver)}", flush=True)
        terms = _run(trainer)
    except ConnectionError as error:
        stopping.end_at_once(f"train: {error}")
    except (ValueError, OSError, FloatingPointError) as error:
        sys.exit(f"train: {error}")
    if trainer.is_chief:
        shown = ", ".join(f"{name} {value:.4g}" for name, value in terms.items())
        print(f"step {trainer.step}: {shown or 'nothing left to train'}")
        print(f"model written to {trainer.workdir / 'model.keras'}")


def _run(trainer: training.Trainer) -> dict[str, float]:
    """Terms of the last step; if the run is stopped, it is said what is stored."""
    try:
        return trainer.run()
    except KeyboardInterrupt:
        if trainer.is_chief and trainer.step:
            print(f"step {trainer.step}: state and model are stored in {trainer.workdir}", flush=True)
        raise


def prepared() -> training.Trainer:
    """The trainer that the flags describe; cheap checks first, so that a slip shows before any work."""
    from_images = _is_of_images()
    values = run_record.resolved(_NAMES)
    run_record.check(FLAGS.workdir, values, free=_FREE_TO_CHANGE)
    settings = _read(training.TrainSettings)
    strategy = training.make_strategy(FLAGS.strategy, cpu_replicas=FLAGS.cpu_replicas)
    posed = body_joints()
    keras.utils.set_random_seed(settings.seed)
    solver = _make_solver(posed)
    initial = _initial_weights(solver)
    make_batches = functools.partial(
        _batches,
        make=_of_images() if from_images else _of_motion(),
        body_joints=posed,
        batch_size=settings.batch_size,
        seed=settings.seed,
        frames=FLAGS.window if solver.event_axes == 2 else None,
        noise_sizes=training.noise_sizes(solver),
    )
    trainer = training.Trainer(
        lambda: _with_weights(_make_solver(posed) if tf.distribute.has_strategy() else solver, initial),
        loss=functools.partial(
            training.loss_of(solver),
            weights=_read(training.LossWeights),
            boundary_share=settings.boundary_share,
        ),
        make_batches=make_batches,
        settings=settings,
        workdir=pathlib.Path(FLAGS.workdir),
        strategy=strategy,
    )
    if trainer.is_chief:
        run_record.write(FLAGS.workdir, values)
    return trainer


def _is_of_images() -> bool:
    """Whether the run learns from images and not from motion; where to write and one of them must be given."""
    from_images = bool(FLAGS.images or FLAGS.freeze_backbone)
    _check_needed("workdir", *([] if from_images else ["source"]))
    if from_images and FLAGS.source:
        raise ValueError("`source` is for training without images; got it with --images. Leave one of them out.")
    return from_images


def _check_needed(*names: str) -> None:
    for name in names:
        if not FLAGS[name].value:
            raise ValueError(f"`{name}` must be given: --{name}=...; niki-tf train --help tells all flags.")


def _make_solver(posed: body.BodyJoints) -> solvers.LearnedSolver:
    """The untrained solver that the flags describe."""
    kind, given = _KINDS[FLAGS.solver], constructor_flags.read(_MODEL)
    strangers = sorted(given.keys() - constructor_flags.arguments(kind).keys())
    if FLAGS.freeze_spatial and not issubclass(kind, solvers.TemporalSolver):
        strangers.append("freeze_spatial")
    if strangers:
        raise ValueError(f"`solver` {FLAGS.solver} does not take --{', --'.join(strangers)}.")
    solver = kind(posed, **given)
    if FLAGS.freeze_spatial:
        solver.freeze_spatial()
    return solver


def _weights(solver: solvers.Solver) -> str:
    """How many weights a solver has, and how many the published code would store for it."""
    count = f"{solver.count_params():,} weights"
    published = getattr(solver, "published_weights", None)
    return count + (f" (stored as in the published code: {published:,})" if published else "")


def _initial_weights(solver: solvers.LearnedSolver) -> list[np.ndarray] | None:
    """Weights of the model of --initial, or None; they must fit `solver`."""
    if FLAGS.initial is None:
        return None
    given = solvers.load(FLAGS.initial)
    if isinstance(given, solvers.InvertibleSolver):
        given = given.with_embedding_flow(0)
    if _is_larger(solver, given):
        solver.start_from(given)
        return solver.get_weights()
    weights = given.get_weights()
    if [w.shape for w in weights] != [w.shape for w in solver.get_weights()]:
        raise ValueError(f"`initial` must hold a model of the size that the flags describe; {FLAGS.initial} does not.")
    return weights


def _is_larger(solver: solvers.LearnedSolver, given: solvers.Solver) -> TypeGuard[_Larger]:
    """Whether `solver` takes the weights of `given` for a part of its own."""
    if isinstance(solver, solvers.TemporalSolver):
        return given.event_axes == 1
    return isinstance(solver, solvers.OneStage) and bool(solver.extra_inputs.keys() - given.extra_inputs.keys())


def _with_weights(solver: solvers.LearnedSolver, weights: list[np.ndarray] | None) -> solvers.LearnedSolver:
    if weights is not None:
        solver.set_weights(weights)
    return solver


def _read(settings: type) -> Any:
    return dataclass_flags.read(settings, prefix=_SETTINGS[settings])


def _of_motion() -> functools.partial:
    """A function that makes batches of motion."""
    motion = data.load_sources(
        FLAGS.source, skip_bad=FLAGS.skip_bad, leave_out=FLAGS.leave_out, clip_share=FLAGS.clip_share
    )
    return functools.partial(data.batches, motion, augment=_read(data.Augmentation), corrupt=_read(data.Corruption))


def _of_images() -> functools.partial:
    """A function that makes batches of what a frozen network says of images."""
    model = frozen_backbone.needed()
    sources = [data.parse_source(text) for text in FLAGS.images]
    options = {"augment": ImageAugmentation(), "copies": FLAGS.copies}
    seen = [frozen_backbone.seen(model, one.path, **options) for one in sources]
    weights = np.array([one.weight for one in sources])
    return functools.partial(seen_images.batches, seen, weights / weights.sum())


def _batches(first_step: int, shards: int, own_shards: tuple[int, ...], *, make: Any, **settings: Any) -> Any:
    return make(first_step=first_step, shards=shards, own_shards=own_shards, **settings)


def _train_stages(folder: pathlib.Path) -> None:
    """Trains the stages of `folder` one after another, each in a process of its own; done ones are skipped.

    Raises:
        ValueError: a flag that is needed is missing, the folder holds no flag files, or a stage ended early.
    """
    _is_of_images()
    stages = sorted(folder.glob("*.flags"))
    if not stages:
        raise ValueError(f"`stages` must be a folder of .flags files; {str(folder)!r} holds none.")
    workdir, initial = pathlib.Path(FLAGS.workdir), FLAGS.initial
    for stage in stages:
        target = workdir / stage.stem
        command = [f"--flagfile={stage}", *_given_flags(), f"--workdir={target}"]
        command += [f"--initial={initial}"] if initial else []
        print(f"stage {stage.stem}", flush=True)
        code = _train_stage(command)
        if code or not _is_finished(target):
            raise ValueError(f"stage {stage.stem} has not come to its end; the same command goes on with it.")
        initial = target
    with files.atomic_write(workdir / "model.keras") as beside:
        shutil.copyfile(workdir / stages[-1].stem / "model.keras", beside)
    print(f"all stages done; model copied to {workdir / 'model.keras'}")


def _train_stage(arguments: list[str]) -> int:
    """The exit status of a stage; a signal that ends this process ends it, too, with its state stored."""
    with subprocess.Popen([sys.executable, "-m", "niki_tf", "train", *arguments]) as stage:
        try:
            return stage.wait()
        except KeyboardInterrupt:
            stage.terminate()
            stage.wait()
            raise


def _given_flags() -> list[str]:
    """The flags of this call that go on to every stage."""
    names = [name for name in _NAMES if name != "initial" and FLAGS[name].present]
    return [line.strip() for line in run_record.flag_lines(run_record.resolved(names))]


def _is_finished(workdir: pathlib.Path) -> bool:
    """Whether the run in `workdir` has made all its steps."""
    stored, wanted = checkpoints.steps(workdir / "checkpoints"), run_record.started_with(workdir).get("steps")
    return bool(stored) and isinstance(wanted, int) and stored[-1] >= wanted
