"""Bodies, solvers, streams and exports: arrays in, poses out, beside answers to one example at a time."""

import functools
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from fuzz_rotations import turns
from fuzz_target import RIGHT, TOLERANCE, Known, Target, leading

import niki_tf
from niki_tf import body, contract, export, inference, skeletons, solvers
from niki_tf.inference import streaming, windows

_RNG = np.random.Generator
_POOL = 5
"""Examples of each solver whose answer is known."""
_OPTIONAL = frozenset({"joint_sigma", "betas", "twist", "known_rotations", "z"})
_SHARED = frozenset({"betas: nothing in it"})
_ZERO = {"joints": (29, 3), "joint_sigma": (29,), "betas": (10,), "twist": (23, 2)}


@functools.cache
def data() -> body.BodyData:
    """A body of 40 random vertices on the mannequin's joints."""
    rng, joints = np.random.default_rng(0), body.mannequin_joints()
    return body.BodyData(
        v_template=rng.normal(size=[40, 3]),
        shapedirs=0.1 * rng.normal(size=[40, 3, 10]),
        posedirs=0.01 * rng.normal(size=[40, 3, 207]),
        lbs_weights=rng.dirichlet(np.ones(24), 40),
        faces=rng.integers(40, size=[20, 3]),
        joints=joints.joints,
        joint_directions=joints.directions,
    )


def _skinned(betas: Any, global_orient: Any, body_pose: Any, transl: Any) -> dict[str, np.ndarray]:
    """Vertices and joints, vertex by vertex and example by example."""
    axes, found = np.shape(betas)[:-1], []
    parts = [np.asarray(x, np.float64) for x in (betas, global_orient, body_pose, transl)]
    flat = [x.reshape(-1, *x.shape[len(axes) :]) for x in parts]
    for beta, root, pose, shift in zip(*flat, strict=True):
        rest = data().joints + data().joint_directions @ beta
        local = np.concatenate([root, pose])
        places, world = [rest[0]], [local[0]]
        for joint in range(1, 29):
            above = skeletons.SMPL_29.parents[joint]
            places.append(places[above] + world[above] @ (rest[joint] - rest[above]))
            if joint < 24:
                world.append(world[above] @ local[joint])
        vertices = data().v_template + data().shapedirs @ beta + data().posedirs @ (pose - np.eye(3)).reshape(207)
        each = [(vertices - rest[j]) @ world[j].T + places[j] for j in range(24)]
        skinned = np.einsum("vj,jvc->vc", data().lbs_weights, each)
        found.append((skinned + shift, np.array(places) + shift))
    names = {"vertices": (40, 3), "joints": (29, 3)}
    return {name: np.reshape([one[k] for one in found], [*axes, *names[name]]) for k, name in enumerate(names)}


def _body_arguments(rng: _RNG) -> dict[str, np.ndarray]:
    axes = leading(rng)
    local = turns(rng, (*axes, 24))
    pose = {"global_orient": local[..., :1, :, :], "body_pose": local[..., 1:, :, :]}
    return {"betas": rng.normal(size=[*axes, 10]), **pose, "transl": rng.normal(size=[*axes, 3])}


@functools.cache
def _body() -> body.Body:
    return body.Body(data())


@functools.cache
def _poser() -> body.BodyPoser:
    return body.BodyPoser(data())


def _rooted(rotations: Any, betas: Any) -> dict[str, np.ndarray]:
    local = np.asarray(rotations)
    posed = _skinned(betas, local[:, :1], local[:, 1:], np.zeros([len(local), 3]))
    return {name: array - posed["joints"][:, :1] for name, array in posed.items()}


def _pose_arguments(rng: _RNG) -> dict[str, np.ndarray]:
    count = int(rng.integers(1, 4))
    return {"rotations": turns(rng, (count, 24)), "betas": rng.normal(size=[count, 10])}


def _reshaped(betas: Any) -> np.ndarray:
    return data().joints + np.einsum("jcb,...b->...jc", data().joint_directions, np.asarray(betas, np.float64))


def _body_data(**fields: Any) -> body.BodyData:
    given = {name: getattr(data(), name) for name in ("v_template", "shapedirs", "lbs_weights", "faces", "joints")}
    return body.BodyData(**{**given, "joint_directions": data().joint_directions, **fields})


BODY = (
    Target("body.Body", lambda **given: _body()(**given), _body_arguments, _skinned, spreads=True, weight=0.5,
        optional=frozenset({"betas", "transl"}), lenient=_SHARED, loose=frozenset({"NaN"}),
        tolerance=2e-5),
    Target("body.BodyPoser.pose", lambda rotations, betas: _poser().pose(rotations, betas=betas), _pose_arguments,
        _rooted, spreads=True, loose=frozenset({"NaN"}),
        weight=0.1, tolerance=2e-5),
    Target("body.BodyJoints", lambda betas: data().body_joints()(betas),
        lambda rng: {"betas": rng.normal(size=[*leading(rng), 10])}, _reshaped, spreads=True),
    Target("body.BodyData",
        lambda **fields: {name: getattr(_body_data(**fields), name) for name in fields},
        lambda rng: {"v_template": rng.normal(size=[40, 3]), "joints": rng.normal(size=[29, 3])},
        lambda **fields: {name: np.asarray(value, np.float32) for name, value in fields.items()}),
)  # fmt: skip


@functools.cache
def solver(name: str) -> solvers.Solver:
    """A small solver with random weights."""
    joints, sizes = body.mannequin_joints(), {"num_couplings": 2, "hidden_dim": 16}
    keras.utils.set_random_seed(0)
    makers: dict[str, Callable[[], solvers.Solver]] = {
        "analytic": lambda: solvers.Analytic(joints),
        "finish": lambda: solvers.Analytic(joints, refine=2),
        "mlp": lambda: solvers.MLP(joints, hidden_dim=16, num_layers=1),
        "one_stage": lambda: solvers.OneStage(joints, **sizes),
        "temporal": lambda: solvers.Temporal(joints, **sizes, num_temporal_pairs=1, temporal_hidden_dim=8),
    }
    return makers[name]()


def example(rng: _RNG, *axes: int) -> dict[str, np.ndarray]:
    """Inputs of a solver, joints of a body that stands and bends."""
    return {
        "joints": body.mannequin_joints().joints + 0.03 * rng.normal(size=[*axes, 29, 3]),
        "joint_sigma": rng.uniform(0.0, 0.05, [*axes, 29]),
        "betas": 0.5 * rng.normal(size=[*axes, 10]),
    }


def _arrays(answer: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in answer.items() if name != "z"}


@functools.cache
def _pool(name: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Examples of a solver and its answers to them, one at a time."""
    events = (4,) if name == "temporal" else ()
    given = example(np.random.default_rng(1), _POOL, *events)
    found = [_arrays(solver(name).ik(**{key: value[k] for key, value in given.items()})) for k in range(_POOL)]
    return given, {key: np.stack([one[key] for one in found]) for key in found[0]}


def _drawn(name: str, *, batch: bool = False) -> Callable[[_RNG], dict[str, Any]]:
    def make(rng: _RNG) -> dict[str, Any]:
        given, answers = _pool(name)
        axes = leading(rng) or ((1,) if batch else ())
        chosen = rng.integers(_POOL, size=axes)
        right = {key: value[chosen] for key, value in answers.items()}
        return {**{key: value[chosen] for key, value in given.items()}, RIGHT: Known(right)}

    return make


def turns_of(answer: dict[str, Any]) -> np.ndarray:
    """The rotations of a solver's answer."""
    return contract.local_rotations(answer) if isinstance(answer, dict) else ()


def _solver_targets(name: str, weight: float) -> list[Target]:
    def ik(**given: Any) -> dict[str, np.ndarray]:
        return _arrays(solver(name).ik(**given))

    def call(**given: Any) -> dict[str, np.ndarray]:
        return _arrays(solver(name)(given))

    def predict(**given: Any) -> dict[str, np.ndarray]:
        return _arrays(solver(name).predict(given, verbose=0))

    common = {"weight": weight, "turns": turns_of, "optional": _OPTIONAL, "tolerance": 3 * TOLERANCE}
    return [
        Target(f"solvers.{name}.ik", ik, _drawn(name), **common),
        Target(f"solvers.{name}()", call, _drawn(name), **{**common, "weight": weight / 2}),
        Target(f"solvers.{name}.predict", predict, _drawn(name, batch=True), **{**common, "weight": weight / 4}),
    ]


def _there_and_back(global_orient: Any, body_pose: Any, z: Any, betas: Any) -> dict[str, np.ndarray]:
    """The pose that `ik` finds of what `fk` gave."""
    invertible = solver("one_stage")
    given = invertible.fk(global_orient, body_pose, z=z, betas=betas)
    back = invertible.ik(**given, betas=betas)
    return {"global_orient": np.asarray(back["global_orient"]), "body_pose": np.asarray(back["body_pose"])}


def _fk_arguments(rng: _RNG) -> dict[str, np.ndarray]:
    given = _body_arguments(rng)
    axes = given["betas"].shape[:-1]
    size = solver("one_stage").embedding_size
    return {name: given[name] for name in ("global_orient", "body_pose")} | {
        "z": 0.1 * rng.normal(size=[*axes, size]),
        "betas": given["betas"],
    }


def _loaded(name: Any) -> str:
    return type(niki_tf.load(name)).__name__


SOLVERS = (
    *_solver_targets("analytic", 0.12),
    *_solver_targets("finish", 0.04),
    *_solver_targets("mlp", 0.12),
    *_solver_targets("one_stage", 0.08),
    *_solver_targets("temporal", 0.04),
    Target("solvers.one_stage.fk", _there_and_back, _fk_arguments,
        lambda global_orient, body_pose, z, betas: {"global_orient": global_orient, "body_pose": body_pose},
        turns=turns_of, optional=_OPTIONAL, weight=0.06, tolerance=1e-4),
    Target("niki_tf.load", _loaded, lambda rng: {"name": ("analytic", "analytic+finish")[rng.integers(2)]},
        lambda name: "Analytic", weight=0.5, names=("solver",)),
)  # fmt: skip


def _solve_pool(rng: _RNG) -> dict[str, Any]:
    """Joints of the pool as one motion of single frames."""
    given, answers = _pool("analytic")
    chosen = rng.integers(_POOL, size=int(rng.integers(1, 4)))
    right = {"rotations": contract.local_rotations(answers)[chosen]}
    joints = given["joints"][chosen]
    return {
        "joints": joints,
        "joint_sigma": given["joint_sigma"][chosen],
        "betas": given["betas"][chosen],
        "fps": 25.0,
        "skeleton": "smpl_29",
        "solver": "analytic",
        "finish": "off",
        "smoothing": "off",
        "unit": "m",
        "up": "y",
        "ground": "off",
        RIGHT: Known(right),
    }


def _solve(**given: Any) -> dict[str, np.ndarray]:
    motion = niki_tf.solve(**given)
    motion = motion[0] if isinstance(motion, list) else motion
    return {"rotations": motion.rotations, "transl": motion.transl, "betas": motion.betas}


_NOT_GIVEN = frozenset({"solver", "finish", "ground", "unit", "up", *_OPTIONAL})


def _window_arguments(rng: _RNG) -> dict[str, Any]:
    """A window's worth of frames, for which the motion's answer is the window's own."""
    given, answers = _pool("temporal")
    k = int(rng.integers(_POOL))
    right = {name: answers[name][k] for name in ("global_orient", "body_pose", "transl")}
    return {**{name: value[k] for name, value in given.items()}, RIGHT: Known(right)}


def _windows(**given: Any) -> dict[str, np.ndarray]:
    return windows.solve_motion(solver("temporal"), given, frames=4, step=2)


def _compiled(**given: Any) -> dict[str, np.ndarray]:
    return _arrays(_graph()(given))


@functools.cache
def _graph() -> Callable[..., dict[str, np.ndarray]]:
    return inference.compile_solver(solver("mlp"), inputs=example(np.random.default_rng(0), 1))


def _pushed(joints: Any, joint_sigma: Any, betas: Any) -> dict[str, np.ndarray]:
    """The answer to one frame of each person, the first."""
    people = 2
    state = streaming.start(solver("temporal"), people=people)
    _, answer = streaming.push(
        solver("temporal"), state, {"joints": joints, "joint_sigma": joint_sigma, "betas": betas}, delay=0
    )
    return {name: np.asarray(value) for name, value in answer.items()}


def _frame_arguments(rng: _RNG) -> dict[str, Any]:
    given, answers = _stream_pool()
    return {**given, RIGHT: Known(answers)}


@functools.cache
def _stream_pool() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Two people, and the answers of windows of 16 frames of which one is there."""
    given = example(np.random.default_rng(2), 2)
    padded = {name: np.repeat(array[:, None], 16, 1) for name, array in given.items()}
    padded = {
        name: array * (np.arange(16) == 0).reshape(1, 16, *[1] * (array.ndim - 2)) for name, array in padded.items()
    }
    mask = np.zeros([2, 16], np.float32)
    mask[:, 0] = 1.0
    answer = solver("temporal")({**padded, "frame_mask": mask})
    return given, {name: np.asarray(answer[name])[:, 0] for name in ("global_orient", "body_pose", "transl")}


INFERENCE = (
    Target("niki_tf.solve", _solve, _solve_pool, turns=lambda answer: answer["rotations"], optional=_NOT_GIVEN,
        weight=0.4, tolerance=1e-4, lenient=frozenset({"unit: a number", "betas: one less", "betas: nothing in it"})),
    Target("inference.windows.solve_motion", _windows, _window_arguments, turns=turns_of, weight=0.1,
        tolerance=1e-4),
    Target("inference.compile_solver", _compiled, lambda rng: _drawn("mlp", batch=True)(rng), turns=turns_of,
        weight=0.0),
    Target("inference.streaming.push", _pushed, _frame_arguments, turns=turns_of, weight=0.1, tolerance=1e-4,
        optional=frozenset({"betas", "joint_sigma"})),
)  # fmt: skip


@functools.cache
def _exported(kind: str) -> export.Exported:
    """A small solver as SavedModel or LiteRT file."""
    folder = pathlib.Path(tempfile.mkdtemp())
    if kind == "saved_model":
        return export.load_saved_model(export.write_saved_model(solver("mlp"), folder / "mlp"))
    (folder / "mlp.tflite").write_bytes(export.litert(solver("mlp")))
    return export.load_litert(folder / "mlp.tflite")


def _export_pool(rng: _RNG) -> dict[str, Any]:
    given, answers = _pool("mlp")
    chosen = rng.integers(_POOL, size=int(rng.integers(1, 4)))
    right = {name: answers[name][chosen] for name in ("global_orient", "body_pose", "transl")}
    some = {name: value[chosen] for name, value in given.items()}
    return {"signature": "ik_full", **some, "twist": np.zeros([len(chosen), 23, 2]), RIGHT: Known(right)}


def _export_target(kind: str) -> Target:
    def call(signature: Any, **given: Any) -> dict[str, np.ndarray]:
        return _exported(kind)(signature, **given)

    return Target(f"export.{kind}", call, _export_pool, turns=turns_of, weight=0.6, tolerance=1e-4)


def _load_target(name: str) -> Target:
    argument = {"load_saved_model": "folder", "load_litert": "path"}[name]
    return Target(
        f"export.{name}",
        lambda **given: type(getattr(export, name)(**given)).__name__,
        lambda rng: {argument: _exported_path(name)},
        lambda **given: "Exported",
        weight=0.1,
    )


@functools.cache
def _exported_path(name: str) -> str:
    folder = pathlib.Path(tempfile.mkdtemp())
    if name == "load_saved_model":
        return str(export.write_saved_model(solver("mlp"), folder / "mlp"))
    (folder / "mlp.tflite").write_bytes(export.litert(solver("mlp")))
    return str(folder / "mlp.tflite")


EXPORT = (
    _export_target("saved_model"),
    _export_target("litert"),
    _load_target("load_saved_model"),
    _load_target("load_litert"),
)
