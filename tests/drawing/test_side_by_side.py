"""Side-by-side pictures and videos."""

import dataclasses

import cv2
import numpy as np
import pytest

import niki_tf
from niki_tf import drawing, motion


@pytest.fixture
def pictures(clips, poser, toy_body):
    observed = motion.observe(clips[0], poser=poser, noise_mm=20, seed=0)
    poses = {"solver": observed.true_rotations[::-1], "truth": observed.true_rotations}
    return drawing.SideBySide(observed, poser=poser, faces=toy_body.faces, poses=poses, image_size=65)


def test_the_picture_has_a_row_a_moment_and_a_panel_an_answer(pictures, tmp_path):
    pictures.write_picture(tmp_path / "a.png", errors={"solver": np.arange(7.0)}, moments=2)
    image = cv2.imread(str(tmp_path / "a.png"))
    one = pictures.moment(0, captions=["observed", "solver", "truth"])
    assert one.shape[1] == 3 * 65
    assert image.shape == (2 * one.shape[0], one.shape[1], 3)
    panels = one[-65:].reshape(65, 3, 65, 3)
    for panel in range(3):
        assert panels[:, panel].astype(float).std() > 5.0, panel
    assert (panels[:, 1] != panels[:, 2]).any()


def test_a_motion_of_one_frame_can_be_drawn(pictures, tmp_path):
    pictures.observed = pictures.observed.first(1)
    pictures.write_picture(tmp_path / "a.png", errors={})
    assert cv2.imread(str(tmp_path / "a.png")).shape[0] < 2 * 65


def test_who_walks_away_stays_in_the_picture(clips, poser, toy_body):
    away = dataclasses.replace(clips[0], trans=clips[0].trans + 3.0 * np.arange(len(clips[0]))[:, None])
    near, far = (
        drawing.SideBySide(
            motion.observe(clip, poser=poser, noise_mm=0, seed=0),
            poser=poser,
            faces=toy_body.faces,
            poses={"truth": niki_tf.rotations.rotvec_to_matrix(clip.poses).numpy()},
            image_size=65,
        ).moment(5, captions=["observed", "truth"])
        for clip in (clips[0], away)
    )
    assert np.abs(near.astype(float) - far).mean() < 1.0


def test_the_video_can_be_read_back(pictures, tmp_path):
    pictures.write_video(tmp_path / "a.mp4", step=3)
    video = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1])
    assert len(frames) == 3
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(10.0)
    expected = pictures.moment(3, captions=["observed", "solver", "truth"])[..., ::-1]
    height, width = frames[1].shape[:2]
    assert (height % 2, width % 2) == (0, 0)
    apart, swapped = (
        np.abs(frames[1].astype(int) - image[:height, :width]).mean() for image in (expected, expected[..., ::-1])
    )
    assert apart < 8.0
    assert apart < 0.9 * swapped  # red is red and blue is blue
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]
