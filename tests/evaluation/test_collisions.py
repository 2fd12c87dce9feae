"""The collision protocol: ratios by hand, the pairs of the T-pose, the true pose."""

import dataclasses

import cv2
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, evaluation, solvers
from niki_tf.evaluation.protocols import collisions
from niki_tf.motion import made_motion

FIRST = [4.0, 3.0, 2.0, 1.0]


def test_rows_by_hand():
    counted = {"a": np.array([FIRST, FIRST]), "b": np.array([[2.0, 1.0, 0.5, 0.5], [0.0, 1.0, 0.5, 0.1]])}
    first, second = collisions._rows(counted)
    assert first == {"solver": "a", "frames": 2, **dict(zip(collisions.RATIOS, FIRST, strict=True)), "less_percent": 0}
    assert [second[name] for name in collisions.RATIOS] == pytest.approx([1.0, 1.0, 0.5, 0.3])
    assert second["less_percent"] == pytest.approx(75.0)


def test_nothing_to_compare_with():
    assert [row["less_percent"] for row in collisions._rows({"a": np.zeros([1, 4])})] == [None]


@pytest.fixture(scope="module")
def thick(toy_body):
    """The toy body, whose tetrahedra are so large that some intersect at rest."""
    centres = np.repeat(toy_body.joints, 4, 0)
    return dataclasses.replace(toy_body, v_template=centres + 3.0 * (toy_body.v_template - centres))


@pytest.mark.usefixtures("eager")
def test_pairs_at_rest_are_not_new(thick):
    counter, poser = collisions._Counter(thick), body.BodyPoser(thick)
    betas = np.float32([1.5] + 9 * [0])
    counter.move_to(betas)
    turned = np.tile(np.eye(3, dtype=np.float32), [2, 24, 1, 1])
    turned[1, 4] = np.diag([1, -1, -1])  # the left knee folds back on the thigh
    frames = poser.pose(turned, betas=np.tile(betas, [2, 1]))["vertices"]
    (rest, in_rest, new, in_new), (_, _, folded, in_folded) = counter.ratios(frames)
    assert rest >= in_rest / 2 > 0.0 == new == in_new
    assert 0.0 < in_folded < 100.0
    assert folded > 0.0
    by_hand = body.SelfIntersection(thick.faces, rest=thick.v_template).pairs(frames[0])
    assert rest == pytest.approx(100.0 * len(by_hand) / 116)


@pytest.mark.usefixtures("eager")
def test_exact_answers_collide_as_the_truth_does(thick, tmp_path):
    motion = [made_motion(seed, frames=4) for seed in range(3)]
    analytic = solvers.Analytic(thick.body_joints())

    def still(inputs):
        return {**analytic(inputs), "body_pose": tf.eye(3, batch_shape=[len(inputs["joints"]), 23])}

    compared = {"still": still, "analytic": analytic}
    rows = evaluation.collision_rows(motion, solvers=compared, body=thick, occlude=None, stride=2)
    found = {row["solver"]: row for row in rows}
    assert list(found) == ["still", "analytic", "truth"]
    assert {row["frames"] for row in rows} == {8}
    assert found["still"]["pairs_percent"] > 0.0 == found["still"]["new_pairs_percent"]
    assert found["analytic"]["pairs_percent"] == pytest.approx(found["truth"]["pairs_percent"], rel=0.1)
    table = collisions.collision_tables(rows)
    assert f"{found['truth']['triangles_percent']:.2f}" in table
    collisions.collision_figure(rows, tmp_path / "bars.png", title="Collisions")
    assert cv2.imread(str(tmp_path / "bars.png")).std() > 5
