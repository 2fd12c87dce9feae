"""Settings as dataclasses whose fields carry their help: library, flags and help text share one definition."""

import dataclasses


def described(default, meaning):
    """A dataclass field with a default and a sentence that says what it is."""
    return dataclasses.field(default=default, metadata={"help": meaning})
