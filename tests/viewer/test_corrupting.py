"""Joints made worse: as much as was said, the same again, and never all of them."""

import dataclasses

import numpy as np
import pytest

from niki_tf import skeletons
from niki_tf.inference.reading import Person
from niki_tf.viewer.corrupting import Corruption, corrupted

SMPL = skeletons.POINT_SETS["smpl_24"]


@pytest.fixture
def person():
    return Person("", SMPL.at_rest[None].repeat(40, 0), SMPL, 30.0)


def test_nothing_wanted_changes_nothing(person):
    np.testing.assert_array_equal(corrupted(person, Corruption()).joints, person.joints)


def test_noise_has_its_size_and_comes_again(person):
    how = Corruption(noise_mm=50.0)
    worse = corrupted(person, how).joints
    assert (worse - person.joints).std() == pytest.approx(0.05, rel=0.05)
    np.testing.assert_array_equal(worse, corrupted(person, how).joints)
    assert (worse != corrupted(person, dataclasses.replace(how, seed=1)).joints).all()


def test_a_limb_is_hidden_for_a_share_of_the_frames(person):
    lost = np.isnan(corrupted(person, Corruption(occluded=0.5)).joints).any(-1)
    frames = np.flatnonzero(lost.any(1))
    assert frames.tolist() == list(range(10, 30))
    assert (lost[frames].sum(1) == 3).all()
    assert len({tuple(np.flatnonzero(frame)) for frame in lost[frames]}) == 2


def test_missing_joints_are_absent_throughout_but_never_all(person):
    lost = np.isnan(corrupted(person, Corruption(missing=7)).joints).any(-1)
    assert (lost.sum(1) == 7).all()
    assert (lost == lost[0]).all()
    lost = np.isnan(corrupted(person, Corruption(missing=99)).joints).any(-1)
    assert (lost.sum(1) == 23).all()
