"""The square around a person, turned upright, that the landmark network sees; and what the network's numbers mean."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from niki_tf import skeletons
from niki_tf.vision.detection import sigmoid
from niki_tf.vision.landmark_sigma import landmark_sigma

LANDMARKS = 33
UNKNOWN_TWIST = np.broadcast_to(0.0, [skeletons.NUM_TWISTS, 2])
"""What of twists is said where none are known; not to be written to."""
_INPUT = 256
"""Pixels of the network's picture."""
_GROWTH = 1.25
"""Side of the square over the diameter of the circle that holds the body. Source: MediaPipe's pose graphs."""
_WINDOW, _LEAST_SHOWN = 7, 0.5
"""Cells of the heatmap, along each axis, around a point; and the largest value there that counts."""
_POINTS = {"picture": "Identity", "score": "Identity_1", "heatmap": "Identity_3", "world": "Identity_4"}
"""Names of the network's outputs."""


class Crop(NamedTuple):
    """A square of a picture."""

    center: np.ndarray
    """(2,) pixels."""
    side: float
    """Pixels."""
    angle: float
    """Radians by which its upright is turned from that of the picture, towards the right."""

    def to_picture(self, size: int = _INPUT) -> np.ndarray:
        """(2, 3): pixels (x, y, 1) of the square of `size` pixels to those of the picture."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        turn = self.side / size * np.array([[c, -s], [s, c]])
        return np.concatenate([turn, (self.center - turn @ [size / 2, size / 2])[:, None]], 1)


class Landmarks(NamedTuple):
    """What is seen of one person: the 33 points of BlazePose, or the 29 of `network_landmarks.NetworkLandmarks`."""

    picture: np.ndarray
    """(J, 2) pixels."""
    world: np.ndarray
    """(J, 3) metres from about the hips: to the right and down in the picture, away from the camera."""
    visibility: np.ndarray
    """(J,) from 0 to 1: how likely a point is in the picture and not hidden."""
    presence: np.ndarray
    """(J,) from 0 to 1: how likely a point is in the picture."""
    score: float
    """How likely a person is in the square, 0 to 1."""
    next_crop: Crop
    """Where the person is looked for in the next frame."""
    sigma: np.ndarray
    """(J,) metres, of `world` on each axis; `skeletons.ABSENT` outside the picture."""
    twist: np.ndarray = UNKNOWN_TWIST
    """(23, 2) of SMPL's bones as (cos, sin); (0, 0) where not known."""


def crop_of(center: np.ndarray, edge: np.ndarray) -> Crop:
    """The square about a person.

    Args:
        center: (2,) pixels, the middle of the hips.
        edge: (2,) pixels, in the direction of the head on the circle about it that holds the body.
    """
    x, y = np.asarray(edge, np.float64) - center
    return Crop(np.asarray(center, np.float64), 2.0 * _GROWTH * float(np.hypot(x, y)), float(np.arctan2(x, -y)))


def cut(picture: np.ndarray, crop: Crop, *, size: int = _INPUT) -> np.ndarray:
    """The square of a picture, turned upright, as the network takes it: float32 (1, size, size, 3) from 0 to 1."""
    import cv2  # which solving joints, whose exports may be of images, does not need

    matrix, flags = crop.to_picture(size), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    part = cv2.warpAffine(picture, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return part[None].astype(np.float32) / 255.0


def refined(places: np.ndarray, heatmap: np.ndarray, *, size: int = _INPUT) -> np.ndarray:
    """Places (J, 2) of points, pixels of the network's picture, moved to the middle of what its heatmap shows there.

    That is the mean, weighted by the heatmap, of the cells around the point; points whose heatmap is below one half
    there, or that are outside, stay.

    Args:
        places: (J, 2) pixels.
        heatmap: (H, W, J) logits.
        size: pixels of the network's picture.

    Source: MediaPipe's calculator refine_landmarks_from_heatmap, with the window of the graph pose_landmark.
    """
    cells = heatmap.shape[0]
    middle, found = np.floor(places * cells / size).astype(int), np.array(places, np.float64)
    for k in np.flatnonzero(((middle >= 0) & (middle < cells)).all(1)):
        low, high = np.maximum(middle[k] - _WINDOW // 2, 0), np.minimum(middle[k] + _WINDOW // 2 + 1, cells)
        shown = sigmoid(heatmap[low[1] : high[1], low[0] : high[0], k])
        if shown.max() < _LEAST_SHOWN:
            continue
        across = shown.sum(0) @ np.arange(low[0], high[0])
        down = shown.sum(1) @ np.arange(low[1], high[1])
        found[k] = np.array([across, down]) / shown.sum() * size / cells
    return found


def decode(outputs: Mapping[str, np.ndarray], crop: Crop, *, size: int = _INPUT) -> Landmarks:
    """Landmarks in the picture from what the network gives for a square of it.

    Args:
        outputs: dict of Identity, 39 times x, y, z in pixels of the square and the logits of visibility and presence;
            Identity_1, the score; Identity_3, heatmaps; Identity_4, 39 times x, y, z in metres. The two points after
            the 33 tell the next square.
        crop: the square.
        size: pixels of the network's picture.
    """
    rows = np.asarray(outputs[_POINTS["picture"]], np.float64).reshape(-1, 5)
    world = np.asarray(outputs[_POINTS["world"]], np.float64).reshape(-1, 3)[:LANDMARKS].copy()
    matrix = crop.to_picture(size)
    places = (
        refined(rows[:, :2], np.asarray(outputs[_POINTS["heatmap"]])[0], size=size) @ matrix[:, :2].T + matrix[:, 2]
    )
    world[:, :2] = world[:, :2] @ (matrix[:, :2] * size / crop.side).T
    visibility, presence = sigmoid(rows[:LANDMARKS, 3]), sigmoid(rows[:LANDMARKS, 4])
    return Landmarks(
        picture=places[:LANDMARKS],
        world=world,
        visibility=visibility,
        presence=presence,
        score=float(np.ravel(outputs[_POINTS["score"]])[0]),
        next_crop=crop_of(places[LANDMARKS], places[LANDMARKS + 1]),
        sigma=landmark_sigma(visibility, presence),
    )
