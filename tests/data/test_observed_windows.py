"""Windows of motion as they are observed, for the prior of motion."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, data, io, motion, skeletons
from niki_tf.data import observed_windows

SKELETON = body.mannequin_joints()
FRAMES, COUNT = 20, 300
PARENTS = skeletons.SMPL_29.parents
LEG = [skeletons.SMPL_29.index(f"left_{name}") for name in ("hip", "knee", "ankle")]
SETS = np.full([2, 29], 0.01, np.float32)
SETS[1, 20:] = skeletons.ABSENT
PLAIN = {
    "_KINDS": {"noise": 0.3, "occlusion": 0.0, "turned bones": 0.3, "joint set": 0.3, "drift": 0.1},
    "_LARGEST_NOISE": 0.0,
    "_OUTLIER": 0.0,
    "_LARGEST_TURN": 0.0,
    "_SET_OFFSET": 0.0,
    "_SET_NOISE": 0.0,
    "_LARGEST_SET_NOISE": 0.0,
    "_LARGEST_DRIFT": 0.0,
}
"""No errors; those of occlusion have no size to set to zero."""


@pytest.fixture(scope="module")
def walks(tmp_path_factory):
    """Motion that the package makes, and a clip that is shorter than a window."""
    folder = tmp_path_factory.mktemp("walks")
    for number, frames in enumerate((150, 90, 7)):
        io.save_clip(folder / f"{number}.npz", motion.made_motion(number, frames=frames))
    return data.load_sources([str(folder)])


def _windows(walks, *, step=0, count=COUNT, sets=SETS, **settings):
    streams = data.RandomStreams(0, tf.constant(step, tf.int64), batch_size=count, shard=(0, 1))
    windows = observed_windows.observed_windows(
        streams,
        walks,
        body_joints=SKELETON,
        augment=data.Augmentation(**settings),
        frames=FRAMES,
        sigma_of_sets=sets,
    )
    return windows._replace(**{name: value.numpy() for name, value in windows._asdict().items()})


@pytest.fixture(scope="module")
def windows(walks):
    return _windows(walks)


@pytest.fixture
def clean(walks, monkeypatch):
    """Windows without errors."""
    for name, value in PLAIN.items():
        monkeypatch.setattr(observed_windows, name, value)
    return _windows(walks)


def _posed(local, rest, path):
    """Joints (n, T, 29, 3) with joint 0 on a path: down the tree, joint by joint."""
    turns, joints = [local[:, :, 0]], [path]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        bone = rest[:, :, joint] - rest[:, :, parent]
        joints.append(joints[parent] + np.einsum("ntij,ntj->nti", turns[parent], bone))
        turns.append(turns[parent] @ local[:, :, joint] if joint < 24 else None)
    return np.stack(joints, 2)


def test_windows_are_finite_and_of_their_shapes(windows):
    wanted = {
        "joints": (29, 3),
        "joint_sigma": (29,),
        "ground": (4,),
        "frame_mask": (),
        "betas": (10,),
        "rest_joints": (29, 3),
        "local": (24, 3, 3),
        "path": (3,),
    }
    for name, ending in wanted.items():
        value = getattr(windows, name)
        assert value.shape == (COUNT, FRAMES, *ending), name
        assert np.isfinite(value).all(), name
    assert windows.has_path.shape == (COUNT,)
    assert set(windows.has_path) == {0.0, 1.0}
    lengths = set(windows.frame_mask.sum(1))
    assert lengths == {7.0, 20.0}


def test_sigma_is_that_of_absence_exactly_where_joints_are_zeroed(windows):
    absent = windows.joint_sigma >= skeletons.ABSENT
    np.testing.assert_array_equal(windows.joints[absent], 0.0)
    zero = (windows.joints == 0.0).all(-1) & ~absent
    assert not zero[..., 1:].any()
    assert zero[..., 0].any()  # joint 0, which others are relative to
    assert not zero[windows.has_path > 0].any()
    assert windows.joint_sigma[~absent].min() >= 0.0
    assert 0.05 < absent.mean() < 0.5
    assert np.all(((~absent).any(-1) & (windows.frame_mask > 0)).sum(1) >= 2)


def test_joints_without_errors_are_those_of_the_true_pose(clean):
    seen = clean.joint_sigma < skeletons.ABSENT
    placed = clean.path * clean.has_path[:, None, None]
    wanted = _posed(clean.local, clean.rest_joints, placed)
    np.testing.assert_allclose(clean.joints[seen], wanted[seen], atol=2e-5)
    assert 0.3 < seen.mean() < 0.95


def test_errors_are_of_every_kind(walks, monkeypatch):
    """The largest errors in windows of one kind each."""
    largest = {}
    for kind in PLAIN["_KINDS"]:
        monkeypatch.setattr(observed_windows, "_KINDS", {name: float(name == kind) for name in PLAIN["_KINDS"]})
        windows = _windows(walks, count=60)
        wanted = _posed(windows.local, windows.rest_joints, windows.path)
        absolute = windows.has_path > 0
        errors = np.linalg.norm(windows.joints - wanted, axis=-1)[absolute]
        largest[kind] = np.where(windows.joint_sigma[absolute] < skeletons.ABSENT, errors, 0.0).max((1, 2))
    assert 0.05 < np.median(largest["noise"]) < 0.3
    assert np.median(largest["occlusion"]) > 0.1
    assert 0.02 < np.median(largest["turned bones"]) < 0.4
    assert 0.03 < np.median(largest["joint set"]) < 0.25
    assert 0.02 < np.median(largest["drift"]) < 0.15


def test_drift_is_slow(walks, monkeypatch):
    monkeypatch.setattr(observed_windows, "_KINDS", {**dict.fromkeys(PLAIN["_KINDS"], 0.0), "drift": 1.0})
    windows = _windows(walks)
    absolute = windows.has_path > 0
    error = (windows.joints - _posed(windows.local, windows.rest_joints, windows.path))[absolute]
    seen = windows.joint_sigma[absolute] < skeletons.ABSENT
    both = seen[:, 1:] & seen[:, :-1]
    before, after = error[:, :-1][both].ravel(), error[:, 1:][both].ravel()
    assert np.corrcoef(before, after)[0, 1] == pytest.approx(0.8, abs=0.05)
    size = [np.std(error[:, time][seen[:, time]]) for time in (0, -1)]
    assert size[0] == pytest.approx(size[1], rel=0.25)


def test_joints_are_relative_to_joint_0_where_there_is_no_path(windows):
    relative = windows.has_path == 0
    np.testing.assert_array_equal(windows.joints[relative][:, :, 0], 0.0)
    assert relative.mean() == pytest.approx(0.4, abs=0.1)


def test_the_ground_is_known_of_some_windows_on_a_path(windows):
    known = windows.ground.any((1, 2))
    np.testing.assert_array_equal(windows.ground[known], np.broadcast_to([0, 1, 0, 0], windows.ground[known].shape))
    assert not known[windows.has_path == 0].any()
    assert known[windows.has_path > 0].mean() == pytest.approx(0.5, abs=0.1)


def test_feet_of_every_body_stand_on_the_ground(walks):
    windows = _windows(walks, natural=1.0, bone_jitter=0.0)
    there = windows.frame_mask > 0
    lowest = np.where(there, _posed(windows.local, windows.rest_joints, windows.path)[..., 1].min(-1), np.nan)
    bones = np.diff(windows.rest_joints[:, 0][:, LEG], axis=1)
    legs = np.linalg.norm(bones, axis=-1).sum(1)
    assert legs.max() - legs.min() > 0.1
    lowest = np.nanmedian(lowest, 1)
    np.testing.assert_allclose(lowest, 0.02, atol=0.03)
    assert abs(np.corrcoef(legs, lowest)[0, 1]) < 0.9
    mannequin = np.linalg.norm(np.diff(SKELETON.joints[LEG], axis=0), axis=-1).sum()
    unscaled = windows.path[:, 0, 1] * mannequin / legs
    assert unscaled.min() >= walks.pelvis[:, 1].min() - 1e-5
    assert unscaled.max() <= walks.pelvis[:, 1].max() + 1e-5


def test_joint_sets_without_a_joint_make_it_absent(walks, monkeypatch):
    monkeypatch.setattr(observed_windows, "_KINDS", {**dict.fromkeys(PLAIN["_KINDS"], 0.0), "joint set": 1.0})
    absent = _windows(walks, sets=SETS[1:], count=40).joint_sigma >= skeletons.ABSENT
    assert absent[..., 20:].all()
    assert absent[..., :20].mean() < 0.5


def test_something_is_seen_though_a_joint_set_tells_one_joint_alone(walks, monkeypatch):
    monkeypatch.setattr(observed_windows, "_KINDS", {**dict.fromkeys(PLAIN["_KINDS"], 0.0), "joint set": 1.0})
    wrist = np.where(np.arange(29) == 20, 0.01, skeletons.ABSENT)[None]
    windows = _windows(walks, sets=wrist)
    seen = (windows.joint_sigma < skeletons.ABSENT) & (windows.frame_mask[..., None] > 0)
    assert np.all(seen.any(-1).sum(1) >= 2)
    assert (seen.sum(-1).max(1) == 1).mean() > 0.5


def test_windows_depend_on_seed_and_step_alone(walks):
    first, again, other = (_windows(walks, step=step, count=6) for step in (1, 1, 2))
    for name in first._fields:
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert np.any(first.joints != other.joints)
