"""Graphs of solvers: how long they stay."""

import gc
import weakref

import numpy as np
import pytest

import niki_tf
from niki_tf import body, skeletons, solvers

SIZES = {"num_couplings": 2, "hidden_dim": 8}


@pytest.mark.parametrize("joint_set", ["smpl_29", "coco_17"])
def test_a_solver_that_was_used_goes_when_nobody_has_it(joint_set, rng):
    solver = solvers.Temporal(body.mannequin_joints(), **SIZES, num_temporal_pairs=1, temporal_hidden_dim=8)
    points = rng.normal(size=[3, len(skeletons.POINT_SETS[joint_set]), 3])
    motion = niki_tf.solve(points, skeleton=joint_set, solver=solver)
    assert np.isfinite(motion.expected_error).all()
    alive = weakref.ref(solver)
    del solver, motion
    gc.collect()
    assert alive() is None


def test_a_solver_used_again_is_not_compiled_again(rng, monkeypatch):
    solver, points, made = solvers.OneStage(body.mannequin_joints(), **SIZES), rng.normal(size=[3, 29, 3]), []
    function = niki_tf.inference.graphs.tf.function
    monkeypatch.setattr(niki_tf.inference.graphs.tf, "function", lambda *a, **b: made.append(a) or function(*a, **b))
    niki_tf.solve(points, solver=solver)
    first = len(made)
    niki_tf.solve(points, solver=solver)
    assert len(made) == first > 0
