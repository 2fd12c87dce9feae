"""The figure of the noise protocol."""

import cv2
import numpy as np
import pytest
from matplotlib.axes import Axes

from niki_tf import evaluation
from niki_tf.evaluation import figures


def _rows(**slopes):
    return [
        {"solver": name, "noise_mm": level, "mpjpe": 5 + slope * level, "pa_mpjpe": 3 + 0.7 * slope * level}
        for name, slope in slopes.items()
        for level in (0, 10, 30, 100)
    ]


def test_the_figure_is_a_png_that_shows_every_solver(tmp_path):
    path = tmp_path / "noise.png"
    evaluation.noise_figure(_rows(analytic=1.8, mlp=0.6, one_stage=0.61), path)
    image = cv2.imread(str(path))
    assert image.shape[0] > 300
    assert image.shape[1] > 800
    for colour in figures._COLOURS[:3]:
        wanted = [int(colour[place : place + 2], 16) for place in (5, 3, 1)]  # OpenCV reads blue first
        assert (np.abs(image.astype(int) - wanted).max(-1) < 12).sum() > 300, colour
    assert [file.name for file in tmp_path.iterdir()] == ["noise.png"]


def test_levels_can_be_factors(tmp_path):
    rows = [{"solver": "mlp", "factor": level, "mpjpe": 9.0, "pa_mpjpe": 5.0} for level in (0.5, 1.5)]
    images = []
    for column in ("factor", "noise_mm"):
        renamed = [{column if key == "factor" else key: value for key, value in row.items()} for row in rows]
        evaluation.noise_figure(renamed, tmp_path / "noise.png")
        images.append(cv2.imread(str(tmp_path / "noise.png")))
    assert images[0].shape == images[1].shape
    assert np.any(images[0] != images[1])  # the axis says what the levels are


def test_a_single_level_without_error_can_be_drawn(tmp_path):
    row = {"solver": "analytic", "noise_mm": 0, "mpjpe": 0.0, "pa_mpjpe": 0.0}
    evaluation.noise_figure([row], tmp_path / "noise.png")
    assert (tmp_path / "noise.png").stat().st_size > 5000


def test_labels_do_not_overlap_and_keep_their_order():
    moved = figures._spread([50.0, 10.0, 10.5, 11.0], gap=2.0)
    assert moved == [50.0, 10.0, 12.0, 14.0]


@pytest.mark.parametrize(("name", "expected"), [("saved/mlp", "mlp"), ("analytic", "analytic"), ("b/one", "b/one")])
def test_lines_are_named_by_folder_unless_two_share_it(name, expected):
    assert figures.short_name(name, ["analytic", "saved/mlp", "a/one", "b/one"]) == expected


@pytest.mark.parametrize(("frames", "step"), [(40, 1), (100, 10), (320, 30)])
def test_frames_are_marked_at_round_numbers(frames, step, tmp_path, monkeypatch):
    marks = []
    monkeypatch.setattr(Axes, "set_xticks", lambda axes, ticks, **_: marks.append(list(ticks)))
    hidden = np.zeros(frames)
    evaluation.acceleration_figure({"mlp": np.ones(frames - 2)}, tmp_path / "accel.png", hidden=hidden)
    assert list(range(0, frames, step)) in marks


@pytest.mark.parametrize("levels", [[4], [4, 8, 30]], ids=str)
def test_errors_over_a_level_have_a_panel_each(levels, tmp_path):
    rows = [
        {"solver": name, "way": way, "gap": gap, "mpjpe": 2.0 * gap}
        for name in ("a/one", "b/one")
        for way in ("solver", "held_still")
        for gap in levels
    ]
    sizes = []
    for panels in ({"all": rows}, {"all": rows, "half": rows}, {"all": rows, "half": rows, "limb": rows}):
        evaluation.figures.level_figure(panels, tmp_path / "x.png", level="gap", meaning="frames", title="Gaps")
        picture = cv2.imread(str(tmp_path / "x.png"))
        assert picture.std() > 5
        sizes.append(picture.shape)
    assert sizes[0] == sizes[1]
    assert sizes[2][0] == 2 * sizes[0][0]


def test_one_legend_names_the_lines_of_all_panels(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(evaluation.figures, "write_figure", lambda figure, path: drawn.append(figure))
    rows = [{"solver": "one", "way": way, "gap": gap, "mpjpe": 1.0} for way in ("solver", "held") for gap in (4, 8)]
    panels = {"all": rows, "half": rows[:2]}
    evaluation.figures.level_figure(panels, tmp_path / "x.png", level="gap", meaning="frames", title="Gaps")
    (legend,) = drawn[0].legends
    assert [text.get_text() for text in legend.get_texts()] == ["one, solver", "one, held"]
    assert all(axes.get_legend() is None for axes in drawn[0].axes)


def test_bars_that_are_all_below_zero_are_drawn(tmp_path):
    bars = figures.Bars(groups=["0-10", "10-20"], numbers={"savgol": [-13.5, -11.2]})
    figures.bar_figure({"gain": bars}, tmp_path / "bars.png", meaning="mm", title="Gain")
    assert (tmp_path / "bars.png").stat().st_size > 1000
