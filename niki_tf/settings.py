"""Settings as dataclasses whose fields carry their help: library, flags and help text share one definition."""

import dataclasses
import math
from typing import Any


def described(default: Any, meaning: str) -> Any:
    """A dataclass field with a default and its help text, `meaning`."""
    return dataclasses.field(default=default, metadata={"help": meaning})


def share(default: float, meaning: str) -> Any:
    """A field as `described`, for a number that `check_sizes` holds between 0 and 1."""
    return dataclasses.field(default=default, metadata={"help": meaning, "most": 1.0})


def check_sizes(settings: Any) -> None:
    """Checks that all fields of the dataclass `settings` are sizes: finite numbers from 0 on, shares to 1.

    Raises:
        ValueError: one is something else.

    Example:
        >>> import dataclasses
        >>> from niki_tf import settings
        >>> @dataclasses.dataclass(frozen=True)
        ... class Noise:
        ...     level: float = settings.described(0.1, "Metres.")
        >>> settings.check_sizes(Noise(level=-1.0))
        Traceback (most recent call last):
        ...
        ValueError: `level` must be a finite number from 0 on; got -1.0. Metres.
    """
    for field in dataclasses.fields(settings):
        value, most = getattr(settings, field.name), field.metadata.get("most", math.inf)
        try:
            fits = math.isfinite(value) and 0.0 <= value <= most
        except (TypeError, ValueError):
            fits = False
        if not fits:
            wanted = "a finite number from 0 on" if most == math.inf else f"a number from 0 to {most:g}"
            raise ValueError(f"`{field.name}` must be {wanted}; got {value!r}. {field.metadata['help']}")
