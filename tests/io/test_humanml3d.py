"""Features of text-to-motion models: made here from joints by the definition, read back."""

import numpy as np
import pytest

from niki_tf import io
from niki_tf.io import humanml3d


def about_y(angle):
    """(T, 3, 3) rotations about y."""
    zero, one = np.zeros_like(angle), np.ones_like(angle)
    rows = [[np.cos(angle), zero, np.sin(angle)], [zero, one, zero], [-np.sin(angle), zero, np.cos(angle)]]
    return np.moveaxis(np.array(rows), -1, 0)


def features_of(joints, heading, columns):
    """The features (T - 1, columns) of joints (T, J, 3) of a body with headings (T,), angles from z to x."""
    to_body = about_y(-heading)  # turns the body's direction to z
    turns = np.diff(heading)
    steps = np.einsum("tij,tj->ti", to_body[1:], np.diff(joints[:, 0], axis=0))
    relative = joints - joints[:, :1] * [1, 0, 1]
    seen = np.einsum("tij,tnj->tni", to_body, relative)[:-1]
    known = [-turns[:, None] / 2, steps[:, [0, 2]], joints[:-1, 0, 1:2], seen[:, 1:].reshape(len(turns), -1)]
    features = np.concatenate(known, 1)
    rest = np.random.default_rng(1).normal(size=[len(turns), columns - features.shape[1]])
    return np.concatenate([features, rest], 1)


def moving(joints, frames=50, seed=0):
    rng = np.random.default_rng(seed)
    heading = np.cumsum(rng.normal(0, 0.2, frames))
    heading -= heading[0]
    path = np.cumsum(rng.normal(0, 0.05, [frames, 3]), 0)
    path[:, [0, 2]] -= path[0, [0, 2]]
    return path[:, None] + rng.normal(0, 0.5, [frames, joints, 3]) * (np.arange(joints) > 0)[:, None], heading


@pytest.mark.parametrize(("columns", "joints"), [(263, 22), (251, 21)])
def test_joints_come_back_with_their_path(columns, joints):
    truth, heading = moving(joints)
    found = humanml3d.recover_joints(features_of(truth, heading, columns))
    np.testing.assert_allclose(found, truth[:-1], atol=1e-9)


def test_walking_straight_ahead_of_a_body_that_faces_x():
    """Half the angle of each turn is given: two of pi / 8 are a quarter turn, after which forward is x."""
    features = np.zeros([12, 263])
    features[:2, 0] = -np.pi / 8
    features[2:, 2] = 0.1
    path = humanml3d.recover_joints(features)[:, 0]
    np.testing.assert_allclose(path[-1], [0.9, 0, 0], atol=1e-12)


def test_files_of_features(tmp_path):
    truth, heading = moving(22)
    features = features_of(truth, heading, 263)
    np.save(tmp_path / "a.npy", features.astype(np.float32))
    (clip,) = io.read_keypoints(tmp_path / "a.npy")
    np.testing.assert_allclose(clip.positions, truth[:-1], atol=1e-4)
    assert (clip.skeleton, clip.unit, clip.fps, clip.up) == ("smplh_22", 1.0, 20.0, "y")
    np.save(tmp_path / "kit.npy", np.zeros([9, 251]))
    (clip,) = io.read_keypoints(tmp_path / "kit.npy")
    assert (clip.skeleton, clip.unit, clip.fps, clip.positions.shape) == ("kit_21", 0.001, 12.5, (9, 21, 3))
    np.save(tmp_path / "batch.npy", np.stack([features, features[::-1]]))
    first, second = io.read_keypoints(tmp_path / "batch.npy")
    np.testing.assert_allclose(first.positions, truth[:-1], atol=1e-9)
    assert (first.person, second.person) == ("0", "1")
