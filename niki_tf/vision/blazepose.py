"""BlazePose: people in a picture, and 33 landmarks of each, by networks that are fetched (`niki_tf.assets`)."""

from collections.abc import Sequence

import numpy as np

from niki_tf import assets
from niki_tf.vision import detection, landmark_crop
from niki_tf.vision.detection import Detections
from niki_tf.vision.landmark_crop import Crop, Landmarks
from niki_tf.vision.litert_model import LiteRtModel
from niki_tf.vision.tiles import surroundings, tiles

SIZES = ("heavy", "full", "lite")
"""Of the landmark network, the most accurate first."""

_NEAR = 1.5
"""Sides of a lost person's square in which it is looked for; set by hand."""
_LEAST_SCORE, _MOST_OVERLAP = 0.5, 0.3
"""Of detections. Source: MediaPipe's graph pose_detection."""


class BlazePose:
    """People and their landmarks in pictures.

    Args:
        size: of the landmark network, one of `SIZES`; the most accurate that was fetched if None.
        threads: of the computation.

    Raises:
        FileNotFoundError: a network was not fetched; with the command that does so.
        ImportError: no interpreter is installed.
        ValueError: there is no such size.

    Source: Bazarevsky et al., BlazePose: On-device Real-time Body Pose Tracking, 2020; Grishchenko et al., BlazePose
    GHUM Holistic, 2022. The networks are Google's, under the licence Apache-2.0.
    """

    def __init__(self, size: str | None = None, *, threads: int = 1) -> None:
        if size is not None and size not in SIZES:
            raise ValueError(f"`size` must be one of {', '.join(SIZES)}; got {size!r}.")
        self.size = size or _best_size()
        self._detector = LiteRtModel(assets.path_of("blazepose_detector"), threads=threads)
        self._network = LiteRtModel(assets.path_of(f"blazepose_{self.size}"), threads=threads)

    def detect(self, picture: np.ndarray, *, in_tiles: bool = True, near: Sequence[Crop] = ()) -> Detections:
        """The people in a picture, the most certain first.

        Args:
            picture: uint8 (H, W, 3), red, green, blue.
            in_tiles: look into overlapping square parts of the picture, too, where small people are found.
            near: squares around which to look, too.

        Raises:
            ValueError: `picture` is something else.
        """
        checked_picture(picture)
        height, width = picture.shape[:2]
        parts = tiles(height, width) if in_tiles else tiles(height, width, fractions=())
        around = [surroundings(height, width, center=crop.center, side=_NEAR * crop.side) for crop in near]
        found = detection.joined([self._detect_in(picture, part) for part in [*parts, *around]])
        return detection.suppress(found, most_overlap=_MOST_OVERLAP, blend=False)

    def _detect_in(self, picture: np.ndarray, part: np.ndarray) -> Detections:
        box = detection.letterbox(picture, part, size=self._detector.input_size)
        answer = self._detector(box.image[None])
        found = detection.decode(answer["Identity"][0], answer["Identity_1"][0, :, 0], least=_LEAST_SCORE)
        return box.in_picture(detection.suppress(found, most_overlap=_MOST_OVERLAP, blend=True))

    def landmarks(self, picture: np.ndarray, crop: Crop) -> Landmarks:
        """The landmarks of the person in a square of a picture.

        Args:
            picture: uint8 (H, W, 3), red, green, blue.
            crop: see `landmark_crop.crop_of`; of the first two points of a detection, or `Landmarks.next_crop`.
        """
        size = self._network.input_size
        return landmark_crop.decode(self._network(landmark_crop.cut(picture, crop, size=size)), crop, size=size)


def checked_picture(picture: np.ndarray) -> None:
    """ValueError unless `picture` is uint8 (H, W, 3)."""
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        got = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else type(picture).__name__
        raise ValueError(f"`picture` must be uint8 (H, W, 3), red, green, blue; got {got}. Read it by io.pictures.")


def _best_size() -> str:
    """The most accurate landmark network that was fetched; the first one, whose absence is told, if there is none."""
    absent = assets.missing(f"blazepose_{size}" for size in SIZES)
    return next((size for size in SIZES if f"blazepose_{size}" not in absent), SIZES[0])
