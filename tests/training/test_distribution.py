"""`niki-tf train` as it is started by hand: replicas, workers, a run killed or interrupted and started again."""

import functools
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import forked_runs
import numpy as np
import pytest

from niki_tf import io, solvers
from niki_tf.motion import made_motion
from niki_tf.training import checkpoints

ROOT = pathlib.Path(__file__).resolve().parents[2]
_PATIENCE = 300
_STEPS, _SAVE_EVERY = 120, 20

pytestmark = pytest.mark.slow


_FEW_STEPS = (
    "--solver=one_stage",
    "--num_couplings=2",
    "--hidden_dim=8",
    "--batch_size=8",
    "--boundary_share=1",
    "--warmup_steps=1",
    "--learning_rate=1e-2",
    "--max_steps=5",
)
"""Few large steps of an invertible solver; all terms are computed on all examples, whatever the replicas."""
_WHOLE_RUN = (
    "--solver=mlp",
    "--num_layers=1",
    "--hidden_dim=8",
    "--batch_size=4",
    f"--steps={_STEPS}",
    "--warmup_steps=5",
    f"--save_every={_SAVE_EVERY}",
)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The flag that names the motion."""
    motion = tmp_path_factory.mktemp("motion")
    io.save_clip(motion / "clip.npz", made_motion(0, frames=50))
    return f"--source={motion}"


@pytest.fixture(scope="module")
def fork(source, tmp_path_factory):
    """A function of a run's folder, flags and variables that starts it in a forked process."""
    server = forked_runs.Server(ROOT, tmp_path_factory.mktemp("printed"))
    yield lambda workdir, *flags, **more: server.start(source, f"--workdir={workdir}", *flags, **more)
    server.close()


@pytest.fixture(scope="module")
def undisturbed(fork, tmp_path_factory):
    """Folders and processes, in the making, of the few steps on one replica and of the whole run."""
    folders = [tmp_path_factory.mktemp(name) for name in ("few", "whole")]
    return [(folder, fork(folder, *flags)) for folder, flags in zip(folders, (_FEW_STEPS, _WHOLE_RUN), strict=True)]


@pytest.fixture
def one_replica(undisturbed):
    """A function that waits for the few steps on one replica and returns their folder."""
    return lambda: _ended(*undisturbed[0])


@pytest.fixture
def uninterrupted(undisturbed):
    """A function that waits for the whole run and returns its folder."""
    return lambda: _ended(*undisturbed[1])


@pytest.fixture
def program(source, tmp_path):
    """The whole run in `tmp_path` by tools/train.py, in a process that nobody has prepared."""
    variables = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, ROOT / "tools" / "train.py", source, f"--workdir={tmp_path}", *_WHOLE_RUN]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    hear = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # which shells ignore in the background
    process = subprocess.Popen(command, cwd=ROOT, env=variables, preexec_fn=hear, **pipes)
    yield process
    process.kill()
    process.communicate()


def _end(run):
    """What the run printed; it must end well."""
    assert run.wait(_PATIENCE) == 0, run.complaints
    return run.printed


def _ended(workdir, run):
    """Folder of a run that has ended well."""
    _end(run)
    return workdir


def _wait_for_checkpoint(workdir, process, *, step):
    begin = time.monotonic()
    while not any(stored >= step for stored in checkpoints.steps(workdir / "checkpoints")):
        assert process.poll() is None
        assert time.monotonic() < begin + _PATIENCE
        time.sleep(0.01)


def _state(workdir):
    step = checkpoints.steps(workdir / "checkpoints")[-1]
    return {"step": np.array(step)} | checkpoints.load(workdir / "checkpoints", step)


def _assert_same_state(workdir, other, *, rtol, atol):
    one, two = _state(workdir), _state(other)
    assert one.keys() == two.keys()
    for name, array in one.items():
        np.testing.assert_allclose(array, two[name], rtol=rtol, atol=atol, err_msg=name)


def _assert_same_model(workdir, other):
    for one, two in zip(solvers.load(workdir).get_weights(), solvers.load(other).get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-6)


def _free_ports(count):
    places = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [place.getsockname()[1] for place in places]
    for place in places:
        place.close()
    return ports


def test_two_replicas_end_with_the_weights_of_one(one_replica, fork, tmp_path):
    _end(fork(tmp_path, *_FEW_STEPS, "--strategy=mirrored", "--cpu_replicas=2"))
    _assert_same_state(one_replica(), tmp_path, rtol=1e-4, atol=1e-5)


def test_two_workers_end_with_the_weights_of_one_and_the_chief_alone_writes(one_replica, fork, tmp_path):
    workers = [f"localhost:{port}" for port in _free_ports(2)]
    folders, cluster = [tmp_path / "chief", tmp_path / "other"], {"cluster": {"worker": workers}}
    runs = [
        fork(
            folder,
            *_FEW_STEPS,
            "--strategy=multi_worker",
            TF_CONFIG=json.dumps(cluster | {"task": {"type": "worker", "index": number}}),
        )
        for number, folder in enumerate(folders)
    ]
    printed = [_end(run) for run in runs]
    _assert_same_state(one_replica(), folders[0], rtol=1e-4, atol=1e-5)
    assert "\nstep 5: loss" in printed[0]
    assert {path.name for path in folders[0].iterdir()} == {
        "checkpoints",
        "model.keras",
        "resolved.flags",
        "run.json",
        "tensorboard",
    }
    assert not printed[1]
    assert not folders[1].exists()


def _start_pair(fork, workdir, *flags):
    """Two workers of one run on this machine."""
    cluster = {"worker": [f"localhost:{port}" for port in _free_ports(2)]}
    tasks = [{"cluster": cluster, "task": {"type": "worker", "index": number}} for number in range(2)]
    return [fork(workdir, *flags, "--strategy=multi_worker", TF_CONFIG=json.dumps(task)) for task in tasks]


def test_two_workers_of_which_one_is_asked_to_stop_both_do_and_go_on(fork, tmp_path):
    pair = _start_pair(fork, tmp_path, *_WHOLE_RUN)
    _wait_for_checkpoint(tmp_path, pair[0], step=_SAVE_EVERY)
    pair[1].send_signal(signal.SIGTERM)
    assert [run.wait(_PATIENCE) for run in pair] == [-signal.SIGTERM] * 2
    assert _SAVE_EVERY <= _state(tmp_path)["step"] < _STEPS
    for run in _start_pair(fork, tmp_path, *_WHOLE_RUN):
        _end(run)
    assert _state(tmp_path)["step"] == _STEPS


def test_a_run_that_is_interrupted_and_then_killed_ends_as_if_nothing_had_been(uninterrupted, program, fork, tmp_path):
    _wait_for_checkpoint(tmp_path, program, step=_SAVE_EVERY)
    program.send_signal(signal.SIGINT)
    printed, complaints = program.communicate(timeout=_PATIENCE)
    assert program.returncode == 128 + signal.SIGINT, complaints
    assert "train: stopped by SIGINT. What is finished stays; the same command goes on." in complaints
    step = int(re.search(r"\nstep (\d+): state and model are stored", printed).group(1))
    assert _SAVE_EVERY <= step < _STEPS
    assert _state(tmp_path)["step"] == step
    assert np.isfinite(solvers.load(tmp_path).ik(np.zeros([1, 29, 3], np.float32))["body_pose"]).all()
    (tmp_path / "model.keras").unlink()
    run = fork(tmp_path, *_WHOLE_RUN)
    _wait_for_checkpoint(tmp_path, run, step=step + 1)
    run.send_signal(signal.SIGKILL)
    assert run.wait(_PATIENCE) == -signal.SIGKILL
    assert step < _state(tmp_path)["step"] < _STEPS
    assert not (tmp_path / "model.keras").exists()
    assert f"step {_STEPS}: loss" in _end(fork(tmp_path, *_WHOLE_RUN))
    _assert_same_state(uninterrupted(), tmp_path, rtol=1e-6, atol=1e-6)
    _assert_same_model(uninterrupted(), tmp_path)


def test_a_run_killed_at_random_moments_ends_as_if_nothing_had_been(uninterrupted, fork, tmp_path, rng):
    folder, half_written = tmp_path / "checkpoints", False
    for where in ("write", "step", "write", "step"):
        before = checkpoints.steps(folder)
        run = fork(tmp_path, *_WHOLE_RUN, kill={"where": where, "fraction": rng.random()})
        assert run.wait(_PATIENCE) == -signal.SIGKILL, run.complaints
        found = checkpoints.steps(folder)
        half_written |= bool(list(folder.glob(".*.partial*")))
        if where == "write":
            assert found[-1] - max(before, default=0) in (_SAVE_EVERY, 2 * _SAVE_EVERY)
        else:
            assert found == before
        for step in found:
            checkpoints.load(folder, step)
    assert half_written
    assert f"step {_STEPS}: loss" in _end(fork(tmp_path, *_WHOLE_RUN))
    _assert_same_state(uninterrupted(), tmp_path, rtol=1e-6, atol=1e-6)
    _assert_same_model(uninterrupted(), tmp_path)
    assert not list(folder.glob(".*"))
