"""Sends motions to a server of models and writes the poses that come back.

Examples:
    niki-tf client --server=localhost:8501 --model=one_stage --input=joints.npz --output=poses.npz
    niki-tf client --server=grpc://localhost:8500 --input=motion.npz --output=poses.npz
    niki-tf client --server=https://poses.example:443 --input=motion.npz --output=poses.npz
    niki-tf client --protocol=v2 --server=http://localhost:8080 --input=motion.npz --output=poses.npz
    niki-tf client --model=temporal --input=IN --output=OUT   all .npz files below a folder; run again, it goes on

The address says how the server is asked: http:// (as without a scheme) or grpc://, over TLS https:// or grpcs://. The
environment variable NIKI_TF_TOKEN, where it is set, is sent as a bearer token, to other machines over TLS only.

The input is an .npz file with `joints` (T, 29, 3) metres, optional with `joint_sigma`, `betas` and `twist`, or motion
in AMASS's layout, whose joints are made; the output has AMASS's layout.
"""

import glob
import os
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from absl import flags

from niki_tf import body, export, files, io, motion
from niki_tf.cli import body_flag, client_requests, solve_folders

_SERVER = flags.DEFINE_string(
    "server", "localhost:8501", "Address of the server; with http://, https://, grpc:// or grpcs:// before it or none."
)
_PROTOCOL = flags.DEFINE_enum(
    "protocol",
    "tfs",
    ["tfs", "v2", "rest", "grpc"],
    "What it speaks: tfs, TensorFlow Serving's, or v2, Open Inference's; rest and grpc, former names: tfs by either.",
)
_MODEL = flags.DEFINE_string("model", "one_stage", "Name of the model on the server.")
_WINDOW = flags.DEFINE_integer(
    "window", None, "Frames of a window, 0 for a model of single frames; else by the model's name.", lower_bound=0
)
_INPUT = flags.DEFINE_string("input", None, "An .npz file of joints or of motion, a folder or pattern.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "The .npz file to write; of several inputs a folder.", required=True)
_NOISE_MM = flags.DEFINE_float("noise_mm", 0.0, "Noise on each axis of each joint of a motion, mm.", lower_bound=0.0)
_TRANS = flags.DEFINE_enum("trans", "transl", motion.TRANS_CONVENTIONS, "What `trans` is in a file without that key.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 256, "Frames in a request.", lower_bound=1)
_DEADLINE = flags.DEFINE_float("deadline", 60.0, "Seconds in which a request must be answered to its last byte.")
_RETRIES = flags.DEFINE_integer("retries", 3, "How often, in that time, a busy server is asked again.")
flags.adopt_module_key_flags(body_flag)

_TOKEN = "NIKI_TF_TOKEN"
"""Environment variable of the token: flags are read by other users of a machine, and written into records."""


def main(argv: list[str]) -> None:
    """Reads, asks batch by batch, and writes."""
    if argv[1:]:
        sys.exit(f"client takes flags only; got {' '.join(argv[1:])}.")
    try:
        client = _Client()
        if os.path.isdir(_INPUT.value) or (glob.has_magic(_INPUT.value) and not os.path.exists(_INPUT.value)):
            sys.exit(int(_solve_all(client) > 0))
        output = files.output_file(_OUTPUT.value, suffix=".npz")
        answer = client(pathlib.Path(_INPUT.value), output)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        sys.exit(f"client: {error}")
    frames, invalid = len(answer["valid"]), np.count_nonzero(~answer["valid"])
    print(f"{frames} frames, {invalid} of them not valid. Written: {output}")


class _Client:
    """Has files solved by the server of the flags."""

    def __init__(self) -> None:
        self._ask = _connect()
        self.window = client_requests.window_of(_MODEL.value) if _WINDOW.value is None else _WINDOW.value
        self._poser = body.BodyPoser(body_flag.body_data())

    def __call__(self, path: pathlib.Path, output: pathlib.Path) -> dict[str, np.ndarray]:
        """Writes the poses of a file, warns of frames with a reason, and gives the answer."""
        observed = io.load_observed(path, poser=self._poser, noise_mm=_NOISE_MM.value, seed=0, trans=_TRANS.value)
        answer = client_requests.asked(self._ask, observed, batch_size=_BATCH_SIZE.value, window=self.window)
        io.save_poses(output, answer, observed)
        for line in client_requests.warnings(answer["reason"]):
            _say(f"{path}: {line}")
        return answer


def _connect() -> Callable[..., dict[str, np.ndarray]]:
    """The function that asks the server of the flags, with the token of the environment."""
    by_grpc = _PROTOCOL.value == "grpc" or _SERVER.value.lower().startswith(("grpc://", "grpcs://"))
    connect = export.grpc_server if by_grpc and _PROTOCOL.value != "rest" else export.rest_server
    return connect(
        _SERVER.value,
        model=_MODEL.value,
        protocol="v2" if _PROTOCOL.value == "v2" else "tfs",
        deadline=_DEADLINE.value,
        retries=_RETRIES.value,
        token=os.environ.get(_TOKEN) or None,
    )


def _solve_all(client: _Client) -> int:
    """Has many files solved, and gives the number of bad ones; a server that does not answer ends the program."""
    output = files.output_folder(_OUTPUT.value)
    todo = [job for job in solve_folders.jobs(_INPUT.value, output) if job.path.suffix == ".npz"]

    def solve(path: pathlib.Path, target: pathlib.Path) -> list[dict[str, Any]]:
        written = target.with_name(f"{target.name}.npz")
        if written.resolve() == path.resolve():
            raise ValueError(f"`output` must be another folder than that of the input; {written} would be overwritten.")
        try:
            answer = client(path, written)
        except ConnectionError as error:
            sys.exit(f"client: {error}")
        counts = {"frames": len(answer["valid"]), "not_valid": int(np.count_nonzero(~answer["valid"]))}
        return [{"file": str(path), **counts, "outputs": [str(written)]}]

    names = ("model", "noise_mm", "trans", "body")
    options = {name: flags.FLAGS[name].value for name in names} | {"window": client.window}
    return solve_folders.solve_all(todo, solve, output=output, options=options, say=_say)


def _say(line: str) -> None:
    print(f"client: {line}", file=sys.stderr)
