"""Cut and covered frames: as often and as large as section I says, linear between key frames, seeded."""

import numpy as np
import pytest

from niki_tf import skeletons
from niki_tf.data import image_xocc
from niki_tf.skeletons.rest import rest_joints

SIZE = (640, 480)
SET = skeletons.POINT_SETS["smpl_24"]


def figure(frames, rng):
    """Joints of a person who walks through the picture, (T, 24, 2) pixels, all labelled, and boxes."""
    body = rest_joints()[: len(SET), :2] * (170.0, -170.0)
    points = body + (320, 240) + np.linspace(-40, 40, frames)[:, None, None] * (1, 0)
    points = points + rng.normal(size=points.shape)
    return points, np.ones(points.shape[:2], bool), np.concatenate([points.min(1), points.max(1)], -1)


def hide(frames, rng, **options):
    points, seen, boxes = figure(frames, rng)
    given = {"point_set": SET, "size": SIZE, "seed": 3, **options}
    return points, boxes, image_xocc.hide(points, seen, boxes, **given)


def area(box):
    return np.prod(box[:, 2:] - box[:, :2], -1)


def test_two_thirds_of_key_frames_leave_a_part_outside(rng):
    points, boxes, found = hide(8 * 600 + 1, rng)
    keys = slice(None, None, 8)
    outside = ~((points >= found.clip[:, None, :2]) & (points < found.clip[:, None, 2:])).all(-1)
    parts = image_xocc._members(SET)
    whole_part = (outside[keys][:, None] | ~parts).all(-1).any(-1)
    assert abs(whole_part.mean() - 2 / 3) < 0.06
    np.testing.assert_array_equal(found.box, boxes)
    share = area(found.cover[keys]) / area(found.clip[keys])
    assert share.max() <= 0.3 + 1e-9
    assert abs(np.median(share) - 0.15) < 0.02
    sides = found.cover[keys, 2:] - found.cover[keys, :2]
    np.testing.assert_allclose(sides[:, 0], sides[:, 1], atol=1e-6)


def test_between_key_frames_all_moves_linearly_and_hidden_joints_are_told(rng):
    points, _, found = hide(20, rng)
    for values in (found.clip, found.cover):
        np.testing.assert_allclose(np.diff(values[:9], 2, axis=0), np.zeros([7, 4]), atol=1e-9)
        np.testing.assert_allclose(np.diff(values[8:17], 2, axis=0), np.zeros([7, 4]), atol=1e-9)
    frame, joint = np.argwhere(found.hidden)[0]
    point, clip, cover = points[frame, joint], found.clip[frame], found.cover[frame]
    inside = [(point >= box[:2]).all() and (point < box[2:]).all() for box in (clip, cover)]
    assert not inside[0] or inside[1]


def test_the_published_code_refits_the_box_and_covers_rectangles(rng):
    points, boxes, found = hide(8 * 400 + 1, rng, shape="rectangle", box="refit")
    np.testing.assert_array_equal(found.box, found.clip)
    keys = slice(None, None, 8)
    sides = found.box[keys, 2:] - found.box[keys, :2]
    np.testing.assert_allclose(sides[:, 0], sides[:, 1])
    own = 1.25 * (boxes[keys, 2:] - boxes[keys, :2]).max(1)
    assert abs((~np.isclose(sides[:, 0], own)).mean() - 2 / 3) < 0.07
    cover = found.cover[keys, 2:] - found.cover[keys, :2]
    aspect = cover[:, 1] / cover[:, 0]
    assert aspect.min() > 0.5 - 1e-6
    assert aspect.max() < 2.0 + 1e-6
    assert np.std(aspect) > 0.2
    middle = 0.5 * (boxes[keys, :2] + boxes[keys, 2:])
    moved = np.abs(0.5 * (found.box[keys, :2] + found.box[keys, 2:]) - middle)
    assert 100 < moved.max() < 250


@pytest.mark.parametrize("labelled", [image_xocc._members(SET)[0], image_xocc._members(SET)[1]])
def test_who_shows_one_half_alone_keeps_the_own_box(rng, labelled):
    """Without that half nothing would be left."""
    points, seen, boxes = figure(80, rng)
    found = image_xocc.hide(
        points, seen & labelled, boxes, point_set=SET, size=SIZE, seed=3, shape="rectangle", box="refit"
    )
    sides = 1.25 * (boxes[::8, 2:] - boxes[::8, :2]).max(1)
    np.testing.assert_allclose(found.box[::8, 2:] - found.box[::8, :2], np.stack([sides, sides], 1))


def test_the_same_seed_gives_the_same_and_another_does_not(rng):
    first = hide(30, np.random.default_rng(0))[2]
    again, other = hide(30, np.random.default_rng(0))[2], hide(30, np.random.default_rng(0), seed=4)[2]
    np.testing.assert_array_equal(first.cover, again.cover)
    assert np.abs(first.cover - other.cover).max() > 1.0


@pytest.mark.parametrize("cut", [True, False])
def test_noise_covers_and_the_clip_cuts(cut):
    picture = np.full([48, 64, 3], 200, np.uint8)
    clip, cover = np.array([0, 0, 40, 48.0]), np.array([8, 8, 24, 24.0])
    drawn = image_xocc.draw(picture, clip, cover, seed=0, frame=2, cut=cut)
    noise = drawn[8:24, 8:24].astype(float)
    assert abs(noise.mean() - 127.5) < 8
    assert 45 < noise.std() < 70
    assert (drawn[:, 40:] == (0 if cut else 200)).all()
    assert (drawn[30:, :40] == 200).all()
    assert (image_xocc.draw(picture, clip, cover, seed=0, frame=3, cut=cut) != drawn).any()
