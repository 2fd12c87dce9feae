"""The optimiser on points of other joint sets."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, rotations, skeletons, solvers
from niki_tf.fitting import point_lifting
from niki_tf.inference import point_fit

BODY_JOINTS = body.mannequin_joints()
LSP = skeletons.POINT_SETS["lsp_14"]


@pytest.fixture(scope="module")
def solver():
    return solvers.MapFit(BODY_JOINTS, components=1, steps=60)


@pytest.fixture(scope="module")
def people():
    """Points (4, 14, 3) and betas of four people."""
    rng = np.random.default_rng(3)
    betas = tf.constant(rng.normal(size=[4, 10]), tf.float32)
    local = rotations.rotvec_to_matrix(tf.constant(0.3 * rng.normal(size=[4, 24, 3]), tf.float32))
    rest = BODY_JOINTS(betas)
    return point_lifting.pose_points(LSP, local, rest)[0].numpy(), betas.numpy()


def _away(local, points, betas):
    """Mean distance of the posed points from those given, metres, both about their mean."""
    rest = BODY_JOINTS(betas)
    posed = point_lifting.pose_points(LSP, tf.constant(local), rest)[0].numpy()
    apart = (posed - posed.mean(1, keepdims=True)) - (points - points.mean(1, keepdims=True))
    return np.linalg.norm(apart, axis=-1).mean()


def test_points_are_met_on_the_body_that_is_told(solver, people):
    points, betas = people
    found = point_fit.fit_points(points, point_set=LSP, solver=solver, betas=betas)
    assert found.shape == (4, 24, 3, 3)
    assert _away(found, points, betas) < 0.02
    elsewhere = point_fit.fit_points(points + 5.0, point_set=LSP, solver=solver, betas=betas)
    assert _away(elsewhere, points, betas) < 0.02


@pytest.mark.slow
def test_a_point_that_was_not_seen_does_not_matter(solver, people):
    points, betas = people
    unseen, one = points.copy(), betas[0]
    unseen[:, 3] = np.nan
    found = point_fit.fit_points(unseen, point_set=LSP, solver=solver, betas=one)
    assert np.isfinite(found).all()
    seen = [k for k in range(14) if k != 3]
    fewer = skeletons.PointSet("fewer", tuple(LSP.points[k] for k in seen))
    alone = point_fit.fit_points(points[:, seen], point_set=fewer, solver=solver, betas=one)
    np.testing.assert_allclose(found, alone, atol=0.02)
    told = point_fit.fit_points(points, point_set=LSP, solver=solver, betas=one)
    assert np.abs(told - found).max() > 0.05


def test_points_of_another_set_are_refused(solver, people):
    with pytest.raises(ValueError, match=r"`joints` must have shape \(T, 17, 3\) for coco_17; got \(4, 14, 3\)"):
        point_fit.fit_points(people[0], point_set=skeletons.POINT_SETS["coco_17"], solver=solver, betas=people[1])
