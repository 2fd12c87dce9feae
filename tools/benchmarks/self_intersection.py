"""Time of a frame to find all triangles of a body that intersect: python tools/benchmarks/self_intersection.py.

The body is the mannequin, eleven of whose 13,754 triangles are split in three, so that it has as many as SMPL's 13,776.
One core (`taskset -c 0 python ...` where others work beside), poses of `--motion` or random ones. Where libigl is
installed (`pip install libigl`) its exact test by CGAL is timed in turn on the same frames, and the pairs are compared.
The ratio of the two depends less on the machine than the milliseconds do.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    from niki_tf import body, evaluation, io, rotations, skeletons

try:
    from igl.copyleft.cgal import remesh_self_intersections
except ImportError:
    remesh_self_intersections = None

_MOTION = flags.DEFINE_string("motion", None, "Folder, file or pattern of motion; random poses if not given.")
_FRAMES = flags.DEFINE_integer("frames", 100, "Frames that are timed.", lower_bound=1)
_SMPL_TRIANGLES = 13776
_SPREAD = 0.4
"""Standard deviation of the rotation vectors of random poses, radians."""


def main(_argv: Sequence[str]) -> None:
    """Times all ways on all frames and prints a table."""
    data = body.mannequin()
    faces, (rest, *frames) = _of_smpl_size(data.faces, np.concatenate([data.v_template[None], _frames(data)]))
    start = time.perf_counter()
    find = body.SelfIntersection(faces, rest=rest)
    prepared = 1000 * (time.perf_counter() - start)
    ways = {"niki_tf": find.pairs}
    if remesh_self_intersections:
        ways["libigl, CGAL"] = lambda vertices: _by_cgal(vertices, faces)
    times: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, list[np.ndarray]] = {name: [] for name in ways}
    for number, vertices in enumerate([frames[0], *frames]):
        for name, way in ways.items():
            ms, pairs = _timed(way, vertices)
            if number:  # the first one only warms up
                times[name].append(ms)
                found[name].append(pairs)
    first = np.median(times["niki_tf"])
    rows = [
        {
            "way": name,
            "median ms": float(np.median(ms)),
            "largest ms": max(ms),
            "ratio": float(np.median(ms) / first),
            "pairs a frame": float(np.mean([len(pairs) for pairs in found[name]])),
            "frames that differ": sum(map(_differ, found["niki_tf"], found[name])),
        }
        for name, ms in times.items()
    ]
    print(f"{len(faces)} triangles, {len(frames)} frames; {prepared:.0f} ms once before.")
    print(evaluation.text_table(rows, decimals=2))


def _frames(data: body.BodyData) -> np.ndarray:
    """Vertices (N, V, 3) of the mean shape in poses that are drawn from the motion or at random."""
    rng, count = np.random.default_rng(0), _FRAMES.value
    poses = _SPREAD * rng.normal(size=[count, skeletons.NUM_ROTATIONS, 3])
    if _MOTION.value:
        given = np.concatenate([clip.poses for clip in io.load_clips(_MOTION.value)])
        poses = given[rng.choice(len(given), count, replace=len(given) < count)]
    local = rotations.rotvec_to_matrix(poses.astype(np.float32)).numpy()
    return body.BodyPoser(data).pose(local, betas=np.zeros([count, data.num_betas]))["vertices"]


def _of_smpl_size(faces: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Faces and frames (N, V, 3) of the mesh with a vertex more in the middle of some triangles."""
    split = np.linspace(0, len(faces) - 1, (_SMPL_TRIANGLES - len(faces)) // 2).astype(int)
    middle = frames.shape[1] + np.arange(len(split))
    parts = [np.stack([faces[split, i], faces[split, j], middle], -1) for i, j in ((0, 1), (1, 2), (2, 0))]
    added = frames[:, faces[split]].mean(2)
    return np.concatenate([np.delete(faces, split, 0), *parts]), np.concatenate([frames, added], 1)


def _by_cgal(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Pairs (P, 2) that share no vertex, by libigl."""
    pairs = np.asarray(
        remesh_self_intersections(vertices.astype(np.float64), faces.astype(np.int64), detect_only=True)[2]
    )
    corners = faces[pairs]
    return np.sort(pairs[~(corners[:, 0, :, None] == corners[:, 1, None]).any((1, 2))], 1)


def _timed(way: Callable[[np.ndarray], np.ndarray], vertices: np.ndarray) -> tuple[float, Any]:
    """Milliseconds of a call, and what it gives."""
    start = time.perf_counter()
    answer = way(vertices)
    return 1000 * (time.perf_counter() - start), answer


def _differ(pairs: np.ndarray, others: np.ndarray) -> bool:
    return sorted(map(tuple, pairs.tolist())) != sorted(map(tuple, others.tolist()))


if __name__ == "__main__":
    app.run(main)
