"""Persons and subjects."""

import numpy as np
import pytest

from niki_tf import motion
from niki_tf.io.people import Sighting, by_subject, persons


def test_persons_are_in_the_order_in_which_they_appear():
    points = np.ones([2, 3])
    sightings = [
        Sighting(3, "b", 4 * points),
        Sighting(1, "c", 2 * points),
        Sighting(1, "a", points),
        Sighting(2, "c", points),
    ]
    found = persons(sightings, frames=5, fps=10)
    assert [person.person for person in found] == ["c", "a", "b"]
    assert np.isnan(found[0].positions).all((1, 2)).tolist() == [True, False, False, True, True]
    assert {person.fps for person in found} == {10.0}


def test_every_frame_has_the_same_points():
    sightings = [Sighting(0, "", np.ones([2, 3])), Sighting(4, "", np.ones([3, 3]))]
    with pytest.raises(ValueError, match="same points; got 2 of 3 numbers and, in frame 4, 3 of 3"):
        persons(sightings, frames=5)


def subjects(*names):
    positions = np.arange(3.0 * len(names)).reshape(1, -1, 3)
    track = motion.Keypoints(positions, names=names, confidence=positions[..., 0])
    return {one.person: (one.names, one.confidence[0].tolist()) for one in by_subject(track)}


def test_subjects_of_labels():
    assert subjects("LASI", "RASI") == {"": (("LASI", "RASI"), [0, 3])}
    assert subjects("A:LASI", "RASI", "*1") == {"A": (("LASI", "RASI"), [0, 3])}
    assert subjects("A:L", "B:L", "A:R", "free") == {
        "A": (("L", "R"), [0, 6]),
        "B": (("L",), [3]),
        "": (("free",), [9]),
    }
    assert subjects("*1", "*2") == {"": (("*1", "*2"), [0, 3])}
