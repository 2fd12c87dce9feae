"""Which joint set a file's joints are of."""

import json

import numpy as np
import pytest

from niki_tf import body
from niki_tf.inference import reading
from niki_tf.skeletons import POINT_SETS, PointSet


def _saved(tmp_path, joints, **arrays):
    np.savez(tmp_path / "a.npz", joints=joints, **arrays)
    return tmp_path / "a.npz"


def _at_rest(name, frames=3):
    return np.repeat(np.nan_to_num(POINT_SETS[name].at_rest[None]), frames, 0)


@pytest.mark.parametrize("name", ["h36m_17", "coco_17", "openpose_25", "kinect_azure_32", "vicon_39"])
def test_a_set_is_guessed_by_number_and_bones(tmp_path, name):
    (person,) = reading.read_people(_saved(tmp_path, 1000 * _at_rest(name), fps=50))
    assert (person.point_set.name, person.fps, len(person)) == (name, 50, 3)
    assert person.notes[0].startswith(f"The skeleton is taken to be {name}, by the {len(POINT_SETS[name])} joints")


def test_names_come_before_a_guess_and_the_unknown_are_told(tmp_path):
    names = ["Hips", "LeftUpLeg", "LeftLeg", "Gadget"]
    (person,) = reading.read_people(_saved(tmp_path, np.ones([2, 4, 3]), names=names))
    assert person.point_set.points == ("pelvis", "left_hip", "left_knee", None)
    assert person.notes == (f"1 of 4 names are left out: 'Gadget' {person.notes[0].split(chr(39))[2].strip()}",)


def test_a_skeleton_that_fits_is_taken_and_one_that_does_not_is_told(tmp_path):
    own = PointSet("own", ("pelvis", "left_hip", "left_knee"))
    path = _saved(tmp_path, np.ones([2, 3, 3]), names=["Hips", "LeftUpLeg", "LeftLeg"])
    assert reading.read_people(path, skeleton=own)[0].point_set is own
    (person,) = reading.read_people(path, skeleton=POINT_SETS["coco_17"])
    assert person.notes[0] == "The skeleton coco_17 has 17 joints, the file 3: that of its names is taken."
    path = _saved(tmp_path, np.ones([2, 3, 3]))
    with pytest.raises(ValueError, match="`skeleton` must have the 3 joints of the file; coco_17 has 17"):
        reading.read_people(path, skeleton=POINT_SETS["coco_17"])
    with pytest.raises(ValueError, match="`skeleton` must be given for 3 joints without names; |for 3 joints"):
        reading.read_people(path)


def test_people_confidence_and_the_first_frames(tmp_path):
    crowd = np.stack([_at_rest("coco_17", 5)] * 2)
    confidence, sigma = np.full([2, 5, 17], 0.5), np.full([5, 17], 0.02)
    path = _saved(tmp_path, crowd, confidence=confidence, joint_sigma=sigma, betas=np.ones(4), skeleton="coco_17")
    people = reading.read_people(path)
    assert [person.name for person in people] == ["0", "1"]
    short = people[0].first(2)
    assert (short.joints.shape, short.joint_sigma.shape, short.betas.shape) == ((2, 17, 4), (2, 17), (4,))
    assert people[0].first(None).joints.shape == (5, 17, 4)


def test_a_skeleton_is_named_or_in_a_file(tmp_path, toy_body):
    assert reading.named_skeleton("coco_17", toy_body) is POINT_SETS["coco_17"]
    (tmp_path / "mine.json").write_text(json.dumps({"points": ["left_hip", None]}))
    assert reading.named_skeleton(str(tmp_path / "mine.json"), toy_body).points == ("left_hip", None)
    mannequin = body.mannequin()
    np.save(tmp_path / "J_regressor.npy", np.eye(2, len(mannequin.v_template)))
    assert len(reading.named_skeleton(str(tmp_path / "J_regressor.npy"), mannequin)) == 2
    with pytest.raises(
        ValueError,
        match=r"`skeleton` must be one of smpl_24, .*, or a .json or .npy file; got 'coco'. Did you mean coco_17\?",
    ):
        reading.named_skeleton("coco", toy_body)
