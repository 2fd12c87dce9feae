"""The flag --max_memory, which programs share: how many frames are computed at a time, so that memory stays below it.

What a program takes is told by what it has so far and by bytes for each frame, which were measured.
"""

import dataclasses
import pathlib
import re
import zipfile

from absl import flags

from niki_tf import archives

MAX_MEMORY = flags.DEFINE_string("max_memory", None, "Most memory that the program may take, such as 2GB; else any.")

_BYTES = {"MB": 1e6, "GB": 1e9}
_STATUS = pathlib.Path("/proc/self/status")


@dataclasses.dataclass(frozen=True)
class Need:
    """Bytes that a computation takes on top of what the program has before it."""

    first: float
    """Whatever the number of frames: graphs that are made, threads."""
    frame: float
    """For each frame of all."""
    at_once: float
    """For each frame of those that are computed at a time."""


@dataclasses.dataclass(frozen=True)
class Memory:
    """The bytes that a program may take in all; None for as many as there are."""

    most: int | None = None

    def at_once(self, frames: int, need: Need, *, usual: int, least: int, cure: str) -> int:
        """How many of `frames` are computed at a time: `usual`, or as many as the memory holds.

        Args:
            frames: of a motion, or of all that is measured.
            need: of the computation.
            usual: frames at a time where memory does not matter.
            least: frames that it takes at least.
            cure: end of the message.

        Raises:
            ValueError: not even `least` frames at a time fit.
        """
        if self.most is None:
            return usual
        taken = resident() + need.first + need.frame * frames
        fitting = min(usual, int((self.most - taken) // need.at_once))
        if fitting < min(least, frames):
            wanted = f"{(taken + need.at_once * min(least, frames)) / 1e9:.2f} GB or more for {frames:,} frames"
            raise ValueError(f"`max_memory` must be {wanted}; got {self.most / 1e9:g} GB. {cure}")
        return fitting

    def check_file(self, path: pathlib.Path) -> None:
        """Raises ValueError for a file that holds more than fits, as far as its size or its directory tells."""
        if self.most is None or not path.is_file():
            return
        size = path.stat().st_size
        if path.suffix.lower() == ".npz" and zipfile.is_zipfile(path):
            with archives.opened(path, wanted="a whole .npz file of arrays") as archive:
                size = sum(member.file_size for member in archive.infolist())
        if resident() + size > self.most:
            wanted = f"{(resident() + size) / 1e9:.2f} GB or more for {path}"
            raise ValueError(f"`max_memory` must be {wanted}; got {self.most / 1e9:g} GB. Or cut the file.")


ANY = Memory()
"""As much as there is."""


def memory() -> Memory:
    """The memory of the flag.

    Raises:
        ValueError: it is no size.
    """
    if MAX_MEMORY.value is None:
        return ANY
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(MB|GB)", MAX_MEMORY.value.strip(), re.IGNORECASE)
    if not found or not float(found[1]):
        raise ValueError(
            f"`max_memory` must be a size such as 2GB or 800MB; got {MAX_MEMORY.value!r}. Or leave it out."
        )
    return Memory(int(float(found[1]) * _BYTES[found[2].upper()]))


def resident() -> int:
    """Bytes of memory that this process has; 0 where the system does not tell."""
    if not _STATUS.is_file():
        return 0
    found = re.search(r"^VmRSS:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"), re.MULTILINE)
    return 1024 * int(found[1]) if found else 0
