"""Makes a set of images with what is true of them, as TFRecord files to train and to measure with: drawn, or real.

Examples:
    python tools/prepare_images.py --source='MOCAP/train/cmu__*' --count=20000 --output=DIR
    python tools/prepare_images.py --source=MOCAP/val --count=32 --clip_frames=32 --seed=1 --output=DIR
    python tools/prepare_images.py --source=MOCAP/val --count=32 --clip_frames=32 --seed=1 --xocc --output=OTHER
    python tools/prepare_images.py --annotations=FILE.json --pictures=DIR --output=DIR

The first draws single images, the second clips of successive frames, the third the same clips cut and covered as
3DPW-XOCC is. The last one crops the persons of a real set: .json files as HybrIK's code lists them, 3DPW's own .pkl,
of both by --set=3dpw_occ those of 3DPW-OCC alone, and by --set=agora AGORA's tables, with poses from the fits in
--parameters; --skip_bad leaves out what cannot be read and names it. Files that are there stay, so that the same
command goes on with a run that was broken off, and one with a larger --count adds to a set. OpenGL draws where pip
install "niki-tf[render]" has been done, else the package's own rasteriser, more slowly.
"""

import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from absl import flags

from niki_tf import data, files
from niki_tf.cli import body_flag, run_record
from niki_tf.data import image_augmentation, image_sets, photographed_images
from niki_tf.data.rendered_images import RenderedImages, Scenes
from niki_tf.io.agora import read_agora
from niki_tf.io.annotated_images import AnnotatedPerson, read_annotations
from niki_tf.io.pw3d import is_occluded, read_pw3d

_SOURCE = flags.DEFINE_multi_string(
    "source", None, "Motion that is drawn, PATH=WEIGHT: a folder, a glob of .npz files, or `made`."
)
_ANNOTATIONS = flags.DEFINE_multi_string("annotations", None, "File of a real set (.json, .pkl); once a file.")
_PICTURES = flags.DEFINE_string("pictures", None, "Folder of the pictures of --annotations.")
_SET = flags.DEFINE_enum(
    "set", None, ["agora", "3dpw_occ"], "What --annotations are of: AGORA's tables; 3DPW, of which 3DPW-OCC is taken."
)
_PARAMETERS = flags.DEFINE_string("parameters", None, "Folder of SMPL's fits that AGORA's tables name.")
_OUTPUT = flags.DEFINE_string("output", None, "Folder of the set.", required=True)
_COUNT = flags.DEFINE_integer("count", None, "Images, or clips of --clip_frames; of real sets all.", lower_bound=1)
_CLIP_FRAMES = flags.DEFINE_integer("clip_frames", 1, "Successive frames of one person.", lower_bound=1)
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 128, "Height and width of the crops, pixels.", lower_bound=16)
_DISTANCE = flags.DEFINE_list("distance", ["6", "12"], "Least and largest distance of the camera, metres.")
_FILE_IMAGES = flags.DEFINE_integer("file_images", 512, "Images of a file, at least a clip.", lower_bound=1)
_XOCC = flags.DEFINE_bool("xocc", default=False, help="Cut and cover the images as 3DPW-XOCC does.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of people, cameras, lights and of what is hidden.", lower_bound=0)
_LEAVE_OUT = flags.DEFINE_multi_string("leave_out", [], "Name of a motion file that is left out; once a file.")
_SKIP_BAD = flags.DEFINE_bool(
    "skip_bad", default=False, help="Leave out files that cannot be read instead of stopping."
)
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
    *("body", "annotations", "pictures", "set", "parameters"),
)


def main(argv: list[str]) -> None:
    """Checks everything, makes what is missing, and says how much there is."""
    if argv[1:]:
        sys.exit(f"prepare_images takes flags only; got {' '.join(argv[1:])}.")
    try:
        skipped, written = _prepared()
        images = len(image_sets.ImageSet(_OUTPUT.value))
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"prepare_images: {error}")
    for message in skipped:
        print(f"left out: {message}")
    print(f"{images:,} images in {_OUTPUT.value}, {written} files of them written now, {len(skipped)} files left out")


def _prepared() -> tuple[list[str], int]:
    """Messages of the files that were left out, and how many files of the set were written."""
    if bool(_SOURCE.value) == bool(_ANNOTATIONS.value):
        raise ValueError("`source`, motion that is drawn, or `annotations` of a real set must be given, one of them.")
    values = run_record.resolved(_NAMES)
    strangers = [flag.name for flag in (_SET, _PARAMETERS) if flag.value and _SOURCE.value]
    if strangers or (_PARAMETERS.value and _SET.value != "agora"):
        raise ValueError(f"`{(strangers or ['parameters'])[0]}` is for --annotations of such a set. Leave it out.")
    run_record.check(_OUTPUT.value, values, free=("count",))
    files.output_folder(_OUTPUT.value)
    return _photographed(values) if _ANNOTATIONS.value else _drawn(values)


def _drawn(values: dict[str, Any]) -> tuple[list[str], int]:
    """`_prepared` of images that are drawn."""
    if _COUNT.value is None:
        raise ValueError("`count` must be given: --count=..., images, or clips of --clip_frames.")
    scenes = Scenes(image_size=_IMAGE_SIZE.value, distance_range=_distances())
    motion = data.load_sources(flags.FLAGS.source, skip_bad=_SKIP_BAD.value, leave_out=_LEAVE_OUT.value)
    images = RenderedImages(motion, body=body_flag.body_data(), scenes=scenes, seed=_SEED.value)
    run_record.write(_OUTPUT.value, values)
    counts = _file_counts()
    starts = np.cumsum([0, *counts]) // _CLIP_FRAMES.value

    def make(number: int) -> Iterator[image_sets.Example]:
        for clip in range(starts[number], starts[number + 1]):
            yield from _clip(images, clip)

    return list(motion.skipped), image_sets.write(pathlib.Path(_OUTPUT.value), counts, make, progress=True)


def _photographed(values: dict[str, Any]) -> tuple[list[str], int]:
    """`_prepared` of a real set."""
    strangers = [flag.name for flag in (_CLIP_FRAMES, _DISTANCE, _XOCC, _LEAVE_OUT) if flag.value != flag.default]
    if strangers or _PICTURES.value is None:
        raise ValueError(
            f"`--{strangers[0]}` is for images that are drawn; got it with --annotations. Leave it out."
            if strangers
            else "`pictures` must be given: --pictures=..., the folder of the pictures of --annotations."
        )
    folder = pathlib.Path(_PICTURES.value)
    people = [person for path in flags.FLAGS.annotations for person in _people(path, folder)][: _COUNT.value]
    photographed_images.check_pictures(people, folder)
    run_record.write(_OUTPUT.value, values)
    counts = [len(people[start : start + _FILE_IMAGES.value]) for start in range(0, len(people), _FILE_IMAGES.value)]
    skipped: list[str] = []

    def make(number: int) -> Iterator[image_sets.Example]:
        first = number * _FILE_IMAGES.value
        for clip, person in enumerate(people[first : first + counts[number]], start=first):
            try:
                found = photographed_images.example(person, folder, size=_IMAGE_SIZE.value)
            except ValueError as error:
                if not _SKIP_BAD.value:
                    raise
                skipped.append(str(error))
            else:
                yield {**found, "clip": clip}

    written = image_sets.write(pathlib.Path(_OUTPUT.value), counts, make, progress=True)
    return skipped, written


def _people(path: str, pictures: pathlib.Path) -> list[AnnotatedPerson]:
    if _SET.value == "agora":
        return read_agora(path, pictures=pictures, parameters=_PARAMETERS.value)
    people = read_pw3d(path) if path.endswith(".pkl") else read_annotations(path)
    return [*filter(is_occluded, people)] if _SET.value == "3dpw_occ" else people


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
    whole, rest = divmod(flags.FLAGS.count, clips)
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
