"""Settings as dataclasses whose fields carry their help: library, flags and help text share one definition."""

import dataclasses
from typing import Any


def described(default: Any, meaning: str) -> Any:
    """A dataclass field with a default and its help text, `meaning`."""
    return dataclasses.field(default=default, metadata={"help": meaning})
