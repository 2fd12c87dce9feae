"""A solved motion on the ground: which ground is wanted, where it is, and feet that stand on it."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.body.body_joints import BodyJoints
from niki_tf.fitting import contacts, ground, held_rotations, leg_ik, planted_feet
from niki_tf.inference import points
from niki_tf.inference.points import PointsAnswer
from niki_tf.motion.observed_points import ObservedPoints
from niki_tf.shapes import TensorLike, real_array
from niki_tf.skeletons import PointSet
from niki_tf.skeletons.axes import Layout

WAYS = ("feet", "off")
"""What `ground` can be besides a plane."""
_STILL, _MOVING = 0.01, 0.1
"""Metres: where hips or pelvis stay within the first while a point moves by the second, joints are relative to them."""


class Wanted(NamedTuple):
    """Which ground a motion is to stand on."""

    plane: np.ndarray | None = None
    """(4,) in metres with y up, if it is given."""
    find: bool = False
    """Whether it is to be found from the feet."""
    asked: bool = False
    """Whether that was asked for, not only by default."""


class Standing(NamedTuple):
    """A motion on the ground."""

    answer: PointsAnswer
    """The poses."""
    plane: np.ndarray | None = None
    """(4,), n x + d = 0 in metres with y up, n of length 1 and upwards; None if there is none."""
    contacts: np.ndarray | None = None
    """(T, 4) bool, of the joints `fitting.contacts.FEET`; None if there is no ground."""
    note: str = ""
    """Why a ground that was asked for was not found."""


def wanted(ground: str | TensorLike | None, layout: Layout | None, *, mirror: bool = False) -> Wanted:
    """Which ground `niki_tf.solve` is to use.

    Args:
        ground: "feet", "off", a plane (4,) in the axes and the unit of the joints, or None: "feet" if it is certain
            which axis is up, else "off".
        layout: unit and axes of the joints, if they were recognised.
        mirror: the axes of the joints are left-handed.

    Raises:
        ValueError: `ground` is none of these.

    Example:
        >>> from niki_tf.inference import on_ground
        >>> on_ground.wanted([0.0, 2.0, 0.0, 3.0], None).plane.tolist()
        [0.0, 1.0, 0.0, 1.5]
    """
    if ground is None:
        return Wanted(find=layout is not None and layout.up_is_certain)
    if isinstance(ground, str):
        if ground not in WAYS:
            raise ValueError(
                f"`ground` must be {', '.join(WAYS)} or a plane (4,); got {ground!r}. Off leaves feet alone."
            )
        return Wanted(find=ground == "feet", asked=True)
    return Wanted(plane=_in_metres(_checked(ground), layout, mirror=mirror), asked=True)


def _checked(plane: TensorLike) -> np.ndarray:
    """The plane (4,) with n of length 1; ValueError if it is none."""
    plane = real_array("ground", plane)
    fits = plane.shape == (4,) and plane.dtype.kind in "fiu" and np.isfinite(plane).all() and plane[:3].any()
    if not fits:
        raise ValueError(
            f"`ground` must be {', '.join(WAYS)} or a plane (4,), n and d of n x + d = 0 with n not zero; "
            f"got {plane.dtype} {plane.tolist()}. Such as (0, 1, 0, 0) for y = 0."
        )
    return plane / np.linalg.norm(plane[:3].astype(np.float64))


def _in_metres(plane: np.ndarray, layout: Layout | None, *, mirror: bool) -> np.ndarray:
    """A plane of the joints' own axes and unit in metres with y up."""
    if layout is None:
        return plane
    normal = layout.rotation @ plane[:3] * ([-1.0, 1.0, 1.0] if mirror else 1.0)
    return np.append(normal, layout.unit * plane[3])


def stand(
    answer: PointsAnswer,
    observed: ObservedPoints,
    want: Wanted,
    *,
    seen: np.ndarray,
    point_set: PointSet,
    body_joints: BodyJoints,
    cuts: Sequence[int] = (),
) -> Standing:
    """The answer with feet that stand on the ground and do not go below it; itself where there is no ground.

    Args:
        answer: to T frames.
        observed: their points, with the plane of the ground if it is given.
        want: which ground.
        seen: (T, 29) whether something tells where each joint is.
        point_set: that the points are of.
        body_joints: of the body that is posed.
        cuts: frames that begin another shot, in order.
    """
    rest = body_joints(tf.constant(answer.betas)).numpy().astype(np.float64)
    plane = observed.ground
    if plane is None:
        if not want.find:
            return Standing(answer)
        if _is_relative(observed, point_set):
            return Standing(answer, note=_RELATIVE * want.asked)
        feet = leg_ik.leg_joints(answer.local, answer.transl, rest)[:, :, 2:4].reshape(len(rest), -1, 3)
        broken = np.isin(np.arange(1, len(rest)), cuts)
        plane = ground.find_ground(feet, rest, observed.times, broken=broken)
        if plane is None:
            return Standing(answer, note=_NEVER * want.asked)
    held = _held(answer, observed, plane, rest, seen, [0, *cuts, len(rest)])
    if observed.ground is None and not held.contacts.any():
        return Standing(answer, note=_NEVER * want.asked)
    local = held.local
    if observed.known_rotations is not None:
        known = held_rotations.read(tf.constant(observed.known_rotations, tf.float32))
        local = held_rotations.hold(tf.constant(local), known).numpy()
    moved = answer._replace(local=local, transl=held.transl)
    pose = {"local": moved.local, "transl": moved.transl, "betas": moved.betas}
    residual = points.distances(observed, point_set=point_set, body_joints=body_joints, **pose)
    plane = np.append(plane[:3], plane[3] - plane[:3] @ observed.origin)
    return Standing(moved._replace(residual=residual), plane, held.contacts)


_NEVER = "No ground was found: the feet never stand, or on several heights. Feet may slide; give a plane as `ground`."
_RELATIVE = "No ground was found: the joints are relative to the pelvis or the hips. Feet cannot be told to stand."


def _held(
    answer: PointsAnswer,
    observed: ObservedPoints,
    plane: np.ndarray,
    rest: np.ndarray,
    seen: np.ndarray,
    ends: Sequence[int],
) -> planted_feet.Held:
    """The motion with feet that stand, shot by shot between `ends`."""
    residual = np.where(observed.sigma >= skeletons.ABSENT, np.nan, answer.residual)
    unseen = ~seen[:, contacts.FEET]
    shots = []
    for first, end in itertools.pairwise(ends):
        part, times = slice(first, end), observed.times[first:end]
        noise = planted_feet.noise_of(residual[part], times)
        given = {"plane": plane, "times": times, "noise": noise, "unseen": unseen[part]}
        shots.append(planted_feet.hold(answer.local[part], answer.transl[part], rest[part], **given))
    return planted_feet.Held(*(np.concatenate(arrays) for arrays in zip(*shots, strict=True)))


def relative_plane(plane: np.ndarray, observed: ObservedPoints) -> np.ndarray:
    """The plane (4,) relative to the origin of the points, upwards where those that were seen are."""
    plane = np.append(plane[:3], plane[3] + plane[:3] @ observed.origin)
    heights = (observed.points @ plane[:3] + plane[3])[observed.sigma < skeletons.ABSENT]
    return -plane if heights.mean() < 0.0 else plane


def _is_relative(observed: ObservedPoints, point_set: PointSet) -> bool:
    """Whether the points are relative to the pelvis or to the middle of the hips, which stays while others move."""
    paths = np.where(observed.sigma[..., None] < skeletons.ABSENT, observed.points, np.nan)
    ways = _extents(paths)
    told = [[clue.point for clue in point_set.clues if clue.joint == joint] for joint in range(3)]
    middles = [paths[:, point] for point in told[0]]
    middles += [0.5 * (paths[:, left] + paths[:, right]) for left, right in zip(told[1], told[2], strict=False)]
    if not middles or not (ways > _MOVING).any():
        return False
    return bool((_extents(np.stack(middles, 1)) < _STILL).any())


def _extents(paths: np.ndarray) -> np.ndarray:
    """How far (n,) the paths (T, n, 3) reach, metres; infinite for those of which less than two places are known."""
    known = np.isfinite(paths).all(-1)
    high, low = (np.where(known[..., None], paths, end).T for end in (-np.inf, np.inf))
    reach = np.linalg.norm(np.maximum(high.max(-1) - low.min(-1), 0.0), axis=0)
    return np.where(known.sum(0) > 1, reach, np.inf)
