"""The protocol of occlusion levels: levels of joints and of the drawn body, gains by hand."""

import cv2
import numpy as np
import pytest

from niki_tf import evaluation, solvers
from niki_tf.evaluation.protocols import occlusion_levels
from niki_tf.motion import made_motion

SQUARES = np.array([[[0, 0], [1, 0], [1, 1], [0, 1]], [[1, 0], [4, 0], [4, 1], [1, 1]]], float)
FACES = np.array([[0, 1, 2], [0, 2, 3]])


def _scene(*depths):
    """Vertices and faces of a unit square and a wider one beside it, at depths; the first again behind both."""
    flat = [np.concatenate([square, np.full([4, 1], depth)], -1) for square, depth in zip(SQUARES, depths, strict=True)]
    behind = flat[0] - (0, 0, 5)
    return np.concatenate([*flat, behind]), np.concatenate([FACES, FACES + 4, FACES + 8])


def test_hidden_area_is_that_of_what_the_camera_sees():
    vertices, faces = _scene(0.0, 0.1)
    hidden = np.repeat([True, False, False], 4)
    assert occlusion_levels.hidden_area(vertices, faces, hidden) == pytest.approx(0.25, abs=0.03)
    assert occlusion_levels.hidden_area(vertices, faces, np.repeat([False, True, False], 4)) == pytest.approx(
        0.75, abs=0.03
    )
    assert occlusion_levels.hidden_area(vertices, faces, np.repeat([False, False, True], 4)) == 0.0
    assert occlusion_levels.hidden_area(vertices, faces, np.ones(12, bool)) == 1.0


def test_rows_by_hand():
    levels = {"joints": np.array([0, 0, 9]), "area": np.array([2, 1, 2])}
    errors = {"a": np.array([10.0, 20.0, 90.0]), "b": np.array([4.0, 6.0, 100.0])}
    rows = occlusion_levels._rows(levels, errors)
    of_b = [tuple(row.values())[1:] for row in rows if row["solver"] == "b"]
    assert of_b == [
        ("joints", "0-10", 3, 2, 5.0, 10.0),
        ("joints", "90-100", 3, 1, 100.0, -10.0),
        ("area", "10-20", 3, 1, 6.0, 14.0),
        ("area", "20-30", 3, 2, 52.0, -2.0),
    ]
    assert {row["gain_mm"] for row in rows if row["solver"] == "a"} == {0.0}
    table = occlusion_levels.occlusion_level_tables(rows)
    assert "90-100" in table
    assert "-10.0" in table


@pytest.fixture(scope="module")
def hidden():
    """Joints hidden in six frames: none, an eighth, ..., all; hidden ones are a metre off."""
    mask = np.zeros([6, 29], bool)
    for frame, count in enumerate((0, 3, 6, 12, 23, 24)):
        mask[frame, :count] = True
    return mask


@pytest.mark.usefixtures("eager")
def test_frames_are_in_their_levels(toy_body, hidden, tmp_path):
    def occlude(clip, joints, twist, *, seed):
        moved = joints + hidden[..., None] * np.float32([1.0, 0, 0])
        root, sigma = np.zeros([6, 3], "f"), np.full([6, 29], 0.01, "f")
        return {"joints": moved, "root": root, "joint_sigma": sigma, "twist": twist, "hidden": hidden}

    analytic = solvers.Analytic(toy_body.body_joints(), weighs_joints=False)
    compared = {"a": analytic, "b": analytic}
    rows = evaluation.occlusion_level_rows([made_motion(1, frames=6)], solvers=compared, body=toy_body, occlude=occlude)
    of_joints = [row for row in rows if row["of"] == "joints" and row["solver"] == "b"]
    assert [row["level"] for row in of_joints] == ["0-10", "10-20", "20-30", "50-60", "90-100"]
    assert [row["level_frames"] for row in of_joints] == [1, 1, 1, 1, 2]
    assert of_joints[0]["mpjpe"] < 0.1 < 5.0 < of_joints[1]["mpjpe"]
    assert {row["gain_mm"] for row in rows} == {0.0}
    assert sum(row["level_frames"] for row in rows if row["of"] == "area") == 12
    occlusion_levels.occlusion_level_figure(rows, tmp_path / "levels.png", title="Levels")
    image = cv2.imread(str(tmp_path / "levels.png"))
    assert image.std() > 5


def test_levels_of_few_frames_are_grey(tmp_path):
    levels = {"joints": np.repeat([0, 1], [100, 99]), "area": np.repeat([0, 1], [100, 99])}
    errors = {"a": np.full(199, 20.0), "b": np.full(199, 10.0)}
    rows = occlusion_levels._rows(levels, errors)
    occlusion_levels.occlusion_level_figure(rows, tmp_path / "levels.png", title="Levels")
    colours = {tuple(colour): 0 for colour in ((0xC4, 0xC4, 0xC4), (0x5B, 0x49, 0xD1))}
    image = cv2.imread(str(tmp_path / "levels.png")).reshape(-1, 3)
    counts = [(image == colour).all(-1).sum() for colour in colours]
    assert counts[0] == pytest.approx(counts[1], rel=0.1)
    assert counts[0] > 10000
