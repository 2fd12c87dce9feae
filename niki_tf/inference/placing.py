"""Positions in any unit and axes to metres with y up, in which everything is solved."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from niki_tf import skeletons
from niki_tf.skeletons import PointSet, axes
from niki_tf.skeletons.axes import Layout

Arrays = dict[str, np.ndarray]


def to_metres(
    people: Sequence[Arrays],
    *,
    point_set: PointSet,
    unit: float | str | None = None,
    up: str | None = None,
    mirror: bool = False,
) -> tuple[list[Arrays], Layout | None, tuple[str, ...]]:
    """The people with their `joints` in metres, y up; the unit and axes that they were in; and what to tell the user.

    All people are in the same unit and axes. Joints in metres with y up, all of them seen, stay as they are, bit by
    bit. Where the axis that is up is not certain nothing is turned.

    Args:
        people: for each person a dict with joints (T, J, 3), or (T, J, 4) with confidence, and perhaps joint_sigma and
            known_rotations (T, 24, 3, 3).
        point_set: that the joints are of, J points.
        unit: that the joints are in, if it is known: a name of `axes.UNITS` or metres in one.
        up: the axis that is up, if it is known, one of `axes.AXES`.
        mirror: the axes are left-handed.

    Raises:
        ValueError: there is no such unit or axis.

    Example:
        >>> from niki_tf import skeletons
        >>> from niki_tf.inference import placing
        >>> smpl = skeletons.POINT_SETS["smpl_24"]
        >>> _, layout, notes = placing.to_metres([{"joints": 1000 * smpl.at_rest[None]}], point_set=smpl)
        >>> print(layout, notes)
        unit mm, y up, 1.00 of the mannequin's size ('The joints were in mm, y up: they were brought to metres, y up.',)
    """
    seen = [_seen(person, point_set) for person in people]
    if any(points is None for points in seen) or not any(np.any(points) for points in seen):
        axes.metres_of(unit or 1.0)
        return list(people), None, ()  # what is wrong with them is said where shapes are checked
    everybody = np.concatenate([points for points in seen if points is not None])
    if np.isnan(everybody).all():
        return list(people), None, ()
    layout = axes.recognize(everybody, point_set, unit=unit, up=up)
    if not _EXTENTS[0] < layout.unit < _EXTENTS[1]:
        layout = axes.recognize(everybody, point_set, unit="m", up=up)
    if not layout.up_is_certain:
        layout = dataclasses.replace(layout, up="y")
    warnings = layout.warnings
    if mirror:
        warnings = axes.recognize(layout.to_metres(everybody, mirror=True), point_set, unit="m", up="y").warnings
    ends = np.cumsum([len(person["joints"]) for person in people])[:-1]
    absent = np.split(layout.absent, ends)
    moved = [_moved(*pair, layout, mirror=mirror) for pair in zip(people, absent, strict=True)]
    return moved, layout, (*_told(layout, unit=unit, up=up), *warnings)


_EXTENTS = (1e-6, 1e3)
"""Metres in one unit between which what was recognised is believed: points that coincide have no size."""


def _seen(person: Arrays, point_set: PointSet) -> np.ndarray | None:
    """Positions (T, J, 3), NaN where absent; None if the arrays are not what they should be."""
    joints = person["joints"]
    fits = joints.ndim == 3 and joints.shape[1] == len(point_set) and joints.shape[2] in (3, 4) and joints.size
    if not fits or joints.dtype.kind not in "fiu" or np.isinf(joints).any():
        return None
    sigma = np.asarray(person.get("joint_sigma", 0.0))
    if sigma.shape not in ((), (len(point_set),), joints.shape[:2]) or sigma.dtype.kind not in "fiu":
        return None
    absent = np.broadcast_to(sigma >= skeletons.ABSENT, joints.shape[:2])
    if joints.shape[2] > 3:
        absent = absent | ~(joints[..., 3] > 0.0)
    return np.where(absent[..., None], np.nan, joints[..., :3])


def _moved(person: Arrays, absent: np.ndarray, layout: Layout, *, mirror: bool) -> Arrays:
    """The person with joints in metres and y up."""
    joints = person["joints"]
    if layout.unit == 1.0 and layout.up == "y" and not mirror:
        places = np.where(absent[..., None], np.nan, joints[..., :3]) if absent.any() else joints[..., :3]
    else:
        turned = layout.unit * np.asarray(joints[..., :3], np.float64) @ layout.rotation.T
        places = np.where(absent[..., None], np.nan, turned * ([-1.0, 1.0, 1.0] if mirror else 1.0))
    if joints.shape[-1] > 3:
        places = np.concatenate([places, joints[..., 3:]], -1)
    return {**person, "joints": places, **_turned_rotations(person, layout, mirror=mirror)}


def _turned_rotations(person: Arrays, layout: Layout, *, mirror: bool) -> Arrays:
    """The person's known rotations, if there are any, in axes with y up; the body at rest is mirrored, too."""
    known = person.get("known_rotations")
    if known is None or known.shape[-2:] != (3, 3) or known.dtype.kind not in "fiu" or np.isinf(known).any():
        return {}  # what is wrong with them is said where shapes are checked
    flip = np.diag([-1.0, 1.0, 1.0]) if mirror else np.eye(3)
    return {"known_rotations": flip @ layout.rotation @ known @ flip}


def _told(layout: Layout, *, unit: float | str | None, up: str | None) -> tuple[str, ...]:
    """A line if joints were moved without being asked to."""
    if (layout.unit == 1.0 or unit is not None) and (layout.up == "y" or up is not None):
        return ()
    return (f"The joints were in {layout.unit_name}, {layout.up} up: they were brought to metres, y up.",)
