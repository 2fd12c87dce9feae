"""Sends a motion to TensorFlow Serving and writes the poses that come back.

Examples:
    niki-tf client --server=localhost:8501 --model=one_stage --input=joints.npz --output=poses.npz
    niki-tf client --server=localhost:8500 --protocol=grpc --input=motion.npz --output=poses.npz
    niki-tf client --server=https://poses.example:443 --input=motion.npz --output=poses.npz

An address that begins with https:// or grpcs:// is asked over TLS. The environment variable NIKI_TF_TOKEN, where it is
set, is sent as a bearer token, to other machines over TLS only.

The input is an .npz file with `joints` (T, 29, 3) metres, optional with `joint_sigma`, `betas` and `twist`, or motion
in AMASS's layout, whose joints are made; the output has AMASS's layout.
"""

import os
import sys
from collections.abc import Callable

import numpy as np
from absl import flags
from tqdm import tqdm

from niki_tf import body, contract, export, files, io, motion
from niki_tf.cli import body_flag
from niki_tf.motion.observed_motion import ObservedMotion

_SERVER = flags.DEFINE_string("server", "localhost:8501", "Host and port of the server; https:// or grpcs:// for TLS.")
_PROTOCOL = flags.DEFINE_enum("protocol", "rest", ["rest", "grpc"], "How to ask; a server's gRPC port is 8500.")
_MODEL = flags.DEFINE_string("model", "one_stage", "Name of the model on the server.")
_INPUT = flags.DEFINE_string("input", None, "An .npz file of joints or of motion.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "The .npz file to write.", required=True)
_NOISE_MM = flags.DEFINE_float("noise_mm", 0.0, "Noise on each axis of each joint of a motion, mm.", lower_bound=0.0)
_TRANS = flags.DEFINE_enum("trans", "transl", motion.TRANS_CONVENTIONS, "What `trans` is in a file without that key.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 256, "Frames in a request.", lower_bound=1)
_DEADLINE = flags.DEFINE_float("deadline", 60.0, "Seconds in which a request must be answered to its last byte.")
flags.adopt_module_key_flags(body_flag)

_TOKEN = "NIKI_TF_TOKEN"
"""Environment variable of the token: flags are read by other users of a machine, and written into records."""
_READ = (*contract.POSE, "transl", "valid")
"""Outputs that are kept of the answers."""


def main(argv: list[str]) -> None:
    """Reads, asks batch by batch, and writes."""
    if argv[1:]:
        sys.exit(f"client takes flags only; got {' '.join(argv[1:])}.")
    try:
        output = files.output_file(_OUTPUT.value, suffix=".npz")
        ask = _connect()
        poser = body.BodyPoser(body_flag.body_data())
        observed = io.load_observed(_INPUT.value, poser=poser, noise_mm=_NOISE_MM.value, seed=0, trans=_TRANS.value)
        answer = _asked(ask, observed)
        io.save_poses(output, answer, observed)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        sys.exit(f"client: {error}")
    invalid = np.flatnonzero(~answer["valid"])
    print(f"{len(observed.joints)} frames, {len(invalid)} of them not valid. Written: {output}")


def _connect() -> Callable[..., dict[str, np.ndarray]]:
    """The function that asks the server of the flags, with the token of the environment."""
    connect = {"rest": export.rest_server, "grpc": export.grpc_server}[_PROTOCOL.value]
    token = os.environ.get(_TOKEN) or None
    return connect(_SERVER.value, model=_MODEL.value, deadline=_DEADLINE.value, token=token)


def _asked(ask: Callable[..., dict[str, np.ndarray]], observed: ObservedMotion) -> dict[str, np.ndarray]:
    """The answer for all frames of the motion; zeros are sent for what is not known."""
    frames = len(observed.joints)
    shapes = contract.input_shapes(observed.inputs["betas"].shape[-1])
    unknown = {
        name: np.zeros([frames, *(size or 0 for size in shape)])
        for name, shape in shapes.items()
        if name not in observed.inputs
    }
    inputs = {**observed.inputs, **unknown}
    parts = []
    for start in tqdm(range(0, frames, _BATCH_SIZE.value), unit="request", disable=None):
        some = slice(start, start + _BATCH_SIZE.value)
        parts.append(ask("ik_full", **{name: array[some] for name, array in inputs.items()}))
    return {name: np.concatenate([part[name] for part in parts]) for name in _READ}
