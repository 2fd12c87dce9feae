"""Following people: an estimator that knows where made people are, but finds only what it is asked for."""

import numpy as np
import pytest

from niki_tf.vision import tracks
from niki_tf.vision.detection import Detections
from niki_tf.vision.landmark_crop import Landmarks, crop_of
from niki_tf.vision.tracking import Tracker

PICTURE = np.zeros([4, 4, 3], np.uint8)
SHAPE = np.random.default_rng(0).uniform(-40, 40, [33, 2])


class Scene:
    """People at places (frame -> list of (x, y)), who are found by a detector or in a square about them.

    Args:
        places: for each frame where people are.
        hidden: places whose detection fails.
        score: of detections.
    """

    def __init__(self, places, *, hidden=(), score=0.95, landmark_score=1.0):
        self.places, self.frame, self.asked = places, 0, []
        self.hidden, self.score, self.landmark_score = hidden, score, landmark_score

    def detect(self, picture, *, in_tiles=True, near=()):
        self.asked.append((self.frame, in_tiles, len(near)))
        found = [place for place in self.places[self.frame] if place not in self.hidden]
        centers = np.array(found, float).reshape(-1, 1, 2)
        points = np.concatenate([centers, centers - [0, 40], centers, centers], 1)
        return Detections(np.full(len(found), self.score), np.zeros([len(found), 4]), points)

    def landmarks(self, picture, crop):
        people = np.array(self.places[self.frame], float).reshape(-1, 2)
        away = np.linalg.norm(people - crop.center, axis=-1)
        if not len(people) or away.min() > 40:
            return _landmarks(crop.center, 0.0)
        return _landmarks(people[np.argmin(away)], self.landmark_score)


def _landmarks(center, score):
    crop = crop_of(center, center - [0, 40])
    return Landmarks(center + SHAPE, np.zeros([33, 3]), np.ones(33), np.ones(33), score, crop, np.ones(33))


def _followed(scene, **settings):
    tracker, found = Tracker(scene, **settings), []
    for frame in range(len(scene.places)):
        scene.frame = frame
        found.append({sighting.person: sighting.landmarks.next_crop.center.tolist() for sighting in tracker(PICTURE)})
    return found


def test_people_keep_their_numbers_while_they_move():
    places = [[(100 + 5 * k, 100), (300 - 5 * k, 140)] for k in range(40)]
    scene = Scene(places)
    found = _followed(scene)
    assert all(set(frame) == {0, 1} for frame in found)
    assert [frame[0] for frame in found] == [list(map(float, place[0])) for place in places]
    assert [(frame, tiles) for frame, tiles, _ in scene.asked] == [(0, True), (15, True), (30, True)]


def test_who_is_lost_is_looked_for_at_once_and_is_the_same_when_back():
    there = [(100, 100)]
    places = [there] * 4 + [[]] * 3 + [[(110, 100)]] * 4
    scene = Scene(places)
    found = _followed(scene)
    assert [sorted(frame) for frame in found] == [[0]] * 4 + [[]] * 3 + [[0]] * 4
    assert scene.asked[1] == (4, False, 1)  # the square where the person was lost
    assert [frame for frame, _, _ in scene.asked] == [0, 4, 5, 6, 7]


def test_somebody_who_comes_elsewhere_is_another():
    places = [[(100, 100)]] * 3 + [[]] * 2 + [[(400, 100)]] * 3
    assert [sorted(frame) for frame in _followed(Scene(places))] == [[0]] * 3 + [[]] * 2 + [[1]] * 3


def test_who_joins_is_found_at_the_next_look():
    places = [[(100, 100)]] * 3 + [[(100, 100), (300, 100)]] * 20
    found = _followed(Scene(places), interval=5)
    assert [len(frame) for frame in found] == [1] * 5 + [2] * 18


def test_two_who_become_one_are_one():
    places = [[(100 + 8 * k, 100), (228 - 8 * k, 100)] for k in range(8)] + [[(160, 100)]] * 3
    found = _followed(Scene(places))
    assert len(found[0]) == 2
    assert len(found[-1]) == 1


def test_an_uncertain_detection_must_be_proved_by_landmarks():
    places = [[(100, 100)]] * 2
    assert [len(frame) for frame in _followed(Scene(places, score=0.6, landmark_score=0.85))] == [0, 0]
    assert [len(frame) for frame in _followed(Scene(places, score=0.6, landmark_score=0.95))] == [1, 1]
    assert [len(frame) for frame in _followed(Scene(places, score=0.85, landmark_score=0.85))] == [1, 1]
    assert [len(frame) for frame in _followed(Scene(places, score=0.85, landmark_score=0.4))] == [0, 0]


def test_an_empty_video_is_looked_at_in_tiles_now_and_then():
    scene = Scene([[]] * 20)
    assert not any(_followed(scene))
    assert [tiles for _, tiles, _ in scene.asked] == [k % 15 == 0 for k in range(20)]


def test_others_may_tell_of_people_who_are_followed_all_the_same():
    places = [[(100 + 5 * k, 100)] for k in range(20)]

    def tell(picture, landmarks):
        assert picture is PICTURE
        return landmarks._replace(picture=landmarks.picture[:29] + 1000.0, next_crop=crop_of(np.zeros(2), np.ones(2)))

    scene = Scene(places)
    tracker = Tracker(scene, tell=tell)
    for frame, ((x, y),) in enumerate(places):
        scene.frame = frame
        (sighting,) = tracker(PICTURE)
        assert sighting.person == 0
        np.testing.assert_allclose(sighting.landmarks.picture, [x + 1000, y + 1000] + SHAPE[:29])


def test_a_bad_interval_is_told():
    with pytest.raises(ValueError, match="`interval` must be 1 frame or more; got 0"):
        Tracker(Scene([]), interval=0)


def test_tracks_are_arrays_with_the_largest_first():
    places = [[(100, 100), (300, 100)]] * 6 + [[(300, 100)]] * 3
    scene = Scene(places)
    tracker, frames = Tracker(scene), []
    for frame in range(9):
        scene.frame = frame
        frames.append(tracker(PICTURE))
    first, second = tracks.tracks(frames)
    assert first.seen.tolist() == [True] * 9
    assert second.seen.tolist() == [True] * 6 + [False] * 3
    assert first.size > second.size
    np.testing.assert_allclose(first.picture[8], [300, 100] + SHAPE)
    assert np.isnan(second.world[6:]).all()
    assert np.isnan(second.visibility[6:]).all()
    assert tracks.without_person(second.seen) == [(6, 8)]
    assert len(tracks.tracks(frames[5:])) == 1  # the second is there in one frame only
    assert len(tracks.tracks(frames[:1])) == 2  # a picture
