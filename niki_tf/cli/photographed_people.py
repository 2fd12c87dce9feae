"""The largest person of photographs as examples of images, found by BlazePose or in a box that is given."""

import pathlib
from collections.abc import Sequence

import numpy as np

from niki_tf.data import photographed_images
from niki_tf.data.image_sets import Example
from niki_tf.io import pictures
from niki_tf.io.annotated_images import AnnotatedPerson, told_box
from niki_tf.vision import Tracker, tracks
from niki_tf.vision.network_landmarks import VISIBLE


def example(path: pathlib.Path, *, size: int, box: Sequence[str] | None = None) -> Example:
    """The crop of a person, of whom nothing else is known; the camera is the model's own.

    Args:
        path: of the picture.
        size: of the crop, pixels.
        box: left, top, right, bottom, pixels; BlazePose looks for the largest person if it is None.

    Raises:
        ValueError: the picture cannot be read, nobody was found, or the box is none.
        FileNotFoundError: BlazePose was not fetched.
        ImportError: ai-edge-litert is not installed.
    """
    image = pictures.read_picture(path)
    low, high = _found(image, path) if box is None else _told(box)
    extent = (image.shape[1], image.shape[0])
    person = AnnotatedPerson(file=path.name, box=told_box(low, high, extent))
    return photographed_images.example(person, path.parent, size=size)


def _told(box: Sequence[str]) -> np.ndarray:
    """The corners (2, 2) of a box."""
    try:
        return np.array([float(number) for number in box]).reshape(2, 2)
    except ValueError:
        raise ValueError(f"`box` must be left,top,right,bottom in pixels; got {','.join(box)}.") from None


def _found(image: np.ndarray, path: pathlib.Path) -> np.ndarray:
    """The corners (2, 2) around the landmarks of the largest person that are seen."""
    from niki_tf.vision.blazepose import BlazePose

    people = tracks.tracks([Tracker(BlazePose())(image)])
    if not people:
        raise ValueError(f"`picture` must show a person; none was found in {path}. Give --box.")
    seen = people[0].picture[0][people[0].visibility[0] >= VISIBLE]
    if not len(seen):
        raise ValueError(f"`picture` must show a person; hardly anything of one was found in {path}. Give --box.")
    return np.stack([seen.min(0), seen.max(0)])
