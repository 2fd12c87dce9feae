"""Photographs of annotated persons as examples of a set of images: the crop of each, and what is true of it.

What a set does not tell is NaN: training leaves it out.
"""

import pathlib
from collections.abc import Sequence

import cv2
import numpy as np
import tensorflow as tf

from niki_tf import rotations, skeletons
from niki_tf.camera import FOCAL
from niki_tf.io.annotated_images import AnnotatedPerson
from niki_tf.io.pictures import read_picture

_BOX_SCALE = 1.25
"""How much larger the crop is than the square around the box of a person. Source: published code of HybrIK."""
_COCO = "coco_17"
_NUM_BETAS = 10


def example(person: AnnotatedPerson, folder: pathlib.Path, *, size: int) -> dict[str, np.ndarray]:
    """The example of a person; see `rendered_images.RenderedImages.example`.

    Where no camera is told, it is the model's own, and looks at the middle of the picture.

    Args:
        person: of `io.annotated_images` or `io.pw3d`.
        folder: of the set's pictures.
        size: of the crop, pixels.

    Raises:
        ValueError: the picture is not there, or damaged; names it.
    """
    picture = read_picture(folder / person.file)
    low, high = person.box[:2], person.box[2:]
    middle, width = 0.5 * (low + high), _BOX_SCALE * float((high - low).max())
    center = 0.5 * np.array(picture.shape[1::-1]) if person.center is None else person.center
    joints = _unknown(skeletons.NUM_JOINTS, 3) if person.joints is None else person.joints
    found = {
        "joints": joints - joints[:1],
        "root": joints[0],
        "rotations": _rotations(person),
        "betas": _unknown(_NUM_BETAS) if person.betas is None else person.betas[:_NUM_BETAS],
        "twist": _twist(person),
        "uv": (_seen(person) - middle) / width,
        "image_center": (center - middle) / width,
        "focal": np.array(FOCAL if person.focal is None else person.focal.mean() / width),
    }
    numbers = {name: np.asarray(value, np.float32) for name, value in found.items()}
    return {**numbers, "image": _cropped(picture, middle, width, size), "frame": np.int64(0)}


def _unknown(*shape: int) -> np.ndarray:
    return np.full(shape, np.nan)


def _rotations(person: AnnotatedPerson) -> np.ndarray:
    """Local rotations (24, 3, 3)."""
    if person.poses is None:
        return _unknown(skeletons.NUM_ROTATIONS, 3, 3)
    return rotations.rotvec_to_matrix(tf.constant(person.poses, tf.float32)).numpy()


def _twist(person: AnnotatedPerson) -> np.ndarray:
    """Twists (23, 2)."""
    if person.twist is None:
        return _unknown(skeletons.NUM_TWISTS, 2)
    return np.where((person.twist != 0.0).any(-1, keepdims=True), person.twist, np.nan)


def _seen(person: AnnotatedPerson) -> np.ndarray:
    """Where joints are seen, (29, 2) pixels: by the camera, else those of COCO's points that are joints of SMPL."""
    if person.uv is not None:
        return person.uv
    places, points = _unknown(skeletons.NUM_JOINTS, 2), skeletons.POINT_SETS[_COCO]
    if person.keypoints is not None and len(person.keypoints) == len(points):
        for (x, y, visible), name in zip(person.keypoints, points.points, strict=True):
            if visible > 0 and name in skeletons.SMPL_29.names:
                places[skeletons.SMPL_29.index(str(name))] = x, y
    return places


def _cropped(picture: np.ndarray, middle: np.ndarray, width: float, size: int) -> np.ndarray:
    """The square of a picture with this middle and width, uint8 (size, size, 3), black outside the picture."""
    scale = size / width
    if scale < 1.0:  # pixels between those that are taken count, too
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale)
    shift = 0.5 * size - 0.5 - scale * (middle - 0.5)
    matrix = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])
    return cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_LINEAR)


def check_pictures(people: Sequence[AnnotatedPerson], folder: pathlib.Path) -> None:
    """ValueError unless there are people and the folder holds the picture of the first one."""
    if not people or not (folder / people[0].file).is_file():
        wanted = f"the pictures that are annotated, such as {people[0].file}" if people else "annotated persons"
        raise ValueError(f"`pictures` must be the folder of {wanted}; {folder} has none.")
