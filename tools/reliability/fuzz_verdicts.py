"""How a call of the public face ended: right, clearly refused, or badly."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from fuzz_breaks import Broken, broken, variant
from fuzz_target import RIGHT, Known, Target, numbers, same

GOOD = ("valid", "refused", "taken")
"""A valid call whose answer is the reference's; a broken one that is refused in one clear line; one that has an answer
all the same, and a right one."""
BAD = ("raw", "wrong", "not finite")
"""Another error; an answer that is not right, or a valid call that was refused; numbers that are not finite."""
_CLEAR = re.compile(
    r"`(\w+)[`.\[].*\b(?:must be one of .*; got .*|(?:must|is missing|is no)\b.*; .*\bgot\b.*[.] \S.*)[.?]"
)
"""Name, what is wanted, what came, a cure, which a list of what may be given is; on one line."""
_LARGEST_TURN_ERROR = 1e-4
_LARGEST_OF_TWINS = 1e15
"""Numbers beyond which plain formulas tell nothing, and LAPACK may not end."""


class Ended(NamedTuple):
    """One call and its end."""

    target: str
    kind: str
    """One of `GOOD` or `BAD`."""
    how: str
    """What was broken, `argument: how`; empty for a valid call."""
    told: str
    """The message, or what is wrong."""


def tried(target: Target, rng: np.random.Generator, *, valid: bool) -> Ended:
    """Calls a target with valid arguments, or with one of them broken."""
    given = target.make(rng)
    known = given.pop(RIGHT, None)
    if valid:
        return _valid(target, {name: variant(value, rng) for name, value in given.items()}, known)
    name = list(given)[rng.integers(len(given))]
    return _broken(target, given, name, broken(given[name], rng))


def is_clear(error: Exception, names: Any) -> bool:
    """Whether an error names an argument first, then what was wanted, what came, and a cure."""
    found = _CLEAR.fullmatch(str(error))
    return isinstance(error, ValueError | TypeError) and bool(found) and found.group(1) in names


def _valid(target: Target, given: Mapping[str, Any], known: Known | None) -> Ended:
    try:
        answer = target.call(**given)
    except Exception as error:  # whatever it is, it is what is looked for
        return Ended(target.name, "wrong", "", f"refused: {_told(error)}")
    wanted = known.answer if known else target.twin(**given)
    if not same(answer, wanted, tolerance=target.tolerance):
        return Ended(target.name, "wrong", "", f"not the reference: {_gap(answer, wanted)}")
    if not _are_rotations(target.turns(answer)):
        return Ended(target.name, "wrong", "", "no rotations")
    finite = all(np.isfinite(array).all() for array in numbers(wanted if known else answer))
    return Ended(target.name, "valid" if finite else "not finite", "", "")


def _broken(target: Target, given: dict[str, Any], name: str, change: Broken) -> Ended:
    how = f"{name}: {change.how}"
    given = {**given, name: change.value}
    try:
        answer = target.call(**given)
    except Exception as error:
        names = {*given, *target.names}
        return Ended(target.name, "refused" if is_clear(error, names) else "raw", how, _told(error))
    none_is_fine = change.value is None and name in target.optional
    if change.refused and not none_is_fine and not {how, change.how} & target.lenient:
        return Ended(target.name, "wrong", how, "was let in")
    if not _is_finite_where(answer, given, spreads=target.spreads):
        return Ended(target.name, "not finite", how, "numbers that are not finite")
    if not _is_of_twin(target, answer, given, how):
        return Ended(target.name, "wrong", how, "not the reference")
    if not _are_rotations(target.turns(answer)):
        return Ended(target.name, "wrong", how, "no rotations")
    return Ended(target.name, "taken", how, "")


def _is_of_twin(target: Target, answer: Any, given: Mapping[str, Any], how: str) -> bool:
    """Whether an answer to broken arguments is the reference's, as far as there is one."""
    if how.endswith("tiny") or {how, how.split(": ")[1]} & target.loose:
        return True
    if any((np.abs(array) > _LARGEST_OF_TWINS).any() for array in numbers(given)):
        return True
    try:
        wanted = None if target.twin is None else target.twin(**given)
    except Exception:  # plain formulas have no answer to everything
        return True
    return wanted is None or same(answer, wanted, tolerance=target.tolerance)


def _is_finite_where(answer: Any, given: Mapping[str, Any], *, spreads: bool) -> bool:
    """Whether an answer is finite, but for the examples that are not, of functions that say so."""
    arrays = numbers(answer)
    if all(np.isfinite(array).all() for array in arrays):
        return True
    return spreads and not all(np.isfinite(array).all() for array in numbers(list(given.values())))


def _are_rotations(matrices: Any) -> bool:
    """Whether matrices (..., 3, 3) are orthonormal with determinant 1, those with NaN left aside."""
    matrices = np.asarray(matrices, np.float64)
    if not matrices.size:
        return True
    matrices = matrices.reshape(-1, 3, 3)
    matrices = matrices[np.isfinite(matrices).all((1, 2))]
    apart = np.abs(matrices @ matrices.swapaxes(1, 2) - np.eye(3)).max(initial=0.0)
    return bool(apart <= _LARGEST_TURN_ERROR and (np.linalg.det(matrices) > 0.0).all())


def _gap(found: Any, wanted: Any) -> str:
    """How far an answer is from the reference, as text."""
    found, wanted = numbers(found), numbers(wanted)
    if [array.shape for array in found] != [array.shape for array in wanted]:
        return f"{[array.shape for array in found]} in place of {[array.shape for array in wanted]}"
    return ", ".join(f"{np.abs(f - w).max(initial=0.0):.2g}" for f, w in zip(found, wanted, strict=True))


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
