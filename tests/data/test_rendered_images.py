"""Rendered images: what is told of them is what they show; seeded, weighted, batched."""

import dataclasses

import numpy as np
import pytest

from niki_tf import body, data
from niki_tf.body import forward_kinematics
from niki_tf.data import rendered_images
from niki_tf.data.rendered_images import RenderedImages, Scenes, drawn_frame
from niki_tf.drawing import textures

SIZE = 64


@pytest.fixture(scope="module")
def motion():
    return data.load_sources(["made"], made_frames=40)


@pytest.fixture(scope="module")
def images(motion):
    return RenderedImages(motion, body=body.mannequin(), scenes=Scenes(image_size=SIZE), seed=0, opengl=False)


@pytest.fixture(scope="module")
def examples(images):
    return list(images.examples(count=6))


def test_joints_are_those_of_the_rotations_and_the_camera_sees_them_at_uv(examples):
    for one in examples:
        rest = body.mannequin_joints()(one["betas"])
        posed, _ = forward_kinematics(one["rotations"][None], rest[None])
        np.testing.assert_allclose(posed[0] - posed[0, :1], one["joints"], atol=1e-4)
        points = one["joints"] + one["root"]
        seen = one["focal"] * points[:, :2] / points[:, 2:] + one["image_center"]
        np.testing.assert_allclose(seen, one["uv"], atol=1e-4)
        assert np.abs(one["uv"]).max() < 0.7
        assert points[:, 2].min() > 0.4


def test_people_are_the_right_way_up_on_average(images):
    heads = [one["joints"][15, 1] - one["joints"][0, 1] for one in images.examples(count=12)]
    assert np.median(heads) < -0.2  # y is down


def test_the_body_is_drawn_over_its_joints(images, examples, monkeypatch):
    monkeypatch.setattr(textures, "background", lambda rng, size: np.zeros([size, size, 3], np.uint8))
    monkeypatch.setattr(textures, "clothes", lambda rng, vertices, weights: np.ones_like(vertices))
    for number, one in enumerate(examples[:3]):
        bright = images.example(number)["image"].mean(-1)
        place = np.clip(np.floor((one["uv"] + 0.5) * SIZE).astype(int), 0, SIZE - 1)
        inside = (np.abs(one["uv"]) < 0.5).all(-1)
        assert (bright[place[inside, 1], place[inside, 0]] > 40).mean() > 0.85
        assert (bright[:2, :2] < 40).all()


def test_a_number_gives_the_same_image_and_another_another(images, examples):
    again, other = images.example(2), images.example(3)
    for name, value in examples[2].items():
        np.testing.assert_array_equal(again[name], value)
    assert (other["image"] != again["image"]).mean() > 0.5


def test_sources_are_drawn_by_their_weights(motion, rng):
    parts = {"starts": [0, 30], "counts": [30, len(motion) - 30], "probabilities": [0.2, 0.8]}
    two = dataclasses.replace(motion, **{name: np.array(values) for name, values in parts.items()})
    frames = np.array([drawn_frame(rng, two) for _ in range(2000)])
    assert abs((frames >= 30).mean() - 0.8) < 0.04
    assert (frames.min(), frames.max()) == (0, len(motion) - 1)


def test_batches_hold_the_same_examples(images, examples):
    batches = list(images.dataset(batch_size=2, first=1, count=5).as_numpy_iterator())
    assert [len(batch["image"]) for batch in batches] == [2, 2, 1]
    np.testing.assert_array_equal(batches[1]["image"][0], examples[3]["image"])
    np.testing.assert_array_equal(batches[0]["joints"][1], examples[2]["joints"])


def test_clothes_differ_and_skin_is_left(rng):
    data_ = body.mannequin()
    one, other = (textures.clothes(rng, data_.v_template, data_.lbs_weights) for _ in range(2))
    assert one.shape == data_.v_template.shape
    assert np.abs(one - other).max() > 0.2
    hand = data_.lbs_weights.argmax(1) == 22
    trousers = data_.lbs_weights.argmax(1) == 1
    assert one[hand].std(0).max() < 0.05
    assert np.abs(one[hand].mean(0) - one[trousers].mean(0)).max() > 0.05


def test_stripes_and_checks_are_as_wide_as_on_cloth(rng):
    """From 4 to 15 cm, every other one of the same colour."""
    heights = np.stack([np.zeros(4000), np.linspace(0.0, 4.0, 4000), np.zeros(4000)], 1)
    widths = []
    for _ in range(60):
        colours = textures._patterned(rng, heights)
        places = heights[1:, 1][np.abs(np.diff(colours, axis=0)).max(1) > 0]
        widths.extend(np.diff(places)[:1])
    assert 20 < len(widths) < 55
    assert 0.03 < min(widths) < 0.06
    assert 0.12 < max(widths) < 0.16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"focal_range": (2.0, 1.0)}, "^`focal_range` must be two positive numbers, the smaller first"),
        ({"distance_range": (0.0, 1.0)}, "^`distance_range` must be two positive numbers"),
        ({"image_size": 8}, "^`image_size` must be 16 pixels or more; got 8"),
    ],
)
def test_bad_scenes_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Scenes(**options)


def test_a_clip_is_one_person_on_the_way_before_one_camera(images, motion):
    clip = list(images.clip(1, frames=4))
    first = clip[0]
    assert [one["frame"] - first["frame"] for one in clip] == [0, 1, 2, 3]
    for one in clip:
        np.testing.assert_array_equal(one["betas"], first["betas"])
        points = one["joints"] + one["root"]
        seen = one["focal"] * points[:, :2] / points[:, 2:] + one["image_center"]
        np.testing.assert_allclose(seen, one["uv"], atol=1e-4)
    way = np.linalg.norm([one["root"] - first["root"] for one in clip], axis=-1)
    pelvis = motion.pelvis[first["frame"] : first["frame"] + 4]
    np.testing.assert_allclose(way, np.linalg.norm(pelvis - pelvis[0], axis=-1), atol=1e-5)
    with pytest.raises(ValueError, match="`frames` must be those of a clip of made; got 100000, too many"):
        next(images.clip(1, frames=100_000))


def test_the_background_stands_still():
    background = np.zeros([SIZE, SIZE, 3], np.uint8)
    background[20:24, 40:44] = 255
    spot = np.array([42, 22]) / SIZE - 0.5
    camera = {"focal": np.array([1.6, 2.0]), "image_center": np.array([[0.3, -0.2], [0.1, 0.05]])}
    seen = rendered_images._seen_behind(background, camera, 1)
    rows, columns = np.nonzero(seen[..., 0] > 128)
    direction = (spot - camera["image_center"][0]) / camera["focal"][0]
    place = camera["focal"][1] * direction + camera["image_center"][1]
    np.testing.assert_allclose((np.array([columns.mean(), rows.mean()]) + 0.5) / SIZE - 0.5, place, atol=1 / SIZE)
