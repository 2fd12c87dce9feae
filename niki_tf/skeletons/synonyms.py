"""What programs and files call the parts of the body: spelling -> part, and which side a name is of.

A part is what a name says by itself; which joint is meant by it, `naming` decides from the names beside it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Word(NamedTuple):
    """What a name says by itself."""

    side: str
    """left, right, or empty."""
    part: str
    """A value of `_SIDED` or `_MIDLINE`, chain, none for what is known and no point, or empty if it is not known."""
    height: int | None = None
    """Of spine and neck: the larger the higher; None where the name does not tell."""


NO_POINT = "none"
"""Part of names that are known and for which the body has no point: inner finger joints, twist bones, roots."""

_SIDED = {
    "hip": "hip hipjoint",
    "upleg": "upleg upperleg thigh femur uleg",
    "leg": "leg",
    "lowleg": "lowleg lowerleg loleg shin calf tibia",
    "knee": "knee",
    "ankle": "ankle",
    "foot": "foot feet",
    "toe": "toe toes toebase ball toe0 toe1 ballfoot",
    "big_toe": "bigtoe footindex toetip hallux",
    "small_toe": "smalltoe littletoe pinkytoe",
    "heel": "heel",
    "collar": "collar clavicle clav inshoulder innershoulder collarbone c7shoulder t4shoulder",
    "shoulder": "shoulder shldr",
    "arm": "arm",
    "uparm": "uparm upperarm uarm humerus",
    "forearm": "forearm lowerarm lowarm loarm farm radius",
    "elbow": "elbow",
    "wrist": "wrist",
    "hand": "hand",
    "middle_tip": "handtip fingertip middletip middlefingertip middle4 handmiddle4",
    "thumb": "thumb thumbtip thumb4 handthumb4",
    "index": "index index1 handindex1 indexproximal findex1 finger1 indexfinger1",
    "knuckle": "middle1 handmiddle1 middleproximal fmiddle1 finger2 middlefinger1",
    "ring": "ring ring1 handring1 ringproximal fring1 finger3 ringfinger1",
    "pinky": "pinky pinky1 handpinky1 littleproximal fpinky1 finger4 pinkyproximal little1 pinkyfinger1",
    "middle": "middle3 handmiddle3 middledistal fmiddle3 finger22",
    "last_thumb": "thumb3 handthumb3 thumbdistal finger02",
    "fingers": "fingers handfingers",
    "finger_base": "fingerbase",
    "eye": "eye eyesmplhf",
    "eye_inner": "eyeinner",
    "eye_outer": "eyeouter",
    "ear": "ear",
    "mouth": "mouth",
    "outer_hip": "outerhip",
    NO_POINT: "buttock pelvis palm thumb1 thumb2 handthumb1 handthumb2",
}
"""Part -> spellings of points that have a side, in small letters, without separators and zeros before numbers."""

_MIDLINE = {
    "pelvis": "pelvis hips hip hipcenter hipscenter spinebase centerhip",
    "root": "root joint",
    "neck": "neck neck0 neck1 neck2 jt1c7",
    "head": "head jc1head skull",
    "head_top": "headtop headtopend topofhead tophead topheadpoint",
    "nose": "nose",
    "mid_hip": "midhip hipmid",
    "mid_shoulder": "midshoulder shouldercenter spineshoulder",
    "mid_spine": "midspine spinemid",
    "thorax": "thorax",
    "lower_back": "lowerback",
    "lower_neck": "lowerneck",
    "upper_neck": "upperneck",
    NO_POINT: "reference armature scene world origin trajectory jaw motion",
}
"""Part -> spellings of points on the midline."""

_CHAIN = [
    *("upperback", "spine", "chest", "upperchest", "abdomen", "ab", "abs", "belly", "torso", "waist"),
    *("l5", "l3", "t12", "t8", "jl5s1", "jl4l3", "jl1t12", "jt9t8"),
    *("spinenaval", "spinechest", "lowerspine", "upperspine"),
]
"""Spellings of the spine, each perhaps with a number."""

_HEIGHTS = {
    **dict.fromkeys(("lowerback", "waist", "lowerspine", "l5", "jl5s1"), 0),
    **dict.fromkeys(("abdomen", "ab", "abs", "belly", "spinenaval", "l3", "jl4l3"), 100),
    "spine": 200,
    **dict.fromkeys(("t12", "jl1t12"), 300),
    **dict.fromkeys(("chest", "spinechest", "t8", "jt9t8"), 400),
    **dict.fromkeys(("upperchest", "upperspine"), 500),
    **dict.fromkeys(("neck", "lowerneck"), 600),
    "upperneck": 700,
}
"""Spellings of spine and neck that tell where they are among each other; a number behind counts from below to above."""

_HELPERS = re.compile(r"twist|roll|pole|ctrl|helper|ik$|^ik|breast|pectoral|hair|skirt|weapon|prop$|eyelid|metacarpal")
_FINGER = re.compile(r"(thumb|index|middle|mid|ring|pinky|little|finger)")
_PREFIX = re.compile(
    r"^(mixamorig\d*|bip\d*|character\d*|valvebiped|def|org|mch|joint|jnt|bone|skeleton|[mf]_avg|j_bip|j_sec)[ _.\-]+",
    re.IGNORECASE,
)
_PIECES = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_SIDE_WORDS = {"left": "left", "l": "left", "lft": "left", "right": "right", "r": "right", "rgt": "right"}
_SPELLED_SIDED = {spelling: part for part, text in _SIDED.items() for spelling in text.split()}
_SPELLED_MIDLINE = {spelling: part for part, text in _MIDLINE.items() for spelling in text.split()}


def words(names: Iterable[str]) -> list[Word]:
    """What each of the `names` of one skeleton says by itself; prefixes that all of them share are left away."""
    bare = [re.split(r"[:|]", str(name))[-1].strip() for name in names]
    shared = _shared_prefix(bare)
    return [_word(_without_prefix(name[len(shared) :])) for name in bare]


def _shared_prefix(names: list[str]) -> str:
    """What all names begin with, up to a separator, unless it says something of the body."""
    if len(names) < 3:
        return ""
    first, last = min(names), max(names)
    same = next((k for k, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    end = max(first[:same].rfind(separator) for separator in " _.-") + 1
    pieces = [piece.lower() for piece in _PIECES.findall(first[:end])]
    known = {*_SIDE_WORDS, *_SPELLED_SIDED, *_SPELLED_MIDLINE, *_CHAIN}
    return "" if known & {*pieces, "".join(pieces)} else first[:end]


def _without_prefix(name: str) -> str:
    """`name` without the prefixes of known programs; "root" for a name that is nothing else."""
    shorter = _PREFIX.sub("", name)
    while shorter != name:
        name, shorter = shorter, _PREFIX.sub("", shorter)
    return "root" if re.fullmatch(r"(bip|character|joint)\d*", name, re.IGNORECASE) else name


def _word(name: str) -> Word:
    """What one name without prefix says."""
    pieces = [piece.lower() for piece in _PIECES.findall(name)]
    before = ["", *pieces]  # of Biped's fingers "Finger01" is the second joint of the thumb
    pieces = [str(int(p)) if p.isdigit() and b != "finger" else p for b, p in zip(before, pieces, strict=False)]
    whole = "".join(pieces)
    if _chain(whole):
        return Word("", "chain", _height(whole))
    if pieces[:2] in (["j", "left"], ["j", "right"]) or pieces[:1] == ["c"]:
        pieces = pieces[1:]
    for side, rest in _sides(pieces):
        part = _part(side, rest)
        if part:
            return Word(side, part, None if side else _height(rest))
    return Word("", "")


def _sides(pieces: list[str]) -> Iterator[tuple[str, str]]:
    """Ways to read a name as side and rest, the likeliest first."""
    for k, piece in enumerate(pieces):
        if piece in _SIDE_WORDS:
            yield _SIDE_WORDS[piece], "".join(pieces[:k] + pieces[k + 1 :])
    whole = "".join(pieces)
    yield "", whole
    for mark, side in _SIDE_WORDS.items():
        if whole.startswith(mark):
            yield side, whole.removeprefix(mark)
        if whole.endswith(mark):
            yield side, whole.removesuffix(mark)


def _part(side: str, spelling: str) -> str:
    """The part of a spelling; that of an end, such as "headend" or "toe0nub", is its part with "_end"."""
    if not side and _chain(spelling):
        return "chain"
    known = _SPELLED_SIDED if side else _SPELLED_MIDLINE
    if spelling in known:
        return known[spelling]
    for end in ("endsite", "end", "nub"):
        if spelling.endswith(end) and spelling != end:
            below = _part(side, spelling.removesuffix(end))
            return NO_POINT if below.endswith("_end") or below == NO_POINT else below and f"{below}_end"
    numbered = spelling.rstrip("0123456789") in known and spelling[-1:].isdigit()
    if _HELPERS.search(spelling) or (side and (_FINGER.search(spelling) or numbered)):
        return NO_POINT
    return ""


def _height(spelling: str) -> int | None:
    """Where a part of spine or neck is among the others, by its name."""
    if spelling in _HEIGHTS:
        return _HEIGHTS[spelling]
    word = spelling.rstrip("0123456789")
    number = spelling.removeprefix(word)
    return _HEIGHTS[word] + int(number) if word in _HEIGHTS and len(number) in (1, 2) else None


def _chain(spelling: str) -> bool:
    return spelling in _CHAIN or spelling.rstrip("0123456789") in _CHAIN
