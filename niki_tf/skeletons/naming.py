"""From the names of joints, as programs and files have them, to points of the body."""

import difflib
from collections.abc import Collection, Iterable
from typing import NamedTuple

from niki_tf.skeletons import synonyms
from niki_tf.skeletons.landmarks import LANDMARKS, Landmark
from niki_tf.skeletons.markers import MARKERS
from niki_tf.skeletons.point_set import PointSet
from niki_tf.skeletons.smpl import SMPL_29
from niki_tf.skeletons.synonyms import NO_POINT, Word

_Point = str | Landmark | None


class NameProblem(NamedTuple):
    """A name that could not be matched."""

    name: str
    """As it was given."""
    reason: str
    """What is wrong with it, and the closest names."""


def from_names(names: Iterable[str], *, name: str = "own", strict: bool = True) -> PointSet:
    """The set of points that the names of joints mean, by the synonyms of the field and by the names beside them.

    Case, separators and prefixes ("mixamorig:", "Bip01 ", "Character1_", "Subject:") do not count. Where a word has
    two meanings the others decide: "LeftShoulder" beside "LeftArm" is the collar, beside "LeftElbow" the shoulder.
    Names that are known but of which the body has no point, such as inner finger joints, are left out. Hips and neck
    of a set with eyes or ears, but neither pelvis nor spine, are those that pictures are annotated with. If most names
    are of the marker set `markers.MARKERS`, they are taken as markers.

    Args:
        names: of the J points, in the order of the array.
        name: of the set.
        strict: False leaves out what is not known, as for files; `name_problems` says what that was.

    Raises:
        ValueError: a name is not known or may mean several joints, or two mean the same; or none is known.

    Example:
        >>> from niki_tf.skeletons import naming
        >>> naming.from_names(["mixamorig:Hips", "mixamorig:LeftUpLeg", "mixamorig:LeftLeg"]).points
        ('pelvis', 'left_hip', 'left_knee')
    """
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise ValueError(f"`names` must be a list of names; got {names!r}. Give one for each point of the array.")
    names = [str(each) for each in names]
    points, problems = _matched(names)
    if problems and strict:
        lines = "; ".join(f"{problem.name!r} {problem.reason}" for problem in problems)
        raise ValueError(f"`names` must each mean one point of the body; got {lines}.")
    if not any(points):
        raise ValueError(f"`names` must hold joints of the body; got none among {', '.join(names) or 'nothing'}.")
    return PointSet(name, tuple(points))


def name_problems(names: Iterable[str]) -> tuple[NameProblem, ...]:
    """The names that `from_names` refuses, or leaves out if it is not strict, and why."""
    return tuple(_matched([str(each) for each in names])[1])


def _matched(names: list[str]) -> tuple[list[_Point], list[NameProblem]]:
    """The point of each name, None where there is none, and what could not be matched."""
    markers = [MARKERS.get(each.split(":")[-1].strip().upper()) for each in names]
    if sum(map(bool, markers)) > len(names) / 2:
        choices: list[tuple[_Point, ...]] = [(marker,) if marker else () for marker in markers]
    else:
        choices = _choices(names)
    points: list[_Point] = [choice[0] if len(choice) == 1 else None for choice in choices]
    problems = []
    for k, (given, choice) in enumerate(zip(names, choices, strict=True)):
        if not choice:
            problems.append(NameProblem(given, f"is not known{closest(given)}"))
        elif len(choice) > 1:
            problems.append(NameProblem(given, f"may be {' or '.join(map(str, choice))}: rename it"))
        elif points[k] is not None and points[k] in points[:k]:
            first = names[points.index(points[k])]
            problems.append(NameProblem(given, f"means {points[k]}, as {first!r} does: leave one out"))
            points[k] = None
    return points, problems


def closest(given: str) -> str:
    """The joints and landmarks that are spelled most like `given`, in brackets, for messages; empty if none is."""
    known = [*SMPL_29.names, *LANDMARKS]
    close = difflib.get_close_matches(given.lower().replace(" ", "_"), known, n=3, cutoff=0.4)
    return f" (closest: {', '.join(close)})" if close else ""


def _choices(names: list[str]) -> list[tuple[_Point, ...]]:
    """The points that each name may mean: none if it is not known, (None,) if the body has no point for it."""
    found = synonyms.words(names)
    literal = {*SMPL_29.names, *LANDMARKS} >= {each.lower() for each in names}
    midline = {word.part for word in found if not word.side}
    picture = _is_of_pictures({word.part for word in found}, midline)
    beside = {side: {word.part for word in found if word.side == side} for side in ("left", "right")}
    choices: list[tuple[_Point, ...]] = []
    for word in found:
        if not word.part:
            choices.append(())
        elif word.side:
            meant = _of_side(word.part, beside[word.side], literal=literal, picture=picture)
            choices.append(tuple(each and f"{word.side}_{each}" for each in meant))
        else:
            choices.append((_on_midline(word.part, midline, picture=picture),))
    return _with_spine(found, choices)


def _is_of_pictures(parts: Collection[str], midline: Collection[str]) -> bool:
    """Whether hips, neck and head are those that pictures are annotated with: of keypoints, or of Human3.6M."""
    keypoints = {"eye", "ear"} & {*parts} and not {"pelvis", "root", "chain", "lower_back"} & {*midline}
    return bool(keypoints) or ({"thorax", "nose", "head"} <= {*midline} and "lower_back" not in midline)


def _of_side(part: str, beside: Collection[str], *, literal: bool, picture: bool) -> tuple[str | None, ...]:
    """Joints, without their side, that a part may mean next to the parts `beside` it."""
    if part.endswith("_end"):
        return (_at_end(part.removesuffix("_end"), beside),)
    if literal and part in ("foot", "hand"):
        return (part,)
    decide = {
        "hip": lambda: (None if "upleg" in beside else "outer_hip" if picture else "hip",),
        "leg": lambda: _leg(beside),
        "foot": lambda: _end_of_limb("ankle", "foot", beside, {"toe", "leg", "lowleg", "upleg", "knee", "hip"}),
        "hand": lambda: _end_of_limb("wrist", "hand", beside, {"elbow", "forearm", "arm", "uparm", "shoulder"}),
        "toe": lambda: ("big_toe" if "ankle" in beside and {"foot", "heel"} & {*beside} else "foot",),
        "shoulder": lambda: ("collar" if {"arm", "uparm"} & {*beside} and "collar" not in beside else "shoulder",),
        "arm": lambda: ("elbow" if "uparm" in beside else "shoulder",),
        "thumb": lambda: (None if {"finger_base", "fingers"} & {*beside} else "thumb",),
        "index": lambda: (None if "finger_base" in beside else "index",),
    }
    if part in decide:
        return decide[part]()
    return (_PLAIN.get(part, part),)


_PLAIN = {
    "upleg": "hip",
    "lowleg": "knee",
    "uparm": "shoulder",
    "forearm": "elbow",
    "knuckle": "hand",
    **dict.fromkeys(("middle", "last_thumb", "fingers", "finger_base", NO_POINT), None),
}
"""Part -> joint, where they differ and nothing else decides."""


def _leg(beside: Collection[str]) -> tuple[str, ...]:
    """A leg is the bone from the knee beside an upper leg, and the whole leg, from the hip, beside a lower one."""
    above, below = {"upleg", "hip"} & {*beside}, {"knee", "lowleg"} & {*beside}
    if above and not below:
        return ("knee",)
    return ("hip",) if below and not above else ("hip", "knee")


def _end_of_limb(first: str, second: str, beside: Collection[str], limb: Collection[str]) -> tuple[str, ...]:
    """A hand beside a wrist is the hand, else it begins at the wrist; so do foot and ankle."""
    if first in beside:
        return (second,)
    return (first,) if {*limb} & {*beside} else (first, second)


def _at_end(part: str, beside: Collection[str]) -> str | None:
    """The point at the end of the last joint of a limb, as files of motion have it."""
    fingers = {"middle", "knuckle", "middle_tip", "fingers", "finger_base"} & {*beside}
    ends = {
        "toe": "big_toe",
        "foot": None if "toe" in beside else "big_toe",
        "ankle": None if {"toe", "foot"} & {*beside} else "big_toe",
        "hand": None if fingers else "middle_tip",
        "wrist": None if fingers or "hand" in beside else "middle_tip",
        "middle": None if "middle_tip" in beside else "middle_tip",
        "fingers": "hand",
        "last_thumb": None if "thumb" in beside else "thumb",
    }
    return ends.get(part)


def _on_midline(part: str, beside: Collection[str], *, picture: bool) -> str | None:
    """The joint or landmark of a part of the midline; those of the spine are found by `_with_spine`."""
    if part.endswith("_end"):
        return "head_top" if part == "head_end" and "head_top" not in beside else None
    meant = {
        "root": None if "pelvis" in beside else "pelvis",
        "neck": "mid_shoulder" if picture else "neck",
        "head": "head_top" if picture and "thorax" in beside else "head",
        "thorax": "mid_shoulder",
        **dict.fromkeys((NO_POINT, "chain", "lower_back", "lower_neck", "upper_neck"), None),
    }
    return meant.get(part, part)


def _with_spine(found: list[Word], choices: list[tuple[_Point, ...]]) -> list[tuple[_Point, ...]]:
    """`choices` with the joints of spine and neck, which files have more or fewer of than SMPL, spread over SMPL's."""
    parts = [word.part for word in found]

    def upwards(*which: str) -> list[int]:
        chosen = [k for k, part in enumerate(parts) if part in which]
        heights = [found[k].height for k in chosen]
        if None in heights or len(set(heights)) < len(heights):
            return chosen  # the order of the file tells
        return sorted(chosen, key=lambda k: found[k].height or 0)

    chain, necks = upwards("chain"), upwards("neck")
    meant: dict[int, _Point] = dict.fromkeys(necks[1:])
    if "pelvis" not in parts and len(chain) >= len(_WHOLE_SPINE):
        meant.update(zip(chain, _WHOLE_SPINE, strict=False))
        meant.update(dict.fromkeys(k for k, part in enumerate(parts) if part == "root"))
    elif "lower_back" in parts and (len(necks) == 2 or "upper_neck" in parts):
        low = [*chain, *(k for k, part in enumerate(parts) if part == "thorax")]
        high = upwards("neck", "lower_neck", "upper_neck")
        meant.update(zip(low + high, ("spine1", "spine2", "spine3", "neck"), strict=False))
    else:
        chain = upwards("chain", "lower_back")
        middle = {"thorax", "mid_shoulder"} & {*parts}
        meant.update(zip(chain, _spread(len(chain), middle=bool(middle)), strict=True))
    return [(meant[k],) if k in meant else choice for k, choice in enumerate(choices)]


_WHOLE_SPINE = ("pelvis", "spine1", "spine2", "spine3", "neck", None, "head")
"""Joints of a spine that reaches from the hips to the head, as in Blender's rigs."""


def _spread(count: int, *, middle: bool) -> list[_Point]:
    """The joints of `count` joints of a spine from below to above; `middle`: of one between hips and shoulders."""
    few: dict[int, list[_Point]] = {0: [], 1: ["mid_spine" if middle else "spine1"], 2: ["spine1", "spine3"]}
    if count in few:
        return few[count]
    spread: list[_Point] = [None] * count
    spread[round((count - 1) / 3) if count > 3 else 0] = "spine1"
    spread[-2:] = ["spine2", "spine3"]
    return spread
