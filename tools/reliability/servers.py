"""Tries the client with servers and addresses that misbehave, and prints what came of it.

Example:
    python tools/reliability/servers.py --seed=0

Every server runs on this machine: some never answer, answer byte by byte or with a gigabyte, speak bad HTTP or gRPC,
redirect, fail, or answer what is no pose; a few answer rightly, over TLS, too, where the program openssl makes their
certificates. A case is

    clear      if the program ends with status 1 and one line that names the server, and writes nothing,
    right      if the poses are written as they came,
    unclear    if the line does not name the server, or is several,
    traceback  if it ends in any other way,
    hung       if it has not ended some seconds after its deadline,
    wrong      if it writes anything else, be it half a file,
    refused    if it ends clearly, but the answer was right.

The exit status is 1 if a case is none of the first two.
"""

import collections
import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator

from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import numpy as np
    import server_cases
    import wrong_values
    from server_cases import Case
    from tqdm import tqdm

    from niki_tf import contract, io, rotations

_SEED = flags.DEFINE_integer("seed", 0, "Of the joints that are sent.")
_DEADLINE = flags.DEFINE_float("deadline", 1.0, "Seconds that the client gives a server.", lower_bound=0.1)
_GRACE = flags.DEFINE_float("grace", 4.0, "Seconds after the deadline until a client counts as hung.", lower_bound=0.1)
_ONLY = flags.DEFINE_string("only", "", "Only cases whose name holds this text.")
_SHOW = flags.DEFINE_bool("show", False, "Print the message of every case.")
_GOOD = ("clear", "right")
_BAD = ("unclear", "traceback", "hung", "wrong", "refused")
_CHILD = pathlib.Path(__file__).with_name("client_child.py")
_FRAMES = 5
_LONGEST = 1000
"""Characters of a message that is clear."""
_KINDS = ("rest", "grpc", "v2")


def main(argv: list[str]) -> None:
    """Tries all cases and ends with 1 if one was not clear."""
    if argv[1:]:
        sys.exit(f"servers takes flags only; got {' '.join(argv[1:])}.")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        joints = np.random.default_rng(_SEED.value).normal(scale=0.5, size=[_FRAMES, 29, 3]).astype(np.float32)
        joints -= joints[:1, :1]
        np.savez(folder / "joints.npz", joints=joints)
        wrong_values.right({"joints": joints})  # the first time can take a server longer than the deadline
        trusted = None
        if shutil.which("openssl"):
            trusted = server_cases.certificate(folder, "trusted")
            server_cases.certificate(folder, "stranger")
        else:
            print("The program openssl is not there: TLS is left out.")
        found = list(_tried(folder, joints, trusted))
    _report(found)
    sys.exit(int(any(verdict in _BAD for _, verdict, _ in found)))


def _tried(folder: pathlib.Path, joints: np.ndarray, trusted: pathlib.Path | None) -> Iterator[tuple[Case, str, dict]]:
    """Every case with its verdict and how the program ended."""
    chosen = [case for case in server_cases.cases(trusted and folder) if _ONLY.value in case.name]
    child = _Child(folder, trusted)
    for case in tqdm(chosen, unit="server", disable=None):
        (folder / "out").mkdir()
        with case.server() as address:
            ended = child.run(
                [
                    f"--server={address}",
                    f"--protocol={case.protocol}",
                    f"--model={case.model}",
                    f"--input={folder / 'joints.npz'}",
                    f"--output={folder / 'out' / 'poses.npz'}",
                    "--batch_size=2",
                    f"--deadline={_DEADLINE.value}",
                ]
            )
        yield case, _verdict(case, address, ended, folder / "out", joints), ended
        shutil.rmtree(folder / "out")
    child.end()


def _verdict(case: Case, address: str, ended: dict, out: pathlib.Path, joints: np.ndarray) -> str:
    """One of `_GOOD` or `_BAD`; those that are bad win."""
    written = sorted(path.name for path in out.iterdir())
    if written and (written != ["poses.npz"] or ended.get("status") or not case.right or not _is_right(out, joints)):
        return "wrong"
    if ended.get("hung"):
        return "hung"
    if written:
        return "right"
    said = ended.get("said", "")
    if ended.get("status") != 1 or "Traceback" in ended["stderr"] or not said.startswith("client: "):
        return "traceback"
    if "\n" in said or len(said) > _LONGEST or not (case.model == "" or _names(said, address)):
        return "unclear"
    return "refused" if case.right else "clear"


def _names(said: str, address: str) -> bool:
    """Whether a message of the program names the address, as far as it may be repeated."""
    return "secret" not in said if "@" in address else repr(address[:40])[1:-1] in said


def _is_right(out: pathlib.Path, joints: np.ndarray) -> bool:
    """Whether the poses written are those that a server that is right answers."""
    answer = wrong_values.right({"joints": joints})
    clip = io.load_clips(out / "poses.npz")[0]
    turns = rotations.rotvec_to_matrix(clip.poses).numpy()
    return (
        len(clip) == len(joints)
        and np.allclose(turns, contract.local_rotations(answer), atol=1e-4)
        and np.allclose(clip.trans, answer["transl"], atol=1e-4)
    )


class _Child:
    """A process that runs the client; another takes its place after one that hung."""

    def __init__(self, folder: pathlib.Path, trusted: pathlib.Path | None) -> None:
        self._errors, self._process = folder / "stderr.txt", None
        self._files = [f"--input={folder / 'joints.npz'}", f"--output={folder / 'none.npz'}"]
        names = ("SSL_CERT_FILE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH") if trusted else ()
        proxies = dict.fromkeys(("no_proxy", "NO_PROXY", "no_grpc_proxy"), "localhost")
        self._environment = {**os.environ, **dict.fromkeys(names, str(trusted)), **proxies, "NIKI_TF_TOKEN": ""}

    def run(self, arguments: list[str]) -> dict:
        """How the client ends with these arguments; {"hung": True} where it does not."""
        if self._process is None:
            self._start()
        before = self._errors.stat().st_size
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        ended = self._line(_DEADLINE.value + _GRACE.value)
        if ended is None:
            self.end()
            ended = {"hung": True, "grown_mb": 0.0, "seconds": _DEADLINE.value + _GRACE.value}
        with self._errors.open(errors="replace") as errors:
            errors.seek(before)
            return {**ended, "stderr": errors.read()}

    def end(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _start(self) -> None:
        with self._errors.open("a") as errors:
            self._process = subprocess.Popen(
                [sys.executable, str(_CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=self._environment,
            )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        stream = self._process.stdout
        threading.Thread(target=lambda: [self._lines.put(line) for line in stream], daemon=True).start()
        for protocol in _KINDS:  # what is imported at first use takes longer than the deadline
            asked = ["--server=localhost:1", f"--protocol={protocol}", *self._files]
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            if self._line(300.0) is None:
                sys.exit(f"servers: {_CHILD.name} does not start: {self._errors.read_text()[-500:]}")

    def _line(self, seconds: float) -> dict | None:
        """What the process says within so many seconds; None if it says nothing."""
        try:
            return json.loads(self._lines.get(timeout=seconds))
        except queue.Empty:
            return None


def _report(found: list[tuple[Case, str, dict]]) -> None:
    """Prints the table of kinds and, of cases that are bad, what was said."""
    for case, verdict, ended in found:
        if _SHOW.value or verdict in _BAD:
            said = ended.get("said") or ended.get("traceback", "").strip().split("\n")[-1] or ended["stderr"][-300:]
            used = f"{ended['seconds']:.1f} s, {ended['grown_mb']:.0f} MB"
            print(f"{verdict}: {case.protocol}, {case.name} ({used}): {said}")
    rows = {
        protocol: [(verdict, case) for case, verdict, _ in found if case.protocol == protocol] for protocol in _KINDS
    }
    print(f"{'kind':6} {'tried':>6} " + " ".join(f"{verdict:>9}" for verdict in (*_GOOD, *_BAD)))
    for protocol, some in [*rows.items(), ("all", [pair for row in rows.values() for pair in row])]:
        counts = collections.Counter(verdict for verdict, _ in some)
        print(f"{protocol:6} {len(some):6} " + " ".join(f"{counts[verdict]:9}" for verdict in (*_GOOD, *_BAD)))
    longest = max(ended["seconds"] for _, _, ended in found)
    grown = max(ended["grown_mb"] for _, _, ended in found)
    print(f"longest case {longest:.1f} s with a deadline of {_DEADLINE.value:g} s; one adds {grown:.0f} MB at most")


if __name__ == "__main__":
    app.run(main)
