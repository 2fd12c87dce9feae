"""Sends a motion to TensorFlow Serving and writes the poses that come back.

Examples:
    niki-tf client --server=localhost:8501 --model=one_stage --input=joints.npz --output=poses.npz
    niki-tf client --server=localhost:8500 --protocol=grpc --input=motion.npz --output=poses.npz

The input is an .npz file with `joints` (T, 29, 3) metres, optional with `joint_sigma`, `betas` and `twist`, or motion
in AMASS's layout, whose joints are made; the output has AMASS's layout.
"""

import pathlib
import sys
from collections.abc import Callable

import numpy as np
from absl import flags
from tqdm import tqdm

from niki_tf import body, contract, export, io, motion
from niki_tf.cli import body_flag
from niki_tf.motion.observed_motion import ObservedMotion

_SERVER = flags.DEFINE_string("server", "localhost:8501", "Host and port of the server.")
_PROTOCOL = flags.DEFINE_enum("protocol", "rest", ["rest", "grpc"], "How to ask; a server's gRPC port is 8500.")
_MODEL = flags.DEFINE_string("model", "one_stage", "Name of the model on the server.")
_INPUT = flags.DEFINE_string("input", None, "An .npz file of joints or of motion.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "The .npz file to write.", required=True)
_NOISE_MM = flags.DEFINE_float("noise_mm", 0.0, "Noise on each axis of each joint of a motion, mm.", lower_bound=0.0)
_TRANS = flags.DEFINE_enum("trans", "transl", motion.TRANS_CONVENTIONS, "What `trans` is in a file without that key.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 256, "Frames in a request.", lower_bound=1)
flags.adopt_module_key_flags(body_flag)


def main(argv: list[str]) -> None:
    """Reads, asks batch by batch, and writes."""
    if argv[1:]:
        sys.exit(f"client takes flags only; got {' '.join(argv[1:])}.")
    output = pathlib.Path(_OUTPUT.value)
    try:
        if output.suffix != ".npz":
            raise ValueError(f"`output` must end in .npz; got {output}.")
        poser = body.BodyPoser(body_flag.body_data())
        observed = io.load_observed(_INPUT.value, poser=poser, noise_mm=_NOISE_MM.value, seed=0, trans=_TRANS.value)
        connect = {"rest": export.rest_server, "grpc": export.grpc_server}[_PROTOCOL.value]
        answer = _asked(connect(_SERVER.value, model=_MODEL.value), observed)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        sys.exit(f"client: {error}")
    io.save_poses(output, answer, observed)
    invalid = np.flatnonzero(~answer["valid"])
    print(f"{len(observed.joints)} frames, {len(invalid)} of them not valid. Written: {output}")


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
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
