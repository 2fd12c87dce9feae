"""Builds niki_tf/body/mannequin.npz, the package's body: `python tools/mannequin/build.py` (about half a minute).

Needs the extra `mannequin` (scikit-image, scipy). With the same versions of the libraries the result is the same.
"""

import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from absl import app, flags

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from mannequin.body_arrays import body_arrays  # noqa: E402
from mannequin.figure import figure  # noqa: E402
from mannequin.remeshing import symmetric_surface  # noqa: E402
from mannequin.sizes import edge_length  # noqa: E402
from niki_tf import drawing, files  # noqa: E402

_OUTPUT = flags.DEFINE_string("output", "niki_tf/body/mannequin.npz", "File to write.")
_PICTURE = flags.DEFINE_string("picture", None, "Picture to write: the body from four sides.")


def main(argv: Sequence[str]) -> None:
    """Builds the body, writes its file and, with --picture, a picture of it."""
    if len(argv) > 1:
        raise app.UsageError(f"Unknown argument {argv[1]!r}; use --output and --picture.")
    arrays: dict[str, Any] = body_arrays(*symmetric_surface(figure(), edge_length))
    with files.atomic_write(_OUTPUT.value) as temporary:
        np.savez_compressed(temporary, **arrays)
    print(f"{_OUTPUT.value}: {len(arrays['v_template'])} vertices, {len(arrays['faces'])} faces")
    if _PICTURE.value:
        sides = {"front": 0, "three quarters": 40, "left": 90, "back": 180}
        panels = [
            drawing.render_mesh(arrays["v_template"], arrays["faces"], azimuth=a, elevation=5, extent=2.0)
            for a in sides.values()
        ]
        with files.atomic_write(_PICTURE.value) as temporary:
            cv2.imwrite(str(temporary), drawing.side_by_side(panels, list(sides))[..., ::-1])


if __name__ == "__main__":
    app.run(main)
