"""Which unit and axes the positions of a body's points are in, and whether the points are what they are said to be.

The rules. Absent: NaN, and exactly (0, 0, 0), but for one point of the midline that is so in every frame, or in the
first alone: positions relative to it. Unit: the one of `UNITS` in which the bones, by their medians over the frames,
are nearest to the mannequin's, of those in which the person is 0.4 to 1.5 times its size. Up: the signed axis nearest
to the median direction from feet to head. Sides: knees, feet, face and chest have to point to the front of left x up.
Names: the bones have to have a person's proportions.
"""

import dataclasses

import numpy as np

from niki_tf.skeletons import bones, facing
from niki_tf.skeletons.catalog import POINT_SETS
from niki_tf.skeletons.point_set import PointSet

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254, "ft": 0.3048, "cmu": 0.0254 / 0.45}
"""Unit -> metres; cmu is that of the CMU mocap database, inches by 0.45."""
AXES = ("x", "y", "z", "-x", "-y", "-z")
"""What `up` can be."""

_SIZES = (0.4, 1.5)
"""Sizes against the mannequin that a person can have."""
_RARE = 0.5
"""What counts against units that are not metric, beside |ln size|: a child in cm is likelier than a giant in inches."""
_USUAL = (0.8, 1.25)
"""Sizes of which nothing is said."""
_MOST_FRAMES = 1000
"""Frames that are looked at, evenly spaced."""
_ENOUGH = 16
"""Frames from on which warnings of noisy points are to be believed."""
_CERTAIN_UP = 0.6
"""Component along the nearest axis of the median direction from feet to head; less is not certain."""
_MOST = 0.65
"""Share of frames in which that axis has to be the nearest; less is not certain."""
_SIDEWAYS = 0.3
"""By how much x has to be nearer than y or z: nobody has x up."""
_MARGIN, _SINGLE = 0.03, 0.12
"""Metres of `facing.forwardness` that are certain over many frames, and what is added for a single one."""
_OPPOSED, _SINGLE_OPPOSED = -0.3, 0.4
"""Mean cosine between left of hips and left of shoulders from which on one of the two is exchanged, over many frames;
what is taken from it for a single one."""


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """What was found of positions, and what brings them to metres with y up."""

    unit: float
    """Metres in one unit."""
    up: str
    """The axis that points up, one of `AXES`."""
    size: float
    """Size of the person against the mannequin; NaN if it cannot be told."""
    absent: np.ndarray
    """(T, J) bool: points that were not seen."""
    up_is_certain: bool = True
    """Whether `up` was given, or the points show it: False of a person who lies or bends, and of a few points."""
    sides_fit: bool = True
    """False: left and right are exchanged, or the axes are mirrored."""
    names_fit: bool = True
    """False: the points are not those of the set."""
    warnings: tuple[str, ...] = ()
    """What is likely wrong, a line each, with the cure."""
    doubts: tuple[str, ...] = ()
    """Those of `warnings` that hold whatever the size of the person and the axes are."""

    @property
    def unit_name(self) -> str:
        """Name of the unit in `UNITS`; else the metres in one."""
        known = [name for name, metres in UNITS.items() if np.isclose(metres, self.unit, rtol=1e-3)]
        return known[0] if known else f"{self.unit:.4g} m"

    @property
    def rotation(self) -> np.ndarray:
        """(3, 3) rotation matrix that turns `up` to y."""
        return Y_UP[self.up]

    def to_metres(self, positions: np.ndarray, *, mirror: bool = False) -> np.ndarray:
        """Positions (T, J, 3) in metres, y up, NaN where absent.

        Args:
            positions: (T, J, 3), those that were recognised.
            mirror: negate x afterwards: of positions in left-handed axes.
        """
        turned = self.unit * np.asarray(positions, np.float64) @ self.rotation.T
        turned = turned * ([-1.0, 1.0, 1.0] if mirror else 1.0)
        return np.where(self.absent[..., None], np.nan, turned)

    def __str__(self) -> str:
        size = "" if np.isnan(self.size) else f", {self.size:.2f} of the mannequin's size"
        missing = f", {self.absent.mean():.0%} absent" if self.absent.any() else ""
        return f"unit {self.unit_name}, {self.up} up{size}{missing}"


Y_UP = {
    "x": np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]),
    "y": np.eye(3),
    "z": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "-x": np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]),
    "-y": np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]]),
    "-z": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
}
"""Axis -> rotation matrix that turns it to y."""


def metres_of(unit: float | str) -> float:
    """Metres in a unit: a name of `UNITS`, or a number of metres; ValueError if it is neither."""
    if isinstance(unit, str) and unit.lower() in UNITS:
        return UNITS[unit.lower()]
    try:
        metres = float(unit)
    except (TypeError, ValueError):
        metres = np.nan
    if not 0.0 < metres < np.inf:
        raise ValueError(f"`unit` must be one of {', '.join(UNITS)} or metres in one unit; got {unit!r}.")
    return metres


def recognize(
    positions: np.ndarray, point_set: PointSet, *, unit: float | str | None = None, up: str | None = None
) -> Layout:
    """Unit and axes of positions, and what does not fit a body.

    Args:
        positions: (T, J, 3) in any unit and axes; NaN, or exactly zero, where a point was not seen.
        point_set: of J points that they are said to be.
        unit: a name of `UNITS` or metres in one unit, if it is known.
        up: one of `AXES`, if it is known.

    Raises:
        ValueError: the shape is another one, there is no such unit or axis, or no point was seen.

    Example:
        >>> from niki_tf import skeletons
        >>> from niki_tf.skeletons import axes
        >>> smpl = skeletons.POINT_SETS["smpl_24"]
        >>> millimetres = 1000 * smpl.at_rest[None] @ axes.Y_UP["z"]
        >>> print(axes.recognize(millimetres, smpl))
        unit mm, z up, 1.00 of the mannequin's size
    """
    positions = np.asarray(positions, np.float64)
    if positions.ndim != 3 or positions.shape[1:] != (len(point_set), 3):
        raise ValueError(f"`positions` must have shape (T, {len(point_set)}, 3); got {positions.shape}. Name the set.")
    if up is not None and (not isinstance(up, str) or up not in AXES):
        raise ValueError(f"`up` must be one of {', '.join(AXES)}; got {up!r}.")
    absent, said = _absent(positions, point_set)
    if absent.all():
        raise ValueError("`positions` must hold at least one point that was seen; got none. Leave such motion out.")
    chosen = np.unique(np.linspace(0, len(positions) - 1, _MOST_FRAMES).astype(int))
    points = np.where(absent[chosen, :, None], np.nan, positions[chosen])
    fit = bones.fit(points, point_set)
    if fit.scale < _ONE_PLACE:
        return Layout(1.0, up or "y", np.nan, absent, bool(up), warnings=(*said, _AT_ONE), doubts=(*said, _AT_ONE))
    metres, size, of_size = _unit(fit.scale, None if unit is None else metres_of(unit))
    axis, certain, of_up = _up(facing.body_up(points, point_set), up)
    misnamed = _names(points, point_set, fit)
    opposed = () if misnamed else _sides(points / fit.scale, point_set)
    warnings = (*said, *(misnamed or (*of_size, *opposed)), *of_up)
    doubts = (*said, *(misnamed or opposed))
    return Layout(metres, axis, size, absent, certain, not opposed, not misnamed, warnings, doubts)


_ONE_PLACE = 1e-6
"""Size in any unit that only points at one place have."""
_AT_ONE = "All points are at one place; check the reader, and give NaN where nothing was seen."


def doubts(positions: np.ndarray, point_set: PointSet) -> tuple[str, ...]:
    """What speaks against positions (T, J, 3) being the set's points in metres, a line each, with the cure.

    Of fewer than `_ENOUGH` frames the unit alone, which one frame shows; of more names, sides and zeros, too.

    Args:
        positions: (T, J, 3), NaN or exactly zero where a point was not seen.
        point_set: of J points.

    Example:
        >>> from niki_tf import skeletons
        >>> from niki_tf.skeletons import axes
        >>> smpl = skeletons.POINT_SETS["smpl_24"]
        >>> axes.doubts(1000 * smpl.at_rest[None], smpl)
        ('The points look like mm, not metres. Multiply them by 0.001, or give them to niki_tf.solve.',)
    """
    try:
        layout = recognize(positions, point_set)
    except ValueError:  # nothing was seen
        return ()
    many = len(positions) >= _ENOUGH
    doubts = layout.doubts if many else ()
    if layout.unit == 1.0 or (many and not layout.names_fit):  # other bones tell no unit
        return doubts
    cure = f"Multiply them by {layout.unit:.4g}, or give them to niki_tf.solve."
    return (f"The points look like {layout.unit_name}, not metres. {cure}", *doubts)


def _absent(positions: np.ndarray, point_set: PointSet) -> tuple[np.ndarray, tuple[str, ...]]:
    """The points (T, J) that were not seen, and a line about zeros that were taken for absence."""
    unused = np.array([point is None for point in point_set.points])
    zero = (positions == 0.0).all(-1)
    unseen = ~np.isfinite(positions).all(-1)
    always = zero.all(0) & ~unused
    if always.sum() == 1 and not zero[:, ~always & ~unused].all(-1).any():
        root = int(np.argmax(always))
        zero[:, root] &= abs(point_set.at_rest[root, 0]) > _MIDLINE
    if zero[:, ~unused].sum() == 1 and zero[0].any():
        zero[0] &= np.abs(point_set.at_rest[:, 0]) > _MIDLINE
    count = int((zero & ~unused).sum())
    line = f"{count} points at exactly (0, 0, 0) were taken to be absent; give NaN for absent points to be sure."
    return zero | unseen, (line,) if count else ()


_MIDLINE = 0.01
"""Metres from the middle of the mannequin."""


def _unit(scale: float, given: float | None) -> tuple[float, float, tuple[str, ...]]:
    """Metres in one unit, the person's size in it, and lines; `scale` as in `bones.Fit`."""
    if np.isnan(scale):
        line = "The unit cannot be told from these points and is taken to be metres: give `unit=`."
        return given or 1.0, np.nan, () if given else (line,)
    sizes = {name: scale * metres for name, metres in UNITS.items()}
    likely = {name: size for name, size in sizes.items() if _SIZES[0] <= size <= _SIZES[1]}
    best = min(likely, key=lambda name: abs(np.log(likely[name])) + _RARE * (name not in _METRIC), default=None)
    if given:
        return given, scale * given, _said_of_unit(scale * given, best)
    if best is None:
        line = (
            f"No unit fits the person's size: 1 is taken to be {1 / scale:.4g} m, as for the mannequin: give `unit=`."
        )
        return 1 / scale, 1.0, (line,)
    return UNITS[best], sizes[best], _said_of_size(sizes[best])


_METRIC = ("m", "cm", "mm")


def _said_of_unit(size: float, best: str | None) -> tuple[str, ...]:
    if _SIZES[0] <= size <= _SIZES[1]:
        return _said_of_size(size)
    cure = f"they look like {best}: `unit={best}`." if best else "check `unit=`."
    return (f"The positions make the person {size:.3g} times the mannequin's size in the `unit` given; {cure}",)


def _said_of_size(size: float) -> tuple[str, ...]:
    if size < _USUAL[0]:
        return (f"The person is about {size:.2f} of the mannequin's size: a child? If not, give `unit=`.",)
    if size > _USUAL[1]:
        return (f"The person is about {size:.2f} of the mannequin's size: a giant? If not, give `unit=`.",)
    return ()


def _up(directions: np.ndarray, given: str | None) -> tuple[str, bool, tuple[str, ...]]:
    """The axis that points up, whether that is certain, and lines.

    `directions` (T, 3) lead from the feet to the head; zero where unknown.
    """
    known = directions[np.any(directions != 0.0, -1)]
    median = np.median(known, axis=0) if len(known) else np.zeros(3)
    number = int(np.argmax(np.abs(median) - (_SIDEWAYS, 0.0, 0.0)))
    found = ("-" if median[number] < 0 else "") + "xyz"[number]
    share = np.mean(np.argmax(np.abs(known), -1) == number) if len(known) else 0.0
    certain = abs(median[number]) >= _CERTAIN_UP and share >= _MOST
    if given:
        line = f"`up={given}` was given, but the person stands along {found}: `up={found}`, if it is not lying."
        return given, True, (line,) if certain and found != given else ()
    if not len(known):
        return "y", False, ("Which axis is up cannot be told from these points and is taken to be y: give `up=`.",)
    if not certain or number == 0:
        line = f"Which axis is up is not certain, the person lies or bends; it may be {found}: give `up=`."
        return found, False, (line,)
    return found, True, ()


def _names(points: np.ndarray, point_set: PointSet, fit: bones.Fit) -> tuple[str, ...]:
    """A line if the bones are not a person's, with the known set of as many points that fits."""
    if fit.fits:
        return ()
    others = [other for other in POINT_SETS.values() if len(other) == len(point_set)]
    better = [other.name for other in others if _much_better(bones.fit(points, other), fit)]
    a, b = (point_set.points[k] or k for k in fit.worst)
    cure = f"those of {' or '.join(better)} do: `skeleton={better[0]}`." if better else "check order and `skeleton=`."
    return (f"The bones do not fit the joints of {point_set.name}, least {_text(a)} to {_text(b)}; {cure}",)


def _text(point: object) -> str:
    return point if isinstance(point, str) else str(getattr(point, "joint", point))


def _much_better(other: bones.Fit, fit: bones.Fit) -> bool:
    return other.fits and other.scale > 0 and other.apart < 0.6 * fit.apart


def _sides(points: np.ndarray, point_set: PointSet) -> tuple[str, ...]:
    """A line if left and right cannot be what they are said to be; `points` in the mannequin's metres."""
    cosine = facing.hips_against_shoulders(points, point_set)
    cosine = cosine[np.isfinite(cosine)]
    if len(cosine) and cosine.mean() < _OPPOSED - _SINGLE_OPPOSED / np.sqrt(len(cosine)):
        return ("Left and right of the hips are exchanged against those of the shoulders: check `skeleton=`.",)
    front = facing.forwardness(points, point_set)
    front = front[np.isfinite(front)]
    if not len(front) or front.mean() > -(_MARGIN + _SINGLE / np.sqrt(len(front))):
        return ()
    return (
        "Knees, feet or face point backwards: left and right are exchanged (cure: `swap_sides`) "
        "or the axes are left-handed (cure: `mirror`).",
    )
