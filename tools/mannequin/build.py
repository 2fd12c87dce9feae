"""Makes niki_tf/body/mannequin.npz, the package's own body: `python tools/mannequin/build.py` (about half a minute).

Needs the extra `mannequin` (scikit-image, scipy). The same libraries give the same file every time.
"""

import pathlib
import sys

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


def main(argv):
    """Builds, writes and reports."""
    if len(argv) > 1:
        raise app.UsageError(f"Unknown argument {argv[1]!r}; use --output and --picture.")
    arrays = body_arrays(*symmetric_surface(figure(), edge_length))
    with files.atomic_write(_OUTPUT.value) as beside:
        np.savez_compressed(beside, **arrays)
    print(f"{_OUTPUT.value}: {len(arrays['v_template'])} vertices, {len(arrays['faces'])} faces")
    if _PICTURE.value:
        sides = {"front": 0, "three quarters": 40, "left": 90, "back": 180}
        panels = [
            drawing.render_mesh(arrays["v_template"], arrays["faces"], azimuth=a, elevation=5, extent=2.0)
            for a in sides.values()
        ]
        with files.atomic_write(_PICTURE.value) as beside:
            cv2.imwrite(str(beside), drawing.side_by_side(panels, list(sides))[..., ::-1])


if __name__ == "__main__":
    app.run(main)
