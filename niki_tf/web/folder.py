"""A folder that any static server can serve: page, solver, networks for pictures, LiteRT.js, three.js and licences."""

import importlib.metadata
import json
import os
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from niki_tf import assets, files, skeletons
from niki_tf.body.mannequin import mannequin
from niki_tf.export.tflite import litert_of
from niki_tf.fitting.linear_solvers import ELIMINATION
from niki_tf.io import bvh, bvh_motion, gltf
from niki_tf.motion.clip import Clip
from niki_tf.player import html, skinned
from niki_tf.skeletons import bone_names
from niki_tf.solvers import zoo
from niki_tf.solvers.solver import Solver
from niki_tf.web import graphs

SIZES = ("lite", "full")
"""Landmark networks that a page can have; the first is taken at first."""
BUILDS = ("plain", "compat", "threaded")
"""Builds of LiteRT.js that a browser may take: the usual one, for those without relaxed SIMD, with threads."""
NEEDED = (
    "blazepose_detector",
    *(f"blazepose_{size}" for size in SIZES),
    *(name for name in assets.ASSETS if name.startswith(("litert", "three"))),
)
"""Assets that go into a folder."""
_SOLVER = "models/solver.tflite"
_PAGE = pathlib.Path(__file__).with_name("page")
_PLAYER = pathlib.Path(html.__file__).parent
_APACHE = "absl-py"
"""A package that is installed with this one and whose licence is Apache-2.0, the text of which it carries."""
_OF_APACHE = "litert/index.js imports ./wasm-utils.js in place of @litertjs/wasm-utils; nothing else was changed."


def check(quantize: str, *, body: str = "none") -> None:
    """Checks that a folder can be written, before there is work.

    Args:
        quantize: how the solver's weights are stored: "none" or "float16".
        body: that the page draws: "none" and "mannequin" mean the mannequin.

    Raises:
        ValueError: `quantize` or `body` is something else.
        FileNotFoundError: something was not fetched; with the command that does so.
    """
    if quantize not in ("none", "float16"):
        raise ValueError(f"`quantize` must be none or float16 for a web page; got {quantize!r}.")
    if body not in ("none", "mannequin"):
        raise ValueError(f"`body` must be the mannequin, which a web page draws; got {body!r}. Leave it out.")
    absent = assets.missing(NEEDED)
    if absent:
        raise FileNotFoundError(
            f"a web page needs {', '.join(absent)}, not fetched yet: python tools/get_assets.py blazepose litert three"
        )


def write_folder(solver: Solver, folder: str | os.PathLike, *, quantize: str = "none") -> pathlib.Path:
    """Writes the folder and gives its path; files of other names that were there stay.

    Args:
        solver: of frames or of windows, for the mannequin, which is drawn.
        folder: that is written.
        quantize: how the solver's weights are stored: "none" or "float16".

    Raises:
        ValueError: the solver needs a twist, or operations that LiteRT does not have; or `quantize` is unknown.
        FileNotFoundError: something was not fetched; with the command that does so.
    """
    check(quantize)
    target = pathlib.Path(folder)
    for path, content in _contents(solver, quantize):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        with files.atomic_write(target / path) as beside:
            beside.write_bytes(content)
    _write_rigs(target)
    facts = json.dumps(_facts(solver, target)).encode()
    with files.atomic_write(target / "facts.json") as beside:
        beside.write_bytes(facts)
    return target


def sizes(folder: pathlib.Path) -> dict[str, int]:
    """Bytes of the parts of a folder that `write_folder` wrote, by their names; empty for other paths."""
    if not (folder / "facts.json").is_file():
        return {}
    found = {
        f"{part}/": sum(path.stat().st_size for path in (folder / part).rglob("*.*"))
        for part in ("litert", "models", "three", "licences")
    }
    return {**found, "page and body": sum(path.stat().st_size for path in folder.glob("*.*"))}


def solver_file(solver: Solver, *, quantize: str = "none") -> bytes:
    """The bytes of the .tflite file with the graphs of `graphs.graphs`."""
    solver = solver.for_body(solver.body_joints, linear_solver=ELIMINATION)
    completion = zoo.joint_completion()
    holder = tf.Module()
    holder.weights = [weight.value for weight in [*solver.weights, *completion.weights]]
    return litert_of(graphs.graphs(solver, completion), holder, quantize=quantize)


def _contents(solver: Solver, quantize: str) -> Iterator[tuple[str, bytes]]:
    """Paths and contents of all files but the rigs and the facts."""
    for source in [*_PAGE.iterdir(), _PLAYER / "body.js", _PLAYER / "player.js", _PLAYER / "page.css"]:
        yield source.name, source.read_bytes()
    yield _SOLVER, solver_file(solver, quantize=quantize)
    yield "scene.json", json.dumps(_scene()).encode()
    for name in NEEDED:
        content = assets.path_of(name).read_bytes()
        if name == "litert_core":
            content = content.replace(b'"@litertjs/wasm-utils"', b'"./wasm-utils.js"')
        yield _place(name), content
    yield "licences/apache-2.0.txt", _apache().encode()
    yield "licences/NOTICE.txt", _notice().encode()


def _place(name: str) -> str:
    """Where an asset lies in the folder."""
    file = assets.ASSETS[name].file
    return "licences/three.txt" if name == "three_licence" else file.replace("blazepose/", "models/")


def _scene() -> dict[str, Any]:
    """The mannequin at rest, as the player draws it."""
    clip = Clip(poses=np.zeros([1, 24, 3]), trans=np.array([[0.0, -mannequin().v_template[:, 1].min(), 0.0]]), up="y")
    nothing = np.zeros([1, skeletons.NUM_ROTATIONS])
    return skinned.scene([skinned.Played("pose", clip, states=nothing, errors=nothing)], mannequin())


def _write_rigs(folder: pathlib.Path) -> None:
    """The body at rest as .bvh and .glb, into which the page puts what it records."""
    pose, place = np.eye(3) + np.zeros([1, 24, 1, 1]), np.zeros([1, 3])
    made = bvh_motion.from_motion(pose, rest_joints=mannequin().joints, transl=place, fps=30)
    bvh.write_bvh(folder / "skeleton.bvh", made)
    gltf.write_glb(
        folder / "body.glb", mannequin(), rotations=pose, transl=place, fps=30, surface_tolerance=float("inf")
    )


def _facts(solver: Solver, folder: pathlib.Path) -> dict[str, Any]:
    """What the page must know."""
    rig = bvh_motion.from_motion(
        np.eye(3) + np.zeros([1, 24, 1, 1]), rest_joints=mannequin().joints, transl=np.zeros([1, 3]), fps=30
    )
    large = [*folder.glob("models/*.tflite"), *folder.glob("litert/wasm/*.wasm")]
    return {
        "name": re.sub(r"_\d+$", "", solver.name),  # Keras numbers those of one kind
        "solver": _SOLVER,
        "detector": "models/detector.tflite",
        "sizes": list(SIZES),
        "landmarks": {size: f"models/{size}.tflite" for size in SIZES},
        "files": {path.relative_to(folder).as_posix(): path.stat().st_size for path in large},
        "order": [skeletons.SMPL_24.index(name) for name in rig.names],
        "names": _names(),
        "parents": list(skeletons.SMPL_29.parents),
        "rest": mannequin().joints.tolist(),
    }


def _names() -> dict[str, int]:
    """Names of bones, in small letters and digits, of all rigs that are known -> SMPL's joint."""
    found: dict[str, int] = {}
    for names in bone_names.BONE_NAMES:
        for joint, name in enumerate(bone_names.checked_bone_names(names)):
            found.setdefault(re.sub("[^a-z0-9]", "", name.split(":")[-1].lower()), joint)
    return found


def _apache() -> str:
    """The text of the licence Apache-2.0."""
    text = importlib.metadata.distribution(_APACHE).read_text("licenses/LICENSE")
    if text is None or "Apache License" not in text:
        raise FileNotFoundError(f"the text of the licence Apache-2.0 is not in {_APACHE}: install that package anew.")
    return text


def _notice() -> str:
    lines = ["What is whose in this folder", ""]
    for name in NEEDED:
        source = assets.ASSETS[name].sources[0]
        lines.append(f"{_place(name)}: {source.package} {source.version}, {assets.ASSETS[name].licence}")
    return "\n".join([*lines, "", _OF_APACHE, "Apache-2.0: apache-2.0.txt. MIT: three.txt.", ""])
