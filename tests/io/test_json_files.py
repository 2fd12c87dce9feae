"""Keypoints in JSON, as MediaPipe, OpenPose, EasyMocap, MMPose, COCO and others write them."""

import json

import numpy as np
import pytest

from niki_tf import io

RNG = np.random.default_rng(0)
WORLD = RNG.normal(0, 0.4, [5, 33, 3])
WORLD[:, [23, 24]] = [[0.1, 0, 0], [-0.1, 0, 0]]
VISIBILITY = np.linspace(0.1, 1.0, 33)


def landmarks(points, **further):
    return [
        dict(zip("xyz", point.tolist(), strict=True), visibility=v, **further)
        for point, v in zip(points, VISIBILITY, strict=True)
    ]


def read(tmp_path, content, name="a.json"):
    (tmp_path / name).write_text(json.dumps(content))
    return io.read_keypoints(tmp_path / name)


MEDIAPIPE = {
    "python result a frame": [
        {"pose_landmarks": [landmarks(f + 9)], "pose_world_landmarks": [landmarks(f)]} for f in WORLD
    ],
    "javascript": {
        "fps": 25,
        "frames": [{"landmarks": landmarks(f + 9), "worldLandmarks": landmarks(f)} for f in WORLD],
    },
    "protobuf": [{"pose_world_landmarks": {"landmark": landmarks(f)}} for f in WORLD],
    "wrongly named": [{"landmarks": landmarks(f, presence=0.9)} for f in WORLD],
    "bare": [landmarks(f) for f in WORLD],
    "bare people": [[landmarks(f)] for f in WORLD],
    "list of poses": {
        "fps": 25.0,
        "pose_landmarks": [landmarks(f) for f in WORLD + 9],
        "pose_world_landmarks": [landmarks(f) for f in WORLD],
    },
    "legacy solution": [{"poseLandmarks": landmarks(f + 9), "poseWorldLandmarks": landmarks(f)} for f in WORLD],
}


@pytest.mark.parametrize("kind", MEDIAPIPE)
def test_mediapipe(tmp_path, kind):
    (found,) = read(tmp_path, MEDIAPIPE[kind])
    np.testing.assert_allclose(found.positions, WORLD, atol=1e-12)
    np.testing.assert_allclose(found.confidence, np.tile(VISIBILITY, [5, 1]))
    assert (found.skeleton, found.unit, found.up) == ("mediapipe_33", 1.0, "-y")
    assert found.fps == (25.0 if isinstance(MEDIAPIPE[kind], dict) else None)


@pytest.mark.parametrize("content", [landmarks(WORLD[0]), {"worldLandmarks": [landmarks(WORLD[0])]}])
def test_a_single_frame(tmp_path, content):
    (found,) = read(tmp_path, content)
    np.testing.assert_allclose(found.positions, WORLD[:1], atol=1e-12)


def test_lists_of_numbers_for_landmarks(tmp_path):
    (found,) = read(tmp_path, [{"pose_world_landmarks": [frame.tolist()]} for frame in WORLD])
    np.testing.assert_allclose(found.positions, WORLD)
    (found,) = read(tmp_path, [{"pose_world_landmarks": frame.tolist()} for frame in WORLD])
    np.testing.assert_allclose(found.positions, WORLD)
    assert found.skeleton == "mediapipe_33"


def test_times_and_missing_frames(tmp_path):
    frames = [
        {"frame": i, "timestamp_ms": round(i * 1000 / 30), "pose_world_landmarks": [landmarks(WORLD[i])]}
        for i in (0, 1, 4)
    ]
    frames.insert(2, {"frame": 2, "timestamp_ms": 67, "pose_world_landmarks": []})
    (found,) = read(tmp_path, frames)
    assert (len(found), found.fps, found.times) == (5, 30.0, None)
    assert np.isnan(found.positions).all((1, 2)).tolist() == [False, False, True, True, False]
    np.testing.assert_allclose(found.positions[[0, 1, 4]], WORLD[[0, 1, 4]])


def test_uneven_times_are_kept(tmp_path):
    seconds = [0.0, 0.031, 0.09, 0.1, 0.17]
    (found,) = read(
        tmp_path, [{"timestamp": 1e9 * t, "worldLandmarks": landmarks(f)} for t, f in zip(seconds, WORLD, strict=True)]
    )
    np.testing.assert_allclose(found.times, seconds)


def test_landmarks_of_a_picture_need_its_size(tmp_path):
    inside = WORLD * 0.2 + [0.5, 0.6, 0]
    with pytest.raises(ValueError, match=r"a\.json.*world landmarks are wanted.*width and height"):
        read(tmp_path, [{"landmarks": landmarks(f)} for f in inside])
    (found,) = read(tmp_path, {"width": 1920, "height": 1080, "frames": [{"landmarks": landmarks(f)} for f in inside]})
    np.testing.assert_allclose(found.positions, inside * [1920, 1080, 1920])
    assert (found.skeleton, found.unit, found.up) == ("mediapipe_33", None, "-y")


def test_people_of_mediapipe_appear_and_leave(tmp_path):
    shown = [[0], [0, 1], [0, 1], [], [0]]
    frames = [
        {"pose_world_landmarks": [landmarks(f + p) for p in people]} for f, people in zip(WORLD, shown, strict=True)
    ]
    first, second = read(tmp_path, frames)
    assert np.isnan(first.positions).all((1, 2)).tolist() == [False, False, False, True, False]
    assert np.isnan(second.positions).all((1, 2)).tolist() == [True, False, False, True, True]
    np.testing.assert_allclose(second.positions[1], WORLD[1] + 1)
    assert (first.person, second.person) == ("0", "1")


def test_names_of_landmarks(tmp_path):
    frames = [{"joints": {"hip": [0, 1, 2], "knee": {"x": 3, "y": 4, "z": i}}} for i in range(3)]
    (found,) = read(tmp_path, frames)
    assert found.names == ("hip", "knee")
    np.testing.assert_array_equal(found.positions[2], [[0, 1, 2], [3, 4, 2]])
    frames = [{"keypoints": [{"name": "hip", "x": 0, "y": 1, "z": i, "score": 0.5}]} for i in range(3)]
    (found,) = read(tmp_path, frames)
    assert (found.names, found.confidence.tolist()) == (("hip",), [[0.5]] * 3)


def test_lines_of_json(tmp_path):
    lines = [json.dumps({"frame": i, "worldLandmarks": landmarks(frame)}) for i, frame in enumerate(WORLD)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n\n")
    (found,) = io.read_keypoints(tmp_path / "a.jsonl")
    np.testing.assert_allclose(found.positions, WORLD)


BODY_25 = RNG.normal(0, 300, [4, 25, 3])


def openpose(*people, ids=None):
    return {
        "version": 1.3,
        "people": [
            {
                "person_id": [-1 if ids is None else ids[i]],
                "pose_keypoints_2d": [1.0] * 75,
                "face_keypoints_2d": [],
                "pose_keypoints_3d": np.column_stack([points, np.ones(25)]).ravel().tolist(),
            }
            for i, points in enumerate(people)
        ],
    }


def folder_of(tmp_path, frames, pattern="walk_{:012d}_keypoints.json"):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, content in frames.items():
        (folder / pattern.format(number)).write_text(json.dumps(content))
    return folder


def test_openpose_folder(tmp_path):
    folder = folder_of(tmp_path, {number: openpose(BODY_25[i]) for i, number in enumerate([8, 9, 11, 12])})
    (found,) = io.read_keypoints(folder)
    assert np.isnan(found.positions).all((1, 2)).tolist() == [False, False, True, False, False]
    np.testing.assert_allclose(found.positions[[0, 1, 3, 4]], BODY_25)
    assert (found.skeleton, found.up, found.unit, found.fps) == ("openpose_25", "-y", None, None)


@pytest.mark.parametrize("pattern", ["f{}_keypoints_3d.json", "{}.json", "cam1_{}.json"])
def test_frames_are_in_the_order_of_their_numbers(tmp_path, pattern):
    folder = folder_of(tmp_path, {n: openpose(BODY_25[0] + n) for n in range(12)}, pattern)
    (found,) = io.read_keypoints(folder)
    np.testing.assert_allclose(found.positions[:, 0, 0] - BODY_25[0, 0, 0], np.arange(12))


def test_openpose_points_without_confidence_are_not_seen(tmp_path):
    content = openpose(BODY_25[0])
    content["people"][0]["pose_keypoints_3d"][4:8] = [0, 0, 0, 0]
    (found,) = io.read_keypoints(folder_of(tmp_path, {0: content}))
    assert np.isnan(found.positions[0]).all(-1).tolist() == [False, True, *[False] * 23]


def test_people_with_ids_may_change_places(tmp_path):
    frames = {0: openpose(*BODY_25[:2], ids=[7, 3]), 1: openpose(*BODY_25[2:], ids=[3, 7])}
    seven, three = io.read_keypoints(folder_of(tmp_path, frames))
    assert (seven.person, three.person) == ("7", "3")
    np.testing.assert_allclose(seven.positions, BODY_25[[0, 3]])
    np.testing.assert_allclose(three.positions, BODY_25[[1, 2]])


def test_openpose_without_depth(tmp_path):
    content = openpose(BODY_25[0])
    content["people"][0]["pose_keypoints_3d"] = []
    with pytest.raises(ValueError, match=r"walk_0+_keypoints\.json: keypoints in space.*pose_keypoints_2d.*lift"):
        io.read_keypoints(folder_of(tmp_path, {0: content}))


def test_nobody_in_any_frame(tmp_path):
    with pytest.raises(ValueError, match="at least one person with 3D points; got none in 3 frames"):
        io.read_keypoints(folder_of(tmp_path, {n: openpose() for n in range(3)}))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="a .json file for each frame; got none"):
        io.read_keypoints(tmp_path / "empty")


def test_folders_of_frames_are_told_from_folders_of_motion(tmp_path):
    frames = folder_of(tmp_path, {n: openpose(BODY_25[n]) for n in range(2)})
    assert io.is_frame_folder(frames)
    (tmp_path / "clips").mkdir()
    assert not io.is_frame_folder(tmp_path / "clips")
    for name in ("clip1.json", "clip2.json"):
        (tmp_path / "clips" / name).write_text(json.dumps(MEDIAPIPE["javascript"]))
    assert not io.is_frame_folder(tmp_path / "clips")
    assert not io.is_frame_folder(tmp_path / "clips" / "clip1.json")
    with pytest.raises(ValueError, match=r"clip1\.json: each file of a folder must hold one frame; got 5"):
        io.read_keypoints(tmp_path / "clips")
    (frames / "walk_000000000000_keypoints.json").write_text("{")
    assert not io.is_frame_folder(frames)


def test_a_folder_of_bare_numbers(tmp_path):
    (found,) = io.read_keypoints(folder_of(tmp_path, {n: BODY_25[n].tolist() for n in range(4)}))
    np.testing.assert_array_equal(found.positions, BODY_25)


def test_easymocap_folder(tmp_path):
    rows = np.concatenate([BODY_25, np.ones([4, 25, 1])], -1).tolist()
    frames = {n: [{"id": 4, "keypoints3d": rows[n]}, {"id": 9, "keypoints3d": rows[n]}][: 2 - n % 2] for n in range(4)}
    first, second = io.read_keypoints(folder_of(tmp_path, frames, "{:06d}.json"))
    np.testing.assert_allclose(first.positions, BODY_25)
    assert (first.person, second.person, first.skeleton, first.up) == ("4", "9", "openpose_25", None)
    assert np.isnan(second.positions).all((1, 2)).tolist() == [False, True, False, True]
    assert [one.person for one in read(tmp_path, frames[0])] == ["4", "9"]


def test_mmpose(tmp_path):
    names = {"0": "root", "1": "right_hip", "2": "spine"}
    points = RNG.normal(size=[3, 3, 3])
    frames = [
        {"frame_id": i + 1, "instances": [{"keypoints": frame.tolist(), "keypoint_scores": [0.5, 0.6, 0.7]}]}
        for i, frame in enumerate(points)
    ]
    (found,) = read(tmp_path, {"meta_info": {"keypoint_id2name": names}, "instance_info": frames})
    np.testing.assert_allclose(found.positions, points)
    assert found.names == ("root", "right_hip", "spine")
    assert found.confidence[1].tolist() == [0.5, 0.6, 0.7]
    (found,) = read(tmp_path, {"meta_info": {}, "instance_info": frames[0]["instances"]})
    np.testing.assert_allclose(found.positions, points[:1])


def coco(keypoints, **further):
    categories = [{"id": 1, "name": "person", "keypoints": ["a", "b", "c"]}]
    annotations = [{"id": 90 + i, "image_id": 5 + i, "track_id": 2, **keypoints(i), **further} for i in range(3)]
    return {"images": [{"id": 5 + i} for i in range(3)], "annotations": annotations, "categories": categories}


@pytest.mark.parametrize(
    "keypoints",
    [
        lambda i: {"keypoints": [1.5, 2.5, 0.25 * i, 1.0] * 3},
        lambda i: {"keypoints": [1, 1, 2] * 3, "keypoints_3d": [[1.5, 2.5, 0.25 * i, 1.0]] * 3},
        lambda i: {"keypoints3d": [[1.5, 2.5, 0.25 * i]] * 3},
    ],
    ids=["four numbers", "beside those of the picture", "rows"],
)
def test_coco_with_depth(tmp_path, keypoints):
    (found,) = read(tmp_path, coco(keypoints))
    assert (len(found), found.names) == (3, ("a", "b", "c"))
    np.testing.assert_allclose(found.positions[:, 1], [[1.5, 2.5, 0.25 * i] for i in range(3)])


def test_names_of_a_file_are_told_in_one_short_line(tmp_path):
    with pytest.raises(ValueError, match="the points of people; got a mapping with x x x") as caught:
        read(tmp_path, {"x\n" * 10**5: [[[0.0, 0.0, 0.0]] * 29]})
    assert len(str(caught.value)) < 400


def test_coco_of_pictures(tmp_path):
    with pytest.raises(ValueError, match=r"keypoints in space are wanted; got those of a picture \(keypoints\)"):
        read(tmp_path, coco(lambda i: {"keypoints": [320.5, 240.0, 2] * 3}))


def test_arrays_by_name(tmp_path):
    points = RNG.normal(size=[4, 3, 3])
    content = {
        "joints": points.tolist(),
        "fps": 60,
        "names": ["a", "b", "c"],
        "unit": "cm",
        "up": "z",
        "joint_names": None,
    }
    content["joints"][1][2] = [None, None, None]
    (found,) = read(tmp_path, content)
    assert (found.fps, found.names, found.unit, found.up) == (60.0, ("a", "b", "c"), 0.01, "z")
    assert np.argwhere(np.isnan(found.positions).any(-1)).tolist() == [[1, 2]]
    (found,) = read(tmp_path, points.tolist())
    np.testing.assert_array_equal(found.positions, points)


BAD = {
    "empty": (b"", "a whole JSON file is wanted"),
    "cut off": (json.dumps(MEDIAPIPE["javascript"]).encode()[:-40], "a whole JSON file is wanted"),
    "binary": (bytes(range(256)), "a whole JSON file is wanted"),
    "deep": (b"[" * 100000, "a whole JSON file is wanted"),
    "nothing": (b"[]", "at least one person"),
    "empty mapping": (b"{}", "at least one person"),
    "number": (b"3", "frames of people are wanted; got int"),
    "text": (b'"people"', "frames of people are wanted; got str"),
    "other mapping": (b'{"name": "x", "age": 3}', "must hold the points of people; got a mapping with name, age"),
    "text for numbers": (b'[{"joints": [["a", "b", "c"]]}]', "points must be numbers"),
    "ragged": (b'{"joints": [[[1, 2, 3], [1, 2, 3]], [[1, 2, 3]]]}', "`joints` must be numbers, as many in every row"),
    "ragged frames": (
        b'[{"joints": [[1, 2, 3], [1, 2, 3]]}, {"joints": [[1, 2, 3]]}]',
        "same points; got 2 .* in frame 1, 1",
    ),
    "x and y": (b'[{"landmarks": [{"x": 1, "y": 2}]}]', r"got those of a picture \(x and y\)"),
    "infinite": (b'{"joints": [[1e999, 0, 0]]}', "positions must be finite"),
    "mixed": (
        b'[{"joints": [[1, 2, 3]]}, {"keypoints3d": [[1, 2, 3]]}]',
        "same kind of points; got joints, keypoints3d",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_keypoints_is_named(tmp_path, kind):
    content, message = BAD[kind]
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.json.*{message}"):
        io.read_keypoints(tmp_path / "a.json")
