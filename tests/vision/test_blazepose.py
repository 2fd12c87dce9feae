"""BlazePose itself, on frames of real clips: needs what tools/get_assets.py fetches, and is skipped without."""

import itertools

import numpy as np
import pytest

from niki_tf import assets, skeletons
from niki_tf.io import videos
from niki_tf.vision import blazepose
from niki_tf.vision.blazepose import BlazePose
from niki_tf.vision.landmark_crop import crop_of
from niki_tf.vision.tracking import Tracker

pytestmark = pytest.mark.slow
_NEEDED = ("blazepose_detector", "blazepose_lite", "four_views_single_1", "walk")
needs_assets = pytest.mark.skipif(
    bool(assets.missing(_NEEDED)), reason="python tools/get_assets.py blazepose four_views walk fetches what is needed"
)


@pytest.fixture(scope="module")
def lite():
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    return BlazePose("lite")


@pytest.fixture(scope="module")
def person():
    """A frame, 1080 x 1920, with a man in the middle who stands on one leg, and another far behind at the left."""
    return next(iter(videos.Video(assets.path_of("four_views_single_1")))).image


@needs_assets
def test_a_person_is_found_and_has_the_proportions_of_one(lite, person):
    found = lite.detect(person)
    best = found.points[0]
    assert found.scores[0] > 0.8
    landmarks = lite.landmarks(person, crop_of(best[0], best[1]))
    assert landmarks.score > 0.9
    points = dict(zip(skeletons.POINT_SETS["mediapipe_33"].points, landmarks.world, strict=True))
    thigh = np.linalg.norm(points["left_outer_hip"] - points["left_knee"])
    assert 0.3 < thigh < 0.5
    assert points["nose"][1] < points["left_outer_hip"][1]  # y down
    height = np.ptp(landmarks.picture[:, 1])
    assert 0.3 * 1920 < height < 0.8 * 1920


@needs_assets
def test_the_square_of_the_landmarks_shows_the_same_again(lite, person):
    best = lite.detect(person, in_tiles=False).points[0]
    crop = crop_of(best[0], best[1])
    for _ in range(3):
        landmarks = lite.landmarks(person, crop)
        crop = landmarks.next_crop
    again = lite.landmarks(person, crop)
    size = np.ptp(again.picture, axis=0).max()
    assert np.linalg.norm(again.picture - landmarks.picture, axis=-1).mean() < 0.02 * size


@needs_assets
def test_tiles_find_who_is_small(lite, person):
    alone, in_tiles = (lite.detect(person, in_tiles=tiles) for tiles in (False, True))
    assert (alone.points[:, 0, 0] > 300).all()
    assert (in_tiles.points[:, 0, 0] < 150).any()  # the man at the left


@needs_assets
def test_a_mirrored_picture_has_mirrored_landmarks(lite, person):
    best = lite.detect(person, in_tiles=False).points[0]
    width = person.shape[1]
    there = lite.landmarks(person, crop_of(best[0], best[1]))
    back = lite.landmarks(
        np.ascontiguousarray(person[:, ::-1]), crop_of(*([width, 0] + best[k] * [-1, 1] for k in (0, 1)))
    )
    apart = np.abs(there.picture[:, 1].mean() - back.picture[:, 1].mean())
    assert apart < 0.05 * np.ptp(there.picture[:, 1])
    assert width - back.picture[:, 0].mean() == pytest.approx(there.picture[:, 0].mean(), abs=25)


@needs_assets
@pytest.mark.slow
def test_a_walk_is_followed_without_looking_for_the_person_again(lite):
    frames = itertools.islice(videos.Video(assets.path_of("walk"), start=2.5, stride=2), 8)
    track = Tracker(lite)
    people = [{sighting.person for sighting in track(frame.image)} for frame in frames]
    assert set.intersection(*people)


@needs_assets
def test_a_picture_without_anybody_has_none(lite):
    assert len(lite.detect(np.full([300, 400, 3], 127, np.uint8))) == 0
    assert len(lite.detect(np.zeros([1, 1, 3], np.uint8))) == 0


@pytest.mark.parametrize(
    ("picture", "got"),
    [
        (np.zeros([4, 4, 3]), "float64"),
        (np.zeros([4, 4], np.uint8), r"uint8 \(4, 4\)"),
        (np.zeros([4, 4, 4], np.uint8), r"uint8 \(4, 4, 4\)"),
        ("a.png", "str"),
    ],
)
def test_what_is_no_picture_is_told(picture, got):
    with pytest.raises(ValueError, match=rf"`picture` must be uint8 \(H, W, 3\), red, green, blue; got {got}"):
        blazepose.checked_picture(picture)


def test_sizes_and_what_is_missing_are_told(monkeypatch, tmp_path):
    monkeypatch.setenv("NIKI_TF_ASSETS", str(tmp_path))
    with pytest.raises(ValueError, match="`size` must be one of heavy, full, lite; got 'huge'"):
        BlazePose("huge")
    with pytest.raises(FileNotFoundError, match="python tools/get_assets.py blazepose"):
        BlazePose()
