"""Runs of `niki-tf train`, forked from a process that has imported TensorFlow and has not used it yet.

Importing takes longer than a short run. Before the fork no operation has run, so TensorFlow has no threads of its own.
"""

import json
import os
import signal
import subprocess
import sys
import time

_PATIENCE = 300

_SERVER = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import forked_runs
from niki_tf.cli import train
from tensorflow.python.eager import context

assert not context.context()._initialized
for line in sys.stdin:
    order = json.loads(line)
    if "poll" in order:
        pid, status = os.waitpid(order["poll"], os.WNOHANG)
        answer = os.waitstatus_to_exitcode(status) if pid else None
    else:
        answer = os.fork() or forked_runs.child(train, **order)
    print(json.dumps(answer), flush=True)
"""
"""Starts a run, or says how one has ended, for each line of JSON that comes."""


def child(train, *, arguments, environment, output, kill):
    """A run in this process, which it ends; what it prints goes to the files `output` + .out and .err."""
    for descriptor, suffix in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(output + suffix, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    os.environ.update(environment)
    if kill:
        {"write": _kill_while_writing, "step": _kill_in_a_step}[kill["where"]](kill["fraction"])
    code = 1
    try:
        train.main(train.FLAGS(["train", *arguments]))
        code = 0
    except BaseException as error:
        print(repr(error), file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _kill_while_writing(fraction):
    """The process is killed at the end of `fraction` of the calls that its second checkpoint takes."""
    from niki_tf.training import checkpoints

    save, counts = checkpoints.save, []

    def counted(*arguments):
        counts.append(0)
        sys.setprofile(count)
        save(*arguments)
        sys.setprofile(None)

    def count(*_):
        counts[-1] += 1
        if len(counts) == 2 and counts[1] >= fraction * counts[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoints.save = counted


def _kill_in_a_step(fraction):
    """The process is killed after `fraction` of the time that its fourth step takes; the first ones take longer."""
    import threading

    from niki_tf.training import Trainer

    make = Trainer._train_step

    def make_timed(trainer):
        step, seconds = make(trainer), []

        def timed(batch):
            start = time.monotonic()
            if len(seconds) == 3:
                threading.Timer(fraction * seconds[-1], os.kill, [os.getpid(), signal.SIGKILL]).start()
            terms = step(batch)
            if len(seconds) == 3:
                time.sleep(_PATIENCE)
            seconds.append(time.monotonic() - start)
            return terms

        return timed

    Trainer._train_step = make_timed


class Run:
    """A forked run."""

    def __init__(self, ask, order):
        self._ask, self._output, self.returncode = ask, order["output"], None
        self.pid = ask(order)

    def poll(self):
        """How the run has ended, as `subprocess.Popen.returncode`; None if it has not."""
        if self.returncode is None:
            self.returncode = self._ask({"poll": self.pid})
        return self.returncode

    def wait(self, timeout):
        end = time.monotonic() + timeout
        while self.poll() is None:
            assert time.monotonic() < end, self.complaints
            time.sleep(0.01)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    @property
    def printed(self):
        return _text(self._output + ".out")

    @property
    def complaints(self):
        return _text(self._output + ".err")


def _text(path):
    with open(path) as file:
        return file.read()


class Server:
    """The process that forks; `start` starts a run."""

    def __init__(self, root, folder):
        self._folder, self._runs = folder, []
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
        command = [sys.executable, "-c", _SERVER, os.path.dirname(__file__)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        self._process = subprocess.Popen(command, cwd=root, env=environment, **pipes)

    def _ask(self, order):
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def start(self, *arguments, kill=None, **environment):
        """A `Run` with these arguments and variables.

        Args:
            *arguments: flags of `niki-tf train`.
            kill: None, or a dictionary of `where`, "write" or "step", and `fraction`, when in it, of the moment at
                which the run is killed.
            **environment: variables.
        """
        order = {"arguments": [str(argument) for argument in arguments], "environment": environment, "kill": kill}
        self._runs.append(Run(self._ask, order | {"output": str(self._folder / str(len(self._runs)))}))
        return self._runs[-1]

    def close(self):
        """Kills what still runs."""
        for run in self._runs:
            run.send_signal(signal.SIGKILL)
            run.wait(_PATIENCE)
        self._process.stdin.close()
        self._process.wait(_PATIENCE)
        self._process.stdout.close()
