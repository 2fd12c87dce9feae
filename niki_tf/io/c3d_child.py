"""A C3D file to an .npz file, run as a process of its own: `python c3d_child.py IN.c3d OUT.npz`.

ezc3d believes the counts that stand in a file: a single wrong byte can end its process, or have it take all memory.
This file imports nothing of the package, whose import would take longer than the reading.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

_SPARE, _FOR_EACH_BYTE = 4 << 30, 64
"""Bytes of memory that the process may take, and further ones for each byte of the file."""


def main(path: str, output: str) -> None:
    """Writes `points` (4, J, T), `residuals` (J, T) and `parameters`, those of POINT in JSON, to `output`."""
    _limit_memory(_SPARE + _FOR_EACH_BYTE * os.path.getsize(path))
    import ezc3d

    try:
        content = ezc3d.c3d(path)
        arrays = {
            "points": content["data"]["points"],
            "residuals": content["data"]["meta_points"]["residuals"][0],
            "parameters": np.array(json.dumps(_values(content["parameters"]["POINT"]))),
        }
    except Exception as error:  # ezc3d raises what its C++ code throws
        sys.exit(" ".join(str(error).split()) or type(error).__name__)
    np.savez(output, **arrays)


def _values(group: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Name -> values of the parameters of a group."""
    return {name: np.ravel(told["value"]).tolist() for name, told in group.items() if "value" in told}


def _limit_memory(most: int) -> None:
    """Lets the process take so many bytes, where the system has such a limit."""
    try:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    except (ImportError, ValueError, OSError):
        return


if __name__ == "__main__":
    main(*sys.argv[1:])
