"""What a function of the public face is called with, and what it should then answer."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

Arguments = dict[str, Any]
"""Of a call, by name."""
TOLERANCE = 1e-5
"""How far an answer may be from the reference: of 1, or of the reference where that is larger."""


@dataclasses.dataclass(frozen=True)
class Target:
    """A function of the public face."""

    name: str
    """Room and function."""
    call: Callable[..., Any]
    make: Callable[[np.random.Generator], Arguments]
    """Arguments that are valid."""
    twin: Callable[..., Any] | None = None
    """The same by other means: plain NumPy, one example at a time, a law. None: see `Pool`."""
    weight: float = 1.0
    """How often it is called, as against the others."""
    turns: Callable[[Any], Any] = lambda answer: ()
    """The rotation matrices (..., 3, 3) of an answer."""
    lenient: frozenset[str] = frozenset()
    """Broken arguments that are in order here, as `argument: how`, or `how` for all arguments."""
    loose: frozenset[str] = frozenset()
    """Broken arguments, as in `lenient`, to which the twin has no answer."""
    optional: frozenset[str] = frozenset()
    """Arguments that may be None."""
    spreads: bool = False
    """Whether an example with NaN or infinity is documented to answer NaN."""
    tolerance: float = TOLERANCE
    names: tuple[str, ...] = ()
    """Further names with which an error may begin, such as those of a constructor's fields."""


@dataclasses.dataclass(frozen=True, eq=False)
class Known:
    """A valid argument of a `Target` without a twin: the call's right answer, which is no argument."""

    answer: Any


RIGHT = "the right answer"
"""Name under which `Target.make` puts a `Known` among the arguments."""


def same(found: Any, wanted: Any, *, tolerance: float = TOLERANCE) -> bool:
    """Whether an answer is that of the reference: of the same names and shapes, and nowhere further than allowed."""
    if isinstance(wanted, dict):
        return all(name in found and same(found[name], wanted[name], tolerance=tolerance) for name in wanted)
    if isinstance(wanted, str | type | None | bool):
        return found == wanted
    if isinstance(wanted, tuple | list) and any(isinstance(item, dict | str | np.ndarray) for item in wanted):
        return len(found) == len(wanted) and all(
            same(f, w, tolerance=tolerance) for f, w in zip(found, wanted, strict=True)
        )
    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.shape != wanted.shape:
        return False
    if found.dtype.kind not in "fiub" or wanted.dtype.kind not in "fiub":
        return bool(np.array_equal(found, wanted))
    found, wanted = found.astype(np.float64), wanted.astype(np.float64)
    with np.errstate(invalid="ignore"):
        near = np.abs(found - wanted) <= tolerance * np.maximum(1.0, np.abs(wanted))
    return bool((near | (np.isnan(found) & np.isnan(wanted)) | (found == wanted)).all())


def numbers(answer: Any) -> list[np.ndarray]:
    """All arrays of floating point numbers in an answer."""
    if isinstance(answer, dict):
        return [array for value in answer.values() for array in numbers(value)]
    if dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        return [array for field in dataclasses.fields(answer) for array in numbers(getattr(answer, field.name))]
    if isinstance(answer, tuple | list):
        return [array for value in answer for array in numbers(value)]
    if isinstance(answer, float | np.floating | np.ndarray) or hasattr(answer, "numpy"):
        array = np.asarray(answer)
        return [array] if array.dtype.kind == "f" else []
    return []


def leading(rng: np.random.Generator) -> tuple[int, ...]:
    """Leading axes of examples: none, one or two."""
    count = int(rng.integers(1, 4))
    return ((), (count,), (2, count))[rng.integers(3)]
