"""Joint sets of one's own in JSON files: what they may hold, and what is said of the rest."""

import json

import numpy as np
import pytest

from niki_tf.skeletons import own_set_files, rest

ANKLE = {"joint": "left_ankle", "offset": [0.0, -0.05, -0.07]}
BETWEEN = {"between": ["left_hip", "right_hip"], "fraction": 0.25}


def _written(folder, told):
    path = folder / "mine.json"
    path.write_text(told if isinstance(told, str) else json.dumps(told))
    return path


def test_each_kind_of_entry(tmp_path):
    points = ["left_hip", None, "nose", ANKLE, BETWEEN, {"between": [ANKLE, "left_ankle"]}]
    found = own_set_files.from_json(_written(tmp_path, {"name": "ours", "points": points}))
    joints = rest.rest_joints()
    assert (found.name, found.points[:3]) == ("ours", ("left_hip", None, "nose"))
    assert found.carriers == (1, 0, 15, 7, 0, 7)
    np.testing.assert_allclose(found.at_rest[3], joints[7] + ANKLE["offset"])
    np.testing.assert_allclose(found.at_rest[4], 0.75 * joints[1] + 0.25 * joints[2])
    np.testing.assert_allclose(found.at_rest[5], joints[7] + 0.5 * np.array(ANKLE["offset"]))


def test_the_file_names_the_set_if_it_does_not_say_so(tmp_path):
    assert own_set_files.from_json(_written(tmp_path, {"points": ["neck"]})).name == "mine"


def test_names_in_any_spelling(tmp_path):
    found = own_set_files.from_json(_written(tmp_path, {"names": ["Hips", "LeftUpLeg", "LeftLeg"]}))
    assert found.points == ("pelvis", "left_hip", "left_knee")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("{", "`path` must be a JSON file of a joint set; .*, which cannot be read"),
        ([1], "must hold an object with a list `points` or `names`, such as"),
        ({"points": "nose"}, "must hold an object with a list `points` or `names`"),
        ({"name": "a"}, "must hold an object with a list `points` or `names`"),
        (
            {"points": ["nose", "lefthip"]},
            r"`points\[1\]`: must be a joint or landmark; got 'lefthip' \(closest: left_hip",
        ),
        ({"points": [3]}, r"`points\[0\]`: must be a name, null, or as in .*; got 3"),
        ({"points": [{"joint": "left_ankle"}]}, r"`points\[0\]`: must be a name, null"),
        ({"points": [{**ANKLE, "fraction": 1}]}, r"`points\[0\]`: must be a name, null"),
        (
            {"points": [{**ANKLE, "joint": "head_top"}]},
            r"`points\[0\]`: `joint` must be one of pelvis, .*; got 'head_top'",
        ),
        ({"points": [{**ANKLE, "offset": [0, 1]}]}, r"`points\[0\]`: `offset` must be three finite numbers"),
        ({"points": [{**ANKLE, "offset": 1}]}, "`offset` must be three finite numbers"),
        ({"points": [{**ANKLE, "offset": [0, 1, "a"]}]}, "`offset` must be three finite numbers"),
        ('{"points": [{"joint": "neck", "offset": [0, 1, NaN]}]}', "`offset` must be three finite numbers"),
        ({"points": [{"between": ["neck"]}]}, r"`points\[0\]`: `between` must be two points"),
        ({"points": [{"between": ["neck", "tail"]}]}, "must be a joint or landmark; got 'tail'"),
        ({"points": [{"between": ["neck", "left_wrist"]}]}, "`between` must be two points that move as one"),
        ({"points": [{**BETWEEN, "fraction": "half"}]}, "`fraction` must be a number; got 'half'"),
        ({"names": ["Hips", "Tail"]}, "mine.json: `names` must each mean one point of the body; got 'Tail'"),
    ],
)
def test_what_a_file_may_not_hold(told, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        own_set_files.from_json(_written(tmp_path, told))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"none.json, which cannot be read"):
        own_set_files.from_json(tmp_path / "none.json")
