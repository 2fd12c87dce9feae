"""Motion capture files C3D, read by ezc3d (`pip install "niki-tf[c3d]"`)."""

import pathlib
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from niki_tf.io import units
from niki_tf.io.people import by_subject
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


def read_c3d(path: pathlib.Path) -> list[Keypoints]:
    """The subjects of a C3D file: markers with a name, NaN where a marker was not seen (residual -1).

    Up is known only if the file tells how it was drawn (POINT:Y_SCREEN).

    Raises:
        ImportError: ezc3d is not installed.
        ValueError: no C3D file, cut off, or without markers.
    """
    content = _opened(path)
    parameters, points = content["parameters"]["POINT"], content["data"]["points"]
    labels = _labels(parameters)
    left_out = {name for key in _NO_MARKERS for name in _texts(parameters, key)}
    kept = [i for i, name in enumerate(labels[: points.shape[1]]) if name and name not in left_out]
    if not kept or not points.shape[2]:
        raise ValueError(f"markers with names are wanted; got {points.shape[1]} points in {points.shape[2]} frames.")
    positions = np.moveaxis(points[:3, kept], 0, -1).swapaxes(0, 1).astype(np.float64)
    residuals = content["data"]["meta_points"]["residuals"][0, kept].T
    positions[(residuals < 0) | (positions == 0).all(-1)] = np.nan
    names, unit = tuple(labels[i] for i in kept), (_texts(parameters, "UNITS") or [""])[0]
    rate = float(np.ravel(parameters["RATE"]["value"])[0]) if "RATE" in parameters else 0.0
    up = units.axis((_texts(parameters, "Y_SCREEN") or [""])[0])
    fps = rate if rate > 0 else None
    return by_subject(Keypoints(positions, names=names, fps=fps, unit=units.metres(unit), up=up))


def _labels(parameters: Mapping[str, Any]) -> list[str]:
    """Names of all points; those beyond 255 stand in LABELS2, LABELS3 and so on."""
    names = _texts(parameters, "LABELS")
    for number in range(2, 100):
        names += _texts(parameters, f"LABELS{number}")
    return names


def _texts(parameters: Mapping[str, Any], key: str) -> list[str]:
    """The text of a parameter, in a list; empty if it is not there."""
    return [str(value).strip() for value in parameters[key]["value"]] if key in parameters else []


def _opened(path: pathlib.Path) -> Any:
    """The file as ezc3d reads it."""
    try:
        import ezc3d
    except ImportError:
        raise ImportError('C3D files are read by ezc3d, which is not installed: pip install "niki-tf[c3d]"') from None
    told = _number_of_frames(path)
    try:
        content = ezc3d.c3d(str(path))
    except Exception as error:  # ezc3d raises what its C++ code throws
        raise ValueError(f"a whole C3D file is wanted; it cannot be read ({error}). Write it again.") from None
    found = content["data"]["points"].shape[2]
    if found < told:
        raise ValueError(f"there must be {told} frames, as the header tells; got {found}. Was the file cut off?")
    return content


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
