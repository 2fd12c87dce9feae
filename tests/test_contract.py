"""The contract's tables agree with each other, and each message says what is wrong with which input."""

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import contract, skeletons

NO_EXTRA: dict = {}


def test_shapes_are_those_of_the_skeletons():
    assert contract.INPUTS["joints"] == (len(skeletons.SMPL_29), 3)
    assert contract.INPUTS["joint_sigma"] == (len(skeletons.SMPL_29),)
    assert contract.INPUTS["twist"] == (len(skeletons.SMPL_24) - 1, 2)
    assert sum(shape[0] for shape in contract.POSE.values()) == len(skeletons.SMPL_24)
    assert set(contract.PER_FRAME) < set(contract.INPUTS)


def test_input_shapes_know_the_body():
    assert contract.input_shapes(16) == {**contract.INPUTS, "betas": (16,)}
    assert contract.input_shapes() == contract.INPUTS
    assert list(contract.input_shapes(16)) == list(contract.INPUTS)


def test_names_that_are_known_pass():
    contract.check_names({"joints": 0, "twist": None}, extra=NO_EXTRA)
    contract.check_names({"joints": 0, "frame_mask": 0}, extra={"frame_mask": ()})


BAD_NAMES = {
    "no dictionary": ([[0.0]], r"^`inputs` must be a dictionary of arrays by name; got list\. Use ik\(joints\)\.$"),
    "unknown": (
        {"joints": 0, "pose": 0},
        r"^`pose` is no input of a solver; the inputs are joints, joint_sigma, betas, twist, frame_mask\.$",
    ),
    "missing": (
        {"betas": 0, "twist": 0},
        r"^`joints` \(\.\.\., 29, 3\) is missing; got betas, twist\. Use the joint set skeletons\.SMPL_29\.$",
    ),
    "None": ({"joints": None}, r"^`joints` .* is missing; got joints\. Use"),
    "nothing": ({}, r"^`joints` .* is missing; got nothing\. Use"),
}


@pytest.mark.parametrize(("inputs", "message"), BAD_NAMES.values(), ids=BAD_NAMES)
def test_names_that_do_not_fit(inputs, message):
    with pytest.raises(ValueError, match=message):
        contract.check_names(inputs, extra={"frame_mask": ()})


def _shapes(**changed):
    return {"joints": (2, 5, 29, 3), "joint_sigma": (2, 5, 29), "betas": (2, 5, 10), "twist": (2, 5, 23, 2)} | changed


@pytest.mark.parametrize("leading", [(), (5,), (2, 5), (None, 5)])
def test_shapes_that_fit_pass(leading):
    shapes = {name: (*leading, *shape) for name, shape in contract.input_shapes(10).items()}
    contract.check_shapes(shapes, num_betas=10, extra=NO_EXTRA)
    contract.check_shapes({**shapes, "frame_mask": leading}, num_betas=None, extra={"frame_mask": ()})


BAD_SHAPES = {
    "joint set": (
        {"joints": (2, 5, 24, 3)},
        r"^`joints` must end in shape \(29, 3\); got \(2, 5, 24, 3\)\. Use the joint set skeletons\.SMPL_29\.$",
    ),
    "axes": ({"joints": (3,)}, r"^`joints` must end in shape \(29, 3\); got \(3,\)\. Use"),
    "rank": ({"joints": None}, r"^`joints` must end in shape \(29, 3\); got an unknown rank\. Use"),
    "sigma": (
        {"joint_sigma": (2, 5, 29, 3)},
        r"^`joint_sigma` must end in shape \(29,\); got \(2, 5, 29, 3\)\. Give one sigma for each joint, in metres\.$",
    ),
    "betas": (
        {"betas": (2, 5, 16)},
        r"^`betas` must end in shape \(10,\); got \(2, 5, 16\)\. Give as many shape coefficients as the body has\.$",
    ),
    "twist": (
        {"twist": (2, 5, 23)},
        r"^`twist` must end in shape \(23, 2\); got \(2, 5, 23\)\. Give \(cos, sin\) for each joint but the root\.$",
    ),
    "extra": ({"z": (2, 5, 7)}, r"^`z` must end in shape \(32,\); got \(2, 5, 7\)\. Any axes may"),
    "leading axes": (
        {"betas": (10,)},
        r"^`betas` must have the leading axes of `joints`, \(2, 5\); got \(10,\)\. Give one for each example\.$",
    ),
    "leading axis of nothing": (
        {"frame_mask": (5,)},
        r"^`frame_mask` must have the leading axes of `joints`, \(2, 5\); got \(5,\)\. Give one for each example\.$",
    ),
}


@pytest.mark.parametrize(("changed", "message"), BAD_SHAPES.values(), ids=BAD_SHAPES)
def test_shapes_that_do_not_fit(changed, message):
    with pytest.raises(ValueError, match=message):
        contract.check_shapes(_shapes(**changed), num_betas=10, extra={"z": (32,), "frame_mask": ()})


def test_a_pose_is_one_tensor_of_local_rotations(rng):
    rotations, _ = np.linalg.qr(rng.normal(size=[4, 24, 3, 3]))
    rotations *= np.sign(np.linalg.det(rotations))[..., None, None]
    pose = {"global_orient": rotations[:, :1], "body_pose": rotations[:, 1:]}
    found = contract.check_pose(**pose)
    assert found.dtype == tf.float32
    np.testing.assert_array_equal(found, np.float32(rotations))
    np.testing.assert_array_equal(contract.local_rotations(pose), rotations)
    np.testing.assert_array_equal(contract.local_rotations({**pose, "z": 0})[0], rotations[0])


BAD_POSES = {
    "rotation vectors": (
        {"body_pose": np.zeros([4, 23, 3])},
        r"^`body_pose` must end in shape \(23, 3, 3\); got \(4, 23, 3\)\. "
        r"Convert rotation vectors with rotations\.rotvec_to_matrix\.$",
    ),
    "no axis for the root": (
        {"global_orient": np.zeros([4, 3, 3])},
        r"^`global_orient` must end in shape \(1, 3, 3\); got \(4, 3, 3\)\. Convert",
    ),
    "a number": ({"global_orient": 1.0}, r"^`global_orient` must end in shape \(1, 3, 3\); got \(\)\. Convert"),
}


@pytest.mark.parametrize(("changed", "message"), BAD_POSES.values(), ids=BAD_POSES)
def test_poses_that_do_not_fit(changed, message):
    pose = {"global_orient": np.zeros([4, 1, 3, 3]), "body_pose": np.zeros([4, 23, 3, 3])} | changed
    with pytest.raises(ValueError, match=message):
        contract.check_pose(**pose)


def test_what_is_a_rotation(rng):
    matrices, _ = np.linalg.qr(rng.normal(size=[20, 3, 3]))
    proper = matrices * np.sign(np.linalg.det(matrices))[:, None, None]
    assert contract.are_rotations(proper.reshape(4, 5, 3, 3)).shape == (4, 5)
    assert contract.are_rotations(proper).all()
    bad = [-proper, 1.01 * proper, 0.0 * proper, np.nan * proper, np.inf * proper, np.full([1, 3, 3], 1e200)]
    assert not any(contract.are_rotations(each).any() for each in bad)


@pytest.mark.parametrize("leading", [(5,), (2, 5), (1,)])
@pytest.mark.parametrize(("name", "size"), [("betas", 10), ("joint_sigma", 29)])
def test_what_is_given_once_is_given_to_all(leading, name, size, rng):
    joints, once = np.zeros([*leading, 29, 3]), rng.normal(size=size).astype(np.float32)
    for shared in (once, once.tolist(), once.reshape([1] * len(leading) + [size]), tf.constant(once)):
        found = contract.as_tensors({"joints": joints, name: shared, "twist": None})
        assert set(found) == {"joints", name}
        np.testing.assert_array_equal(found[name], np.broadcast_to(once, [*leading, size]))
        assert found[name].dtype == tf.float32


def test_what_is_given_for_some_is_left_for_the_check_of_shapes():
    joints = np.zeros([2, 5, 29, 3])
    for shape in [(5, 10), (2, 3, 10), (1, 1, 1, 10), (3, 1, 10)]:
        found = contract.as_tensors({"joints": joints, "betas": np.zeros(shape)})
        assert found["betas"].shape == shape
    assert contract.as_tensors({"joints": joints, "joint_sigma": np.zeros(5)})["joint_sigma"].shape == (5,)
    assert contract.as_tensors({"joints": joints[0, 0], "betas": np.zeros([1, 10])})["betas"].shape == (1, 10)
    assert contract.as_tensors({"joints": joints, "twist": np.zeros([23, 2])})["twist"].shape == (23, 2)


@pytest.mark.parametrize(
    ("value", "got"),
    [
        (np.zeros([1, 29, 3]) * 1j, "complex128"),
        (tf.zeros([1, 29, 3], tf.complex64), "complex64"),
        (tf.constant(["x"]), "string"),
        ("joints", "<U6"),
        ([[1.0], [2.0, 3.0]], "what is no array of numbers"),
        ({"x": 1.0}, "what is no array of numbers"),
    ],
)
def test_what_is_no_real_number_is_named(value, got):
    with pytest.raises(ValueError, match=f"^`joints` must be an array of real numbers; got {got}"):
        contract.as_tensors({"joints": value})


def test_exact_zeros_were_not_seen_but_joint_0_alone():
    joints = np.ones([4, 29, 3], np.float32)
    joints[0, 0] = joints[1, 5] = joints[2, [0, 5]] = 0.0
    joints[3, 5, 0] = 0.0
    _, sigma = contract.mark_absent(tf.constant(joints), tf.zeros([4, 29]))
    absent = sigma.numpy() >= skeletons.ABSENT
    assert [np.flatnonzero(row).tolist() for row in absent] == [[], [5], [0, 5], []]


def test_a_root_at_the_origin_stays_whatever_is_told_to_be_absent():
    joints, sigma = np.ones([2, 29, 3], np.float32), np.zeros([2, 29], np.float32)
    joints[:, 0], joints[0, 5] = 0.0, np.nan
    joints[1, 5], sigma[1, 5] = 0.0, skeletons.ABSENT
    once = contract.mark_absent(tf.constant(joints), tf.constant(sigma))
    twice = contract.mark_absent(*once)  # what is marked has zeros
    for told in (once[1].numpy() >= skeletons.ABSENT, twice[1].numpy() >= skeletons.ABSENT):
        assert [np.flatnonzero(row).tolist() for row in told] == [[5], [5]]
    np.testing.assert_array_equal(contract.are_absent(joints, sigma), once[1].numpy() >= skeletons.ABSENT)


def test_joints_of_a_frame_that_are_kilometres_apart_are_refused():
    joints = np.zeros([2, 29, 3]) + [[[0.0, 0.0, 0.0]], [[9e7, 0.0, 0.0]]]  # two people may be
    joints[0, 3] = np.nan
    contract.check_extent(joints)
    joints[1, 5] += 10_001.0
    with pytest.raises(ValueError, match="`joints` of a frame must be metres, within 10000 m of each other; got some"):
        contract.check_extent(joints)


@pytest.mark.parametrize(("axes", "shape"), [(1, (3, 29)), (2, (3, 8, 29))])
def test_joints_far_away_are_moved_in_double_precision(rng, axes, shape):
    joints = rng.normal(size=[*shape, 3])
    joints[1] += [2e6, 0.0, -3e6]
    joints[..., 4, :] = np.nan
    near, origin = contract.moved_near(joints, axes=axes)
    assert near.dtype == np.float32
    assert (origin[0] == 0.0).all()
    np.testing.assert_array_equal(near[0], joints[0].astype(np.float32))
    np.testing.assert_allclose(near + origin[..., None, :], joints, atol=1e-6)
    assert np.nanmax(np.abs(near)) < 10.0
