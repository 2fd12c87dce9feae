"""One training loop for no strategy, MirroredStrategy and MultiWorkerMirroredStrategy alike."""

import contextlib
import dataclasses
import functools
import math
import os
import pathlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf
import tqdm

from niki_tf import files
from niki_tf.settings import described
from niki_tf.shared_traces import shared_traces
from niki_tf.solvers import zoo
from niki_tf.solvers.solver import Solver
from niki_tf.training import adam, checkpoints, figures

_NOT_FINITE = "the length of the gradient must be finite"
_STORED = 4
"""Times the size of a checkpoint that a run writes: two that stay, one in the making, the model."""


@dataclasses.dataclass(frozen=True)
class TrainSettings:
    """Length and pace of a run.

    Raises:
        ValueError: a setting is out of its range.
    """

    steps: int = described(100_000, "Optimizer steps of the whole schedule.")
    max_steps: int = described(0, "Stop after this many steps (0: at the end); started again, the run goes on.")
    batch_size: int = described(256, "Examples of a step, over all replicas.")
    learning_rate: float = described(1e-3, "Highest learning rate.")
    schedule: str = described("cosine", "Of the learning rate; or `steps`, a tenth of it after 2/3 and 5/6 of the run.")
    warmup_steps: int = described(500, "Steps over which the learning rate rises from zero, if the schedule is cosine.")
    weight_decay: float = described(0.0, "Decoupled weight decay (AdamW); 0 is Adam.")
    clip_norm: float = described(1.0, "Norm that gradients are clipped to; 0 for no clipping.")
    boundary_share: float = described(
        0.25, "Share of each batch on which fwd, ind, bnd_inv and bnd_fwd are computed; the published code: 1."
    )
    ema_decay: float = described(
        0.999, "Decay of the exponential moving average of the weights that is stored; 0 stores the last weights."
    )
    seed: int = described(0, "Seed of weights, batches and noise.")
    save_every: int = described(1000, "Steps between checkpoints.")
    log_every: int = described(100, "Steps between TensorBoard entries.")

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "save_every", "log_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be 1 or more; got {getattr(self, name)}.")
        if not 0.0 <= self.clip_norm < math.inf:
            raise ValueError(f"`clip_norm` must be a length, or 0 for no clipping; got {self.clip_norm}.")
        if not 0.0 < self.boundary_share <= 1.0:
            raise ValueError(f"`boundary_share` must be above 0 and at most 1; got {self.boundary_share}.")
        if not 0.0 <= self.ema_decay < 1.0:
            raise ValueError(f"`ema_decay` must be 0 or more and less than 1; got {self.ema_decay}.")
        if self.schedule not in ("cosine", "steps"):
            raise ValueError(f"`schedule` must be cosine or steps; got {self.schedule!r}.")


class Trainer:
    """Trains a solver in `workdir`, going on from the newest checkpoint there.

    Args:
        make_solver: callable without arguments that returns the solver; called inside the strategy's scope.
        loss: callable (solver, replica's batch, gather=) -> total, dictionary of scalar terms; `joint_error_mm`, if it
            is one of them, is shown on the progress bar.
        make_batches: callable (first_step, shards, own_shards) -> dataset of one replica's batch after the other.
        settings: `TrainSettings`.
        workdir: folder of checkpoints, TensorBoard files and the result, model.keras.
        joint_errors: callable (solver, batch) -> the error of each joint (24,), mm, of which TensorBoard gets a figure
            whenever the state is stored; None for no figure.
        strategy: a tf.distribute strategy; the default one if None.

    Raises:
        ValueError: the batch cannot be cut in equal shards for the replicas.
    """

    def __init__(
        self,
        make_solver: Callable[[], Solver],
        *,
        loss: Callable[..., tuple[tf.Tensor, dict[str, tf.Tensor]]],
        make_batches: Callable[[int, int, tuple[int, ...]], tf.data.Dataset],
        settings: TrainSettings,
        workdir: str | os.PathLike,
        joint_errors: Callable[..., tf.Tensor] | None = figures.joint_errors,
        strategy: tf.distribute.Strategy | None = None,
    ) -> None:
        self.settings, self.loss, self.make_batches = settings, loss, make_batches
        self.joint_errors = joint_errors
        self.workdir = pathlib.Path(workdir)
        self.strategy = strategy or tf.distribute.get_strategy()
        replicas = self.strategy.num_replicas_in_sync
        if settings.batch_size % replicas:
            raise ValueError(
                f"`batch_size` must be a multiple of the number of replicas, {replicas}; got {settings.batch_size}."
            )
        with self.strategy.scope():
            keras.utils.set_random_seed(settings.seed)
            self.solver = make_solver()
            self.optimizer = _make_optimizer(settings)
            self.optimizer.build(self.solver.trainable_variables)
        self.step = 0

    @property
    def is_chief(self) -> bool:
        """Whether this process writes checkpoints and logs."""
        return self.strategy.extended.should_checkpoint

    def run(self) -> dict[str, float]:
        """Trains to the end of the schedule or to `max_steps`, then writes model.keras.

        Asked to stop (Ctrl-C, SIGTERM), it finishes the step, stores the state and the model, and only then lets the
        signal do what it does: Ctrl-C raises KeyboardInterrupt. Of several workers, all stop after the same step.

        Returns:
            Terms of the last step, with `loss`, the total, and `gradient_norm`; empty if there was nothing to train.

        Raises:
            FloatingPointError: a loss or gradient was not finite; the last good state is in the newest checkpoint.
            ValueError: the checkpoint is of another model, or all are damaged; the disk is full; or the folder was
                removed on the way.
            ConnectionError: another worker has gone.
        """
        self._restore()
        if self.is_chief:
            files.check_space(self.workdir, _STORED * self._bytes(), name="workdir")
            self.workdir.mkdir(parents=True, exist_ok=True)
        last = min(self.settings.steps, self.settings.max_steps or self.settings.steps)
        with _stop_requests() as stop, self._gone_workers():
            try:
                terms = self._loop(last, stop)
            except tf.errors.InvalidArgumentError as error:
                self._save()
                if _NOT_FINITE not in str(error):
                    raise
                raise self._not_finite() from error
            self._save()
            self._write_model()
            self._part()
        if stop:
            _deliver(stop[0])
        return terms

    def _bytes(self) -> int:
        """Bytes of a checkpoint."""
        return sum(math.prod(variable.shape) * tf.as_dtype(variable.dtype).size for variable in self._state().values())

    @contextlib.contextmanager
    def _gone_workers(self) -> Iterator[None]:
        """What TensorFlow says when another worker is not there any more, as one line."""
        try:
            yield
        except tf.errors.OpError as error:
            if self._workers == 1 or isinstance(error, tf.errors.InvalidArgumentError):
                raise
            raise ConnectionError(
                f"another worker has gone at step {self.step} ({type(error).__name__}). Start all workers again: they "
                "go on from the newest checkpoint."
            ) from error

    @property
    def _workers(self) -> int:
        """Processes that train together."""
        resolver = self.strategy.cluster_resolver
        return max(1, sum(map(len, resolver.cluster_spec().as_dict().values())) if resolver else 1)

    def _asked_of_any(self, number: int) -> int:
        """The sum of what the workers give; each comes here as often as the others, and waits for them."""
        if self._workers == 1:
            return number
        return int(self._sum_of_all(tf.constant(float(number))))

    def _part(self) -> None:
        """Returns when all workers have come here, so that none ends while the chief still writes.

        A worker has its sum before the others have fetched theirs from it. So all meet twice: when one ends, the others
        have the first sum, and know that all is well.
        """
        self._asked_of_any(0)
        with contextlib.suppress(tf.errors.OpError):
            self._asked_of_any(0)

    @functools.cached_property
    def _sum_of_all(self) -> Callable[[tf.Tensor], tf.Tensor]:
        @tf.function(autograph=False)
        def sum_of_all(number: tf.Tensor) -> tf.Tensor:
            return self.strategy.reduce(tf.distribute.ReduceOp.SUM, self.strategy.run(lambda: number), axis=None)

        return sum_of_all

    def _loop(self, last: int, stop: list[int]) -> dict[str, float]:
        batches, train_step, result = iter(self._dataset()), self._train_step(), {}
        writer = tf.summary.create_file_writer(str(self.workdir / "tensorboard")) if self.is_chief else None
        with tqdm.tqdm(total=last, initial=self.step, unit="step", disable=not self.is_chief, mininterval=1.0) as bar:
            while self.step < last and not self._is_asked_to_stop(stop):
                result = train_step(next(batches))
                self.step += 1
                bar.update()
                if self.step % self.settings.log_every == 0 or self.step == last:
                    self._log(_floats(result), bar, writer)
                if self.step % self.settings.save_every == 0:
                    self._save()
                    self._draw(writer)
        return _floats(result)

    def _is_asked_to_stop(self, stop: list[int]) -> bool:
        """Whether this worker, or another, was asked to stop, which is then in the list."""
        asked = self._asked_of_any(1 if stop else 0) > 0  # a signal that comes meanwhile is heard at the next step
        if asked and not stop:
            stop.append(signal.SIGTERM)
        return asked

    def _dataset(self) -> tf.distribute.DistributedDataset:
        replicas = self.strategy.num_replicas_in_sync

        def make(context: tf.distribute.InputContext) -> tf.data.Dataset:
            own = replicas // context.num_input_pipelines
            first = context.input_pipeline_id * own
            return self.make_batches(self.step, replicas, tuple(range(first, first + own)))

        return self.strategy.distribute_datasets_from_function(make)

    def _train_step(self) -> Callable[[Any], dict[str, tf.Tensor]]:
        """One step of all replicas as a graph: batch -> means of the terms over the replicas."""

        @tf.function(autograph=False)
        def train_step(batch: Any) -> dict[str, tf.Tensor]:
            results = self.strategy.run(self._replica_step, args=(batch,))
            return {k: self.strategy.reduce(tf.distribute.ReduceOp.MEAN, v, axis=None) for k, v in results.items()}

        def as_traced(batch: Any) -> dict[str, tf.Tensor]:
            with _no_graph_optimizer():
                return train_step(batch)

        return as_traced

    def _replica_step(self, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Gradient of one replica's batch, summed over the replicas, clipped and applied; the terms."""
        replicas, clip = self.strategy.num_replicas_in_sync, self.settings.clip_norm
        variables = self.solver.trainable_variables
        with shared_traces(), tf.GradientTape() as tape:
            total, terms = self.loss(self.solver, batch, gather=self._gather)
            scaled = total / replicas
        weights = [variable.value for variable in variables]
        gradients = tape.gradient(scaled, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        gradients = self._sum_over_replicas(gradients)
        norm = tf.debugging.assert_all_finite(tf.linalg.global_norm(gradients), _NOT_FINITE)
        clipping = clip / tf.maximum(norm, clip) if clip else 1.0
        factor = clipping / replicas  # apply_gradients sums over the replicas once more
        self.optimizer.apply_gradients([(g * factor, v) for g, v in zip(gradients, variables, strict=True)])
        return {"loss": total, "gradient_norm": norm, **terms}

    def _gather(self, x: tf.Tensor) -> tf.Tensor:
        """`x` joined over all replicas."""
        if self.strategy.num_replicas_in_sync == 1:
            return x
        return tf.distribute.get_replica_context().all_gather(x, axis=0)

    def _sum_over_replicas(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        if self.strategy.num_replicas_in_sync == 1:
            return gradients
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, gradients)

    def _log(self, terms: Mapping[str, float], bar: tqdm.tqdm, writer: tf.summary.SummaryWriter | None) -> None:
        if writer is None:
            return
        self._check_workdir()
        rate = bar.format_dict["rate"] or 0.0
        error = {"mm": f"{terms['joint_error_mm']:.1f}"} if "joint_error_mm" in terms else {}
        frames_per_second = rate * self.settings.batch_size
        bar.set_postfix(loss=f"{terms['loss']:.4f}", **error, frames_per_s=f"{frames_per_second:.0f}", refresh=False)
        with writer.as_default(step=self.step):
            for name, value in terms.items():
                tf.summary.scalar(name, value)
            tf.summary.scalar("frames_per_second", frames_per_second)
        writer.flush()

    @functools.cached_property
    def _first_batch(self) -> dict[str, tf.Tensor]:
        return next(iter(self.make_batches(0, 1, (0,))))

    def _draw(self, writer: tf.summary.SummaryWriter | None) -> None:
        """Errors of the joints on the run's first batch, as a figure for TensorBoard."""
        if writer is None or self.joint_errors is None:
            return
        errors = self.joint_errors(self.solver, self._first_batch)
        with writer.as_default(step=self.step):
            tf.summary.image("joint_errors", figures.joint_error_image(errors))

    def _state(self) -> dict[str, Any]:
        """All variables of model and optimizer by names that say their place."""
        model = {f"model/{i:04d}": v for i, v in enumerate(self.solver.variables)}
        return model | {f"optimizer/{i:04d}": v for i, v in enumerate(self.optimizer.variables)}

    def _save(self) -> None:
        if self.is_chief:
            self._check_workdir()
            arrays = {name: keras.ops.convert_to_numpy(variable) for name, variable in self._state().items()}
            checkpoints.save(self.workdir / "checkpoints", self.step, arrays)

    def _check_workdir(self) -> None:
        """ValueError if the folder of the run is not there any more."""
        if not self.workdir.is_dir():
            raise ValueError(
                f"`workdir` must stay while the run goes on; {self.workdir} was removed before step {self.step}. "
                "Start the run again."
            )

    def _restore(self) -> None:
        """Goes on from the newest whole checkpoint, if there is one."""
        stored = checkpoints.newest(self.workdir / "checkpoints", keep_aside=self.is_chief)
        if stored is None:
            return
        (step, arrays), state = stored, self._state()
        shapes = [{name: tuple(value.shape) for name, value in values.items()} for values in (arrays, state)]
        wrong = sorted({name for name, _ in shapes[0].items() ^ shapes[1].items()})
        if wrong:
            raise ValueError(
                f"`workdir` holds a checkpoint of another model, {checkpoints.path_of('', step)} ({len(wrong)} arrays "
                f"differ, {wrong[0]} first). Take another --workdir, or the flags that the run was started with."
            )
        for name, variable in state.items():
            variable.assign(arrays[name])
        self.step = step

    def _write_model(self) -> None:
        """Writes model.keras, with averaged weights if there are any; the solver itself keeps its last ones."""
        if not self.is_chief:
            return
        last = [keras.ops.convert_to_numpy(variable) for variable in self.solver.trainable_variables]
        if self.settings.ema_decay:
            self.optimizer.finalize_variable_values(self.solver.trainable_variables)
        zoo.save(self.solver, self.workdir)
        for variable, value in zip(self.solver.trainable_variables, last, strict=True):
            variable.assign(value)

    def _not_finite(self) -> FloatingPointError:
        return FloatingPointError(
            f"a loss or gradient was not finite at step {self.step + 1}; the state before it is in "
            f"{self.workdir / 'checkpoints'}. A lower --learning_rate or --clip_norm helps."
        )


def _make_optimizer(settings: TrainSettings) -> keras.optimizers.Optimizer:
    rate = _learning_rate(settings)
    average = {"use_ema": True, "ema_momentum": settings.ema_decay} if settings.ema_decay else {}
    return adam.Adam(rate, weight_decay=settings.weight_decay or None, **average)


def _learning_rate(settings: TrainSettings) -> keras.optimizers.schedules.LearningRateSchedule:
    steps, highest, warmup = settings.steps, settings.learning_rate, settings.warmup_steps
    if settings.schedule == "steps":
        return keras.optimizers.schedules.PiecewiseConstantDecay(
            [2 * steps // 3, 5 * steps // 6], [highest, 0.1 * highest, 0.01 * highest]
        )
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warmup), warmup_target=highest, warmup_steps=max(1, warmup)
    )


@contextlib.contextmanager
def _no_graph_optimizer() -> Iterator[None]:
    """Functions that are called in this context run as they were traced.

    What TensorFlow makes of the graph of a step is no faster than the graph, and takes longer than to trace it.
    """
    before = tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": before})


@contextlib.contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """A list of the signals SIGINT and SIGTERM that have come; outside the main thread it stays empty."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before = {
        number: signal.signal(number, lambda number, _: received.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _deliver(number: int) -> None:
    """What the signal does without the trainer."""
    handler = signal.getsignal(number)
    if callable(handler):
        handler(number, None)
    else:
        signal.raise_signal(number)


def _floats(terms: Mapping[str, tf.Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in terms.items()}
