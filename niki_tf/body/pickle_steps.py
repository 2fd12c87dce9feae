"""The instructions of pickles, counted and bounded before any of them is followed."""

import pickletools

MOST_STEPS = 1_000_000
"""Most instructions of a pickle, and most objects in what it holds; SMPL's have some thousand."""
_STEPS = {step.code: step for step in pickletools.opcodes}
_STORING = ("PUT", "BINPUT", "LONG_BINPUT")
"""Instructions with the place at which an object is stored, for which memory is taken."""


def check_steps(content: bytes, place: int = 0) -> int:
    """Where the pickle in `content` that begins at `place` ends.

    Raises:
        ValueError: its instructions are too many, unknown, or store at a place beyond their number.
        IndexError: they are cut off.
    """
    for _ in range(MOST_STEPS):
        step = _STEPS.get(chr(content[place]))
        if step is None:
            raise ValueError(f"the byte {content[place]}, which is no instruction")
        if step.name == "STOP":
            return place + 1
        after = _after(content, place + 1, step)
        if step.name in _STORING and not 0 <= _stored_at(content[place + 1 : after], step.name) <= MOST_STEPS:
            raise ValueError("an instruction to store at a place that no file needs")
        place = after
    raise ValueError(f"more than {MOST_STEPS:,} instructions")


def _after(content: bytes, place: int, step: pickletools.OpcodeInfo) -> int:
    """Where the instruction after `step`, whose argument begins at `place`, begins; ValueError if that is cut off."""
    if step.arg is None:
        return place
    if step.arg.n >= 0:
        return place + step.arg.n
    if step.arg.n == pickletools.UP_TO_NEWLINE:
        for _ in range(1 + (step.name in ("GLOBAL", "INST"))):
            place = content.index(b"\n", place) + 1
        return place
    width = {pickletools.TAKEN_FROM_ARGUMENT1: 1, pickletools.TAKEN_FROM_ARGUMENT8U: 8}.get(step.arg.n, 4)
    return place + width + int.from_bytes(content[place : place + width], "little")


def _stored_at(argument: bytes, name: str) -> int:
    """The place that the argument of an instruction to store tells."""
    return int(argument[:20]) if name == "PUT" else int.from_bytes(argument, "little")
