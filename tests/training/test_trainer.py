import functools
import os
import shutil
import signal
import types

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, data, files, solvers, training
from niki_tf.data import pipeline
from niki_tf.training import checkpoints

SKELETON = body.mannequin_joints()
_BATCH_SIZE = 8


@pytest.fixture(scope="module")
def motion_batches():
    """The batches of six steps, made once; data.batches is tested in tests/data/."""
    motion = data.load_sources(["made"], made_frames=100)
    made = [
        pipeline.example_batch(
            data.RandomStreams(0, tf.constant(step, tf.int64), batch_size=_BATCH_SIZE, shard=(0, 1)),
            motion,
            SKELETON,
            data.Augmentation(),
            data.Corruption(),
            noise_sizes={"condition": 16},
        )
        for step in range(6)
    ]
    return {name: tf.stack([batch[name] for batch in made]) for name in made[0]}


def _towards_ones(solver, batch, *, gather, weights):
    """A loss that is quick to trace, for what a run does whatever its loss."""
    answer = solver.to_pose(batch["noisy"], batch["joint_sigma"], batch["condition"])
    total = weights.inv * tf.reduce_mean((answer - 1.0) ** 2)
    return total, {"joint_error_mm": total}


@pytest.fixture
def eager():
    """No graph of a step is made: that takes longer than a few steps do."""
    tf.config.run_functions_eagerly(run_eagerly=True)
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)


@pytest.fixture
def make_trainer(motion_batches, tmp_path):
    """A function that makes the trainer of a small MLP; without `save_every` a run draws no figure."""

    def make(folder="run", *, hidden_dim=8, loss=_towards_ones, **settings):
        fast = {"steps": 6, "batch_size": _BATCH_SIZE, "warmup_steps": 2, "log_every": 2, "ema_decay": 0.9}
        chosen = training.TrainSettings(**(fast | settings))

        def batches(first_step, shards, own_shards):
            assert (shards, own_shards) == (1, (0,))
            return tf.data.Dataset.from_tensor_slices(motion_batches).skip(first_step)

        return training.Trainer(
            lambda: solvers.MLP(SKELETON, hidden_dim=hidden_dim, num_layers=1),
            loss=functools.partial(loss, weights=training.LossWeights()),
            make_batches=batches,
            settings=chosen,
            workdir=tmp_path / folder,
        )

    return make


def _answer(folder):
    return solvers.load(folder).ik(np.ones([2, 29, 3], np.float32) * np.arange(29)[:, None] ** 0.5)["body_pose"]


def test_interrupted_and_resumed_equals_uninterrupted(make_trainer, tmp_path):
    whole = make_trainer("whole", save_every=2)
    first, second = (make_trainer("parts", max_steps=last) for last in (3, 0))
    whole.run()
    first.run()
    assert first.step == 3
    second.run()
    assert second.step == whole.step == 6
    for a, b in zip(whole.solver.get_weights(), second.solver.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(_answer(tmp_path / "whole"), _answer(tmp_path / "parts"))
    assert len(list((tmp_path / "whole" / "tensorboard").iterdir())) == 1


def test_the_graph_optimizer_is_left_out_of_steps_alone(make_trainer):
    seen = []

    def loss(*args, **kwargs):
        seen.append(tf.config.optimizer.get_experimental_options()["disable_meta_optimizer"])
        return _towards_ones(*args, **kwargs)

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
    try:
        make_trainer(loss=loss, max_steps=1).run()
        assert set(seen) == {True}
        assert not tf.config.optimizer.get_experimental_options()["disable_meta_optimizer"]
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})  # as conftest.py has it


@pytest.mark.usefixtures("eager")
def test_the_stored_model_has_the_averaged_weights(make_trainer, tmp_path):
    averages, stored = None, None
    for step in (1, 2, 3):
        trainer = make_trainer(max_steps=step)
        trainer.run()
        weights = trainer.solver.get_weights()
        averages = weights if step == 1 else [0.9 * a + 0.1 * w for a, w in zip(averages, weights, strict=True)]
        stored = solvers.load(tmp_path / "run").get_weights()
        for found, average in zip(stored, averages, strict=True):
            np.testing.assert_allclose(found, average, rtol=1e-5, atol=1e-6)
    assert max(np.abs(a - w).max() for a, w in zip(stored, weights, strict=True)) > 1e-4


@pytest.mark.usefixtures("eager")
def test_without_averaging_the_stored_model_has_the_last_weights(make_trainer, tmp_path):
    trainer = make_trainer(max_steps=2, ema_decay=0.0)
    trainer.run()
    for stored, last in zip(solvers.load(tmp_path / "run").get_weights(), trainer.solver.get_weights(), strict=True):
        np.testing.assert_array_equal(stored, last)


@pytest.mark.usefixtures("eager")
def test_gradients_are_clipped_to_a_length_or_not_at_all(make_trainer):
    lengths = {}
    for clip in (0.0, 1e6, 0.01):
        trainer = make_trainer(str(clip), clip_norm=clip, max_steps=1)
        norm = trainer.run()["gradient_norm"]
        momentums = [v.numpy().ravel() for v in trainer.optimizer.variables if "momentum" in v.path]
        lengths[clip] = np.linalg.norm(np.concatenate(momentums)) / 0.1  # Adam's beta_1 is 0.9
    assert norm > 0.02
    np.testing.assert_allclose([lengths[0.0], lengths[1e6], lengths[0.01]], [norm, norm, 0.01], rtol=1e-4)


@pytest.mark.usefixtures("eager")
def test_another_seed_gives_other_weights(make_trainer):
    one, other = make_trainer("one", max_steps=1), make_trainer("other", seed=1, max_steps=1)
    one.run()
    other.run()
    assert np.abs(one.solver.get_weights()[0] - other.solver.get_weights()[0]).max() > 1e-3


def test_a_loss_that_is_not_finite_stops_with_the_last_good_state(make_trainer, tmp_path):
    poisoned = tf.Variable(0)

    def loss(solver, batch, *, gather, weights):
        total, terms = _towards_ones(solver, batch, gather=gather, weights=weights)
        return total * tf.where(poisoned.assign_add(1) > 3, np.nan, 1.0), terms

    trainer = make_trainer(loss=loss)
    with pytest.raises(FloatingPointError, match="not finite at step 4; the state before it is in .*checkpoints"):
        trainer.run()
    assert not (tmp_path / "run" / "model.keras").exists()
    again = make_trainer(max_steps=3)
    again.run()
    assert again.step == 3
    for weight in again.solver.get_weights():
        assert np.isfinite(weight).all()


@pytest.mark.usefixtures("eager")
def test_an_error_that_is_not_about_finite_numbers_is_reported_as_it_is(make_trainer, tmp_path):
    def loss(solver, batch, *, gather, weights):
        with tf.control_dependencies([tf.debugging.assert_less(batch["joints"], -9.0, message="too high")]):
            return _towards_ones(solver, batch, gather=gather, weights=weights)

    with pytest.raises(tf.errors.InvalidArgumentError, match="too high"):
        make_trainer(loss=loss).run()
    assert checkpoints.steps(tmp_path / "run" / "checkpoints") == [0]


@pytest.mark.usefixtures("eager")
def test_a_loss_need_not_have_an_error_of_the_joints(make_trainer):
    def loss(solver, batch, *, gather, weights):
        return _towards_ones(solver, batch, gather=gather, weights=weights)[0], {}

    assert set(make_trainer(loss=loss, log_every=1, max_steps=1).run()) == {"loss", "gradient_norm"}


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_the_run_after_the_step_with_everything_stored(make_trainer, tmp_path, number):
    def loss(solver, batch, *, gather, weights):
        os.kill(os.getpid(), number)
        return _towards_ones(solver, batch, gather=gather, weights=weights)

    def handle(number, frame):
        raise KeyboardInterrupt(number)

    trainer, before = make_trainer(loss=loss), signal.signal(number, handle)
    try:
        with pytest.raises(KeyboardInterrupt) as raised:
            trainer.run()
    finally:
        assert signal.signal(number, before) is handle
    assert raised.value.args == (number,)
    assert trainer.step == 1
    assert checkpoints.steps(tmp_path / "run" / "checkpoints") == [1]
    assert (tmp_path / "run" / "model.keras").is_file()


@pytest.mark.usefixtures("eager")
def test_a_worker_that_has_gone_is_one_line(make_trainer, monkeypatch):
    def loss(solver, batch, *, gather, weights):
        raise tf.errors.UnavailableError(None, None, "Connection reset by peer\nand a page more")

    monkeypatch.setattr(training.Trainer, "_workers", 2)
    monkeypatch.setattr(training.Trainer, "_asked_of_any", lambda trainer, number: number)
    with pytest.raises(
        ConnectionError, match=r"^another worker has gone at step 0 \(UnavailableError\). Start all .*$"
    ):
        make_trainer(loss=loss).run()


@pytest.mark.usefixtures("eager")
def test_a_worker_stops_when_another_is_asked_to_and_not_before_all_know(make_trainer, monkeypatch):
    told, number = [], signal.SIGTERM

    def asked(trainer, given):
        told.append(given)
        if len(told) == 2:  # too late for this step: the others go on, and so must this worker
            signal.raise_signal(number)
            return 0
        return given if len(told) < 4 else 1

    before = signal.signal(number, lambda *_: told.append("delivered"))
    monkeypatch.setattr(training.Trainer, "_asked_of_any", asked)
    try:
        trainer = make_trainer()
        trainer.run()
    finally:
        signal.signal(number, before)
    assert (trainer.step, told) == (2, [0, 0, 1, 0, 0, "delivered"])


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("meetings", [0, 1, 2])
def test_a_worker_may_end_while_others_fetch_the_last_sum_and_not_before(make_trainer, monkeypatch, tmp_path, meetings):
    trainer, held = make_trainer(max_steps=2), []

    def asked(trainer, given):
        if trainer.step == 2:  # all steps are done
            held.append(given)
            if len(held) > meetings:
                raise tf.errors.UnavailableError(None, None, "Socket closed")
        return given

    monkeypatch.setattr(training.Trainer, "_workers", 2)
    monkeypatch.setattr(training.Trainer, "_asked_of_any", asked)
    if meetings == 0:
        with pytest.raises(ConnectionError, match="^another worker has gone at step 2"):
            trainer.run()
    else:
        assert trainer.run()["loss"] > 0.0
    assert (tmp_path / "run" / "model.keras").is_file()


@pytest.mark.usefixtures("eager")
def test_a_disk_that_is_too_small_is_told_before_the_first_step(make_trainer, monkeypatch):
    monkeypatch.setattr(files.shutil, "disk_usage", lambda place: types.SimpleNamespace(free=0))
    trainer = make_trainer()
    with pytest.raises(ValueError, match="`workdir` must be on a disk with 0 MB free; .*run has 0 MB"):
        trainer.run()
    assert trainer.step == 0


@pytest.mark.usefixtures("eager")
def test_a_checkpoint_of_another_model_is_refused(make_trainer):
    make_trainer(max_steps=1).run()
    with pytest.raises(ValueError, match="`workdir` holds a checkpoint of another model"):
        make_trainer(hidden_dim=9).run()


@pytest.mark.usefixtures("eager")
def test_a_run_goes_on_from_the_newest_whole_checkpoint(make_trainer, tmp_path):
    first, second = make_trainer(save_every=2, max_steps=4), make_trainer(max_steps=1)
    first.run()
    newest = tmp_path / "run" / "checkpoints" / "step-000000004.npz"
    newest.write_bytes(newest.read_bytes()[:-100])
    second.run()
    assert second.step == 2
    assert newest.with_name("step-000000004.npz.damaged").exists()


@pytest.mark.usefixtures("eager")
def test_a_folder_that_is_removed_ends_the_run_with_its_name(make_trainer, tmp_path):
    def loss(solver, batch, **settings):
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        return _towards_ones(solver, batch, **settings)

    with pytest.raises(ValueError, match=r"`workdir` must stay .*; .*run was removed before step 2\. Start the run"):
        make_trainer(loss=loss).run()
    assert not (tmp_path / "run").exists()


def test_the_learning_rate_falls_in_steps_or_along_a_cosine(make_trainer):
    rates = {}
    for schedule in ("steps", "cosine"):
        optimizer = make_trainer(steps=60, schedule=schedule, learning_rate=1.0, warmup_steps=0).optimizer
        rates[schedule] = []
        for step in (1, 39, 41, 49, 51, 59):
            optimizer.iterations.assign(step)
            rates[schedule].append(float(optimizer.learning_rate))
    np.testing.assert_allclose(rates["steps"], [1, 1, 0.1, 0.1, 0.01, 0.01], rtol=1e-6)
    np.testing.assert_allclose(
        rates["cosine"], 0.5 + 0.5 * np.cos(np.pi * (np.array([1, 39, 41, 49, 51, 59]) - 1) / 59), atol=0.03
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("schedule", "line", "`schedule` must be cosine or steps; got 'line'"),
        ("steps", 0, "`steps` must be 1 or more; got 0"),
        ("clip_norm", np.inf, "`clip_norm` must be a length, or 0 for no clipping; got inf"),
        ("clip_norm", -1.0, "`clip_norm` must be a length, or 0 for no clipping; got -1.0"),
        ("clip_norm", np.nan, "`clip_norm` must be a length, or 0 for no clipping; got nan"),
        ("boundary_share", 0.0, "`boundary_share` must be above 0 and at most 1; got 0.0"),
        ("boundary_share", 1.5, "`boundary_share` must be above 0 and at most 1; got 1.5"),
        ("ema_decay", -0.1, "`ema_decay` must be 0 or more and less than 1; got -0.1"),
        ("ema_decay", 1.0, "`ema_decay` must be 0 or more and less than 1; got 1.0"),
    ],
)
def test_settings_out_of_range_are_named(name, value, message):
    with pytest.raises(ValueError, match=message):
        training.TrainSettings(**{name: value})


def test_settings_at_the_ends_of_their_range_are_taken():
    settings = training.TrainSettings(clip_norm=0.0, boundary_share=1.0, ema_decay=0.0)
    assert (settings.clip_norm, settings.boundary_share, settings.ema_decay) == (0.0, 1.0, 0.0)
