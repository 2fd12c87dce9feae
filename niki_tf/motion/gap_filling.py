"""The simple ways to fill what was not seen for some frames: joints on straight lines, rotations by slerp.

What is known in no frame stays as it is. Frames count as evenly spaced.
"""

import numpy as np

from niki_tf import skeletons
from niki_tf.contract import check_sigma
from niki_tf.motion import quaternions
from niki_tf.shapes import LARGEST, are_rotations, real_array

SIGMA_BETWEEN, SIGMA_BEYOND = 0.012, 0.02
"""Metres a frame; how the sigma of a filled joint grows with the frames to the nearest that was seen, between two such
frames and before the first or after the last: root mean squares over training clips."""
_FEWEST_FOR_ROTATION = 3
"""Joints of the trunk that must be there for its rotation to be told."""
_LEAST_SPREAD = 0.02
"""Metres; how far they must be from lying on one line."""


def interpolate_joints(joints: np.ndarray, joint_sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Joints (T, n, 3), absent ones filled from the frames before and after, and their sigma (T, n).

    Between two frames in which it was seen a joint is on the straight line from the one to the other, at constant
    speed. Before the first and after the last it moves with the trunk as if it were fixed to it, from where it was in
    the nearest frame in which it was seen; where no trunk is there, it stays in place. A joint that was never seen
    stays absent.

    The sigma of a filled joint is s, that of the nearest frames in which it was seen, grown with the number d of
    frames to the nearest: `sqrt(s^2 + (rate d)^2)`, rate `SIGMA_BETWEEN` or `SIGMA_BEYOND`.

    Args:
        joints: (T, n, 3) metres, in the order of `skeletons.SMPL_29`; absent ones may hold anything, NaN included.
        joint_sigma: (T, n) metres; a joint is absent from `skeletons.ABSENT` on, or if it or its sigma is NaN.

    Raises:
        ValueError: the shapes do not fit, or there are too few joints for a trunk.

    Example:
        >>> import numpy as np
        >>> from niki_tf import skeletons
        >>> from niki_tf.motion import gap_filling
        >>> joints = np.zeros([5, 29, 3]) + np.arange(5.0)[:, None, None]
        >>> joints[1:4, 20] = np.nan
        >>> filled, sigma = gap_filling.interpolate_joints(joints, np.zeros([5, 29]))
        >>> filled[:, 20, 0].tolist(), sigma[:, 20].round(3).tolist()
        ([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 0.012, 0.024, 0.012, 0.0])
    """
    joints, joint_sigma = _checked(joints, joint_sigma)
    seen = (joint_sigma < skeletons.ABSENT) & np.isfinite(joints).all(-1)
    joints = np.where(seen[..., None], joints, 0.0)
    before, after = _nearest_known(seen)
    frames = np.arange(len(joints))[:, None]
    both = (before >= 0) & (after < len(joints))
    first, second = np.where(both, before, 0), np.where(both, after, 0)
    fraction = ((frames - first) / np.maximum(second - first, 1))[..., None]
    start, end = np.take_along_axis(joints, first[..., None], 0), np.take_along_axis(joints, second[..., None], 0)
    joints = np.where((both & ~seen)[..., None], start + fraction * (end - start), joints)
    nearest = np.where(before >= 0, before, after)
    joints = _hold_on_trunk(joints, there=both | seen, nearest=nearest)
    return joints, _filled_sigma(joint_sigma, seen, before, after)


def slerp_rotations(local: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Local rotations (T, 24, 3, 3), those not known by slerp between the nearest known ones, held at the ends.

    Args:
        local: (T, J, 3, 3) rotation matrices; those not known may hold anything.
        known: (T,) or (T, J) bool. What is known in no frame stays as it is.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> import numpy as np
        >>> from niki_tf import rotations
        >>> from niki_tf.motion import gap_filling
        >>> turns = np.zeros([3, 24, 3])
        >>> turns[2, :, 0] = 1.0
        >>> filled = gap_filling.slerp_rotations(rotations.rotvec_to_matrix(turns).numpy(), np.array([1, 0, 1]) > 0)
        >>> rotations.matrix_to_rotvec(filled).numpy()[1, 5].round(3).tolist()
        [0.5, 0.0, 0.0]
    """
    local, known = real_array("local", local), real_array("known", known)
    if local.ndim != 4 or local.shape[2:] != (3, 3) or known.shape not in (local.shape[:1], local.shape[:2]):
        raise ValueError(
            f"`local` must be (T, J, 3, 3) and `known` (T,) or (T, J); got {local.shape} and {known.shape}. "
            "Convert rotation vectors with rotations.rotvec_to_matrix."
        )
    known = np.broadcast_to(known.reshape([*known.shape, 1][:2]), local.shape[:2]).astype(bool)
    if not are_rotations(local[known]).all():
        raise ValueError("`local` must be rotation matrices where they are known; got others. Mark them in `known`.")
    wanted = ~known & known.any(0)
    before, after = _nearest_known(known)
    first, second = np.where(before < 0, after, before)[wanted], np.where(after >= len(local), before, after)[wanted]
    frame, joint = np.nonzero(wanted)
    fraction = (frame - first) / np.maximum(second - first, 1)
    start, end = (quaternions.matrix_to_quaternion_wxyz(local[at, joint]) for at in (first, second))
    between = quaternions.slerp(start, end, np.clip(fraction, 0.0, 1.0)[:, None])
    filled = np.array(local)
    filled[wanted] = quaternions.quaternion_wxyz_to_matrix(between)
    return filled


def _checked(joints: np.ndarray, joint_sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    joints, joint_sigma = real_array("joints", joints), real_array("joint_sigma", joint_sigma)
    fewest = max(skeletons.TRUNK) + 1
    if joints.ndim != 3 or joints.shape[-1] != 3 or joints.shape[1] < fewest or joint_sigma.shape != joints.shape[:2]:
        raise ValueError(
            f"`joints` must be (T, n, 3), n at least {fewest}, and `joint_sigma` (T, n); "
            f"got {joints.shape} and {joint_sigma.shape}. Take the joints of skeletons.SMPL_29."
        )
    joints, joint_sigma = (x.astype(np.result_type(x, np.float32)) for x in (joints, joint_sigma))
    check_sigma(joint_sigma)
    absent = (joint_sigma >= skeletons.ABSENT) | ~np.isfinite(joints).all(-1)
    if (np.abs(joints[~absent]) > LARGEST).any():
        raise ValueError(f"`joints` must be metres, up to {LARGEST:g}; got more. NaN stands for what was not seen.")
    return joints, joint_sigma


def _nearest_known(known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last known frame up to each (T, n), -1 if there is none, and the first from it on, T if there is none."""
    frames = np.arange(len(known))[:, None]
    before = np.maximum.accumulate(np.where(known, frames, -1), 0)
    after = np.minimum.accumulate(np.where(known, frames, len(known))[::-1], 0)[::-1]
    return before, after


def _hold_on_trunk(joints: np.ndarray, *, there: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """Joints (T, n, 3), those not `there` (T, n) moved as the trunk moved from the frame `nearest` (T, n), if any."""
    held = np.array(joints)
    wanted = ~there & (nearest < len(joints))
    trunk = list(skeletons.TRUNK)
    for frame, source in np.unique(np.stack([np.nonzero(wanted)[0], nearest[wanted]]), axis=1).T:
        moved = wanted[frame] & (nearest[frame] == source)
        common = [joint for joint in trunk if there[frame, joint] and there[source, joint]]
        held[frame, moved] = _moved_with(joints[source, moved], joints[source, common], joints[frame, common])
    return held


def _moved_with(points: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Points (m, 3) after the rotation and translation that bring `source` (k, 3) closest to `target` (k, 3).

    Without the rotation where too few joints tell it, and where they are in place if there are none.
    """
    if not len(source):
        return points
    centre, goal = source.mean(0), target.mean(0)
    left, _, right = np.linalg.svd((target - goal).T @ (source - centre))
    spread = np.linalg.svd(source - centre, compute_uv=False)
    if len(source) < _FEWEST_FOR_ROTATION or spread[1] < _LEAST_SPREAD:
        return points - centre + goal
    rotation = left * [1.0, 1.0, np.sign(np.linalg.det(left @ right))] @ right
    return (points - centre) @ rotation.T + goal


def _filled_sigma(joint_sigma: np.ndarray, seen: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Sigma (T, n) of joints after filling."""
    count = len(seen)
    frames = np.arange(count)[:, None]
    sigma = np.where(seen, joint_sigma, 0.0)
    ends = [(before, before >= 0), (after, after < count)]
    of_ends = [np.where(is_one, np.take_along_axis(sigma, np.clip(end, 0, count - 1), 0), 0.0) for end, is_one in ends]
    away = np.minimum(*(np.where(is_one, np.abs(end - frames), count) for end, is_one in ends))
    rate = np.where(ends[0][1] & ends[1][1], SIGMA_BETWEEN, SIGMA_BEYOND)
    filled = np.minimum(np.hypot(np.maximum(*of_ends), rate * away), np.nextafter(skeletons.ABSENT, 0.0))
    return np.where(seen, joint_sigma, np.where(seen.any(0), filled, skeletons.ABSENT)).astype(joint_sigma.dtype)
