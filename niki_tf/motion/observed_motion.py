"""One motion as solvers see it: observed joints with what is known beside them, and the truth where there is one."""

import dataclasses

import numpy as np

from niki_tf import rotations

_AT_ONCE = 256


@dataclasses.dataclass(frozen=True, eq=False)
class ObservedMotion:
    """Observed joints of a motion.

    Example:
        >>> import numpy as np
        >>> from niki_tf import body, motion
        >>> poser = body.BodyPoser(body.mannequin())
        >>> clip = motion.Clip(poses=np.zeros([2, 24, 3]), trans=np.ones([2, 3]))
        >>> observed_motion.observe(clip, poser=poser, noise_mm=0, seed=0).joints[:, 0].tolist()
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    joints: np.ndarray
    """Observed joints in the world, (T, 29, 3) metres."""
    inputs: dict
    """What solvers are given: joints relative to joint 0, betas (T, B), and twist or joint_sigma where known."""
    fps: float
    """Frames per second."""
    true_rotations: np.ndarray | None = None
    """True local rotations (T, 24, 3, 3), or None where nobody knows them."""

    def first(self, frames):
        """The motion cut to its first `frames` frames; all of it if None."""
        inputs = {name: array[:frames] for name, array in self.inputs.items()}
        true = None if self.true_rotations is None else self.true_rotations[:frames]
        return ObservedMotion(self.joints[:frames], inputs, self.fps, true)


def observe(clip, *, poser, noise_mm, seed):
    """The joints that the body of `poser` shows in `clip`, with Gaussian noise of `noise_mm` on each axis of each."""
    true = rotations.rotvec_to_matrix(clip.poses).numpy()
    betas = np.zeros([len(true), poser.num_betas], np.float32)
    betas[:, :10] = clip.betas[: poser.num_betas]
    joints, twist = [], []
    for some in _batches(len(true)):
        truth = poser.truth(true[some], betas=betas[some])
        joints.append(truth["joints"])
        twist.append(truth["twist"])
    noise = np.random.default_rng(seed).standard_normal([len(true), 29, 3], np.float32) * (noise_mm / 1000)
    joints = np.concatenate(joints) + clip.trans[:, None] + noise
    inputs = {"joints": joints - joints[:, :1], "betas": betas, "twist": np.concatenate(twist)}
    return ObservedMotion(joints, inputs, clip.fps, true)


def from_joints(arrays, *, num_betas, fps=30.0):
    """An observed motion from given joints, without truth.

    Args:
        arrays: dict with joints (T, 29, 3) metres, in any place, and optionally joint_sigma (T, 29) or (29,) metres,
            betas (num_betas,) and twist (T, 23, 2).
        num_betas: shape coefficients of the body to solve for.
        fps: frames per second.

    Raises:
        ValueError: an array has another shape or is not finite, or `joints` is missing.
    """
    if "joints" not in arrays:
        raise ValueError(f"`joints` (T, 29, 3) is missing; got {', '.join(arrays) or 'nothing'}.")
    frames = len(np.atleast_1d(arrays["joints"]))
    wanted = {"joints": (29, 3), "joint_sigma": (29,), "betas": (num_betas,), "twist": (23, 2)}
    given = {name: _every_frame(arrays[name], frames, wanted[name], name) for name in wanted if name in arrays}
    joints = given["joints"]
    given.setdefault("betas", np.zeros([frames, num_betas], np.float32))
    return ObservedMotion(joints, {**given, "joints": joints - joints[:, :1]}, fps)


def _batches(frames):
    return [slice(start, start + _AT_ONCE) for start in range(0, frames, _AT_ONCE)]


def _every_frame(array, frames, inner, name):
    """`array` as float32 (frames, *inner), a single entry repeated; ValueError if shape or numbers do not fit."""
    array = np.asarray(array)
    alone = name in ("joint_sigma", "betas") and array.shape == inner
    if array.shape != (frames, *inner) and not alone:
        either = f" or {inner}" if name in ("joint_sigma", "betas") else ""
        cure = " Use the joint set skeletons.SMPL_29." if name == "joints" else ""
        raise ValueError(f"`{name}` must have shape {('T', *inner)}{either}; got {array.shape}.{cure}")
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise ValueError(f"`{name}` must be finite numbers; got {array.dtype} with NaN, infinity or text.")
    return np.broadcast_to(array.astype(np.float32), (frames, *inner))


def local_rotations(answer):
    """The local rotations (..., 24, 3, 3) of a solver's answer, root first."""
    return np.concatenate([answer["global_orient"], answer["body_pose"]], -3)
