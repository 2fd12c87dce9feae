"""The protocol of occlusion sensitivity: what is hidden, and what that costs; colours on a body."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, evaluation, skeletons, solvers
from niki_tf.evaluation import body_maps
from niki_tf.evaluation.protocols import sensitivity
from niki_tf.motion import made_motion

NAMES = skeletons.SMPL_29.names


def _hide(clip, joints, twist, *, seed, hidden):
    """Hidden joints are 200 mm to the left of where they are; all others are exact."""
    moved = joints + hidden[:, None] * np.float32([0.2, 0.0, 0.0])
    nothing = {"joint_sigma": np.zeros(joints.shape[:2], "f"), "hidden": np.tile(hidden, [len(joints), 1])}
    return {"joints": moved - moved[:, :1], "root": moved[:, 0], "twist": twist, **nothing}


HIDDEN = {
    "joint": {name: (name,) for name in ("head_top", "left_wrist", "left_elbow")},
    "part": {"left_arm": sensitivity.PARTS["left_arm"]},
}


@pytest.fixture(scope="module")
def rows(toy_body):
    """Rows of a few things hidden, of analytic as it is and with a filter."""
    analytic = solvers.Analytic(toy_body.body_joints())
    motion = [made_motion(0, frames=61), made_motion(1, frames=9)]
    compared, filters = {"analytic": analytic, "smooth": analytic}, {"smooth": evaluation.FILTERS["+savgol"]}
    tf.config.run_functions_eagerly(run_eagerly=True)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sensitivity, "KINDS", HIDDEN)
            return evaluation.sensitivity_rows(motion, solvers=compared, body=toy_body, hide=_hide, filters=filters)
    finally:
        tf.config.run_functions_eagerly(run_eagerly=False)


@pytest.fixture(scope="module")
def made_rows():
    """Rows of all that is hidden, each with a number of its own."""
    keys = [("nothing", "nothing"), *((kind, name) for kind, members in sensitivity.KINDS.items() for name in members)]
    return [
        {"solver": solver, "kind": kind, "hidden": name, "frames": 9, "mpjpe": 10.0 * number, "rise_mm": 0.5 * number}
        for start, solver in ((1, "a"), (50, "b"))
        for number, (kind, name) in enumerate(keys, start)
    ]


def test_every_joint_is_in_one_part():
    members = [name for names in sensitivity.PARTS.values() for name in names]
    assert sorted(members) == sorted(NAMES)


def test_a_row_for_nothing_each_joint_and_each_part(rows):
    assert [row["solver"] for row in rows] == 5 * ["analytic"] + 5 * ["smooth"]
    assert [row["hidden"] for row in rows[5:]] == ["nothing", "head_top", "left_wrist", "left_elbow", "left_arm"]
    assert [row["kind"] for row in rows[:5]] == ["nothing", "joint", "joint", "joint", "part"]
    assert {row["frames"] for row in rows} == {60}


def test_what_is_hidden_costs_what_hangs_on_it(rows):
    nothing, head_top, wrist, elbow, arm = rows[:5]
    assert nothing["mpjpe"] < 0.1
    assert nothing["rise_mm"] == 0.0
    for row in rows[:5]:
        assert row["rise_mm"] == pytest.approx(row["mpjpe"] - nothing["mpjpe"])
    assert head_top["rise_mm"] == pytest.approx(0.0, abs=0.1)  # it turns the head alone
    assert 2.0 < wrist["mpjpe"] < elbow["mpjpe"] < arm["mpjpe"]
    assert rows[5]["mpjpe"] > 0.1  # a filter moves what is exact


def test_tables_hold_every_number(made_rows):
    text = sensitivity.sensitivity_tables(made_rows)
    assert all(f" {row[name]:.1f}" in text for row in made_rows for name in ("mpjpe", "rise_mm"))
    assert len(text.splitlines()) == 2 * (36 + 2) + 1


def test_the_figure_has_a_body_for_each_solver_and_kind(made_rows, monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setattr(body_maps, "body_map_figure", lambda panels, path, **_: seen.update(panels))
    sensitivity.sensitivity_figure(made_rows, tmp_path / "map.png", title="Map")
    assert list(seen) == [f"{s}\neach {k} hidden" for k in ("joint", "part") for s in ("a", "b")]
    of = {row["hidden"]: row["mpjpe"] for row in made_rows[:36]}
    joints, parts = (seen[f"a\neach {kind} hidden"] for kind in ("joint", "part"))
    assert joints.tolist() == [of[name] for name in NAMES[:24]]
    knee, chest = NAMES.index("right_knee"), NAMES.index("spine3")
    assert (parts[knee], parts[chest]) == (of["right_leg"], of["trunk"])


def test_warm_colours_where_the_number_is_large(tmp_path):
    left = np.array([name.startswith("left") for name in NAMES[:24]], float)
    panels = {"left": left, "all but left": 1.0 - left}
    body_maps.body_map_figure(
        panels, tmp_path / "map.png", data=body.mannequin(), columns=2, meaning="mm", title="Two bodies"
    )
    image = cv2.imread(str(tmp_path / "map.png")).astype(int)
    drawn = image[:, : int(0.9 * image.shape[1])]
    red, blue = drawn[..., 2] - drawn[..., 0] > 60, drawn[..., 0] - drawn[..., 2] > 30
    columns = np.flatnonzero(red.sum(0) > 3), np.flatnonzero(blue.sum(0) > 3)
    assert min(map(len, columns)) > 50
    half = drawn.shape[1] // 2
    # The body faces the viewer: its left is on the right of the picture.
    assert red[:, half // 2 : half].sum() > 2 * red[:, : half // 2].sum()
