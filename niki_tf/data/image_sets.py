"""Sets of images with all that is true of them: TFRecord files that are written once and read in any order.

A set is a folder of files `images-00000.tfrecord`, and so on, of tf.train.Example: `image` (PNG), the numbers of
`NUMBERS` as floats, NaN where they are not known, `clip` and `frame`. `images.json` tells that it is whole, and its
files' counts.
"""

import itertools
import json
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import cv2
import numpy as np
import tensorflow as tf
import tqdm

from niki_tf import files, skeletons

NUMBERS: dict[str, tuple[int, ...]] = {
    "joints": (skeletons.NUM_JOINTS, 3),
    "root": (3,),
    "rotations": (skeletons.NUM_ROTATIONS, 3, 3),
    "betas": (-1,),
    "twist": (skeletons.NUM_TWISTS, 2),
    "uv": (skeletons.NUM_JOINTS, 2),
    "image_center": (2,),
    "focal": (),
}
"""Names and shapes of what is true of an image; see `rendered_images.RenderedImages.example`."""

Example = Mapping[str, Any]
"""`image` uint8 (S, S, 3), the names of `NUMBERS`, and the whole numbers clip and frame."""

_INDEX = "images.json"
_LENGTH, _CHECKSUM = 8, 4
"""Bytes before the data of a record (length, its checksum) and behind them (a checksum)."""
_LARGEST = 2**24
"""Bytes of a record or of images.json."""


def write(
    folder: str | os.PathLike,
    counts: Iterable[int],
    make: Callable[[int], Iterable[Example]],
    *,
    progress: bool = False,
) -> int:
    """Writes the files of a set that are not there yet, each whole or not at all, and gives how many were written.

    Args:
        folder: is made if it is missing; files in it that were to have another number of images are written anew.
        counts: images of each file.
        make: function of the number of a file that gives its examples, fewer if some are left out.
        progress: show a progress bar.

    Raises:
        ValueError: a file would get more images, or none, or the disk has no room for as many as the first one.
    """
    counts, told = list(counts), _told(folder)
    told = [*told[: len(counts)], *[None] * (len(counts) - len(told))]
    for number, count in enumerate(counts):
        if not _is_whole(folder, number, told[number], count):
            told[number] = None
    absent = [number for number, one in enumerate(told) if one is None]
    done = sum(count for count, one in zip(counts, told, strict=True) if one is not None)
    with tqdm.tqdm(total=sum(counts), initial=done, unit="image", disable=not progress) as bar:
        for number in absent:
            written = _write_file(_path(folder, number), make(number), counts[number], bar)
            told[number] = [counts[number], written]
            _write_index(folder, told)
            if number == absent[0]:
                size = _path(folder, number).stat().st_size
                files.check_space(folder, (len(absent) - 1) * size, name="output")
    _write_index(folder, told)
    return len(absent)


def _write_file(path: pathlib.Path, examples: Iterable[Example], count: int, bar: tqdm.tqdm) -> int:
    written = 0
    with files.atomic_write(path) as beside:
        with tf.io.TFRecordWriter(str(beside)) as writer:
            for example in examples:
                writer.write(_encoded(example))
                written += 1
                bar.update()
        if not 0 < written <= count:
            raise ValueError(f"`make` must give 1 to {count} examples of {path.name}; got {written}.")
    return written


def _write_index(folder: str | os.PathLike, told: list[list[int] | None]) -> None:
    """Writes how many images each file was to have, and how many it has."""
    with files.atomic_write(pathlib.Path(folder) / _INDEX) as beside:
        beside.write_text(json.dumps({"files": told}) + "\n")


def _is_whole(folder: str | os.PathLike, number: int, told: list[int] | None, count: int) -> bool:
    """Whether a file is there as it was written, and was to have as many images as it is to have now."""
    try:
        return told is not None and told[0] == count and bool(_places(_path(folder, number), told[1]))
    except ValueError:
        return False


class ImageSet:
    """The images of a folder, by number.

    Args:
        folder: of a set that is whole.

    Raises:
        ValueError: it is none, or a file is damaged; names it.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = pathlib.Path(folder)
        self._places: list[tuple[pathlib.Path, int, int]] = []
        for number, count in enumerate(_counts(self.folder)):
            self._places += _places(_path(self.folder, number), count)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> dict[str, np.ndarray]:
        """The example of a number."""
        path, start, size = self._places[number]
        try:
            with path.open("rb") as file:
                file.seek(start)
                return _decoded(file.read(size))
        except (ValueError, IndexError, cv2.error) as error:
            raise ValueError(
                f"{path}: a whole record is wanted at byte {start} ({_short(error)}). Make it anew."
            ) from None

    def clips(self) -> Iterator[list[dict[str, np.ndarray]]]:
        """The examples of each clip, in their order."""
        examples = (self[number] for number in range(len(self)))
        return (list(clip) for _, clip in itertools.groupby(examples, key=lambda example: int(example["clip"])))


def _path(folder: str | os.PathLike, number: int) -> pathlib.Path:
    return pathlib.Path(folder) / f"images-{number:05d}.tfrecord"


def _told(folder: str | os.PathLike) -> list[list[int] | None]:
    """Of each file how many images it was to have, and how many it has; None if it has not been written."""
    index = pathlib.Path(folder) / _INDEX
    try:
        if index.stat().st_size > _LARGEST:
            return []
        told = json.loads(index.read_text())["files"]
        return [one if _is_pair(one) else None for one in told]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def _is_pair(one: Any) -> bool:
    return isinstance(one, list) and len(one) == 2 and all(isinstance(count, int) and count > 0 for count in one)


def _counts(folder: pathlib.Path) -> list[int]:
    """Images of each file of a set; ValueError if it is not finished."""
    told = _told(folder)
    if not told or not all(told):
        raise ValueError(
            f"`images` must be a folder of images that prepare_images has finished; {folder} has no whole {_INDEX}."
        )
    return [one[1] for one in told if one]


def _places(path: pathlib.Path, count: int) -> list[tuple[pathlib.Path, int, int]]:
    """File, first byte and size of each record of a file."""
    places, start = [], 0
    try:
        end = path.stat().st_size
        with path.open("rb") as file:
            while start < end:
                file.seek(start)
                size = int.from_bytes(file.read(_LENGTH), "little")
                places.append((path, start + _LENGTH + _CHECKSUM, size))
                start += _LENGTH + size + 2 * _CHECKSUM
    except OSError as error:
        raise ValueError(f"{path}: it cannot be read ({error.strerror}). Make the set anew.") from None
    if start != end or len(places) != count:
        raise ValueError(f"{path}: a whole file of {count} records is wanted. Remove it and make the set anew.")
    return places


def _encoded(example: Example) -> bytes:
    _, png = cv2.imencode(".png", cv2.cvtColor(example["image"], cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    feature = {"image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[png.tobytes()]))}
    for name in NUMBERS:
        values = np.ravel(example[name]).tolist()
        feature[name] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
    for name in ("clip", "frame"):
        feature[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[int(example[name])]))
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def _decoded(record: bytes) -> dict[str, np.ndarray]:
    try:
        feature = tf.train.Example.FromString(record).features.feature
    except Exception as error:  # protobuf's own class, which moves between its versions
        raise ValueError(str(error)) from None
    image = cv2.imdecode(np.frombuffer(feature["image"].bytes_list.value[0], np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("no picture")
    found = {"image": cv2.cvtColor(image, cv2.COLOR_BGR2RGB)}
    for name, shape in NUMBERS.items():
        found[name] = np.array(feature[name].float_list.value, np.float32).reshape(shape)
    return found | {name: np.int64(feature[name].int64_list.value[0]) for name in ("clip", "frame")}


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
