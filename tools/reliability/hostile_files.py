"""Hostile files: crafted attacks on each reader, and whole files that are damaged at random."""

import pathlib
from collections.abc import Callable, Iterator

import hostile_archives
import hostile_models
import hostile_pickles
import hostile_texts
import numpy as np
from materials import Materials
from outcomes import Case

_Maker = Callable[[Materials], Iterator[Case]]

CASES: dict[str, tuple[_Maker, str, str]] = {
    "body .pkl": (hostile_pickles.bodies, "body.pkl", ".pkl"),
    "body .npz": (hostile_archives.bodies, "body.npz", ".npz"),
    "motion": (hostile_archives.motions, "motion.npz", ".npz"),
    "joints": (hostile_archives.joints, "joints.npz", ".npz"),
    ".keras": (hostile_models.models, "model.keras", ".keras"),
    ".pth": (hostile_pickles.published, "published.pth", ".pth"),
    "run.json": (hostile_texts.records, "run.json", ".json"),
    "checkpoint": (hostile_archives.checkpoints, "checkpoint.npz", ".npz"),
    "flag file": (hostile_texts.flag_files, "train.flags", ".flags"),
}
"""Kind of file -> its attacks, the whole file that is damaged, and its ending."""

NAMES = {".keras": "model", "run.json": "run", "checkpoint": "checkpoints/step-000000003"}
"""Kind of file -> the name that it must have, without its ending; any if none."""


def cases(kind: str, *, seed: int, count: int, folder: pathlib.Path, canary: pathlib.Path) -> list[Case]:
    """All cases of a kind: the whole file, the attacks, and damage at random.

    Args:
        kind: one of `CASES`.
        seed: of the damage.
        count: of the files that are damaged at random.
        folder: for the whole files, which are made once.
        canary: the file that attacks make if they are run.
    """
    make, name, ending = CASES[kind]
    materials = Materials(folder / "materials", canary)
    whole = materials.path(name)
    content = whole.read_bytes()
    rng = np.random.default_rng([seed, list(CASES).index(kind)])
    found = [Case("whole", _writer(content), ending, "right"), *make(materials)]
    damaged = [(f"{how} {n}", made) for n in range(count) for how, made in [_damaged(content, rng, n)]]
    found += [Case(how, _writer(made), ending) for how, made in damaged]
    if kind != "checkpoint":
        return found
    return [Case(c.name, _beside_an_older_one(c.write, materials), c.ending) for c in found]


def _writer(content: bytes) -> Callable[[pathlib.Path], None]:
    def write(path: pathlib.Path) -> None:
        path.write_bytes(content)

    return write


def _beside_an_older_one(write: Callable[[pathlib.Path], None], materials: Materials) -> Callable[[pathlib.Path], None]:
    """Writes a checkpoint beside the whole one of the step before."""

    def both(path: pathlib.Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.with_name("step-000000002.npz").write_bytes(materials.path("older.npz").read_bytes())
        write(path)

    return both


def _damaged(content: bytes, rng: np.random.Generator, number: int) -> tuple[str, bytes]:
    """What was done to a whole file, in turn: a flipped bit, a cut, bytes that are written over, left out, put in."""
    place = int(rng.integers(len(content)))
    length = int(rng.integers(1, 64))
    noise = rng.bytes(length)
    kinds: list[tuple[str, Callable[[], bytes]]] = [
        ("flipped", lambda: content[:place] + bytes([content[place] ^ 1 << number % 8]) + content[place + 1 :]),
        ("cut", lambda: content[:place]),
        ("written over", lambda: content[:place] + noise + content[place + length :]),
        ("left out", lambda: content[:place] + content[place + length :]),
        ("put in", lambda: content[:place] + noise + content[place:]),
    ]
    how, make = kinds[number % len(kinds)]
    return how, make()
