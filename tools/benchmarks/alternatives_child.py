"""smplfitter and keypoints2body, asked by alternatives.py, in a Python that has them; niki_tf is not needed.

    pip install "smplfitter[pytorch]==0.6.0" keypoints2body==0.1.0

The argument, a JSON object, names the task, `solve` or `time`, the methods, the folder of the files, which is the one
that this program runs in, and the sets of observed joints in it. `solve` writes answers.npz; the last line printed is a
JSON object with the versions, and with milliseconds of a frame for `time`.

Joints come turned into the frame of the trunk, as files `KIND_LEVEL.npz` with joints (S, T, 24, 3) of S motions of T
frames, the true betas (S, 10) and perhaps vertices (S, T, 6890, 3).
"""

import importlib.metadata
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_ITERATIONS = 3
"""Of smplfitter, as in its README."""
_VERTICES, _WEIGHT = 16, 1e-4
"""Vertices of a part of the body, at most, and their weight where joints alone are given, whose weight is 1."""
_FIRST, _FOLLOWING = 100, 50
"""Iterations of keypoints2body, as its own evaluation has them; the defaults are 30 and 10."""
_BULK = 256
"""Frames of a call in bulk."""
_SECONDS, _CALLS = 1.0, 3
"""How long, and how often, calls are repeated at least; the number does not count after three times the seconds."""


class Smplfitter:
    """smplfitter by PyTorch, scripted.

    It needs vertices. Where there are none, the model has a few for each part of the body, which is the least work, and
    they are placed about the observed bones without a twist, those of hands and head as the bones that they end, with
    almost no weight: they settle what the joints do not tell.
    """

    def __init__(self, *, vertices: bool) -> None:
        import torch
        from smplfitter.pt import BodyFitter, BodyModel

        warnings.simplefilter("ignore", FutureWarning)  # PyTorch's, of the scripting that smplfitter's README advises

        self._tensor = lambda array: torch.tensor(np.asarray(array, np.float32))
        model = BodyModel("smpl", "neutral", num_betas=10)
        if not vertices:
            parts = model.weights.argmax(1).numpy()
            all_of = [np.flatnonzero(parts == part) for part in np.unique(parts)]
            some = [places[:: len(places) // _VERTICES + 1] for places in all_of]
            model = BodyModel("smpl", "neutral", num_betas=10, vertex_subset=np.concatenate(some))
        self._given, self._parts = vertices, model.weights.argmax(1).numpy()
        self._about = (model.v_template - model.J_template[self._parts]).numpy()
        self._rest, self._bones = model.J_template.numpy(), _bones(model.kintree_parents)
        self._fitter = torch.jit.script(BodyFitter(model))

    def __call__(self, observed: dict[str, np.ndarray], *, betas: str, share: bool = False) -> np.ndarray:
        """Local rotations (S, T, 24, 3, 3)."""
        motions, frames = observed["joints"].shape[:2]
        joints = observed["joints"].reshape(-1, 24, 3)
        given: dict[str, Any] = {"target_joints": self._tensor(joints), "num_iter": _ITERATIONS}
        given["requested_keys"] = ["relative_orientations"]
        if self._given:
            given["target_vertices"] = self._tensor(observed["vertices"].reshape(len(joints), -1, 3))
        else:
            starts, ends = self._bones
            swings = _swings(self._rest[ends] - self._rest[starts], joints[:, ends] - joints[:, starts])
            about = np.einsum("nvij,vj->nvi", swings[:, self._parts], self._about)
            given["target_vertices"] = self._tensor(joints[:, self._parts] + about)
            given["vertex_weights"] = self._tensor(np.full([len(joints), len(self._parts)], _WEIGHT))
            given["joint_weights"] = self._tensor(np.ones([len(joints), 24]))
        if betas == "true":
            repeated = np.repeat(observed["betas"], frames, 0)
            found = self._fitter.fit_with_known_shape(shape_betas=self._tensor(repeated), **given)
        else:
            found = self._fitter.fit(beta_regularizer=1.0, share_beta=share, **given)
        return found["relative_orientations"].numpy().reshape(motions, frames, 24, 3, 3)

    def one_shape(self, observed: dict[str, np.ndarray], *, betas: str) -> np.ndarray:
        """The same, of motions each of which is of one shape that is found."""
        motions = [{"joints": joints[None]} for joints in observed["joints"]]
        return np.concatenate([self(motion, betas=betas, share=True) for motion in motions])


class Keypoints2body:
    """keypoints2body: L-BFGS frame by frame, in the world or, as joints2smpl has it, before a camera."""

    def __init__(self) -> None:
        import h5py
        import keypoints2body as program
        import smplx
        import torch
        from keypoints2body.core.config import FrameOptimizeConfig, SequenceOptimizeConfig
        from keypoints2body.models.smpl_data import SMPLData

        self._program, self._params = program, SMPLData
        self._frame, self._sequence = FrameOptimizeConfig, SequenceOptimizeConfig
        self._tensor = lambda array: torch.tensor(np.asarray(array, np.float32))
        self._model = smplx.create("data/models", model_type="smpl", gender="neutral", ext="pkl", batch_size=1)
        with h5py.File("data/models/neutral_smpl_mean_params.h5", "r") as file:
            self._mean = file["pose"][:]

    def world(self, observed: dict[str, np.ndarray], *, betas: str) -> np.ndarray:
        """Every frame by itself, in the world; betas are those given, which it does not change."""
        config = self._config("world", betas)
        return self._frames(observed, config, lambda motion: self._start(observed["betas"][motion]))

    def camera(self, observed: dict[str, np.ndarray], *, betas: str) -> np.ndarray:
        """Every frame by itself, before a camera, where it finds the betas."""
        return self._frames(observed, self._config("camera", betas), lambda motion: None)

    def sequence(self, observed: dict[str, np.ndarray], *, betas: str) -> np.ndarray:
        """Every motion as a sequence, each frame from the one before."""
        config = self._sequence(frame=self._config("world", betas), use_shape_optimization=betas != "true")
        answers = []
        for motion, joints in enumerate(_shown(observed["joints"])):
            start = self._start(observed["betas"][motion]) if betas == "true" else None
            given = {"init_params": start, "joint_layout": "SMPL24", "model": self._model, "config": config}
            found = _or_none(self._program.optimize_params_sequence, joints, **given)
            answers.append(_lost(len(joints)) if found is None else np.stack([_rotations(one) for one in found]))
        return np.stack(answers)

    def _config(self, mode: str, betas: str) -> Any:
        counts = {"num_iters": _FIRST, "num_iters_first": _FIRST, "num_iters_followup": _FOLLOWING}
        return self._frame(coordinate_mode=mode, freeze_betas=betas == "true", **counts)

    def _start(self, betas: np.ndarray) -> Any:
        pose = self._tensor(self._mean[None])
        return self._params(betas=self._tensor(betas[None]), global_orient=pose[:, :3], body_pose=pose[:, 3:])

    def _frames(self, observed: dict[str, np.ndarray], config: Any, start: Callable[[int], Any]) -> np.ndarray:
        answers = []
        for motion, joints in enumerate(_shown(observed["joints"])):
            for frame in joints:
                given = {"prev_params": start(motion), "joint_layout": "SMPL24", "model": self._model, "config": config}
                found = _or_none(self._program.optimize_params_frame, frame, **given)
                answers.append(_lost() if found is None else _rotations(found))
        return np.reshape(answers, [*observed["joints"].shape[:2], 24, 3, 3])


def _bones(parents: Sequence[int]) -> tuple[list[int], list[int]]:
    """Where the bone of each of 24 joints starts and ends; that of a joint without a child is the one it ends."""
    children = [next((child for child in range(1, 24) if parents[child] == joint), None) for joint in range(24)]
    pairs = [(joint, child) if child else (parents[joint], joint) for joint, child in enumerate(children)]
    return [start for start, _ in pairs], [end for _, end in pairs]


def _swings(rest: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """The rotations (N, 24, 3, 3) that turn vectors (24, 3) the shortest way to the direction of others (N, 24, 3)."""
    rest, observed = (x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9) for x in (rest, observed))
    normal, cosine = np.cross(rest, observed), np.einsum("ji,nji->nj", rest, observed)[..., None, None]
    skew = np.cross(np.eye(3), -normal[..., None, :]).swapaxes(-1, -2)
    return np.eye(3) + skew + skew @ skew / np.maximum(1 + cosine, 1e-6)


def _or_none(call: Callable[..., Any], joints: np.ndarray, **given: Any) -> Any:
    """What the call gives, or None if the other program fails with any error, which is what is counted."""
    try:
        return call(joints, **given)
    except Exception as error:  # noqa: BLE001
        print(f"a frame failed: {error!r}", file=sys.stderr)
        return None


def _lost(*frames: int) -> np.ndarray:
    return np.full([*frames, 24, 3, 3], np.nan)


def _shown(items: Any) -> Any:
    """The items, with a progress bar."""
    from tqdm import tqdm

    return tqdm(items, unit="motion", leave=False)


def _rotations(found: Any) -> np.ndarray:
    """Local rotations (24, 3, 3) of an answer of keypoints2body."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_rotvec(found.params.pose.detach().numpy().reshape(24, 3).astype(float)).as_matrix()


def median_ms(call: Callable[[], Any]) -> float:
    """Milliseconds of a call: the median of some, after one to warm up."""
    call()
    times: list[float] = []
    while sum(times) < _SECONDS or (len(times) < _CALLS and sum(times) < 3 * _SECONDS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def cut(observed: dict[str, np.ndarray], frames: int) -> dict[str, np.ndarray]:
    """So many motions of one frame, repeated as often as it takes."""
    places = np.arange(frames) % len(observed["joints"])
    return {name: array[places][:, :1] if array.ndim > 2 else array[places] for name, array in observed.items()}


def long_motion(observed: dict[str, np.ndarray], frames: int) -> dict[str, np.ndarray]:
    """The first motion, to and fro without a jump, for so many frames."""
    last = observed["joints"].shape[1] - 1
    places = last - np.abs(np.arange(frames) % (2 * last) - last)
    return {"joints": observed["joints"][:1, places], "betas": observed["betas"][:1]}


def times(call: Callable[..., np.ndarray], observed: dict[str, np.ndarray], how: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds a frame of a method, `one` at a time and in `bulk`, None where there is no such way.

    Args:
        call: the method, of observed joints and how betas are given.
        observed: the motions.
        how: `betas`; `motion`, whether it sees time; `bulk`, whether it takes many frames at a time.
    """

    def ms(given: dict[str, np.ndarray]) -> float:
        frames = int(np.prod(given["joints"].shape[:2]))
        return median_ms(lambda: call(given, betas=how["betas"])) / frames

    if how["motion"]:
        whole = long_motion(observed, _BULK) if how["bulk"] else {name: array[:1] for name, array in observed.items()}
        return {"bulk": ms(whole), "one": None} if how["bulk"] else {"one": ms(whole), "bulk": None}
    return {"one": ms(cut(observed, 1)), "bulk": ms(cut(observed, _BULK)) if how["bulk"] else None}


def main() -> None:
    """Does what the request says."""
    import torch

    request = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    fitters = {flag: Smplfitter(vertices=flag) for flag in (False, True)}
    optimiser = Keypoints2body()
    calls = {
        "smplfitter": fitters[False],
        "smplfitter, vertices": fitters[True],
        "smplfitter, one shape": fitters[False].one_shape,
        "keypoints2body, world": optimiser.world,
        "keypoints2body, camera": optimiser.camera,
        "keypoints2body, sequence": optimiser.sequence,
    }
    answers, timed = {}, []
    for how in _shown(request["methods"]):
        kind = "motions" if how["motion"] else "frames"
        for level in request["levels"]:
            with np.load(f"{kind}_{level}.npz") as file:
                observed = dict(file)
            if request["task"] == "time":
                timed.append(times(calls[how["name"]], observed, how))
                break
            answers[f"{how['name']}|{how['betas']}|{level}"] = calls[how["name"]](observed, betas=how["betas"])
    np.savez("answers.npz", **answers)
    versions = {name: importlib.metadata.version(name) for name in ("smplfitter", "keypoints2body", "torch")}
    print(json.dumps({"versions": versions, "times": timed}))


if __name__ == "__main__":
    main()
