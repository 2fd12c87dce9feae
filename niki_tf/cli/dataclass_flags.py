"""absl flags made from settings dataclasses: one definition serves library, command line and help text."""

import dataclasses
from typing import Any

from absl import flags

_DEFINE: dict[Any, Any] = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
}


def define(settings: type, *, prefix: str = "") -> None:
    """Defines one flag for each field of the dataclass `settings`, with its default and its help."""
    for field in dataclasses.fields(settings):
        _DEFINE[field.type](prefix + field.name, field.default, field.metadata["help"])


def names(settings: type, *, prefix: str = "") -> list[str]:
    """Names of the flags that `define` made for the dataclass `settings`."""
    return [prefix + field.name for field in dataclasses.fields(settings)]


def read(settings: type, *, prefix: str = "") -> Any:
    """The dataclass `settings` filled from the flags of its fields."""
    return settings(**{name.removeprefix(prefix): flags.FLAGS[name].value for name in names(settings, prefix=prefix)})
