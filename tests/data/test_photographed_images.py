"""Annotated photographs as examples: the crop shows what is told of it, and what is not told is NaN."""

import cv2
import numpy as np
import pytest

from niki_tf import skeletons
from niki_tf.camera import FOCAL
from niki_tf.data import photographed_images
from niki_tf.io.annotated_images import AnnotatedPerson


@pytest.fixture
def folder(tmp_path):
    picture = np.zeros([120, 160, 3], np.uint8)
    picture[58:63, 88:93] = 255  # around the point (90.5, 60.5)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    return tmp_path


def test_what_is_told_is_where_the_crop_shows_it(folder, rng):
    joints = np.float64(0.2 * rng.normal(size=[29, 3])) + [0.1, 0.0, 5.0]
    focal, center = np.array([100.0, 100.0]), np.array([80.0, 60.0])
    joints[7] = [0.525, 0.025, 5.0]  # seen at (90.5, 60.5)
    person = AnnotatedPerson(
        file="a.png", box=np.array([60.0, 20.0, 120.0, 100.0]), focal=focal, center=center, joints=joints
    )
    found = photographed_images.example(person, folder, size=64)
    rows, columns = np.nonzero(found["image"][..., 0] > 100)
    place = np.array([columns.mean(), rows.mean()]) + 0.5
    np.testing.assert_allclose(place, (found["uv"][7] + 0.5) * 64, atol=0.6)
    points = found["joints"] + found["root"]
    seen = found["focal"] * points[:, :2] / points[:, 2:] + found["image_center"]
    np.testing.assert_allclose(seen, found["uv"], atol=1e-5)
    assert np.isnan(found["rotations"]).all()
    assert found["betas"].shape == (10,)


def test_coco_tells_the_points_that_are_joints(folder):
    keypoints = np.tile([[90.5, 60.5, 2.0]], (17, 1))
    keypoints[9, 2] = 0.0
    person = AnnotatedPerson(file="a.png", box=np.array([60.0, 20.0, 120.0, 100.0]), keypoints=keypoints)
    found = photographed_images.example(person, folder, size=64)
    told = np.isfinite(found["uv"]).all(-1)
    names = [name for name, one in zip(skeletons.SMPL_29.names, told, strict=True) if one]
    assert {"left_knee", "right_wrist", "left_shoulder"} <= set(names)
    assert "left_wrist" not in names
    assert np.isnan(found["joints"]).all()
    assert found["focal"] == np.float32(FOCAL)
    np.testing.assert_allclose(found["image_center"], [-0.1, 0.0], atol=1e-6)


def test_a_picture_that_is_not_there_is_named(folder):
    person = AnnotatedPerson(file="b.png", box=np.array([0.0, 0.0, 9.0, 9.0]))
    with pytest.raises(ValueError, match=r"b.png.*cannot be read"):
        photographed_images.example(person, folder, size=64)
    for people in ([], [person]):
        with pytest.raises(ValueError, match="`pictures` must be the folder of"):
            photographed_images.check_pictures(people, folder)
