"""People in a real clip of four calibrated views, seen by one camera at a time: python tools/benchmarks/four_views.py.

The clip of one person, 100 frames at 60 a second, is fetched by `tools/get_assets.py four_views blazepose`. Its
reference is the triangulation of heavy's own landmarks in all four views; `PA-MPJPE, other views` leaves out the view
that is measured. Measured are twelve points of shoulders, elbows, wrists, hips, knees and ankles, of the landmarks as
they come (raw), smoothed (Savitzky-Golay, 9 frames, order 3), and of the same points on the posed body behind a solver.
`acceleration error` is the mean distance of accelerations from those of the reference, smoothed likewise, hips at the
origin; `bones` the standard deviation of the lengths of eight bones over their mean.
"""

import pathlib
import sys
import time
import xml.etree.ElementTree
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    from scipy.signal import savgol_filter

    import niki_tf
    from niki_tf import assets, evaluation, skeletons
    from niki_tf.evaluation import metrics
    from niki_tf.inference import Motion, picture_motion
    from niki_tf.io import videos
    from niki_tf.vision import landmark_sigma, tracking, tracks
    from niki_tf.vision.blazepose import SIZES, BlazePose
    from niki_tf.vision.tracks import Track

_LANDMARKS = flags.DEFINE_enum("landmarks", "heavy", list(SIZES), "Size of the landmark network.")
_SOLVER = flags.DEFINE_multi_string("solver", ["one_stage", "temporal", "temporal_prior"], "Shipped solvers.")
_OUTPUT = flags.DEFINE_string("output", "output/four_views", "Folder for the table, and for landmarks once found.")

_VIEWS = (1, 2, 3, 4)
_FPS = 60.0
_POINTS = skeletons.POINT_SETS["mediapipe_33"]
_LIMBS = [11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
_BONES = [(0, 2), (1, 3), (2, 4), (3, 5), (6, 8), (7, 9), (8, 10), (9, 11)]
_SMOOTHING = {"window_length": 9, "polyorder": 3, "axis": 0}


class View(NamedTuple):
    """A calibrated camera and what it saw of the person."""

    matrix: np.ndarray
    """(3, 3) to pixels."""
    distortion: np.ndarray
    """(4,)."""
    rotation: np.ndarray
    """(3, 3): from the world to the camera's axes, y down, z away."""
    shift: np.ndarray
    """(3,) metres."""
    track: Track


def main(argv: Sequence[str]) -> None:
    """Finds landmarks, triangulates them, solves each view and prints the table."""
    if argv[1:]:
        sys.exit(f"four_views takes flags only; got {' '.join(argv[1:])}.")
    output = pathlib.Path(_OUTPUT.value)
    output.mkdir(parents=True, exist_ok=True)
    views = _views(output)
    true = _triangulated(views)
    others = [_triangulated([view for view in views if view is not left_out]) for left_out in views]
    raw = [_camera_points(view) for view in views]
    smooth = [savgol_filter(points, **_SMOOTHING) for points in raw]
    rows = [_row("raw", raw, views, true, others), _row("raw, smoothed", smooth, views, true, others)]
    print(evaluation.text_table(rows, decimals=2), flush=True)
    for solver in _SOLVER.value:
        started = time.perf_counter()
        solved = [_solved(view, solver) for view in views]
        milliseconds = 1000 * (time.perf_counter() - started) / sum(map(len, solved))
        rows.append({**_row(solver, solved, views, true, others), "ms/frame": milliseconds})
        print(evaluation.text_table(rows[-1:], decimals=2), flush=True)
    evaluation.write_csv(rows, output / f"{_LANDMARKS.value}.csv")


def _views(output: pathlib.Path) -> list[View]:
    root = xml.etree.ElementTree.parse(assets.path_of("four_views_calibration")).getroot()
    found = root.find("cameras")
    if found is None:
        sys.exit("four_views: the calibration holds no cameras.")
    return [_view(camera, number, output) for number, camera in zip(_VIEWS, found, strict=True)]


def _view(camera: xml.etree.ElementTree.Element, number: int, output: pathlib.Path) -> View:
    """A camera of the file, whose values are 64 times pixels, with y up and z backwards, in mm."""
    inner, outer = camera.find("intrinsic"), camera.find("transform")
    if inner is None or outer is None:
        sys.exit("four_views: a camera of the calibration is not whole.")

    def pixels(name: str) -> float:
        return float(inner.attrib[name]) / 64

    matrix = np.diag([pixels("focalLengthU"), pixels("focalLengthV"), 1.0])
    matrix[:2, 2] = pixels("centerPointU"), pixels("centerPointV")
    names = ("radialDistortion1", "radialDistortion2", "tangentalDistortion1", "tangentalDistortion2")
    turn = np.array([[float(outer.attrib[f"r{row}{column}"]) for column in (1, 2, 3)] for row in (1, 2, 3)])
    place = np.array([float(outer.attrib[axis]) for axis in "xyz"]) / 1000
    rotation = np.diag([1.0, -1.0, -1.0]) @ turn
    distortion = np.array([pixels(name) for name in names])
    return View(matrix, distortion, rotation, -rotation @ place, _track(number, output))


def _track(number: int, output: pathlib.Path) -> Track:
    """What is seen of the person in a view; found once."""
    kept = output / f"{_LANDMARKS.value}_{number}.npz"
    if not kept.exists():
        follow, started = tracking.Tracker(BlazePose(_LANDMARKS.value)), time.perf_counter()
        sightings = [follow(frame.image) for frame in videos.Video(assets.path_of(f"four_views_single_{number}"))]
        milliseconds = 1000 * (time.perf_counter() - started) / len(sightings)
        people = tracks.tracks(sightings)
        print(f"view {number}: {len(people)} people, {milliseconds:.0f} ms a frame", flush=True)
        np.savez(kept, **people[0]._asdict())
    with np.load(kept) as held:
        return Track(**held)


def _triangulated(views: Sequence[View]) -> np.ndarray:
    """Landmarks (T, 33, 3), metres in the world, least squares weighted by visibility."""
    rows = []
    for view in views:
        flat = view.track.picture.reshape(-1, 1, 2)
        seen = cv2.undistortPoints(flat, view.matrix, view.distortion).reshape(*view.track.picture.shape)
        camera = np.concatenate([view.rotation, view.shift[:, None]], 1)
        lines = seen[..., None] * camera[2] - camera[:2]
        rows.append(view.track.visibility[..., None, None] * lines)
    best = np.linalg.svd(np.concatenate(rows, -2))[2][..., -1, :]
    return best[..., :3] / best[..., 3:]


def _lens(view: View) -> dict[str, object]:
    return {"focal": view.matrix[0, 0], "center": view.matrix[:2, 2]}


def _camera_points(view: View) -> np.ndarray:
    return picture_motion.camera_points(view.track.world, view.track.middle, **_lens(view))[:, _LIMBS]  # type: ignore[arg-type]


def _solved(view: View, solver: str) -> np.ndarray:
    """The points (T, 12, 3) of the body that is posed, in the camera's axes, as `solve.py` finds it."""
    track, lens = view.track, _lens(view)
    sigma = landmark_sigma.landmark_sigma(track.visibility, track.presence)
    weights = track.visibility**2 * (sigma < skeletons.ABSENT)

    def placed(points: np.ndarray) -> Motion:
        smoothing = "full" if solver.startswith("temporal") else "off"
        given = {"joint_sigma": sigma, "fps": _FPS, "unit": "m", "up": "y", "smoothing": smoothing}
        motion = niki_tf.solve(points, skeleton=_POINTS, solver=solver, **given)
        return picture_motion.placed(motion, track.picture, weights, point_set=_POINTS, **lens)[0]

    points = picture_motion.camera_points(track.world, track.middle, **lens)
    points = picture_motion.on_rays(points, track.picture, track.visibility**2, **lens)
    again = picture_motion.leaning_on(placed(points), points, track.picture, point_set=_POINTS, **lens)
    return picture_motion.posed_points(placed(again), _POINTS)[:, _LIMBS]


def _row(
    name: str, found: Sequence[np.ndarray], views: Sequence[View], true: np.ndarray, others: Sequence[np.ndarray]
) -> dict[str, object]:
    """The figures of one way, means over the views."""
    smooth = savgol_filter(true, **_SMOOTHING)[:, _LIMBS]
    wanted = [smooth @ view.rotation.T * [1, -1, -1] for view in views]
    own, reference = ([_about_hips(points) for points in some] for some in (found, wanted))
    return {
        "landmarks": name,
        "PA-MPJPE, mm": _mean(lambda k: metrics.pa_mpjpe(found[k], true[:, _LIMBS])),
        "PA-MPJPE, other views": _mean(lambda k: metrics.pa_mpjpe(found[k], others[k][:, _LIMBS])),
        "acceleration error, mm/frame2": _mean(lambda k: metrics.accel_error(own[k], reference[k])),
        "acceleration": _mean(lambda k: metrics.accel_error(own[k], np.zeros_like(own[k]))),
        "of reference": _mean(lambda k: metrics.accel_error(reference[k], np.zeros_like(own[k]))),
        "bones, %": _mean(lambda k: 100 * _unsteadiness(found[k])),
        "ms/frame": 0.0,
    }


def _mean(figure: Callable[[int], np.ndarray]) -> float:
    return float(np.mean([np.mean(figure(k)) for k in range(len(_VIEWS))]))


def _about_hips(points: np.ndarray) -> np.ndarray:
    return points - points[:, 6:8].mean(1, keepdims=True)


def _unsteadiness(points: np.ndarray) -> np.ndarray:
    lengths = np.stack([np.linalg.norm(points[:, a] - points[:, b], axis=-1) for a, b in _BONES])
    return lengths.std(1) / lengths.mean(1)


if __name__ == "__main__":
    app.run(main)
