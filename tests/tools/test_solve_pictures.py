"""tools/solve.py on pictures and videos: an estimator that knows what is in made pictures stands for BlazePose."""

import functools
import json

import cv2
import image_models
import numpy as np
import pytest

import niki_tf
from niki_tf import assets, body, io, skeletons, solvers
from niki_tf.cli import solve_files, solve_folders, solve_pictures
from niki_tf.drawing import video
from niki_tf.io import pictures, videos
from niki_tf.solvers import zoo
from niki_tf.vision.detection import Detections
from niki_tf.vision.landmark_crop import Landmarks, crop_of

REST = skeletons.POINT_SETS["mediapipe_33"].at_rest
HIPS = REST[23:25].mean(0)
ANALYTIC = solvers.Analytic(body.mannequin_joints())


class MadeEstimator:
    """Finds a person of some size for each bright pixel of a picture: green 255, red the height in pixels."""

    size = "made"

    def __init__(self, *arguments, **settings):
        pass

    def detect(self, picture, *, in_tiles=True, near=()):
        rows, columns = np.nonzero(picture[..., 1] > 200)
        points = [self._points(picture, row, column) for row, column in zip(rows, columns, strict=True)]
        count = len(points)
        return Detections(np.full(count, 0.9), np.zeros([count, 4]), np.array(points).reshape(-1, 4, 2))

    def _points(self, picture, row, column):
        center = np.array([column + 0.5, row + 0.5])
        edge = center - [0, picture[row, column, 0] / 2]
        return [center, edge, center, edge]

    def landmarks(self, picture, crop):
        column, row = np.floor(crop.center).astype(int)
        inside = 0 <= row < picture.shape[0] and 0 <= column < picture.shape[1]
        there = inside and picture[row, column, 1] > 200
        height = float(picture[row, column, 0]) if there else 50.0
        center = np.array([column + 0.5, row + 0.5])
        at = center + (REST - HIPS)[:, :2] * [1, -1] * height / 1.7
        world = (REST - HIPS) * [1, -1, -1]
        ones = np.ones(33)
        return Landmarks(at, world, ones, ones, float(there), crop_of(center, center - [0, height / 2]), 0.05 * ones)


@pytest.fixture(autouse=True)
def made(monkeypatch):
    monkeypatch.setattr(solve_pictures, "BlazePose", MadeEstimator)
    monkeypatch.setattr(zoo, "load", lambda name, body_joints=None: ANALYTIC)


@pytest.fixture
def solve(run_tool, tmp_path, capsys):
    """A function of an input and arguments that gives the lines of the program and its exit code."""

    def run(source, *arguments):
        code = 0
        try:
            chosen = [f"--input={source}", f"--output={tmp_path / 'out'}", "--format=npz"]
            printed = run_tool("solve", *chosen, *arguments)
        except SystemExit as stop:
            code, printed = stop.code, capsys.readouterr().out
        return [json.loads(line) for line in printed.splitlines()], code

    return run


def _picture(*people, height=240, width=320):
    """A grey picture with people, (row, column, height in pixels)."""
    image = np.full([height, width, 3], 60, np.uint8)
    for row, column, tall in people:
        image[row, column] = (tall, 255, 0)
    return image


def _write(path, image):
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return path


def test_a_photograph_gives_a_body_over_it(solve, tmp_path):
    path = _write(tmp_path / "a.png", _picture((120, 100, 150), (120, 250, 60)))
    (line,), code = solve(path, "--focal=500")
    assert code == 0
    assert (line["frames"], line["people_found"], line["focal_from"], line["focal_px"]) == (1, 2, "told", 500.0)
    assert (line["frames_seen"], line["frames_without_person"], line["estimator"]) == (1, [], "blazepose made")
    assert line["picture_px"] < 2
    assert [output.rsplit("/", 1)[1] for output in line["outputs"]] == ["a.npz", "a_overlay.png"]
    with np.load(line["outputs"][0]) as held:
        assert held["person_seen"].tolist() == [True]
        assert (str(held["frame_of"]), float(held["focal_px"])) == ("camera", 500.0)
        assert held["landmarks_px"].shape == (1, 33, 2)
        depth = 500 * 1.7 / 150  # a body of 1.7 m that is 150 pixels high
        assert held["trans"][0, 2] == pytest.approx(-depth, rel=0.05)
        assert held["trans"][0, 0] == pytest.approx((100.5 - 160) * depth / 500, abs=0.05)
    assert io.load_clips(line["outputs"][0])[0].poses.shape == (1, 24, 3)
    drawn = cv2.imread(line["outputs"][1]).astype(int)
    changed = np.abs(drawn - 60).max(-1) > 8
    assert changed[80:160, 90:110].mean() > 0.5  # the larger one
    assert not changed[100:140, 240:248].any()


@pytest.mark.slow
def test_a_network_of_images_tells_the_joints(solve, tmp_path):
    solvers.save(image_models.seen(), tmp_path / "network")
    path = _write(tmp_path / "a.png", _picture((120, 100, 150)))
    (line,), code = solve(path, "--focal=500", f"--image_network={tmp_path / 'network'}")
    assert code == 0
    assert (line["estimator"], line["image_network"]) == ("blazepose made", str(tmp_path / "network"))
    with np.load(line["outputs"][0]) as held:
        assert held["landmarks_px"].shape == (1, 29, 2)
        found = held["trans"]
    (wanted,) = niki_tf.solve_picture(
        pictures.read_picture(path), estimator=MadeEstimator(), network=image_models.seen(), solver=ANALYTIC, focal=500
    )
    np.testing.assert_allclose(found, wanted.transl, atol=0.02)


def test_what_is_no_network_of_images_is_told_before_anything_is_looked_at(solve, tmp_path):
    path = _write(tmp_path / "a.png", _picture((120, 100, 150)))
    _, code = solve(path, f"--image_network={tmp_path}")
    assert code.startswith("solve: `image_network` must be a folder that holds model.keras")


def test_people_are_chosen(solve, tmp_path):
    path = _write(tmp_path / "a.png", _picture((120, 100, 60), (120, 250, 150)))
    lines, code = solve(path, "--person=all")
    assert code == 0
    assert [line["person"] for line in lines] == ["0", "1"]
    assert [line["outputs"][0].rsplit("/", 1)[1] for line in lines] == ["a_0.npz", "a_1.npz"]
    assert lines[0]["outputs"][1] == lines[1]["outputs"][1]
    with np.load(lines[0]["outputs"][0]) as first, np.load(lines[1]["outputs"][0]) as second:
        assert first["landmarks_px"].mean() > second["landmarks_px"].mean()
    (one,), _ = solve(path, "--person=1")
    assert one["person"] == "1"
    lines, code = solve(path, "--person=2")
    assert code == 1
    assert "`person` must be 0 to 1, the people that were found" in lines[0]["error"]


def test_nobody_is_told_and_ends_with_a_status(solve, tmp_path, capsys):
    (line,), code = solve(_write(tmp_path / "a.png", _picture()))
    assert code == 1
    assert line["error"] == f"no person was found in {tmp_path / 'a.png'}."
    (line,), code = solve(_write(tmp_path / "b.png", _picture(height=1, width=1)))
    assert (code, "no person was found" in line["error"]) == (1, True)
    (tmp_path / "c.jpg").write_bytes(b"broken")
    (line,), code = solve(tmp_path / "c.jpg")
    assert (code, "is damaged or none" in line["error"]) == (1, True)


def test_python_gives_what_the_program_writes(solve, tmp_path):
    path = _write(tmp_path / "a.png", _picture((120, 100, 60), (120, 250, 150)))
    lines, _ = solve(path, "--person=all", "--focal=500", "--finish=off")
    ask = functools.partial(niki_tf.solve_picture, estimator=MadeEstimator(), solver=ANALYTIC)
    for picture in (path, path.read_bytes(), pictures.read_picture(path)):
        people = ask(picture, focal=500)
        assert [len(motion) for motion in people] == [1, 1]
        for motion, line in zip(people, lines, strict=True):
            with np.load(line["outputs"][0]) as held:
                np.testing.assert_allclose(motion.rotation_vectors[0].ravel(), held["poses"][0, :72], atol=1e-5)
                np.testing.assert_allclose(motion.transl, held["trans"], atol=1e-5)
    assert people[0].transl[0, 2] > people[1].transl[0, 2]  # the larger one is nearer, z is towards the viewer


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (b"broken", "the content of 6 bytes is damaged or none"),
        (b"", "the content of 0 bytes is damaged or none"),
        (np.zeros([2, 2, 3]), "`picture` must be uint8"),
        (np.zeros([2, 2], np.uint8), "`picture` must be uint8"),
        (_picture(), "`picture` must show a person"),
        ("/nowhere.jpg", "cannot be read"),
    ],
)
def test_python_refuses_what_shows_nobody(picture, said):
    with pytest.raises(ValueError, match=said):
        niki_tf.solve_picture(picture, estimator=MadeEstimator(), solver=ANALYTIC)


@pytest.fixture
def _one_of_a_square(monkeypatch):
    """A square of bright pixels is one person."""
    detect = MadeEstimator.detect

    def once(self, picture, *, in_tiles=True, near=()):
        rows, columns = np.nonzero(picture[..., 1] > 200)
        if not len(rows):
            return detect(self, picture)
        points = self._points(picture, int(rows.mean()), int(columns.mean()))
        return Detections(np.ones(1), np.zeros([1, 4]), np.array([points], float))

    monkeypatch.setattr(MadeEstimator, "detect", once)


@pytest.mark.slow
@pytest.mark.usefixtures("_one_of_a_square")
def test_a_video_tells_where_nobody_was(solve, tmp_path):
    pytest.importorskip("av", reason="PyAV is not installed")
    frames = [_lit(100 + 4 * k, shown=not 6 <= k < 9) for k in range(14)]
    path = video.write_video(tmp_path / "a.mp4", frames, fps=10)
    (line,), code = solve(path)
    assert code == 0
    assert (line["frames"], line["fps"], line["frames_seen"]) == (14, 10.0, 11)
    assert line["frames_without_person"] == [[6, 8]]
    assert line["focal_from"] == "guessed"
    assert "The focal length is guessed" in line["notes"][0]
    drawn = list(videos.Video(line["outputs"][1]))
    assert len(drawn) == 14
    given = list(videos.Video(path))
    apart = [np.abs(a.image.astype(int) - b.image).mean() for a, b in zip(drawn, given, strict=True)]
    assert max(apart[6:9]) < 0.5 * min(apart[:6] + apart[9:])
    with np.load(line["outputs"][0]) as held:
        assert np.flatnonzero(~held["person_seen"]).tolist() == [6, 7, 8]
        assert np.isnan(held["landmarks_px"][6:9]).all()
        assert np.isfinite(held["trans"]).all()
    (part,), _ = solve(path, "--start=0.2", "--end=1.2", "--stride=2", "--frames=2")
    assert (part["frames"], part["fps"]) == (2, 5.0)


def _lit(column, *, shown):
    """A frame with a square that survives compression, in which the estimator finds one person."""
    image = np.full([240, 320, 3], 60, np.uint8)
    if shown:
        image[112:128, column - 8 : column + 8] = (150, 255, 0)
    return image


def test_what_is_missing_is_told_in_one_line(solve, tmp_path, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("NIKI_TF_ASSETS", str(tmp_path / "empty"))
    (line,), code = solve(_write(tmp_path / "a.png", _picture()))
    assert code == 1
    assert line["error"].endswith("is not here yet: python tools/get_assets.py blazepose")
    assert assets.cache_folder() == tmp_path / "empty"


@pytest.mark.parametrize(
    ("flag", "message"),
    [("--person=some", "`person` must be largest, all or a number"), ("--end=0", "`end` must be more than `start`")],
)
def test_bad_flags_are_told(solve, tmp_path, flag, message):
    path = _write(tmp_path / "a.png", _picture())
    _, code = solve(path, flag)
    assert message in str(code)


def test_a_folder_of_pictures_is_solved_and_one_with_joints_is_not(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.jpg", "b.MP4", ".hidden.png", "notes.txt"):
        (folder / name).write_text("")
    found = solve_folders.jobs(str(folder), tmp_path / "out")
    assert [job.path.name for job in found] == ["a.jpg", "b.MP4"]
    np.save(folder / "walk.npy", np.zeros([2, 29, 3]))
    assert [job.path.name for job in solve_folders.jobs(str(folder), tmp_path / "out")] == ["walk.npy"]


def test_a_camera_which_may_be_tilted_shows_no_ground(solve, tmp_path, monkeypatch):
    asked, whole = [], solve_files.person_tasks
    monkeypatch.setattr(
        solve_files, "person_tasks", lambda *a, **more: asked.append(more["ground"]) or whole(*a, **more)
    )
    assert solve(_write(tmp_path / "a.png", _picture((120, 100, 60))))[1] == 0
    assert set(asked) == {"off"}
