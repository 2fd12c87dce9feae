"""People from frame to frame: followed by their landmarks, looked for again at intervals and when one is lost."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from niki_tf.vision.detection import Detections
from niki_tf.vision.landmark_crop import Crop, Landmarks, crop_of

INTERVAL = 15
"""Frames after which people are looked for again."""
_LEAST_SCORE = 0.5
"""Of landmarks, below which a person is lost. Source: MediaPipe's graph pose_landmark_by_roi."""
_CERTAIN, _LEAST_NEW_SCORE, _ROUNDS = 0.8, 0.9, 3
"""Score of a detection that needs no proof; of others, that of the landmarks in each of three squares, each where the
one before says. The networks see people in feet and cameras; by trial on frames of a clip of two persons."""
_SAME = 0.15
"""Distance of landmarks, as a share of the person's size, within which two persons are one; by trial."""
_RETURN_FRAMES, _RETURN_DISTANCE = 90, 0.75
"""Frames within which, and shares of the person's size from the place where it was lost within which, a person who is
found is taken to be the one who was lost; set by hand."""


Tell = Callable[[np.ndarray, Landmarks], Landmarks]
"""From a picture, uint8 (H, W, 3), and the landmarks of a person in it to others of the same person."""


class Estimator(Protocol):
    """What finds people and their landmarks, such as `blazepose.BlazePose`."""

    def detect(self, picture: np.ndarray, *, in_tiles: bool = True, near: Sequence[Crop] = ()) -> Detections:
        """The people in a picture."""

    def landmarks(self, picture: np.ndarray, crop: Crop) -> Landmarks:
        """The landmarks of the person in a square of it."""


class Sighting(NamedTuple):
    """A person in a frame."""

    person: int
    """Number, the same in all frames."""
    landmarks: Landmarks


@dataclasses.dataclass
class _Track:
    """A person who was seen."""

    person: int
    crop: Crop
    frame: int
    """The last one in which the person was seen."""
    landmarks: Landmarks


class Tracker:
    """Follows the people of a video.

    Args:
        estimator: that is asked.
        interval: frames after which people are looked for again.
        tell: function of a frame and the landmarks of a person in it that gives others, such as
            `network_landmarks.NetworkLandmarks`, which are what sightings hold; people are followed by the former.

    Raises:
        ValueError: `interval` is below 1.
    """

    def __init__(self, estimator: Estimator, *, interval: int = INTERVAL, tell: Tell | None = None) -> None:
        if interval < 1:
            raise ValueError(f"`interval` must be 1 frame or more; got {interval}.")
        self._estimator, self._interval, self._tell = estimator, interval, tell or (lambda _, landmarks: landmarks)
        self._tracks: list[_Track] = []
        self._lost: list[_Track] = []
        self._frame, self._people = -1, 0

    def __call__(self, picture: np.ndarray) -> list[Sighting]:
        """The people in the next frame, uint8 (H, W, 3)."""
        self._frame += 1
        lost = self._follow(picture)
        again = self._frame % self._interval == 0
        if again or lost or not self._tracks:
            self._look_for_others(picture, in_tiles=again, near=lost)
        return [Sighting(track.person, self._tell(picture, track.landmarks)) for track in self._tracks]

    def _follow(self, picture: np.ndarray) -> list[Crop]:
        """Finds those who were there in the last frame, and gives the squares of those who are not any more."""
        kept: list[_Track] = []
        lost: list[Crop] = []
        for track in self._tracks:
            found = self._estimator.landmarks(picture, track.crop)
            if found.score < _LEAST_SCORE or any(same_person(found, other.landmarks) for other in kept):
                self._lost.append(track)
                lost.append(track.crop)
            else:
                kept.append(_Track(track.person, found.next_crop, self._frame, found))
        self._tracks = kept
        self._lost = [track for track in self._lost if self._frame - track.frame <= _RETURN_FRAMES]
        return lost

    def _look_for_others(self, picture: np.ndarray, *, in_tiles: bool, near: Sequence[Crop]) -> None:
        """Adds those whom nobody follows yet."""
        found = self._estimator.detect(picture, in_tiles=in_tiles, near=near)
        for score, points in zip(found.scores, found.points, strict=True):
            crop = crop_of(points[0], points[1])
            if any(_same_crop(crop, track.crop) for track in self._tracks):
                continue
            landmarks = self._settled(picture, crop, is_certain=score >= _CERTAIN)
            if landmarks is not None:
                self._tracks.append(_Track(self._number(landmarks), landmarks.next_crop, self._frame, landmarks))

    def _settled(self, picture: np.ndarray, crop: Crop, *, is_certain: bool) -> Landmarks | None:
        """Landmarks of a person who was found, in a square that fits; None if it is nobody, or somebody followed."""
        for _ in range(_ROUNDS):
            landmarks = self._estimator.landmarks(picture, crop)
            known = any(same_person(landmarks, track.landmarks) for track in self._tracks)
            if known or (landmarks.score < _LEAST_NEW_SCORE and not is_certain):
                return None
            crop = landmarks.next_crop
        return landmarks if landmarks.score >= _LEAST_SCORE else None

    def _number(self, landmarks: Landmarks) -> int:
        """Of the person who was lost nearby, or a new one."""
        center, _ = extent(landmarks)
        away = [_distance(center, track.landmarks) for track in self._lost]
        if away and min(away) < _RETURN_DISTANCE:
            return self._lost.pop(int(np.argmin(away))).person
        self._people += 1
        return self._people - 1


def same_person(one: Landmarks, other: Landmarks) -> bool:
    """Whether landmarks are so close to each other that they are of one person."""
    size = min(extent(one)[1], extent(other)[1])
    return float(np.linalg.norm(one.picture - other.picture, axis=-1).mean()) < _SAME * size


def _same_crop(one: Crop, other: Crop) -> bool:
    """Whether two squares are so alike that they are of one person."""
    side = min(one.side, other.side)
    return bool(np.hypot(*(one.center - other.center)) < _SAME * side) and max(one.side, other.side) < 1.5 * side


def _distance(center: np.ndarray, landmarks: Landmarks) -> float:
    """Distance of a place from a person, in sizes of that person."""
    middle, size = extent(landmarks)
    return float(np.hypot(*(center - middle))) / size


def extent(landmarks: Landmarks) -> tuple[np.ndarray, float]:
    """Centre (2,) and size, the diagonal of the box, pixels, of a person's landmarks."""
    low, high = landmarks.picture.min(0), landmarks.picture.max(0)
    return (low + high) / 2, max(float(np.hypot(*(high - low))), 1e-6)
