"""From points that were seen of somebody in some frame to one `Keypoints` for each person."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from niki_tf.motion.keypoints import Keypoints


class Sighting(NamedTuple):
    """The points of one person in one frame."""

    frame: int
    person: str
    points: np.ndarray
    """(J, 3) positions, or (J, 4) with confidence; NaN in what was not seen."""


def persons(sightings: Sequence[Sighting], *, frames: int, **common: Any) -> list[Keypoints]:
    """The `Keypoints` of each person over all frames, NaN where the person was not seen.

    Args:
        sightings: in any order.
        frames: number of frames of the file.
        **common: what all persons share, fields of `Keypoints`.

    Returns:
        list in the order in which the persons appear; `person` is empty if there is one only.

    Raises:
        ValueError: no sightings, another number of points, or a person twice in a frame.
    """
    if not sightings:
        raise ValueError(f"there must be at least one person with 3D points; got none in {frames} frames.")
    ordered = sorted(sightings, key=lambda sighting: sighting.frame)
    shape, names = ordered[0].points.shape, list(dict.fromkeys(sighting.person for sighting in ordered))
    arrays = {name: np.full([frames, *shape], np.nan) for name in names}
    taken = set()
    for frame, person, points in ordered:
        if points.shape != shape:
            raise ValueError(
                f"every frame and person must have the same points; got {shape[0]} of {shape[1]} numbers and, in frame "
                f"{frame}, {points.shape[0]} of {points.shape[1]}."
            )
        if (frame, person) in taken:
            raise ValueError(
                f"a person must be once in a frame; got {person or 'the only one'} twice in frame {frame}."
            )
        taken.add((frame, person))
        arrays[person][frame] = points
    return [from_array(arrays[name], person=name if len(names) > 1 else "", **common) for name in names]


def from_array(array: np.ndarray, **fields: Any) -> Keypoints:
    """`Keypoints` of (T, J, 3) positions or (T, J, 4) with confidence; confidence of 0 or NaN means not seen."""
    positions = np.array(array[..., :3], np.float64)
    if array.shape[-1] == 3:
        return Keypoints(positions, **fields)
    confidence = np.nan_to_num(np.asarray(array[..., 3], np.float64))
    positions[confidence <= 0] = np.nan
    return Keypoints(positions, confidence=confidence, **fields)


def by_subject(keypoints: Keypoints) -> list[Keypoints]:
    """One `Keypoints` for each subject of motion capture labels `SUBJECT:NAME`; labels without one stay together.

    Where there is one subject, points without a subject are its own. Unlabelled trajectories, named `*1`, `*2` and so
    on, are left out if anything else is there.
    """
    names = keypoints.names or ()
    if not any(":" in name or name.startswith("*") for name in names):
        return [keypoints]
    labelled = [index for index, name in enumerate(names) if not name.startswith("*")] or list(range(len(names)))
    subject_of = {index: names[index].rpartition(":")[0] for index in labelled}
    subjects = list(dict.fromkeys(subject_of.values()))
    given = [subject for subject in subjects if subject]
    if len(given) < 2:
        return [_part(keypoints, labelled, given[0] if given else keypoints.person)]
    return [_part(keypoints, [i for i in labelled if subject_of[i] == subject], subject) for subject in subjects]


def _part(keypoints: Keypoints, points: list[int], person: str) -> Keypoints:
    """The chosen points of `keypoints`, whose names lose the subject."""
    confidence = None if keypoints.confidence is None else keypoints.confidence[:, points]
    return dataclasses.replace(
        keypoints,
        positions=keypoints.positions[:, points],
        names=tuple((keypoints.names or ())[index].rpartition(":")[2] for index in points),
        confidence=confidence,
        person=person,
    )
