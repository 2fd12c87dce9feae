"""tools/train.py: every shipped configuration trains; a run's flags are kept, used again and held to."""

import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, data, io, solvers, training
from niki_tf.cli import run_record
from niki_tf.data import pipeline
from niki_tf.motion import made_motion
from niki_tf.solvers import zoo

ROOT = pathlib.Path(__file__).resolve().parents[2] / "configs"
_OF_OTHERS = ("temporal_prior", "left_out")
CONFIGS = sorted(path for path in ROOT.rglob("*.flags") if not path.stem.startswith(("image_", *_OF_OTHERS)))
_SIZES = (
    "hidden_dim",
    "num_couplings",
    "num_layers",
    "condition_size",
    "batch_size",
    "rotation_hidden_dim",
    "num_rotation_couplings",
    "num_temporal_pairs",
    "temporal_hidden_dim",
)


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    folder = tmp_path_factory.mktemp("motion")
    for seed in range(2):
        io.save_clip(folder / f"clip{seed}.npz", made_motion(seed, frames=10))
    return folder


@pytest.fixture
def tiny(motion, tmp_path):
    """Flags of a run that takes no time."""
    return [
        f"--source={motion}",
        f"--workdir={tmp_path / 'run'}",
        "--solver=mlp",
        "--hidden_dim=8",
        "--num_layers=1",
        "--batch_size=4",
        "--max_steps=1",
    ]


@pytest.fixture
def made_is_small(monkeypatch):
    """The source `made` with a few frames: it is named in a configuration and has no flag for its size."""
    load = data.load_sources
    monkeypatch.setattr(data, "load_sources", lambda sources, **options: load(sources, made_frames=40, **options))


def _arrays(workdir):
    with np.load(sorted((workdir / "checkpoints").iterdir())[-1]) as stored:
        return dict(stored)


@pytest.fixture
def eager(monkeypatch):
    """No graph is made, neither of a step nor of a batch: that takes longer than two steps do."""
    monkeypatch.setattr(data, "batches", _few_batches)
    tf.config.run_functions_eagerly(run_eagerly=True)
    yield
    tf.config.run_functions_eagerly(run_eagerly=False)


def _few_batches(
    motion, *, body_joints, batch_size, seed, augment, corrupt, frames, first_step, shards, own_shards, noise_sizes
):
    """The next two of the batches that `data.batches` would give."""
    assert (shards, own_shards) == (1, (0,))
    made = [
        pipeline.example_batch(
            data.RandomStreams(seed, tf.constant(step, tf.int64), batch_size=batch_size, shard=(0, 1)),
            motion,
            body_joints,
            augment,
            corrupt,
            frames=frames,
            noise_sizes=noise_sizes,
        )
        for step in range(first_step, first_step + 2)
    ]
    return tf.data.Dataset.from_tensor_slices({name: tf.stack([batch[name] for batch in made]) for name in made[0]})


@pytest.mark.parametrize(
    "config",
    [pytest.param(path, marks=() if path.stem == "quickstart" else pytest.mark.slow) for path in CONFIGS],
    ids=lambda path: str(path.relative_to(ROOT).with_suffix("")),
)
@pytest.mark.usefixtures("made_is_small", "eager")
def test_every_config_trains_two_steps(run_tool, config, motion, tmp_path):
    given = dict(line.lstrip("-").split("=") for line in config.read_text().splitlines() if line.startswith("--"))
    deep = ("num_couplings", "num_layers", "num_rotation_couplings")
    small = {name: "2" if name in deep else "8" for name in _SIZES if name in given}
    small |= {"num_temporal_pairs": "1"} if "num_temporal_pairs" in given else {}
    initial = None
    if config.parent.name == "temporal" and "freeze_spatial" in given:
        initial = solvers.OneStage(body.mannequin_joints(), num_couplings=2, hidden_dim=8)
        zoo.save(initial, tmp_path / "one_stage")
        small |= {"initial": str(tmp_path / "one_stage")}
    printed = run_tool(
        "train",
        f"--flagfile={config}",
        f"--workdir={tmp_path}",
        f"--source={motion}",
        "--max_steps=2",
        *(f"--{name}={value}" for name, value in small.items()),
    )
    assert re.search(r"^step 2: loss \d", printed, re.MULTILINE)
    answer = solvers.load(tmp_path).ik(np.zeros([1, 29, 3], np.float32), twist=np.ones([1, 23, 2]))
    assert answer["body_pose"].shape == (1, 23, 3, 3)
    if initial is not None:
        for before, after in zip(initial.flow.weights, solvers.load(tmp_path).flow.spatial.weights, strict=True):
            np.testing.assert_array_equal(after, before)
    run = json.loads((tmp_path / "run.json").read_text())
    for name, value in (given | small | {"max_steps": "2"}).items():
        stored = run["flags"][name]
        assert value in stored if name == "source" else str(stored).lower() in (value, str(type(stored)(value))), name
    assert {"niki-tf", "tensorflow", "keras", "python"} <= run["versions"].keys()


def test_only_the_temporal_solver_has_something_to_freeze(run_tool, tiny):
    with pytest.raises(SystemExit, match="`solver` mlp does not take --freeze_spatial"):
        run_tool("train", *tiny, "--freeze_spatial")


@pytest.mark.usefixtures("made_is_small")
@pytest.mark.usefixtures("eager")
def test_resolved_flags_give_the_same_run_again(run_tool, tiny, tmp_path):
    run_tool("train", *tiny, "--source=made=0.3", "--nocanonical", "--skip_bad", "--learning_rate=3e-3")
    run_tool("train", f"--flagfile={tmp_path / 'run' / 'resolved.flags'}", f"--workdir={tmp_path / 'again'}")
    one, other = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("run", "again"))
    assert one == other
    assert (one["flags"]["canonical"], one["flags"]["skip_bad"], one["flags"]["num_couplings"]) == (False, True, None)
    one, other = _arrays(tmp_path / "run"), _arrays(tmp_path / "again")
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_a_run_goes_on_with_its_own_flags_only(run_tool, tiny, tmp_path):
    run_tool("train", *tiny)
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    with pytest.raises(SystemExit, match=r"^train: `hidden_dim` was 8 when the run in .*run was started; got 9"):
        run_tool("train", *tiny, "--hidden_dim=9", "--max_steps=2")
    with pytest.raises(SystemExit, match="^train: `boundary_share` was 0.25"):
        run_tool("train", *tiny, "--boundary_share=1")
    assert before == {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert "step 3: loss" in run_tool("train", *tiny, "--max_steps=3", "--save_every=50")
    assert "step 3: nothing left to train" in run_tool("train", *tiny, "--max_steps=3", "--save_every=50")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source={tmp}/absent"], "absent: no such file or folder"),
        (["--source={tmp}"], "no .npz file there"),
        (["--source={tmp}/absent=much"], "`source` must be PATH or PATH=WEIGHT"),
        (["--source=made=0"], "`weight` of source made must be a positive number; got 0"),
        (["--body={tmp}/absent.npz"], "absent.npz"),
        (["--solver=one_stage"], "`solver` one_stage does not take .*layers"),
        (["--num_couplings=2"], "`solver` mlp does not take .*couplings"),
        (["--strategy=multi_worker"], "needs the environment variable TF_CONFIG"),
        (["--cpu_replicas=2"], "`cpu_replicas` goes with the strategy mirrored; got none"),
        (["--leave_out=none_such"], "`leave_out` must be names of files of the sources; got none_such, which is none"),
        (["--save_every=0"], "`save_every` must be 1 or more; got 0"),
        (["--workdir={tmp}/file"], "file"),
        (["stray"], "flags only; got stray"),
    ],
)
def test_bad_values_end_in_one_clear_line(run_tool, tiny, tmp_path, monkeypatch, arguments, message):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match=f"^train.*{message}") as stopped:
        run_tool("train", *tiny, *(argument.format(tmp=tmp_path) for argument in arguments))
    assert "\n" not in stopped.value.code
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"flags": 3}', b"\xff\xfe", b" " * 2_000_000, b"[" * 100_000])
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"run\.json must be the record of a run; got .*Write it anew by") as error:
        run_record.check(tmp_path, {"steps": 3})
    assert "\n" not in str(error.value)


def test_a_loss_that_is_not_finite_ends_in_one_clear_line(run_tool, tiny):
    with pytest.raises(SystemExit, match="^train: a loss or gradient was not finite at step 1; .*--learning_rate"):
        run_tool("train", *tiny, "--noise=1e38")


@pytest.mark.parametrize("missing", ["source", "workdir"])
def test_source_and_workdir_are_needed(run_tool, tiny, missing):
    with pytest.raises(SystemExit, match=f"^train: `{missing}` must be given"):
        run_tool("train", *(flag for flag in tiny if not flag.startswith(f"--{missing}=")))


@pytest.mark.usefixtures("eager")
def test_a_run_starts_from_the_weights_of_initial(run_tool, tiny, tmp_path, rng):
    first = solvers.MLP(body.mannequin_joints(), hidden_dim=8, num_layers=1)
    first.set_weights([rng.normal(size=weight.shape) for weight in first.get_weights()])
    zoo.save(first, tmp_path / "first")
    again = [*tiny, f"--initial={tmp_path / 'first'}", "--learning_rate=0", "--seed=5"]
    run_tool("train", *again)
    for before, after in zip(first.get_weights(), solvers.load(tmp_path / "run").get_weights(), strict=True):
        np.testing.assert_allclose(after, before, atol=1e-7)
    with pytest.raises(SystemExit, match=r"`initial` must hold a model of the size that the flags describe"):
        run_tool("train", *again, f"--workdir={tmp_path / 'third'}", "--hidden_dim=9")


@pytest.mark.slow
def test_one_stage_of_another_condition_starts_a_temporal_one(run_tool, tiny, tmp_path, monkeypatch):
    ready = []
    monkeypatch.setattr(training.Trainer, "run", lambda trainer: ready.append(trainer) or {})
    for condition in ("betas", "none"):
        first = solvers.OneStage(body.mannequin_joints(), num_couplings=2, hidden_dim=8, condition=condition)
        zoo.save(first, tmp_path / condition)
        sizes = ["--num_couplings=2", "--hidden_dim=8", "--num_temporal_pairs=1", "--temporal_hidden_dim=8"]
        start = [flag for flag in tiny if "num_layers" not in flag and "workdir" not in flag]
        run = [*start, "--solver=temporal", *sizes, f"--initial={tmp_path / condition}", "--window=4", "--absent=0"]
        run_tool("train", *run, f"--condition={condition}", f"--workdir={tmp_path / 'run' / condition}")
        for before, after in zip(first.flow.weights, ready[-1].solver.flow.spatial.weights, strict=True):
            np.testing.assert_array_equal(after, before)
        with pytest.raises(SystemExit, match="`initial` must be a solver of single frames of the size of"):
            run_tool("train", *run, "--condition=bones", f"--workdir={tmp_path / 'other' / condition}")
    assert len(ready) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_stages_follow_each_other_and_a_stopped_one_goes_on(run_tool, motion, tmp_path, monkeypatch):
    run_elsewhere = subprocess.run

    def run_here(command, **options):
        if command[:4] != [sys.executable, "-m", "niki_tf", "train"]:
            return run_elsewhere(command, **options)
        run_tool("train", *command[4:])
        return subprocess.CompletedProcess(command, 0)

    stages = tmp_path / "stages"
    stages.mkdir()
    sizes = "--solver=mlp\n--hidden_dim=8\n--num_layers=1\n--batch_size=4\n--save_every=1\n"
    (stages / "1-first.flags").write_text(sizes + "--steps=2\n")
    (stages / "2-second.flags").write_text(sizes + "--steps=1\n--seed=1\n--learning_rate=0\n")
    command = [f"--stages={stages}", f"--source={motion}", f"--workdir={tmp_path / 'run'}"]
    with pytest.raises(SystemExit, match="stage 1-first has not come to its end"):
        run_tool("train", *command, "--max_steps=1")
    monkeypatch.setattr(subprocess, "run", run_here)  # one process of its own is enough
    printed = run_tool("train", *command, "--max_steps=0")
    assert "all stages done" in printed
    models = [solvers.load(tmp_path / "run" / place) for place in ("1-first", "2-second", ".")]
    for first, second, last in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(second, first, atol=1e-7)  # the second stage learns nothing
        np.testing.assert_array_equal(last, second)


def test_a_folder_without_stages_is_named(run_tool, tiny, tmp_path):
    with pytest.raises(SystemExit, match="^train: `stages` must be a folder of .flags files"):
        run_tool("train", *tiny, f"--stages={tmp_path}")
