"""Readers of the real image sets, on files that the tests make in their formats."""

import json
import pickle

import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, rotations
from niki_tf.io.annotated_images import read_annotations
from niki_tf.io.pw3d import read_pw3d


def joints(rng, count):
    return rng.normal(size=[count, 3]) * 0.3 + (0.2, -0.1, 4.0)


def hybrik_3dpw(rng):
    """As HybrIK lists 3DPW: images by id, metres, smpl_param."""
    image = {"id": 7, "file_name": "image_00003.jpg", "sequence": "walk", "width": 640, "height": 480}
    image["cam_param"] = {"focal": [900.0, 910.0], "princpt": [320.0, 240.0]}
    person = {"image_id": 7, "bbox": [600.0, 100.0, 100.0, 200.0], "smpl_joint_cam": joints(rng, 24).tolist()}
    person["smpl_param"] = {"pose": rng.normal(size=72).tolist(), "shape": rng.normal(size=10).tolist()}
    return {"images": [{"id": 6, "file_name": "x.jpg"}, image], "annotations": [person]}


def hybrik_h36m(rng):
    """As HybrIK lists Human3.6M: pairs in order, millimetres, thetas, twists."""
    image = {"file_name": "s_01/a.jpg", "width": 1000, "height": 1000}
    angle = rng.uniform(-1, 1, 23)
    angle[4] = -999.0
    person = {
        "image_id": 3,
        "bbox": [10.0, 20.0, 300.0, 400.0],
        "cam_param": {"f": [1145.0, 1143.0], "c": [512.0, 515.0]},
        "smpl_joints": (1e3 * joints(rng, 29)).ravel().tolist(),
        "thetas": rng.normal(size=[24, 3]).tolist(),
        "betas": rng.normal(size=10).tolist(),
        "angle_twist": {"angle": angle.tolist(), "cos": np.cos(angle).tolist(), "sin": np.sin(angle).tolist()},
    }
    return {"images": [image], "annotations": [person]}


def written(tmp_path, content):
    path = tmp_path / "set.json"
    path.write_text(json.dumps(content))
    return path


def test_3dpw_as_hybrik_lists_it(tmp_path, rng):
    content = hybrik_3dpw(rng)
    (person,) = read_annotations(written(tmp_path, content))
    told = content["annotations"][0]
    assert (person.file, person.size) == ("walk/image_00003.jpg", (640, 480))
    np.testing.assert_array_equal(person.box, [600, 100, 640, 300])  # within the picture
    np.testing.assert_allclose(person.joints[:24], told["smpl_joint_cam"])
    assert np.isnan(person.joints[24:]).all()
    first = person.joints[0]
    np.testing.assert_allclose(person.uv[0], [900 * first[0] / first[2] + 320, 910 * first[1] / first[2] + 240])
    np.testing.assert_allclose(person.poses.ravel(), told["smpl_param"]["pose"])
    assert (person.twist, person.keypoints) == (None, None)


def test_human36m_as_hybrik_lists_it_is_in_metres(tmp_path, rng):
    content = hybrik_h36m(rng)
    (person,) = read_annotations(written(tmp_path, content))
    np.testing.assert_allclose(person.joints.ravel(), 1e-3 * np.array(content["annotations"][0]["smpl_joints"]))
    np.testing.assert_array_equal(person.twist[4], [0, 0])
    np.testing.assert_allclose(np.linalg.norm(np.delete(person.twist, 4, 0), axis=-1), np.ones(22))
    assert person.uv.shape == (29, 2)


def test_coco_has_keypoints_alone(tmp_path):
    image = {"id": 1, "file_name": "b.jpg", "width": 64, "height": 64}
    person = {"image_id": 1, "bbox": [1, 2, 30, 40], "keypoints": [1, 2, 2] * 17}
    (found,) = read_annotations(written(tmp_path, {"images": [image], "annotations": [person]}))
    np.testing.assert_array_equal(found.keypoints, np.tile([1, 2, 2], (17, 1)))
    assert (found.joints, found.uv, found.poses) == (None, None, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bbox": [1, 2, 0, 5]}, "annotation 0 must be of a person .*; a box with an area is wanted"),
        ({"bbox": None}, "annotation 0 must be of a person"),
        ({"smpl_joint_cam": [[0, 0, 1]] * 17}, "24 or 29 joints are wanted, got 17"),
        ({"smpl_param": {"pose": [0.0] * 71}}, r"pose must be finite numbers of shape \(24, 3\), got \(71,\)"),
        ({"image_id": 9}, "annotations must be of images that are listed; 9 is none"),
    ],
)
def test_bad_annotations_are_named(tmp_path, rng, change, message):
    content = hybrik_3dpw(rng)
    content["annotations"][0] |= change
    with pytest.raises(ValueError, match=f"set.json: .*{message}"):
        read_annotations(written(tmp_path, content))


@pytest.mark.parametrize("text", ["{", "[]", '{"images": 3, "annotations": []}'])
def test_what_is_no_annotation_file_is_named(tmp_path, text):
    (tmp_path / "set.json").write_text(text)
    with pytest.raises(ValueError, match="set.json: "):
        read_annotations(tmp_path / "set.json")
    with pytest.raises(ValueError, match="`path` must be a .json file"):
        read_annotations(tmp_path / "none.json")


FRAMES = 5


@pytest.fixture
def sequence(rng):
    """A sequence of 3DPW with two persons, the second of whom is behind the camera; y up in the world."""
    skeleton = body.mannequin_joints()
    poses = 0.3 * rng.normal(size=[2, FRAMES, 24, 3])
    camera = np.tile(np.eye(4), (FRAMES, 1, 1))
    camera[:, :3, :3] = rotations.rotvec_to_matrix(tf.constant([[np.pi, 0.1 * t, 0.0] for t in range(FRAMES)])).numpy()
    camera[:, :3, 3] = (0.1, 0.2, 4.0)
    rest = skeleton(tf.zeros([FRAMES, 10]))
    places = []
    for number in range(2):
        local = rotations.rotvec_to_matrix(tf.constant(poses[number], tf.float32))
        posed, _ = body.forward_kinematics(local, rest)
        places.append(posed[:, :24].numpy().reshape(FRAMES, 72) + np.tile([0, 0, 8.0 * number], 24))
    valid = [np.array([1, 1, 0, 1, 1]), np.ones(FRAMES, int)]
    intrinsics = np.array([[1961.0, 0, 540], [0, 1969, 960], [0, 0, 1]])
    return {
        "sequence": "outdoors_walk_00",
        "poses": [one.reshape(FRAMES, 72) for one in poses],
        "betas": [rng.normal(size=300) for _ in range(2)],
        "jointPositions": places,
        "campose_valid": valid,
        "cam_poses": camera,
        "cam_intrinsics": intrinsics,
    }


def pickled(tmp_path, sequence, protocol=2):
    (tmp_path / "seq.pkl").write_bytes(pickle.dumps(sequence, protocol))
    return tmp_path / "seq.pkl"


def test_a_sequence_of_3dpw_is_in_the_cameras_axes(tmp_path, sequence):
    people = read_pw3d(pickled(tmp_path, sequence))
    assert [person.file[-9:-4] for person in people] == ["00000", "00001", "00003", "00004"]
    assert {person.size for person in people} == {(1080, 1920)}
    skeleton = body.mannequin_joints()
    for person in people:
        local = rotations.rotvec_to_matrix(tf.constant(person.poses[None], tf.float32))
        posed, _ = body.forward_kinematics(local, skeleton(tf.zeros([1, 10])))
        moved = person.joints[:24] - person.joints[0]
        np.testing.assert_allclose((posed[0] - posed[0, :1])[:24], moved, atol=1e-5)
        assert (person.uv[:24] >= person.box[:2] - 1e-6).all()
        assert person.betas.shape == (10,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cam_poses": None}, "a sequence of 3DPW is wanted"),
        ({"poses": [np.zeros([FRAMES, 72])]}, "as many persons are wanted"),
        ({"cam_intrinsics": np.zeros([3, 4])}, r"cam_intrinsics must be finite, of shape \(3, 3\), got \(3, 4\)"),
    ],
)
def test_what_is_no_sequence_is_named(tmp_path, sequence, change, message):
    with pytest.raises(ValueError, match=f"seq.pkl: .*{message}"):
        read_pw3d(pickled(tmp_path, sequence | change))


def test_a_sequence_without_an_entry_is_named(tmp_path, sequence):
    del sequence["jointPositions"]
    with pytest.raises(ValueError, match="seq.pkl: a sequence of 3DPW is wanted; it has no 'jointPositions'"):
        read_pw3d(pickled(tmp_path, sequence))
