"""Draws a set of images with all that is true of them, as TFRecord files to train and to measure with.

Examples:
    python tools/prepare_images.py --source='MOCAP/train/cmu__*' --count=20000 --output=DIR
    python tools/prepare_images.py --source=MOCAP/val --count=32 --clip_frames=32 --seed=1 --output=DIR
    python tools/prepare_images.py --source=MOCAP/val --count=32 --clip_frames=32 --seed=1 --xocc --output=OTHER

The first draws single images, the second clips of successive frames, the third the same clips cut and covered as
3DPW-XOCC is. Files that are there stay, so that the same command goes on with a run that was broken off, and one with a
larger --count adds to a set. OpenGL draws where pip install "niki-tf[render]" has been done, else the package's own
rasteriser, more slowly.
"""

import pathlib
import sys
from collections.abc import Iterator

import numpy as np
from absl import flags

from niki_tf import data, files
from niki_tf.cli import body_flag, run_record
from niki_tf.data import image_augmentation, image_sets
from niki_tf.data.rendered_images import RenderedImages, Scenes

_SOURCE = flags.DEFINE_multi_string(
    "source", None, "Motion that is shown, PATH=WEIGHT: a folder, a glob of .npz files, or `made`.", required=True
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder of the set.", required=True)
_COUNT = flags.DEFINE_integer("count", None, "Images, or clips of --clip_frames.", required=True, lower_bound=1)
_CLIP_FRAMES = flags.DEFINE_integer("clip_frames", 1, "Successive frames of one person.", lower_bound=1)
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 128, "Height and width of the crops, pixels.", lower_bound=16)
_DISTANCE = flags.DEFINE_list("distance", ["6", "12"], "Least and largest distance of the camera, metres.")
_FILE_IMAGES = flags.DEFINE_integer("file_images", 512, "Images of a file, at least a clip.", lower_bound=1)
_XOCC = flags.DEFINE_bool("xocc", default=False, help="Cut and cover the images as 3DPW-XOCC does.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of people, cameras, lights and of what is hidden.", lower_bound=0)
_LEAVE_OUT = flags.DEFINE_multi_string("leave_out", [], "Name of a motion file that is left out; once a file.")
_SKIP_BAD = flags.DEFINE_bool("skip_bad", default=False, help="Leave bad motion files out instead of stopping.")
flags.adopt_module_key_flags(body_flag)
_NAMES = (
    *(
        "source",
        "leave_out",
        "skip_bad",
        "count",
        "clip_frames",
        "image_size",
        "distance",
        "file_images",
        "xocc",
        "seed",
    ),
    "body",
)


def main(argv: list[str]) -> None:
    """Checks everything, draws what is missing, and says how much there is."""
    if argv[1:]:
        sys.exit(f"prepare_images takes flags only; got {' '.join(argv[1:])}.")
    try:
        skipped, written = _prepared()
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"prepare_images: {error}")
    for message in skipped:
        print(f"left out: {message}")
    images = _COUNT.value * _CLIP_FRAMES.value
    print(f"{images:,} images in {len(_file_counts())} files, {written} of them written now, in {_OUTPUT.value}")


def _prepared() -> tuple[tuple[str, ...], int]:
    """Messages of the motion files that were left out, and how many files were written."""
    values = run_record.resolved(_NAMES)
    run_record.check(_OUTPUT.value, values, free=("count",))
    scenes = Scenes(image_size=_IMAGE_SIZE.value, distance_range=_distances())
    files.output_folder(_OUTPUT.value)
    motion = data.load_sources(_SOURCE.value, skip_bad=_SKIP_BAD.value, leave_out=_LEAVE_OUT.value)
    images = RenderedImages(motion, body=body_flag.body_data(), scenes=scenes, seed=_SEED.value)
    run_record.write(_OUTPUT.value, values)
    counts = _file_counts()
    starts = np.cumsum([0, *counts]) // _CLIP_FRAMES.value

    def make(number: int) -> Iterator[image_sets.Example]:
        for clip in range(starts[number], starts[number + 1]):
            yield from _clip(images, clip)

    return motion.skipped, image_sets.write(pathlib.Path(_OUTPUT.value), counts, make, progress=True)


def _distances() -> tuple[float, float]:
    try:
        low, high = map(float, _DISTANCE.value)
    except ValueError:
        raise ValueError(f"`distance` must be two numbers, such as 6,12; got {','.join(_DISTANCE.value)}.") from None
    return low, high


def _file_counts() -> list[int]:
    """Images of each file, which holds whole clips."""
    frames = _CLIP_FRAMES.value
    clips = max(1, _FILE_IMAGES.value // frames)
    whole, rest = divmod(_COUNT.value, clips)
    return [clips * frames] * whole + [rest * frames] * (rest > 0)


def _clip(images: RenderedImages, number: int) -> Iterator[image_sets.Example]:
    """The examples of a clip, hidden in part if that is wanted."""
    examples = list(images.clip(number, frames=_CLIP_FRAMES.value))
    pictures = np.stack([example["image"] for example in examples])
    if _XOCC.value:
        uv = np.stack([example["uv"] for example in examples])
        pictures, _ = image_augmentation.hide_clip(pictures, uv, seed=_hiding_seed(number))
    for example, picture in zip(examples, pictures, strict=True):
        yield {**example, "image": picture, "clip": number}


def _hiding_seed(number: int) -> int:
    """Of what is hidden of a clip."""
    return int(np.random.SeedSequence([_SEED.value, number]).generate_state(1)[0])
