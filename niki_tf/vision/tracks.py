"""The people of a picture or video as arrays over time, the largest first."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from niki_tf.vision.landmark_crop import Landmarks
from niki_tf.vision.tracking import Sighting, extent

LEAST_FRAMES = 5
"""Of a video, in fewer of which a person who is seen does not count: most of these are none."""


class Track(NamedTuple):
    """One person over T frames; see `landmark_crop.Landmarks`."""

    seen: np.ndarray
    """(T,) bool: frames in which the person was seen; all else is NaN in the others."""
    picture: np.ndarray
    """(T, J, 2) pixels."""
    world: np.ndarray
    """(T, J, 3) metres."""
    visibility: np.ndarray
    """(T, J) from 0 to 1."""
    presence: np.ndarray
    """(T, J) from 0 to 1."""
    middle: np.ndarray
    """(T, 2) pixels: of the square in which the person was seen."""
    size: float
    """Area of the person's box, pixels, summed over the frames."""
    sigma: np.ndarray
    """(T, J) metres."""
    twist: np.ndarray
    """(T, 23, 2)."""


def tracks(frames: Iterable[list[Sighting]]) -> list[Track]:
    """The people, the largest first, of the sightings in each frame.

    In videos, people who are seen in fewer than `LEAST_FRAMES` frames are left out.

    Example:
        >>> from niki_tf.vision import tracks
        >>> tracks.tracks([[], []])
        []
    """
    rows: dict[int, list[tuple[int, Landmarks]]] = {}
    count = 0
    for sightings in frames:
        for person, landmarks in sightings:
            rows.setdefault(person, []).append((count, landmarks))
        count += 1
    least = min(LEAST_FRAMES, count)
    found = [_track(one, count) for one in rows.values() if len(one) >= least]
    return sorted(found, key=lambda track: -track.size)


def _track(rows: list[tuple[int, Landmarks]], count: int) -> Track:
    """A person of the rows of frame and landmarks, among so many frames."""
    frames = [frame for frame, _ in rows]

    def spread(values: list[np.ndarray]) -> np.ndarray:
        array = np.full([count, *values[0].shape], np.nan)
        array[frames] = np.stack(values)
        return array

    seen = np.zeros(count, bool)
    seen[frames] = True
    landmarks = [one for _, one in rows]
    return Track(
        seen=seen,
        picture=spread([one.picture for one in landmarks]),
        world=spread([one.world for one in landmarks]),
        visibility=spread([one.visibility for one in landmarks]),
        presence=spread([one.presence for one in landmarks]),
        middle=spread([one.next_crop.center for one in landmarks]),
        size=float(sum(extent(one)[1] ** 2 for one in landmarks)),
        sigma=spread([one.sigma for one in landmarks]),
        twist=spread([one.twist for one in landmarks]),
    )


def without_person(seen: np.ndarray) -> list[tuple[int, int]]:
    """First and last number of each run of frames in which a person was not seen; `seen` (T,) bool.

    Example:
        >>> import numpy as np
        >>> from niki_tf.vision import tracks
        >>> tracks.without_person(np.array([False, True, False, False]))
        [(0, 0), (2, 3)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[True], seen, [True]]).astype(int)))
    return [(int(first), int(last) - 1) for first, last in zip(edges[::2], edges[1::2], strict=True)]
