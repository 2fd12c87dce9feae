"""What a checkpoint must hold: every tensor by name, with its shape and its use."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_SHOWN = 12
"""Names that a message lists at most."""
_LONGEST = 100
"""Letters of a name that are listed; the published ones have up to 40, with a shape behind them 60."""


@dataclasses.dataclass(frozen=True)
class Part:
    """A tensor that a checkpoint should hold.

    Attributes:
        shape: sizes; a letter stands for any size above 0.
        use: what it is converted to, or why it is not used.
        used: whether the converted model depends on it.
        needed: whether it must be there.
    """

    shape: tuple[int | str, ...]
    use: str
    used: bool = True
    needed: bool = True

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether an array of the shape `shape` can be this tensor."""
        pairs = zip(shape, self.shape, strict=False)
        alike = [size == wanted if isinstance(wanted, int) else size > 0 for size, wanted in pairs]
        return len(shape) == len(self.shape) and all(alike)


def check(arrays: Mapping[str, np.ndarray], parts: Mapping[str, Part]) -> None:
    """Checks that `arrays` are the tensors of `parts`, complete and finite.

    Args:
        arrays: name -> NumPy array.
        parts: name -> `Part`.

    Raises:
        ValueError: arrays are missing, misshapen, not finite or not known; the message names them.
    """
    missing = [name for name, part in parts.items() if part.needed and name not in arrays]
    unknown = [f"{name} {arrays[name].shape}" for name in arrays if name not in parts]
    present = {name: part for name, part in parts.items() if name in arrays}
    misshapen = [
        f"{name} (wanted {_text(part.shape)}, got {arrays[name].shape})"
        for name, part in present.items()
        if not part.fits(arrays[name].shape)
    ]
    broken = [name for name, part in present.items() if part.used and not np.isfinite(arrays[name]).all()]
    problems = {"missing": missing, "misshapen": misshapen, "not finite": broken, "not known": unknown}
    if any(problems.values()):
        listing = "; ".join(f"{kind}: {listed(names)}" for kind, names in problems.items() if names)
        raise ValueError(f"the checkpoint is not one of the published models. Tensors {listing}.")


def report(arrays: Mapping[str, np.ndarray], parts: Mapping[str, Part]) -> list[dict[str, Any]]:
    """A row for each array: name, shape, whether it is used, and how or why not."""
    return [
        {"name": name, "shape": list(array.shape), "used": parts[name].used, "use": parts[name].use}
        for name, array in arrays.items()
    ]


def _text(shape: Sequence[int | str]) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def listed(names: Sequence[str]) -> str:
    """The names, separated by commas; the first twelve if there are many."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(" ".join(name[:_LONGEST].split()) for name in names[:_SHOWN]) + more
