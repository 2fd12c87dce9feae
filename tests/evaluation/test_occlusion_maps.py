"""Occlusion sensitivity maps: where the squares are, what they change, and one scale for all methods."""

import cv2
import numpy as np
import pytest

from niki_tf.evaluation import occlusion_figures, occlusion_maps

SIZE = 112


@pytest.fixture
def image(rng):
    return rng.integers(1, 255, [SIZE, SIZE, 3]).astype(np.uint8)


def estimate(images):
    """Two joints, the second of which moves by the brightness of the upper left quarter, metres."""
    joints = np.zeros([len(images), 2, 3])
    joints[:, 1, 0] = images[:, : SIZE // 2, : SIZE // 2].mean((1, 2, 3)) / 255.0
    joints[:, :, 2] = 5.0
    return joints


def test_squares_are_a_224th_of_40_pixels_and_cover_the_image_once(image):
    hidden = occlusion_maps.occluded(image, fill=(0.0, 0.0, 0.0))
    assert hidden.shape == (36, SIZE, SIZE, 3)
    covered = (hidden == 0).all(-1)
    np.testing.assert_array_equal(covered.sum(0), np.ones([SIZE, SIZE]))
    assert covered[7, 20:40, 20:40].all()
    assert covered[7].sum() == 400


def test_only_squares_over_what_is_looked_at_count(image):
    errors = occlusion_maps.occlusion_map(estimate, image, fill=(0.0, 0.0, 0.0))
    assert errors.shape == (6, 6, 2)
    assert errors[..., 0].max() == 0.0
    np.testing.assert_allclose(errors[3:, :, 1], np.zeros([3, 6]), atol=1e-9)
    assert (errors[:3, :3, 1] > 0).all()
    lost = image[20:40, 20:40].astype(float).sum() / 255.0 / (SIZE // 2) ** 2 / 3
    np.testing.assert_allclose(errors[1, 1, 1], 1e3 * lost, rtol=1e-4)


def test_with_the_truth_it_is_the_error(image):
    truth = np.zeros([2, 3])
    errors = occlusion_maps.occlusion_map(estimate, image, fill=(0.0, 0.0, 0.0), truth=truth)
    whole = 1e3 * estimate(image[None])[0, 1, 0]
    np.testing.assert_allclose(errors[5, 5, 1], whole, rtol=1e-4)


@pytest.mark.parametrize("place", [0, 2])
def test_a_map_is_enlarged_smoothly_within_what_was_measured(place):
    errors = np.full([6, 6], 10.0)
    errors[place, 3] = 110.0
    large = occlusion_maps.enlarged(errors, 60)
    assert large.shape == (60, 60)
    assert large.min() == 10.0
    assert 105.0 < large.max() <= 110.0
    assert np.abs(np.diff(large, axis=0)).max() < 25


@pytest.mark.parametrize("place", [0, 2, 4])
def test_an_enlarged_map_is_largest_in_the_middle_of_the_square(place):
    errors = np.zeros([6, 6])
    errors[place, place] = 100.0
    large = occlusion_maps.enlarged(errors, 224)
    middle = 40 * place + 20
    assert large[middle, middle] > 0.98 * large.max()
    across = np.flatnonzero(large[middle] > 50.0)
    np.testing.assert_allclose([across[0], across[-1]], [max(middle - 22, 0), middle + 22], atol=4)


@pytest.fixture
def maps(rng):
    """Two methods on two pictures, three joints."""
    hidden = 100.0 * rng.random([2, 6, 6, 3])
    one = occlusion_maps.Maps(hidden, hidden.min((1, 2)))
    return {"one": one, "half": occlusion_maps.Maps(*(0.5 * part for part in one))}


def test_rows_are_of_each_method_and_joint_the_mean_first(maps):
    rows = occlusion_maps.map_rows(maps, names=["pelvis", "knee", "head"])
    assert [(row["solver"], row["joint"]) for row in rows[:5]] == [
        *(("one", name) for name in ("all", "pelvis", "knee", "head")),
        ("half", "all"),
    ]
    hidden = maps["one"].hidden
    assert rows[0]["mpjpe"] == pytest.approx(hidden.mean())
    assert rows[0]["worst_mm"] == pytest.approx(hidden.mean(-1).max((1, 2)).mean())
    assert rows[3]["whole_mm"] == pytest.approx(hidden[..., 2].min((1, 2)).mean())
    assert rows[4]["worst_mm"] == pytest.approx(0.5 * rows[0]["worst_mm"])
    assert "one" in occlusion_maps.map_tables(rows)


def test_every_number_has_its_place(maps):
    rows = [*occlusion_maps.place_rows(maps, names=["pelvis", "knee", "head"])]
    assert len(rows) == 2 * 2 * 36 * 3
    (row,) = (
        row
        for row in rows
        if (row["solver"], row["picture"], row["row"], row["column"], row["joint"]) == ("half", 2, 4, 1, "knee")
    )
    assert row["mm"] == pytest.approx(maps["half"].hidden[1, 4, 1, 1], abs=1e-3)


def test_figures_have_a_line_for_each_picture_or_joint(image, maps, tmp_path):
    hidden = {name: one.hidden for name, one in maps.items()}
    images = np.stack([image, image])
    occlusion_figures.occlusion_figure(images, hidden, tmp_path / "map.png", changes=True)
    occlusion_figures.occlusion_figure(images[:1], {"one": hidden["one"][:1]}, tmp_path / "one.png")
    first = {name: errors[0] for name, errors in hidden.items()}
    occlusion_figures.joint_map_figure(image, first, tmp_path / "joints.png", names=["pelvis", "knee", "head"])
    two, one, joints = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("map", "one", "joints"))
    assert two.shape[0] > 1.5 * one.shape[0]
    assert joints.shape[1] == two.shape[1]
    with pytest.raises(ValueError, match="^`maps` must hold one method or more"):
        occlusion_figures.occlusion_figure(images, {}, tmp_path / "none.png")


def test_colours_are_of_one_scale(maps):
    hidden = {name: one.hidden.mean(-1) for name, one in maps.items()}
    scale = occlusion_figures._scale(hidden.values())
    assert scale.get_clim() == pytest.approx((hidden["half"].min(), hidden["one"].max()))
