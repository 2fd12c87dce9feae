"""Occlusion sensitivity maps: the error of a pose while a square hides one place of the image after the other.

Source: NIKI, supplementary material, section F, figures 7 and 8; Zeiler and Fergus, Visualizing and understanding
convolutional networks, ECCV 2014, whose classification score is replaced by MPJPE.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from niki_tf.evaluation.tables import Row, text_table

SQUARE, STRIDE = 40 / 224, 40 / 224
"""Side of the square, and its step, as a share of the crop: 40 pixels of 224. Source: section F."""
ALL = "all"
"""The name of the mean over the joints."""

Estimate = Callable[[np.ndarray], np.ndarray]
"""Images (N, S, S, 3) -> joints (N, J, 3), metres, such as `lambda x: model.predict({"image": x})["joints"]`."""


class Maps(NamedTuple):
    """Errors of one method on N images, mm, relative to joint 0; or, where no truth is known, changes."""

    hidden: np.ndarray
    """(N, P, P, J), for each place of the square, row by row."""
    whole: np.ndarray | None
    """(N, J), of the images as they are; None of changes, which are told against the answer for these."""


def corners(size: int) -> list[int]:
    """First pixels of the squares along an axis: six, the last of which may reach beyond the image.

    Example:
        >>> from niki_tf.evaluation import occlusion_maps
        >>> occlusion_maps.corners(224)
        [0, 40, 80, 120, 160, 200]
    """
    count = int(np.ceil(round(1.0 / STRIDE, 9)))
    return [round(place * STRIDE * size) for place in range(count)]


def occluded(image: np.ndarray, *, fill: Any) -> np.ndarray:
    """The image with a square in each place, (P * P, S, S, 3), row by row.

    Args:
        image: (S, S, 3).
        fill: (3,), the value of the square: what the model's normalisation makes 0, its mean times 255.
    """
    side, places = round(SQUARE * len(image)), corners(len(image))
    hidden = np.repeat(np.asarray(image, np.float32)[None], len(places) ** 2, 0)
    for number, (row, column) in enumerate((row, column) for row in places for column in places):
        hidden[number, row : row + side, column : column + side] = fill
    return hidden


def occlusion_map(estimate: Estimate, image: np.ndarray, *, fill: Any, truth: np.ndarray | None = None) -> np.ndarray:
    """Error of each joint for each place of the square, (P, P, J), mm, relative to joint 0.

    Args:
        estimate: see `Estimate`.
        image: (S, S, 3).
        fill: see `occluded`.
        truth: (J, 3) metres; if None, the answer for the whole image, so that the map tells a change, not an error.
    """
    joints = estimate(occluded(image, fill=fill))
    expected = estimate(np.asarray(image, np.float32)[None])[0] if truth is None else truth
    places = len(corners(len(image)))
    return joint_errors(joints, expected).reshape(places, places, -1)


def joint_errors(joints: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Errors (N, J), mm, of joints (N, J, 3) against (J, 3), metres, both relative to joint 0."""
    joints, truth = np.asarray(joints, np.float64), np.asarray(truth, np.float64)
    return 1e3 * np.linalg.norm((joints - joints[:, :1]) - (truth - truth[:1]), axis=-1)


def enlarged(errors: np.ndarray, size: int) -> np.ndarray:
    """Errors (P, P) of each place as a map (size, size), bicubic between the squares' centres, within their range."""
    errors = np.asarray(errors, np.float32)
    whole = round(len(errors) * STRIDE * size)  # the last squares reach beyond the image
    large = cv2.resize(errors, (whole, whole), interpolation=cv2.INTER_CUBIC)
    return np.clip(large[:size, :size], errors.min(), errors.max())


def map_rows(maps: Mapping[str, Maps], *, names: Sequence[str]) -> list[Row]:
    """What the maps of several methods come to, a row a method and joint, the mean over the joints first.

    Args:
        maps: dict of method -> `Maps`.
        names: of the J joints.

    Returns:
        list of dicts: solver, joint, frames, and, in mm, means over the images: whole_mm, of the images as they are,
        mpjpe, over all places of the square, and worst_mm, of the place that is the worst; of changes `change_mm` in
        place of the first two.
    """
    rows = []
    for solver, (hidden, whole) in maps.items():
        columns: dict[str, Any] = {ALL: np.s_[:], **{name: joint for joint, name in enumerate(names)}}
        for joint, which in columns.items():
            errors = _mean_of(hidden, which)
            means = {"change_mm" if whole is None else "mpjpe": errors, "worst_mm": errors.max((1, 2))}
            if whole is not None:
                means = {"whole_mm": _mean_of(whole, which), **means}
            row = {"solver": solver, "joint": joint, "frames": len(hidden)}
            rows.append(row | {name: float(values.mean()) for name, values in means.items()})
    return rows


def _mean_of(errors: np.ndarray, which: Any) -> np.ndarray:
    """Errors (..., J) of one joint, or their mean over all."""
    found = errors[..., which]
    return found.mean(-1) if isinstance(which, slice) else found


def place_rows(maps: Mapping[str, Maps], *, names: Sequence[str]) -> Iterator[Row]:
    """Every number of the maps: picture, counted from 1, solver, row and column of the square, joint, and mm.

    Args:
        maps: dict of method -> `Maps`.
        names: of the J joints.
    """
    for solver, (hidden, _) in maps.items():
        for place, number in np.ndenumerate(hidden):
            picture, row, column, joint = place
            where = {"picture": picture + 1, "solver": solver, "row": row, "column": column}
            yield {**where, "joint": names[joint], "mm": round(float(number), 3)}


def map_tables(rows: Sequence[Row]) -> str:
    """The rows of `map_rows` as a text table."""
    what = "images as they are" if "whole_mm" in rows[0] else "change against the answer for the whole image, no error"
    return f"mm: {what}, mean over the places of the square, the worst place\n{text_table(rows)}"
