"""Bodies over crops: where the camera saw them, and one line for each crop."""

import cv2
import numpy as np
import pytest

from niki_tf import body, data
from niki_tf.data.rendered_images import RenderedImages, Scenes
from niki_tf.evaluation import body_figure

SIZE = 64


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(body_figure, "_PIXELS", SIZE)


@pytest.fixture(scope="module")
def drawn():
    """The true body in a drawn image, and the same one metre aside, by the image's own camera."""
    mannequin = body.mannequin()
    motion = data.load_sources(["made"], made_frames=20)
    example = RenderedImages(motion, body=mannequin, scenes=Scenes(image_size=SIZE), seed=0, opengl=False).example(1)
    posed = body.BodyPoser(mannequin).pose(example["rotations"][None], betas=example["betas"][None])
    vertices = posed["vertices"][0]
    seen = body_figure.SeenBodies(
        example["image"],
        float(example["focal"]),
        example["image_center"],
        example["root"],
        {"true": vertices, "aside": vertices + [1.0, 0.0, 0.0]},
        vertices,
        {"true": 0.0, "aside": 1000.0},
    )
    return seen, example["uv"], mannequin.faces


def test_the_true_body_covers_the_joints_that_the_camera_saw(drawn):
    seen, uv, faces = drawn
    crop, _, over, _, aside, _ = body_figure._panels(seen, faces)
    places = np.clip(np.rint((uv[:24] + 0.5) * len(crop)).astype(int), 0, len(crop) - 1)
    at_joints = np.abs(np.float32(over) - crop).sum(-1)[places[:, 1], places[:, 0]] > 8
    assert at_joints.mean() > 0.9
    changed = (over != crop).any(-1)
    assert changed.mean() < 0.5
    assert ((aside != crop).any(-1) & changed).mean() < 0.5 * changed.mean()


def test_views_from_the_side_share_their_scale_and_see_depth(drawn):
    seen, _, faces = drawn
    _, truth, _, same, _, aside = body_figure._panels(seen, faces)
    np.testing.assert_array_equal((truth < 150).any(-1).sum(1) > 0, (same < 150).any(-1).sum(1) > 0)
    np.testing.assert_allclose(aside.astype(int), same, atol=3)  # what is moved along the view looks the same


def test_a_line_for_each_crop(drawn, tmp_path):
    seen, _, faces = drawn
    for count in (1, 2):
        body_figure.body_figure([seen] * count, tmp_path / f"{count}.png", faces=faces, title="Bodies")
    one, two = (cv2.imread(str(tmp_path / f"{count}.png")) for count in (1, 2))
    assert one.shape[1] == two.shape[1]
    assert two.shape[0] > 1.4 * one.shape[0]
    with pytest.raises(ValueError, match="^`crops` must hold one or more"):
        body_figure.body_figure([], tmp_path / "none.png", faces=faces, title="Bodies")
