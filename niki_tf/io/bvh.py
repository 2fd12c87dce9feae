"""Motion of any rig in BVH files: reading and writing the hierarchy and the channels as they are."""

import os
import pathlib
import re
from collections.abc import Iterable, Iterator

import numpy as np

from niki_tf import files
from niki_tf.io.bvh_file import BvhFile
from niki_tf.log import logger
from niki_tf.motion.clip import stated_time
from niki_tf.motion.pieces import pieces

_CHANNEL = re.compile(r"[XYZ](position|rotation)", re.IGNORECASE)
_WORD = re.compile(r"(?P<kind>ROOT|JOINT)[ \t]+(?P<name>[^{}\n]*[^{}\s])|[{}]|[^\s{}]+", re.IGNORECASE)
"""A joint with its name, which may hold spaces; a brace; or another word."""
_MOTION = re.compile(r"^[ \t]*MOTION\b", re.IGNORECASE | re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*(#|//).*$", re.MULTILINE)
_COUNTS = re.compile(r"\s*Frames\s*:?\s*(\S+)\s+Frame\s*Time\s*:?\s*(\S+)", re.IGNORECASE)


def read_bvh(path: str | os.PathLike) -> BvhFile:
    """The `BvhFile` of a .bvh file.

    Keywords may be in small letters, lines may be blank or comments (# or //), names may hold spaces. A number of rows
    other than the one that is declared is taken as it is, and told in the log.

    Raises:
        ValueError: the file is not there, or is empty, binary, cut off or no BVH; says where.

    Example:
        >>> import pathlib, tempfile
        >>> from niki_tf.io import bvh
        >>> text = '''HIERARCHY
        ... ROOT Hips { OFFSET 0 0 0 CHANNELS 3 Xposition Yposition Zrotation End Site { OFFSET 0 9 0 } }
        ... MOTION
        ... Frames: 1
        ... Frame Time: 0.0333333
        ... 5 90 45'''
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "a.bvh")
        ...     _ = path.write_text(text)
        ...     rig = bvh.read_bvh(path)
        >>> rig.names, rig.fps, rig.values.tolist()
        (('Hips',), 30.0, [[5.0, 90.0, 45.0]])
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"`path` must be a .bvh file; there is no file {str(path)!r}.")
    try:
        return _parsed(_text(path), path)
    except ValueError as error:
        raise ValueError(f"`path` must be a whole BVH file; {path}: {error}") from None


def write_bvh(path: str | os.PathLike, bvh: BvhFile) -> pathlib.Path:
    """Writes `bvh` to the file `path`, whole or not at all, and gives the path: numbers with six decimals.

    Raises:
        ValueError: `path` does not end in .bvh.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() != ".bvh":
        raise ValueError(f"`path` must end in .bvh; got {path}.")
    roots = [line for root in _children(bvh)[-1] for line in _joint_lines(bvh, root)]
    counts = [f"Frames: {len(bvh.values)}", f"Frame Time: {bvh.frame_time:.9g}"]
    with files.atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in ["HIERARCHY", *roots, "MOTION", *counts])
        row = " ".join(["%.6f"] * bvh.values.shape[1]) + "\n"
        for piece in pieces(len(bvh.values)):
            file.writelines(row % tuple(values) for values in (np.round(bvh.values[piece], 6) + 0.0).tolist())
    return path


def _text(path: pathlib.Path) -> str:
    """The text of a file in UTF-8, or else in Latin-1, with lines that end in a newline."""
    content = path.read_bytes()
    if not content.strip() or b"\0" in content:
        raise ValueError("it is binary." if content.strip() else "it is empty.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return _COMMENT.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _parsed(text: str, path: pathlib.Path) -> BvhFile:
    if not re.match(r"\s*HIERARCHY\b", text, re.IGNORECASE):
        raise ValueError(f"it must begin with HIERARCHY; got {text.strip()[:20]!r}.")
    above, *below = _MOTION.split(text, maxsplit=1)
    hierarchy = _Hierarchy()
    hierarchy.read(above)
    if not below:
        raise ValueError("it ends before MOTION; it is cut off.")
    counts = _COUNTS.match(below[0])
    if not counts:
        raise ValueError("MOTION must be followed by `Frames:` and `Frame Time:`.")
    declared, frame_time = int(counts[1]), float(counts[2])
    if declared > 1 and frame_time > 0.0:
        stated_time(frame_time, "`Frame Time`")
    values = _rows(below[0][counts.end() :], declared, sum(map(len, hierarchy.channels)))
    if len(values) != declared:
        logger.warning("%s declares %d frames and holds %d; all of those are taken.", path, declared, len(values))
    return BvhFile(
        names=tuple(hierarchy.names),
        parents=tuple(hierarchy.parents),
        offsets=np.array(hierarchy.joint_offsets()),
        channels=tuple(hierarchy.channels),
        values=values,
        frame_time=frame_time,
        end_parents=tuple(hierarchy.end_parents),
        end_offsets=np.array(hierarchy.end_offsets).reshape(-1, 3),
    )


def _rows(text: str, declared: int, channels: int) -> np.ndarray:
    """The numbers (T, channels) of `text`: one row a line, or as many as are declared in lines of any length."""
    lines = [words for words in map(str.split, text.split("\n")) if words]
    if not lines or not channels:
        raise ValueError(f"it must hold frames of channels; got {len(lines)} frames and {channels} channels.")
    if any(len(words) != channels for words in lines):
        words = [word for line in lines for word in line]
        if len(words) != declared * channels:
            frame = next(k for k, line in enumerate(lines) if len(line) != channels)
            got = f"frame {frame + 1} of {declared} has {len(lines[frame])}"
            raise ValueError(f"each frame must have {channels} numbers; {got}: it is cut off or damaged.")
        return np.array(words, np.float64).reshape(declared, channels)
    return np.array(lines, np.float64)


class _Hierarchy:
    """What the text between HIERARCHY and MOTION says, word by word."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.parents: list[int] = []
        self.channels: list[tuple[str, ...]] = []
        self.end_parents: list[int] = []
        self.end_offsets: list[list[float]] = []
        self._offsets: dict[int, list[float]] = {}
        self._open: list[int | None] = []  # joints whose braces are open; None for an end site
        self._begun: bool = False  # a joint or end site was named whose brace has not come yet

    def read(self, text: str) -> None:
        """Takes in the whole text; ValueError where it breaks the grammar or ends too early."""
        words = _WORD.finditer(text)
        try:
            for word in words:
                self._take(word, words)
        except StopIteration:
            raise ValueError("the hierarchy ends in the middle; it is cut off.") from None
        if self._open or self._begun or not self.names:
            raise ValueError("the hierarchy ends with a brace open; it is cut off.")

    def joint_offsets(self) -> list[list[float]]:
        """Offset of each joint; ValueError if one has none."""
        for joint, name in enumerate(self.names):
            if joint not in self._offsets:
                raise ValueError(f"joint {name!r} has no OFFSET.")
        return [self._offsets[joint] for joint in range(len(self.names))]

    def _take(self, word: re.Match, words: Iterator[re.Match]) -> None:
        kind = (word["kind"] or word[0]).upper()
        if word["name"]:
            self._begin_joint(word["name"])
        elif kind == "END":
            self._begin_end(words)
        elif kind == "}" and self._open:
            self._close()
        elif kind == "OFFSET" and self._open:
            self._set_offset([float(next(words)[0]) for _ in range(3)])
        elif kind == "CHANNELS" and self._open and self._open[-1] is not None:
            count = int(next(words)[0])
            self.channels[self._open[-1]] = tuple([_channel(next(words)[0]) for _ in range(count)])
        elif kind == "{" and self._begun:
            self._begun = False
        elif kind != "HIERARCHY":
            raise ValueError(f"the hierarchy cannot have {word[0]!r} where it stands.")

    def _begin_joint(self, name: str) -> None:
        parent = self._open[-1] if self._open else -1
        if parent is None or self._begun:
            raise ValueError(f"joint {name!r} stands where none can.")
        self._open.append(len(self.names))
        self.names.append(name)
        self.parents.append(parent)
        self.channels.append(())
        self._begun = True

    def _begin_end(self, words: Iterable[re.Match]) -> None:
        """Begins an end site, with its brace: what may stand before that is no more than a name."""
        if not self._open or self._open[-1] is None or self._begun:
            raise ValueError("an End Site stands where none can.")
        if not any(word[0] == "{" for word in words):
            raise StopIteration
        self.end_parents.append(self._open[-1])
        self._open.append(None)

    def _close(self) -> None:
        if self._open.pop() is None and len(self.end_offsets) != len(self.end_parents):
            raise ValueError(f"the End Site of {self.names[-1]!r} must have one OFFSET.")

    def _set_offset(self, offset: list[float]) -> None:
        if self._open[-1] is None:
            self.end_offsets.append(offset)
        else:
            self._offsets[self._open[-1]] = offset


def _channel(word: str) -> str:
    """The name of a channel in the usual letters, such as Xposition."""
    if not _CHANNEL.fullmatch(word):
        raise ValueError(f"channels must be Xposition to Zrotation; got {word!r}.")
    return word.capitalize()


def _children(bvh: BvhFile) -> dict[int, list[int]]:
    """Joint -> its children in order; -1 -> the roots."""
    children: dict[int, list[int]] = {joint: [] for joint in range(-1, len(bvh))}
    for joint, parent in enumerate(bvh.parents):
        children[parent].append(joint)
    return children


def _joint_lines(bvh: BvhFile, root: int) -> list[str]:
    """Lines of the joint `root` and all below it."""
    children = _children(bvh)

    def lines(joint: int, indent: str) -> Iterator[str]:
        inner = indent + "\t"
        yield f"{indent}{'ROOT' if bvh.parents[joint] < 0 else 'JOINT'} {bvh.names[joint]}"
        yield indent + "{"
        yield f"{inner}OFFSET {_numbers(bvh.offsets[joint])}"
        yield " ".join([f"{inner}CHANNELS {len(bvh.channels[joint])}", *bvh.channels[joint]])
        for child in children[joint]:
            yield from lines(child, inner)
        for end, parent in enumerate(bvh.end_parents):
            if parent == joint:
                offset = f"{inner}\tOFFSET {_numbers(bvh.end_offsets[end])}"
                yield from (f"{inner}End Site", inner + "{", offset, inner + "}")
        yield indent + "}"

    return list(lines(root, ""))


def _numbers(vector: np.ndarray) -> str:
    return " ".join(f"{number:.6f}" for number in np.round(vector, 6) + 0.0)
