"""Makes 3DPW-XOCC of any folder of frames with joints: people partly outside the picture and partly covered by noise.

Examples:
    python tools/make_xocc.py --frames=DIR --labels=FILE --output=DIR
    python tools/make_xocc.py --frames=DIR --labels=FILE --output=DIR --shape=rectangle --box=refit

The first does as the paper's supplementary writes (section I), the second as the published code. FILE (.npz or .json)
holds `joints` (T, J, 2 or 3) of one person in pixels, the third whether a joint is labelled, and optionally `boxes`
(T, 4) and `names` (J,); without names 17 joints are COCO's, 24 and 29 SMPL's. Written are the frames (.png) and
xocc.json: for each frame the clip, the cover, the box and the joints that are hidden. Frames that are there stay, so
that a run that was broken off goes on.
"""

import json
import pathlib
import sys

import cv2
import numpy as np
from absl import flags
from tqdm import tqdm

from niki_tf import files
from niki_tf.data import image_xocc
from niki_tf.io import picture_labels, pictures

_FRAMES = flags.DEFINE_string("frames", None, "Folder of the frames of one video, ordered by name.", required=True)
_LABELS = flags.DEFINE_string("labels", None, "Joints of one person in all frames (.npz, .json).", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "Folder that frames and xocc.json are written to.", required=True)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of all that is random.", lower_bound=0)
_SHAPE = flags.DEFINE_enum("shape", "square", list(image_xocc.SHAPES), "Of the noise; rectangle as published code.")
_BOX = flags.DEFINE_enum("box", "fixed", list(image_xocc.BOXES), "Cut the picture, or refit the box as published code.")
_RECORD = "xocc.json"


def main(argv: list[str]) -> None:
    """Checks everything, writes frames and what was hidden, and says how much."""
    if argv[1:]:
        sys.exit(f"make_xocc takes flags only; got {' '.join(argv[1:])}.")
    try:
        found, written = _made()
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"make_xocc: {error}")
    share = 100 * found.hidden.mean()
    print(f"{written} of {len(found.clip)} frames written to {_OUTPUT.value}, {share:.0f} % of the joints hidden")


def _made() -> tuple[image_xocc.Hidden, int]:
    """What was hidden, and how many frames were written."""
    paths, labels = _frames(), picture_labels.read_labels(_LABELS.value)
    if len(paths) != len(labels.points):
        raise ValueError(f"`labels` must be of all {len(paths)} frames of {_FRAMES.value}; got {len(labels.points)}.")
    output = files.output_folder(_OUTPUT.value)
    if output.resolve() == pathlib.Path(_FRAMES.value).resolve():
        raise ValueError("`output` must be another folder than `frames`, which would be overwritten.")
    height, width = pictures.read_picture(paths[0]).shape[:2]
    found = image_xocc.hide(
        labels.points,
        labels.seen,
        labels.boxes,
        point_set=labels.point_set,
        size=(width, height),
        seed=_SEED.value,
        shape=_SHAPE.value,
        box=_BOX.value,
    )
    _record(output, paths, found)
    return found, sum(_draw(path, output, frame, found) for frame, path in enumerate(tqdm(paths, unit="frame")))


def _frames() -> list[pathlib.Path]:
    """Paths of the frames; ValueError if there are none."""
    folder = pathlib.Path(_FRAMES.value)
    paths = sorted(path for path in folder.glob("*") if pictures.is_picture(path)) if folder.is_dir() else []
    if not paths:
        raise ValueError(f"`frames` must be a folder of pictures; {_FRAMES.value!r} holds none.")
    return paths


def _record(output: pathlib.Path, paths: list[pathlib.Path], found: image_xocc.Hidden) -> None:
    """Writes xocc.json; ValueError if there is one of other settings, whose frames would be mixed with new ones."""
    told = {"seed": _SEED.value, "shape": _SHAPE.value, "box": _BOX.value}
    rows = [
        {
            "file": f"{path.stem}.png",
            **{name: np.round(getattr(found, name)[frame], 2).tolist() for name in ("clip", "cover", "box")},
            "hidden": np.flatnonzero(found.hidden[frame]).tolist(),
        }
        for frame, path in enumerate(paths)
    ]
    text = json.dumps({**told, "frames": rows}, indent=1) + "\n"
    place = output / _RECORD
    if place.is_file() and place.read_text() != text:
        raise ValueError(f"`output` must be a new folder, or one of the same settings; {place} is of others.")
    with files.atomic_write(place) as beside:
        beside.write_text(text)


def _draw(path: pathlib.Path, output: pathlib.Path, frame: int, found: image_xocc.Hidden) -> bool:
    """Writes a frame unless it is there; whether it was written."""
    target = output / f"{path.stem}.png"
    if target.is_file():
        return False
    picture = pictures.read_picture(path)
    cut = _BOX.value == "fixed"
    drawn = image_xocc.draw(picture, found.clip[frame], found.cover[frame], seed=_SEED.value, frame=frame, cut=cut)
    with files.atomic_write(target) as beside:
        cv2.imwrite(str(beside), cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
    return True
