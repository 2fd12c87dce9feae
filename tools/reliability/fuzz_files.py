"""Readers and writers of files, joint sets and pictures: what is written is what is read."""

import functools
import json
import pathlib
import tempfile
from typing import Any

import numpy as np
from fuzz_models import data
from fuzz_target import Target

from niki_tf import body, drawing, io, motion, skeletons

_RNG = np.random.Generator


@functools.cache
def _folder() -> pathlib.Path:
    """A folder of small files: joints as .npz, .npy, .json and .csv, motion, and a joint set."""
    folder, joints = pathlib.Path(tempfile.mkdtemp()), _joints()
    np.savez(folder / "joints.npz", joints=joints, fps=30.0)
    np.save(folder / "joints.npy", joints)
    (folder / "joints.json").write_text(json.dumps({"joints": joints.tolist()}))
    names = [f"{name}_{axis}" for name in skeletons.SMPL_29.names for axis in "xyz"]
    rows = [",".join(map(str, row)) for row in joints.reshape(len(joints), -1)]
    (folder / "joints.csv").write_text("\n".join([",".join(names), *rows]) + "\n")
    io.save_clip(folder / "walk.npz", _walk())
    (folder / "set.json").write_text(json.dumps({"points": ["left_hip", None, "head"]}))
    return folder


def _joints() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (body.mannequin_joints().joints + 0.01 * rng.normal(size=[3, 29, 3])).round(6)


def _walk() -> motion.Clip:
    rng = np.random.default_rng(1)
    return motion.Clip(poses=0.2 * rng.normal(size=[4, 24, 3]), trans=rng.normal(size=[4, 3]))


def _path(*names: str) -> Any:
    return lambda rng: {"path": str(_folder() / names[rng.integers(len(names))])}


def _read(path: Any) -> np.ndarray:
    return io.read_keypoints(path)[0].positions


def _clip_read(path: Any, fps: Any) -> dict[str, np.ndarray]:
    clip = io.load_clips(path, fps=fps)[0]
    return {"poses": clip.poses, "trans": clip.trans}


def _saved(path: Any, columns: Any) -> dict[str, np.ndarray]:
    io.save_clip(path, _walk(), columns=columns)
    return _clip_read(path, 30.0)


def _observed(path: Any, noise_mm: Any, seed: Any) -> np.ndarray:
    return io.load_observed(path, poser=_poser(), noise_mm=noise_mm, seed=seed).joints


@functools.cache
def _poser() -> body.BodyPoser:
    return body.BodyPoser(data())


def _regressor(rng: _RNG) -> dict[str, Any]:
    vertex = int(rng.integers(40))
    weights = np.zeros([2, 40])
    weights[:, vertex] = 1.0
    return {"regressor": weights, "body_data": data(), "name": "own"}


def _named(names: Any) -> tuple:
    return list(skeletons.from_names(names).points)


def _some_names(rng: _RNG) -> dict[str, Any]:
    names = [skeletons.SMPL_29.names[k] for k in rng.permutation(29)]
    spine = iter(["spine1", "spine2", "spine3"])  # whose order tells which is which
    return {"names": [next(spine) if name.startswith("spine") else name for name in names]}


IO = (
    Target("io.read_keypoints", _read, _path("joints.npz", "joints.npy", "joints.json", "joints.csv"),
        lambda path: _joints()),
    Target("io.load_clips", _clip_read, lambda rng: {"path": str(_folder() / "walk.npz"), "fps": 30.0},
        lambda path, fps: {"poses": _walk().poses, "trans": _walk().trans} if fps in (None, 30.0) else
        None, optional=frozenset({"fps"})),
    Target("io.save_clip", _saved, lambda rng: {"path": str(_folder() / "out" / "saved.npz"), "columns": 72},
        lambda path, columns: {"poses": _walk().poses, "trans": _walk().trans}, optional=frozenset({"columns"})),
    Target("io.load_observed", _observed,
        lambda rng: {"path": str(_folder() / "joints.npz"), "noise_mm": 10.0, "seed": 3},
        lambda path, noise_mm, seed: _joints().astype(np.float32),
        lenient=frozenset({"noise_mm", "seed"})),
    Target("io.is_motion", io.is_motion, _path("walk.npz", "joints.npz", "set.json"),
        lambda path: str(path).endswith("walk.npz"), lenient=frozenset({"another text", "a null", "nothing in it"})),
    Target("io.is_frame_folder", io.is_frame_folder, _path("walk.npz", "set.json"), lambda path: False,
        lenient=frozenset({"another text", "a null", "nothing in it"})),
)  # fmt: skip
SKELETONS = (
    Target("skeletons.from_json", lambda path: skeletons.from_json(path).points, _path("set.json"),
        lambda path: ("left_hip", None, "head")),
    Target("skeletons.from_names", _named, _some_names, lambda names: list(names)),
    Target("skeletons.PointSet", lambda points: skeletons.PointSet("own", points).points,
        lambda rng: {"points": ("left_hip", None, "head")}, lambda points: points),
    Target("skeletons.from_regressor",
        lambda **given: [mark.joint for mark in skeletons.from_regressor(**given).points],
        _regressor,
        lambda regressor, body_data, name: [
            skeletons.SMPL_24.names[k] for k in (np.asarray(regressor, float) @ body_data.lbs_weights).argmax(-1)
        ],
        lenient=frozenset({"another text", "a null", "nothing in it"})),
)  # fmt: skip


def _corners(rng: _RNG) -> dict[str, Any]:
    vertices = rng.normal(size=[12, 3])
    return {"vertices": vertices, "faces": rng.permutation(12).reshape(4, 3), "image_size": 24, "azimuth": 30.0}


def _painted(**given: Any) -> tuple:
    picture = drawing.render_mesh(**given)
    return (picture.shape, str(picture.dtype))


def _skeleton(joints: Any, image_size: Any) -> tuple:
    picture = drawing.draw_skeleton(joints, image_size=image_size)
    return (picture.shape, str(picture.dtype))


DRAWING = (
    Target("drawing.render_mesh", _painted, _corners,
        lambda image_size, **given: ((image_size, image_size, 3), "uint8"), weight=0.2),
    Target("drawing.draw_skeleton", _skeleton,
        lambda rng: {"joints": body.mannequin_joints().joints + 0.1 * rng.normal(size=[29, 3]), "image_size": 24},
        lambda joints, image_size: ((image_size, image_size, 3), "uint8"), weight=0.05),
)  # fmt: skip


def _intersections(rng: _RNG) -> dict[str, Any]:
    return {"vertices": rng.normal(size=[12, 3])}


@functools.cache
def _finder() -> body.SelfIntersection:
    rng = np.random.default_rng(5)
    return body.SelfIntersection(np.arange(12).reshape(4, 3), rest=rng.normal(size=[12, 3]))


def _crossing(vertices: Any) -> np.ndarray:
    """Pairs of triangles, an edge of one of which goes through the other."""
    corners = np.asarray(np.asarray(vertices, np.float32), np.float64).reshape(4, 3, 3)
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    return np.array([(a, b) for a, b in pairs if _pierced(corners[a], corners[b]) or _pierced(corners[b], corners[a])])


def _pierced(edges: np.ndarray, triangle: np.ndarray) -> bool:
    """Whether an edge of one triangle goes through another (Moeller and Trumbore's equations, by a linear solver)."""
    for k in range(3):
        start, end = edges[k], edges[(k + 1) % 3]
        matrix = np.stack([triangle[1] - triangle[0], triangle[2] - triangle[0], start - end], -1)
        if abs(np.linalg.det(matrix)) > 1e-12:
            u, v, t = np.linalg.solve(matrix, start - triangle[0])
            if u >= 0 and v >= 0 and u + v <= 1 and 0 <= t <= 1:
                return True
    return False


COLLISIONS = (
    Target("body.SelfIntersection.pairs", lambda vertices: _finder().pairs(vertices), _intersections,
        lambda vertices: _crossing(vertices).reshape(-1, 2),
        loose=frozenset({"zeros", "whole numbers"})),
)  # fmt: skip
