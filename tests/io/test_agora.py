"""AGORA's tables, as pandas pickles them; what their persons are is computed here as AGORA's published code does."""

import pickle
import sys
import types

import cv2
import numpy as np
import pytest
import tensorflow as tf

from niki_tf import body, rotations
from niki_tf.io import dataframes, pw3d
from niki_tf.io.agora import read_agora
from niki_tf.io.annotated_images import AnnotatedPerson

FOCAL = 28.0 / 36.0 * 3840.0
NAMES = ("ag_validationset_forest_5_15_00017.png", "ag_validationset_flowers_cam02_00001.png")


@pytest.fixture
def pandas(monkeypatch):
    """Stand-ins of the classes and functions that a pickled table names."""

    def new_index(kind, told):
        del kind, told

    def unpickle_block(values, places, ndim):
        del values, places, ndim

    names = {
        "pandas.core.frame": {"DataFrame": type("DataFrame", (), {})},
        "pandas.core.internals.managers": {"BlockManager": type("BlockManager", (), {})},
        "pandas.core.indexes.base": {"Index": type("Index", (), {}), "_new_Index": new_index},
        "pandas._libs.internals": {"_unpickle_block": unpickle_block},
    }
    found = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "pandas", types.ModuleType("pandas"))
    for module, members in names.items():
        monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
        for name, value in members.items():
            value.__module__, value.__qualname__ = module, name
            setattr(sys.modules[module], name, value)
            setattr(found, name.strip("_"), value)
    return found


class _Calling:
    """Pickled as the call of a function."""

    def __init__(self, function, *given):
        self._function, self._given = function, given

    def __reduce__(self):
        return self._function, self._given


def objects(values):
    """An array of objects, (columns, rows)."""
    array = np.empty([len(values), len(values[0])], object)
    for column, told in enumerate(values):
        for row, value in enumerate(told):
            array[column, row] = value
    return array


def written(pandas, path, columns, *, former):
    """A table of numbers and objects, as former or later versions of pandas write it."""
    numbers = [name for name, told in columns.items() if isinstance(told[0], float)]
    others = [name for name in columns if name not in numbers]
    order = [*others[:1], *numbers, *others[1:]]
    places = [order.index(name) for name in others]
    labels = np.empty(len(order), object)
    labels[:] = order
    index = _Calling(pandas.new_Index, pandas.Index, {"data": labels, "name": None})
    blocks = [
        (np.array([columns[name] for name in numbers]), slice(1, 1 + len(numbers), 1)),
        (np.asfortranarray(objects([columns[name] for name in others])), np.array(places)),
    ]
    if former:
        told = [{"values": values, "mgr_locs": where} for values, where in blocks]
        manager = pandas.BlockManager()
        manager.__class__.__getstate__ = lambda _: ([index], [], [], {"0.14.1": {"axes": [index], "blocks": told}})
    else:
        parts = tuple(_Calling(pandas.unpickle_block, values, where, 2) for values, where in blocks)
        manager = _Calling(pandas.BlockManager, parts, [index])
    frame = pandas.DataFrame()
    frame.__dict__ = {"_data" if former else "_mgr": manager, "_typ": "dataframe"}
    path.write_bytes(pickle.dumps(frame, 4))
    return path


@pytest.mark.parametrize("former", [True, False])
def test_a_table_of_pandas_is_read_without_pandas(pandas, tmp_path, former):
    columns = {"name": ["a", "b"], "number": [1.5, 2.5], "lists": [[np.eye(2), 3], [True]]}
    found = dataframes.read_dataframe(written(pandas, tmp_path / "table.pkl", columns, former=former))
    assert set(found) == set(columns)
    assert (found["name"], found["number"]) == (columns["name"], columns["number"])
    np.testing.assert_array_equal(found["lists"][0][0], np.eye(2))
    assert (found["lists"][0][1], found["lists"][1]) == (3, [True])


def test_what_is_no_table_is_named(pandas, tmp_path):
    path = tmp_path / "table.pkl"
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ValueError, match="table.pkl: a table of pandas is wanted; got dict"):
        dataframes.read_dataframe(path)
    path.write_bytes(pickle.dumps(_Calling(print, "run")))
    with pytest.raises(ValueError, match=r"names `builtins.print`.*nothing of it was run"):
        dataframes.read_dataframe(path)
    with pytest.raises(ValueError, match="a table of AGORA with joints is wanted; it has no column 'isValid'"):
        read_agora(written(pandas, path, {"imgPath": ["a"], "x": [1.0]}, former=True), pictures=tmp_path)


def turned(joints, *degrees):
    return joints @ cv2.Rodrigues(np.deg2rad(degrees))[0].T


@pytest.fixture
def scene(rng, tmp_path):
    """A table of two pictures of three persons each: an adult, a child, and one who does not count."""
    rest = body.mannequin_joints()(tf.zeros([1, 10]))
    columns = {
        name: [] for name in ("imgPath", "isValid", "kid", "Yaw", "gt_path_smpl", "gt_joints_2d", "gt_joints_3d")
    }
    for name, yaw, pitch in zip(NAMES, (20.0, -45.0), (0.0, 30.0), strict=True):
        row = {"isValid": [True, True, False], "kid": [False, True, False], "Yaw": [30.0, 80.0, -50.0]}
        row |= {"imgPath": name, "gt_path_smpl": [], "gt_joints_2d": [], "gt_joints_3d": []}
        for person in range(3):
            pose = 0.3 * rng.normal(size=[24, 3])
            posed, _ = body.forward_kinematics(rotations.rotvec_to_matrix(tf.constant(pose[None], tf.float32)), rest)
            joints = turned(posed[0, :24].numpy() * [1, -1, -1], 0.0, row["Yaw"][person] - 90.0, 0.0)
            joints = turned(turned(joints, 0.0, -yaw, 0.0), pitch, 0.0, 0.0) + [0.5 * person, 0.1, 6.0]
            row["gt_joints_3d"].append(np.concatenate([joints, np.zeros([21, 3])]))
            seen = joints[:, :2] / joints[:, 2:] * FOCAL + [1920.0, 1080.0]
            row["gt_joints_2d"].append(np.concatenate([seen, np.zeros([21, 2])]))
            row["gt_path_smpl"].append(f"fits/{len(columns['Yaw'])}_{person}.obj")
            fit = {"root_pose": pose[None, 0], "body_pose": pose[None, 1:].reshape(1, 69), "betas": np.ones([1, 10])}
            (tmp_path / "fits").mkdir(exist_ok=True)
            path = (tmp_path / row["gt_path_smpl"][-1]).with_suffix(".pkl")
            path.write_bytes(pickle.dumps({key: np.float32(value) for key, value in fit.items()}))
        for key, value in row.items():
            columns[key].append(value)
    return {**columns, "camYaw": [20.0, 999.0]}


def test_persons_of_agora_are_in_the_cameras_axes(pandas, scene, tmp_path):
    path = written(pandas, tmp_path / "table.pkl", scene, former=True)
    people = read_agora(path, pictures=tmp_path, parameters=tmp_path)
    assert [person.file for person in people] == [name for name in NAMES for _ in range(2)]
    rest = body.mannequin_joints()(tf.zeros([1, 10]))
    for number, person in enumerate(people):
        truth = scene["gt_joints_3d"][number // 2][number % 2][:24]
        np.testing.assert_allclose(person.joints[:24], truth)
        np.testing.assert_allclose(person.uv[:24], scene["gt_joints_2d"][number // 2][number % 2][:24], atol=1e-6)
        np.testing.assert_allclose(person.focal, [FOCAL, FOCAL])
        assert person.size == (3840, 2160)
        if number % 2:  # a child
            assert (person.poses, person.betas) == (None, None)
            continue
        posed, _ = body.forward_kinematics(
            rotations.rotvec_to_matrix(tf.constant(person.poses[None], tf.float32)), rest
        )
        np.testing.assert_allclose((posed[0] - posed[0, :1])[:24], truth - truth[0], atol=1e-4)
        np.testing.assert_array_equal(person.betas, np.ones(10))
    assert all(person.poses is None for person in read_agora(path, pictures=tmp_path))


def test_small_pictures_are_taken_where_there_are_no_large_ones(pandas, scene, tmp_path):
    path = written(pandas, tmp_path / "table.pkl", scene, former=False)
    large = read_agora(path, pictures=tmp_path)
    (tmp_path / NAMES[0].replace(".png", "_1280x720.png")).write_bytes(b"")
    small = read_agora(path, pictures=tmp_path)
    assert small[0].file.endswith("00017_1280x720.png")
    assert (small[0].size, small[2].size) == ((1280, 720), (3840, 2160))
    np.testing.assert_allclose(small[0].box, large[0].box / 3)
    np.testing.assert_allclose(small[0].uv, large[0].uv / 3)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("gt_joints_3d", np.zeros([17, 3]), r"row 0 .*gt_joints_3d must be 24 joints or more, \(J, 3\), got \(17, 3\)"),
        ("gt_joints_2d", np.full([45, 2], np.nan), "row 0 .*gt_joints_2d must be finite"),
        ("gt_joints_2d", np.ones([45, 2]), "row 0 .*gt_joints_2d must be gt_joints_3d as the camera sees them"),
    ],
)
def test_bad_rows_are_named(pandas, scene, tmp_path, name, change, message):
    scene[name][0][0] = change
    with pytest.raises(ValueError, match=f"table.pkl: {message}"):
        read_agora(written(pandas, tmp_path / "table.pkl", scene, former=True), pictures=tmp_path)


def test_a_fit_that_is_not_there_is_named(pandas, scene, tmp_path):
    (tmp_path / "fits" / "0_0.pkl").unlink()
    path = written(pandas, tmp_path / "table.pkl", scene, former=True)
    with pytest.raises(FileNotFoundError, match=r"0_0.pkl"):
        read_agora(path, pictures=tmp_path, parameters=tmp_path)


def test_3dpw_occ_is_some_sequences_of_3dpw():
    files = ("outdoors_parcours_01/image_00000.jpg", "downtown_stairs_00/a.jpg", "downtown_upstairs_00/a.jpg", "a.jpg")
    people = [AnnotatedPerson(file=file, box=np.zeros(4)) for file in files]
    assert [pw3d.is_occluded(person) for person in people] == [True, True, False, False]
    assert len(pw3d.OCCLUDED) == 17
