"""The detector of BlazePose: anchors, what its numbers mean, and one detection for each person (NMS)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_INPUT = 224
"""Pixels of the detector's picture."""
_GRIDS = ((8, 2), (16, 2), (32, 6))
"""Pixels between anchors, and anchors in the same place. Source: MediaPipe's graph pose_detection."""
_MOST_LOGIT = 100.0
"""Scores are clipped there before the exponential."""


class Detections(NamedTuple):
    """People that were found in a picture, N of them."""

    scores: np.ndarray
    """(N,) from 0 to 1."""
    boxes: np.ndarray
    """(N, 4) pixels: left, top, right, bottom of the head."""
    points: np.ndarray
    """(N, 4, 2) pixels: middle of the hips, a point on the circle about it that holds the body, in the direction of
    the head; then the same of the upper body."""

    def __len__(self) -> int:
        return len(self.scores)

    def at(self, chosen: np.ndarray | list[int] | slice) -> "Detections":
        """Some of them."""
        return Detections(self.scores[chosen], self.boxes[chosen], self.points[chosen])


def anchors(size: int = _INPUT) -> np.ndarray:
    """Centres (2254, 2) of the anchors of a picture of 224 pixels, as shares of its width and height."""
    grids = []
    for stride, repeats in _GRIDS:
        along = (np.arange(size // stride) + 0.5) * stride / size
        across, down = np.meshgrid(along, along)
        grids.append(np.repeat(np.stack([across, down], -1).reshape(-1, 2), repeats, 0))
    return np.concatenate(grids)


def decode(numbers: np.ndarray, logits: np.ndarray, *, least: float, size: int = _INPUT) -> Detections:
    """Detections, in pixels of the detector's picture, from what the network gives.

    Args:
        numbers: (A, 12), for each anchor centre and size of the box and the four points, in pixels; all but the size
            relative to the anchor.
        logits: (A,), whose sigmoid is the score.
        least: score of what is kept.
        size: pixels of the picture.
    """
    scores = sigmoid(logits)
    kept = np.flatnonzero(scores >= least)
    pairs = numbers[kept].reshape(-1, 6, 2).astype(np.float64)
    middle, extent = pairs[:, 0] + size * anchors(size)[kept], pairs[:, 1]
    points = pairs[:, 2:] + size * anchors(size)[kept][:, None]
    boxes = np.concatenate([middle - extent / 2, middle + extent / 2], -1)
    return Detections(scores[kept], boxes, points)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), float64."""
    clipped = np.clip(np.asarray(logits, np.float64), -_MOST_LOGIT, _MOST_LOGIT)
    return 1.0 / (1.0 + np.exp(-clipped))


def overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union (N,) of a box (4,) with boxes (N, 4): left, top, right, bottom."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.prod(np.clip(high - low, 0.0, None), -1)
    areas = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None), -1)
    area = np.prod(np.clip(box[2:] - box[:2], 0.0, None))
    return common / np.maximum(areas + area - common, 1e-12)


def suppress(found: Detections, *, most_overlap: float, blend: bool) -> Detections:
    """One detection for each person, the best first.

    Args:
        found: of which several may be of one person.
        most_overlap: intersection over union of boxes from which on two are of one person.
        blend: whether box and points are the mean of all of a person, weighted by score, instead of the best one's.
    """
    left, kept = list(np.argsort(-found.scores, kind="stable")), []
    while left:
        same = overlap(found.boxes[left[0]], found.boxes[left]) >= most_overlap
        same[0] = True
        kept.append(_merged(found, [k for k, one in zip(left, same, strict=True) if one], blend=blend))
        left = [k for k, one in zip(left, same, strict=True) if not one]
    return joined(kept)


def joined(parts: Sequence[Detections]) -> Detections:
    """All detections of several lists."""
    if not parts:
        return Detections(np.zeros(0), np.zeros([0, 4]), np.zeros([0, 4, 2]))
    return Detections(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _merged(found: Detections, group: list[int], *, blend: bool) -> Detections:
    best = found.at(group[:1])
    if not blend:
        return best
    weights = found.scores[group] / found.scores[group].sum()
    boxes, points = (np.tensordot(weights, array[group], 1)[None] for array in (found.boxes, found.points))
    return Detections(best.scores, boxes, points)


class Letterbox(NamedTuple):
    """How a part of a picture lies in the detector's: pixel = scale x (pixel of the picture - corner) + margin."""

    image: np.ndarray
    """(size, size, 3) float32 from -1 to 1; margins are as black as the network was trained with."""
    corner: np.ndarray
    """(2,) pixels of the picture."""
    scale: np.ndarray
    """(2,)."""
    margin: np.ndarray
    """(2,) pixels."""

    def in_picture(self, found: Detections) -> Detections:
        """Detections in pixels of the picture."""
        boxes = (found.boxes.reshape(-1, 2, 2) - self.margin) / self.scale + self.corner
        return Detections(found.scores, boxes.reshape(-1, 4), (found.points - self.margin) / self.scale + self.corner)


def letterbox(picture: np.ndarray, tile: np.ndarray, *, size: int = _INPUT) -> Letterbox:
    """The part of a picture in a tile, as the detector takes it.

    Args:
        picture: uint8 (H, W, 3), red, green, blue.
        tile: (4,) pixels: left, top, right, bottom.
        size: pixels of the detector's picture.
    """
    import cv2  # which solving joints, whose exports may be of images, does not need

    left, top, right, bottom = (int(side) for side in tile)
    part = picture[top:bottom, left:right]
    height, width = part.shape[:2]
    new = [max(round(side * size / max(height, width)), 1) for side in (width, height)]
    small = cv2.resize(part, new, interpolation=cv2.INTER_AREA)
    margin = [(size - side) // 2 for side in new]
    image = np.zeros((size, size, 3), np.float32)
    image[margin[1] : margin[1] + new[1], margin[0] : margin[0] + new[0]] = small
    scale = np.array(new) / (width, height)
    return Letterbox(image / 127.5 - 1.0, np.array([left, top]), scale, np.array(margin))
