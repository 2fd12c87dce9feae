"""Motion capture files C3D, read by ezc3d (`pip install "niki-tf[c3d]"`)."""

import importlib.util
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from niki_tf.io import c3d_child, units
from niki_tf.io.people import by_subject
from niki_tf.motion.clip import stated_rate
from niki_tf.motion.keypoints import Keypoints

_MARK = 0x50
"""Second byte of every C3D file."""
_BLOCK = 512
"""Bytes of a block: the header is one, and its first byte tells at which the parameters begin."""
_BIG_ENDIAN = 86
"""Fourth byte of the parameters of files written on MIPS processors."""
_LARGEST_FRAME = 65535
"""Largest number of a frame that the header can hold."""
_NO_MARKERS = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS")
"""Parameters of POINT that name what is stored like markers and is none, such as joint angles."""
_Parameters = Mapping[str, list[Any]]
"""Name -> values of the parameters of POINT."""
_RUN = """
import runpy, sys
sys.path = [place for place in sys.path if place]  # what is called as a module in this folder is none
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
_SECONDS, _SECONDS_A_BYTE = 60.0, 5e-6
"""Longest time to read a file: some fifty times what large ones took; some that are damaged take for ever."""


def read_c3d(path: pathlib.Path) -> list[Keypoints]:
    """The subjects of a C3D file: markers with a name, NaN where a marker was not seen (residual -1).

    Up is known only if the file tells how it was drawn (POINT:Y_SCREEN).

    Raises:
        ImportError: ezc3d is not installed.
        ValueError: no C3D file, cut off, or without markers.
    """
    points, residuals, parameters = _opened(path)
    labels = _labels(parameters)
    left_out = {name for key in _NO_MARKERS for name in _texts(parameters, key)}
    kept = [i for i, name in enumerate(labels[: points.shape[1]]) if name and name not in left_out]
    if not kept or not points.shape[2]:
        raise ValueError(f"markers with names are wanted; got {points.shape[1]} points in {points.shape[2]} frames.")
    positions = np.moveaxis(points[:3, kept], 0, -1).swapaxes(0, 1).astype(np.float64)
    positions[(residuals[kept].T < 0) | (positions == 0).all(-1)] = np.nan
    names, unit = tuple(labels[i] for i in kept), (_texts(parameters, "UNITS") or [""])[0]
    rate = float(parameters["RATE"][0]) if parameters.get("RATE") else 0.0
    up = units.axis((_texts(parameters, "Y_SCREEN") or [""])[0])
    fps = stated_rate(rate, "`POINT:RATE`") if rate > 0 else None
    return by_subject(Keypoints(positions, names=names, fps=fps, unit=units.metres(unit), up=up))


def _labels(parameters: _Parameters) -> list[str]:
    """Names of all points; those beyond 255 stand in LABELS2, LABELS3 and so on."""
    names = _texts(parameters, "LABELS")
    for number in range(2, 100):
        names += _texts(parameters, f"LABELS{number}")
    return names


def _texts(parameters: _Parameters, key: str) -> list[str]:
    """The text of a parameter, in a list; empty if it is not there."""
    return [str(value).strip() for value in parameters.get(key, [])]


def _opened(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray, _Parameters]:
    """Points (4, J, T), their residuals (J, T) and the parameters of POINT, as ezc3d reads them in another process."""
    if importlib.util.find_spec("ezc3d") is None:
        raise ImportError('C3D files are read by ezc3d, which is not installed: pip install "niki-tf[c3d]"')
    told = _number_of_frames(path)
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder, "read.npz")
        _read_apart(path, output)
        with np.load(output, allow_pickle=False) as read:
            points, residuals, parameters = read["points"], read["residuals"], json.loads(str(read["parameters"]))
    if points.shape[2] < told:
        raise ValueError(
            f"there must be {told} frames, as the header tells; got {points.shape[2]}. Was the file cut off?"
        )
    return points, residuals, parameters


def _read_apart(path: pathlib.Path, output: pathlib.Path) -> None:
    """Has `c3d_child` read the file; ValueError if that fails, ends its process or does not end."""
    command = [sys.executable, "-c", _RUN, c3d_child.__file__, str(path.resolve()), str(output)]
    alone = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # whose threads take address space, which has a limit there
    longest = _SECONDS + path.stat().st_size * _SECONDS_A_BYTE
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=longest, env=alone)
    except subprocess.TimeoutExpired:
        raise ValueError(f"a whole C3D file is wanted; it was not read in {longest:.0f} s. Write it again.") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [""])[-1] if done.returncode == 1 else ""
        reason = said or f"it ends its reader with code {done.returncode}"
        raise ValueError(f"a whole C3D file is wanted; it cannot be read ({reason}). Write it again.")


def _number_of_frames(path: pathlib.Path) -> int:
    """Number of frames by the header, 0 if they are too many for it; ValueError if the file is too short for them.

    This is looked at first: ezc3d changes the header to what it finds, and needs minutes for some files cut off.
    """
    with open(path, "rb") as file:
        header = file.read(_BLOCK)
        if len(header) < 2 or header[1] != _MARK:
            raise ValueError("a C3D file is wanted; this is none, or is empty. Is its ending right?")
        file.seek(_BLOCK * max(header[0] - 1, 0))
        parameters = file.read(4)
    if len(header) < _BLOCK or len(parameters) < 4:
        raise ValueError("a whole C3D file is wanted; it ends in its header. Write it again.")
    order = ">" if parameters[3] == _BIG_ENDIAN else "<"
    points, analog, first, last, _, scale, begin = struct.unpack(f"{order}5HfH", header[2:18])
    frames = last - first + 1
    numbers = max(frames, 0) * (4 * points + analog)
    wanted = _BLOCK * max(begin - 1, 0) + numbers * (4 if scale < 0 else 2)
    size = path.stat().st_size
    if size < wanted:
        raise ValueError(f"a whole C3D file is wanted, of {wanted} bytes by its header; got {size}. Was it cut off?")
    return frames if last < _LARGEST_FRAME else 0
