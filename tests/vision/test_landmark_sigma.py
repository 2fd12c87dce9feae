"""Sigma grows with what is hidden; what is outside the picture is absent."""

import numpy as np

from niki_tf import skeletons
from niki_tf.vision.landmark_sigma import landmark_sigma

_NAMES = skeletons.POINT_SETS["mediapipe_33"].points


def test_sigma_by_visibility_and_presence():
    seen = landmark_sigma(np.ones(33), np.ones(33))
    np.testing.assert_allclose(landmark_sigma(np.full(33, 0.5), np.ones(33)), seen)
    np.testing.assert_allclose(landmark_sigma(np.full(33, 0.25), np.ones(33)), 1.5 * seen)
    np.testing.assert_allclose(landmark_sigma(np.zeros(33), np.ones(33)), 2 * seen)
    assert (landmark_sigma(np.ones(33), np.full(33, 0.4)) == skeletons.ABSENT).all()
    nobody = np.full([2, 33], np.nan)
    assert (landmark_sigma(nobody, nobody) == skeletons.ABSENT).all()


def test_each_part_has_its_own():
    sigma = dict(zip(_NAMES, landmark_sigma(np.ones(33), np.ones(33)).tolist(), strict=True))
    assert sigma["left_shoulder"] < sigma["left_elbow"] < sigma["left_wrist"] < sigma["left_index"]
    assert sigma["right_outer_hip"] < sigma["right_knee"] < sigma["right_ankle"] < sigma["right_heel"]
    for name, value in sigma.items():
        if name.startswith("left_"):
            assert value == sigma[name.replace("left_", "right_")]
