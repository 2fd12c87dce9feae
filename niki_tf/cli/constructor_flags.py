"""absl flags made from constructors: the keyword arguments of a class, their types and their docstrings say it all."""

import inspect
import re
import types
import typing
from collections.abc import Iterable

from absl import flags

_DEFINE: dict[type, typing.Any] = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
}
_ARGUMENT = r"(?ms)^    (?:    )?{}: (.*?)(?=^    (?:    )?\S|\Z)"


def arguments(kind: type) -> dict[str, type]:
    """Names and types of the keyword arguments of `kind` and its base classes that a flag can hold."""
    found = {}
    for base in reversed(kind.__mro__):
        if "__init__" not in vars(base) or not base.__module__.startswith("niki_tf."):
            continue
        for parameter in inspect.signature(vars(base)["__init__"]).parameters.values():
            plain = _plain(parameter.annotation)
            if parameter.kind is parameter.KEYWORD_ONLY and plain is not None:
                found[parameter.name] = plain
    return found


def define(kinds: Iterable[type], *, leave_out: tuple[str, ...] = ()) -> list[str]:
    """Defines a flag for each argument of any of `kinds`, None meaning the constructor's default; gives their names."""
    types_of: dict[str, type] = {}
    help_of: dict[str, str] = {}
    for kind in kinds:
        for name, plain in arguments(kind).items():
            types_of[name] = plain
            help_of.setdefault(name, _help(kind, name))
    names = [name for name in types_of if name not in leave_out]
    for name in names:
        _DEFINE[types_of[name]](name, None, help_of[name])
    return names


def read(names: Iterable[str]) -> dict[str, typing.Any]:
    """The values of the flags `names` that were given."""
    return {name: flags.FLAGS[name].value for name in names if flags.FLAGS[name].value is not None}


def _plain(annotation: typing.Any) -> type | None:
    """bool, int, float or str for an annotation that means it, or it and None; else None."""
    options = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    plain = [option for option in options if option in _DEFINE]
    return plain[0] if len(plain) == 1 and len(options) - len(plain) == options.count(types.NoneType) else None


def _help(kind: type, name: str) -> str:
    """What the docstring of `kind`, or of the base class that declares it, says of the argument."""
    for base in kind.__mro__:
        described = re.search(_ARGUMENT.format(name), inspect.cleandoc(base.__doc__ or ""))
        if described:
            return " ".join(described.group(1).split())
    return ""
