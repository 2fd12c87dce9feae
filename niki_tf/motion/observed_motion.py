"""One motion as solvers see it: observed joints, what else is known of them, and the true pose where there is one."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from niki_tf import contract, rotations, skeletons
from niki_tf.body.posing import BodyPoser
from niki_tf.motion.clip import LARGEST_BETA, LARGEST_PATH, Clip, check_size, checked_rate

_FRAMES_AT_ONCE = 256
"""Frames posed at once: keeps the vertices of a body, 6,890 a frame, to some 20 MB."""
_LARGEST = {"joints": LARGEST_PATH, "betas": LARGEST_BETA}
"""Of the numbers of an input: metres, and units of shape."""
_PER_MOTION = ("joint_sigma", "betas")
"""Inputs that may be given once for all frames."""
_CURES = {"joints": " Use the joint set skeletons.SMPL_29."}


@dataclasses.dataclass(frozen=True, eq=False)
class ObservedMotion:
    """Observed joints of a motion and the inputs of solvers that follow from them.

    Raises:
        ValueError: a shape does not fit, an input is unknown, or `fps` is not positive.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body, motion
        >>> poser = body.BodyPoser(body.mannequin())
        >>> clip = motion.Clip(poses=np.zeros([2, 24, 3]), trans=np.ones([2, 3]), trans_convention="pelvis")
        >>> motion.observe(clip, poser=poser, noise_mm=0, seed=0).joints[:, 0].tolist()
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    joints: np.ndarray
    """Observed joints in the world, (T, 29, 3) metres."""
    inputs: dict[str, np.ndarray]
    """Inputs of a solver by name: joints relative to `origin`, betas (T, B), and twist or joint_sigma where known."""
    fps: float
    """Frames per second."""
    true_rotations: np.ndarray | None = None
    """True local rotations (T, 24, 3, 3), or None where the true pose is unknown."""

    def __post_init__(self) -> None:
        frames = len(np.atleast_1d(self.joints))
        _check_shape("joints", self.joints, (frames, *contract.INPUTS["joints"]))
        contract.check_names(self.inputs, extra={})
        for name, array in self.inputs.items():
            _check_shape(f"inputs[{name!r}]", array, (frames, *contract.INPUTS[name]))
        if self.true_rotations is not None:
            _check_shape("true_rotations", self.true_rotations, (frames, skeletons.NUM_ROTATIONS, 3, 3))
        object.__setattr__(self, "fps", checked_rate(self.fps, "`fps`"))

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def origin(self) -> np.ndarray:
        """The point, (3,) metres, that `inputs["joints"]` of all frames, and so answers, are relative to."""
        return self.joints[0, 0] - self.inputs["joints"][0, 0]

    def first(self, frames: int | None) -> "ObservedMotion":
        """The first `frames` frames of the motion; all of it if None."""
        inputs = {name: array[:frames] for name, array in self.inputs.items()}
        true = None if self.true_rotations is None else self.true_rotations[:frames]
        return ObservedMotion(self.joints[:frames], inputs, self.fps, true)


def observe(clip: Clip, *, poser: BodyPoser, noise_mm: float, seed: int) -> ObservedMotion:
    """The motion of a clip as its joints, with Gaussian noise of the same size on all joints and axes.

    Args:
        clip: the true motion, T frames. Betas beyond those of `poser` are left out.
        poser: `BodyPoser` of the body that moves.
        noise_mm: standard deviation of the noise, millimetres.
        seed: of the noise.

    Returns:
        `ObservedMotion` with the true betas (T, B), twist (T, 23, 2) and rotations.
    """
    true = rotations.rotvec_to_matrix(clip.poses).numpy()
    betas = np.zeros([len(true), poser.num_betas], np.float32)
    known = clip.betas[: poser.num_betas]
    betas[:, : len(known)] = known
    joints, twist = [], []
    for start in range(0, len(true), _FRAMES_AT_ONCE):
        part = slice(start, start + _FRAMES_AT_ONCE)
        truth = poser.truth(true[part], betas=betas[part])
        joints.append(truth["joints"])
        twist.append(truth["twist"])
    noise = np.random.default_rng(seed).standard_normal([len(true), skeletons.NUM_JOINTS, 3], np.float32)
    pelvis = clip.trans + (poser.body_joints(betas).numpy()[:, 0] if clip.trans_convention == "transl" else 0.0)
    observed = np.concatenate(joints) + pelvis[:, None] + noise * (noise_mm / 1000)
    inputs = {"joints": observed - observed[0, 0], "betas": betas, "twist": np.concatenate(twist)}
    return ObservedMotion(observed, inputs, clip.fps, true)


def from_joints(arrays: Mapping[str, Any], *, num_betas: int, fps: float = 30.0) -> ObservedMotion:
    """The motion of observed joints whose true pose is unknown.

    Args:
        arrays: dictionary with joints (T, 29, 3) metres, anywhere in the world (one with a NaN is absent, and its
            joint_sigma becomes so), and optionally joint_sigma (T, 29) or (29,) metres, betas (T, num_betas) or
            (num_betas,), and twist
            (T, 23, 2). Other names are ignored.
        num_betas: shape coefficients of the body to solve for; zeros if `betas` is not given.
        fps: frames per second.

    Raises:
        ValueError: an array has another shape or is not finite or too large, `joints` is missing or without frames, or
            `fps` is not positive.
    """
    if "joints" not in arrays:
        raise ValueError(f"`joints` (T, 29, 3) is missing; got {', '.join(arrays) or 'nothing'}.")
    frames = len(np.atleast_1d(arrays["joints"]))
    if not frames:
        raise ValueError(f"`joints` must hold at least one frame; got shape {np.shape(arrays['joints'])}.")
    shapes = contract.input_shapes(num_betas)
    arrays = {**arrays, **_without_absent(arrays["joints"], arrays.get("joint_sigma"))}
    given = {name: _each_frame(arrays[name], frames, shapes[name], name) for name in shapes if name in arrays}
    joints = given["joints"]
    given.setdefault("betas", np.zeros([frames, num_betas], np.float32))
    return ObservedMotion(joints, {**given, "joints": joints - joints[0, 0]}, fps)


def _without_absent(joints: Any, joint_sigma: Any) -> dict[str, Any]:
    """Joints of which the absent ones, whatever they hold, are at the mean of those that were seen; and their sigma."""
    given = {"joints": joints} | ({} if joint_sigma is None else {"joint_sigma": joint_sigma})
    joints = np.array(joints)
    if joints.ndim != 3 or joints.dtype.kind not in "fiu":
        return given  # what is refused later
    unseen = np.isnan(joints).any(-1)
    if joint_sigma is None and not unseen.any():
        return given
    sigma = np.asarray(np.zeros(joints.shape[1]) if joint_sigma is None else joint_sigma)
    if sigma.shape not in (joints.shape[1:2], joints.shape[:2]) or sigma.dtype.kind not in "fiu":
        return given
    if unseen.any():
        sigma = np.where(unseen, np.maximum(sigma, skeletons.ABSENT), sigma)
    absent = np.broadcast_to(sigma >= skeletons.ABSENT, joints.shape[:2])[..., None]
    seen = np.where(absent, 0.0, joints)
    mean = seen.sum(1, keepdims=True) / np.maximum((~absent).sum(1, keepdims=True), 1)
    return {"joints": np.where(absent, mean, seen), "joint_sigma": sigma}


def _each_frame(array: Any, frames: int, shape: tuple[int | None, ...], name: str) -> np.ndarray:
    """`array` as float32 (frames, *shape), a single entry repeated; ValueError if shape or numbers do not fit."""
    array = np.asarray(array)
    if name not in _PER_MOTION or array.shape not in (shape, (1, *shape)):
        _check_shape(name, array, (frames, *shape), shape if name in _PER_MOTION else None)
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise ValueError(
            f"`{name}` must be finite numbers; got {array.dtype} with NaN, infinity or text. Leave out or repair these "
            "frames."
        )
    check_size(array, f"`{name}`", _LARGEST.get(name, np.inf))
    return np.broadcast_to(array.astype(np.float32), (frames, *array.shape[array.ndim - len(shape) :]))


def _check_shape(
    name: str, array: Any, wanted: tuple[int | None, ...], single: tuple[int | None, ...] | None = None
) -> None:
    """ValueError unless `array` has the shape `wanted`, of which the first axis is time; None is any size."""
    shape = np.shape(array)
    if len(shape) != len(wanted) or any(size not in (None, got) for size, got in zip(wanted, shape, strict=True)):
        sizes = str(("T", *("B" if size is None else size for size in wanted[1:]))).replace("'", "")
        either = f" or {single}" if single else ""
        frames = f", T = {wanted[0]} as in `joints`" if name != "joints" else ""
        raise ValueError(f"`{name}` must have shape {sizes}{either}{frames}; got {shape}.{_CURES.get(name, '')}")
