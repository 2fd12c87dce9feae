"""Trains with two workers, of which one dies, is asked to stop, or never comes.

Example:
    python tools/reliability/workers.py

Each case starts `niki-tf train --strategy=multi_worker` on this machine, disturbs it, and then starts all workers again
with the same commands: they must go on and write the model. A case is right if everyone who has to end does so in time,
with the status that is wanted, and one line that tells why. Prints a table, and ends with 1 if a case is not right.
"""

import contextlib
import functools
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence

from absl import app, flags

_ONLY = flags.DEFINE_string("only", "", "Only cases whose name holds this text.")
_SHOW = flags.DEFINE_bool("show", False, "Print what the programs said in every case.")
_ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
_PATIENCE = 600.0
"""Seconds for a whole run; this machine may have other work."""
_GONE = 60.0
"""Seconds in which a worker must notice that another has gone, or obey a signal."""
_TOLD = 30.0
"""Seconds in which a worker that is alone must say who is missing, from when it has started."""
_TRAINING = (
    "--source=made",
    "--solver=mlp",
    "--num_layers=1",
    "--hidden_dim=8",
    "--batch_size=8",
    "--steps=150",
    "--warmup_steps=5",
    "--save_every=10",
    "--strategy=multi_worker",
)
_CONFIGS = {
    "no JSON": "{cluster",
    "a list": "[]",
    "no task": '{"cluster": {"worker": ["localhost:1", "localhost:2"]}}',
    "a task that is none of them": '{"cluster": {"worker": ["localhost:1"]}, "task": {"type": "worker", "index": 1}}',
    "no address": '{"cluster": {"worker": ["here"]}, "task": {"type": "worker", "index": 0}}',
}


class Worker:
    """A program of the run.

    Args:
        folder: of the run.
        config: TF_CONFIG.
        number: of the worker, for the name of the file that it prints to.
    """

    def __init__(self, folder: pathlib.Path, config: str, number: int) -> None:
        self._log = folder / f"worker_{number}_{len(list(folder.glob('*.txt')))}.txt"
        environment = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(_ROOT)}
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "tools/train.py", *_TRAINING, f"--workdir={folder / 'run'}"],
                stdout=log,
                stderr=log,
                cwd=_ROOT,
                preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # shells may ignore it
                env={**os.environ, **environment, "TF_CONFIG": config},
            )

    @property
    def said(self) -> str:
        """What it printed."""
        return self._log.read_text(errors="replace")

    def line(self) -> str:
        """The last line that tells why it ended; empty if there is none, or a traceback."""
        lines = [line for line in self.said.replace("\r", "\n").splitlines() if line.startswith("train: ")]
        return "" if "Traceback" in self.said or not lines else lines[-1]

    def ended(self, seconds: float) -> str:
        """Empty if it ends in so many seconds, else what is wrong; it is killed then."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return f"not ended within {seconds:g} s"
        return ""


def main(argv: list[str]) -> None:
    """Tries all cases and prints what came of them."""
    if argv[1:]:
        sys.exit(f"workers takes flags only; got {' '.join(argv[1:])}.")
    print("| case | s | outcome |\n|---|---|---|", flush=True)
    wrong = 0
    for name, case in _cases().items():
        if _ONLY.value not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            found = list(case(pathlib.Path(folder)))
            wrong += bool(found)
            print(f"| {name} | {time.monotonic() - began:.0f} | {'; '.join(found) or 'right'} |", flush=True)
            if _SHOW.value or found:
                for path in sorted(pathlib.Path(folder).glob("*.txt")):
                    print(f"{path.name}: {path.read_text(errors='replace')[-1500:]}", file=sys.stderr)
    sys.exit(int(wrong > 0))


def _cases() -> dict[str, Callable[[pathlib.Path], Iterator[str]]]:
    """Name of a case -> function of its folder that gives what is wrong."""
    both = {
        f"{'chief' if number == 0 else 'other worker'} {what}": _disturbed(number, sent)
        for what, sent in (("killed", signal.SIGKILL), ("told SIGTERM", signal.SIGTERM), ("told SIGINT", signal.SIGINT))
        for number in (1, 0)
    }
    alone = {f"alone, told {sent.name}": _alone(sent) for sent in (signal.SIGTERM, signal.SIGINT)}
    return both | alone | {f"TF_CONFIG: {what}": _misconfigured(config) for what, config in _CONFIGS.items()}


def _disturbed(number: int, sent: signal.Signals) -> Callable[[pathlib.Path], Iterator[str]]:
    """Two workers, one of which gets the signal on the way; started again, both go on to the end."""

    def case(folder: pathlib.Path) -> Iterator[str]:
        with _pair(folder) as workers:
            yield from _wait_for_checkpoint(folder, workers)
            workers[number].process.send_signal(sent)
            for index, worker in enumerate(workers):
                if wrong := worker.ended(_GONE):
                    yield f"worker {index} {wrong}"
                elif sent == signal.SIGKILL and index != number and "train: another worker" not in worker.line():
                    yield f"worker {index} ended with {worker.process.returncode}: {worker.line() or 'no clear line'}"
                elif sent != signal.SIGKILL and worker.process.returncode not in (143, 128 + sent):
                    yield f"worker {index} ended with {worker.process.returncode}, not {128 + sent}"
        with _pair(folder) as workers:
            for index, worker in enumerate(workers):
                if wrong := worker.ended(_PATIENCE):
                    yield f"started again, worker {index} {wrong}"
                elif worker.process.returncode:
                    yield f"started again, worker {index} ended with {worker.process.returncode}: {worker.line()}"
            if not (folder / "run" / "model.keras").is_file():
                yield "no model was written"

    return case


def _alone(sent: signal.Signals) -> Callable[[pathlib.Path], Iterator[str]]:
    """A worker whose partner does not come says so, and obeys a signal."""

    def case(folder: pathlib.Path) -> Iterator[str]:
        with _pair(folder, count=1) as (worker,):
            began = time.monotonic()
            while "waits for worker 1" not in worker.said and worker.process.poll() is None:
                if time.monotonic() - began > _TOLD + _PATIENCE / 5:  # the import may take long on a busy machine
                    yield "it does not say who is missing"
                    break
                time.sleep(0.2)
            worker.process.send_signal(sent)
            if wrong := worker.ended(_GONE):
                yield wrong
            elif worker.process.returncode != 128 + sent:
                yield f"it ended with {worker.process.returncode}, not {128 + sent}"

    return case


def _misconfigured(config: str) -> Callable[[pathlib.Path], Iterator[str]]:
    """A worker with a wrong TF_CONFIG ends with a line that names it."""

    def case(folder: pathlib.Path) -> Iterator[str]:
        worker = Worker(folder, config, 0)
        if wrong := worker.ended(_PATIENCE):
            yield wrong
        elif worker.process.returncode != 1 or "`TF_CONFIG` must" not in worker.line():
            yield f"it ended with {worker.process.returncode} and {worker.line() or 'no clear line'}"

    return case


@contextlib.contextmanager
def _pair(folder: pathlib.Path, *, count: int = 2) -> Iterator[Sequence[Worker]]:
    """The first `count` of two workers, which are killed at the end if they still run."""
    places = [socket.create_server(("localhost", 0)) for _ in range(2)]
    cluster = {"worker": [f"localhost:{place.getsockname()[1]}" for place in places]}
    for place in places:
        place.close()
    configs = [json.dumps({"cluster": cluster, "task": {"type": "worker", "index": i}}) for i in range(count)]
    workers = [Worker(folder, config, number) for number, config in enumerate(configs)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.process.kill()
            worker.process.wait()


def _wait_for_checkpoint(folder: pathlib.Path, workers: Sequence[Worker]) -> Iterator[str]:
    began = time.monotonic()
    while not list((folder / "run" / "checkpoints").glob("step-*.npz")):
        if any(worker.process.poll() is not None for worker in workers) or time.monotonic() - began > _PATIENCE:
            yield "the pair does not begin"
            return
        time.sleep(0.1)


if __name__ == "__main__":
    app.run(main)
