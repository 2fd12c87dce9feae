"""Morph targets of one motion against the pose directions that they stand for."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from niki_tf.io.pose_morphs import pose_morphs


@pytest.fixture
def turns():
    return Rotation.random(30 * 24, random_state=0).as_matrix().reshape(30, 24, 3, 3)


def _added(directions, turns):
    return (turns[:, 1:] - np.eye(3)).reshape(len(turns), -1) @ directions.reshape(-1, 207).T


@pytest.mark.parametrize("tolerance", [1e-4, 0.003, 0.02])
def test_the_sum_is_within_the_tolerance_and_no_target_is_spare(rng, turns, tolerance):
    directions = 0.001 * rng.normal(size=[50, 3, 207])
    morphs = pose_morphs(directions, turns, tolerance=tolerance)
    wanted = _added(directions, turns).reshape(30, 50, 3)
    found = np.einsum("tk,kvx->tvx", morphs.weights, morphs.targets)
    assert np.linalg.norm(found - wanted, axis=-1).max() < tolerance + 1e-6
    assert morphs.weights.min() >= 0
    assert morphs.weights.max() <= 1
    assert (morphs.weights[:, 0] == 1).all()
    left, sizes, right = np.linalg.svd(wanted.reshape(30, -1), full_matrices=False)
    fewer = len(morphs.targets) - 2  # the first stands in all frames, and one less must miss
    coarse = (left[:, :fewer] * sizes[:fewer]) @ right[:fewer]
    assert np.linalg.norm(coarse.reshape(30, 50, 3) - wanted, axis=-1).max() > tolerance


@pytest.mark.parametrize("case", ["no directions", "at rest", "any is near enough"])
def test_where_nothing_is_added_there_is_none(rng, turns, case):
    directions = np.zeros([5, 3, 207]) if case == "no directions" else rng.normal(size=[5, 3, 207])
    turns = np.tile(np.eye(3), [30, 24, 1, 1]) if case == "at rest" else turns
    morphs = pose_morphs(directions, turns, tolerance=np.inf if case == "any is near enough" else 1e-3)
    assert (morphs.targets.shape, morphs.weights.shape) == ((0, 5, 3), (30, 0))


def test_one_frame_is_one_target_in_full(rng, turns):
    directions = rng.normal(size=[5, 3, 207])
    morphs = pose_morphs(directions, turns[:1], tolerance=1e-4)
    found = np.einsum("tk,kvx->tvx", morphs.weights, morphs.targets)
    np.testing.assert_allclose(found.reshape(1, -1), _added(directions, turns[:1]), atol=1e-4)
