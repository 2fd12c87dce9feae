"""Where files come from: the format that they are written in, and the SHA-256 of the weights that ship.

Files of models say the number of their format: .keras files in metadata.json, .tflite files in their metadata,
SavedModels in assets.extra/. A file of a later format is refused in one line; one without a number is of an earlier
version, or somebody else's, and read as it is.
"""

import hashlib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

FORMAT = 1
"""Number of the format that is written; a change that former versions would read wrongly makes it larger."""
KEY = "niki_tf_format"
"""Name of the number in files."""
SUMS = "SHA256SUMS"
"""File beside the folders of the shipped models, as `sha256sum` writes it."""
_LONGEST = 4096
"""Bytes of a stamp."""
_MODEL = "model.keras"
_PACKAGE = pathlib.Path(__file__).resolve().parent
PLACES = (_PACKAGE / "saved_models", _PACKAGE.parent / "saved_models")
"""Where the shipped models lie: in the package, once it is installed from a wheel, or beside it in a checkout."""


def shipped() -> dict[str, pathlib.Path]:
    """Folders of all models that come with the package, by name."""
    found = [file for place in reversed(PLACES) for file in sorted(place.glob(f"*/{_MODEL}"))]
    return {file.parent.name: file.parent for file in found}


def stamp() -> dict[str, int]:
    """What a file of today's format says of itself."""
    return {KEY: FORMAT}


def stamp_bytes() -> bytes:
    """The stamp as JSON."""
    return json.dumps(stamp()).encode()


def check(told: Mapping[str, Any], name: str | os.PathLike) -> None:
    """Checks that a file is not of a later format than this package reads.

    Args:
        told: what the file says of itself; nothing is fine.
        name: of the file, for the message.

    Raises:
        ValueError: the number is larger than `FORMAT`, or is none.
    """
    number = told.get(KEY, 0)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= FORMAT:
        raise ValueError(
            f"{name} must be of format {FORMAT} or earlier; got {str(number)[:20]!r}, which a later version wrote. "
            "Update niki-tf, or write the file with this version."
        )


def check_bytes(content: bytes, name: str | os.PathLike) -> None:
    """`check` of a stamp as JSON; ValueError if it is none."""
    try:
        told = json.loads(content) if len(content) <= _LONGEST else None
    except ValueError:
        told = None
    check(told if isinstance(told, dict) else {KEY: "no stamp"}, name)


def check_weights(path: str | os.PathLike) -> None:
    """Checks that a model that ships has the weights that were released; says nothing of other files.

    Args:
        path: of the file; one that ships lies in a folder of one of `PLACES`, beside which `SUMS` is.

    Raises:
        ValueError: the SHA-256 is another one.
    """
    path = pathlib.Path(path).resolve()
    sums = path.parent.parent / SUMS
    if path.parent.parent not in [place.resolve() for place in PLACES] or not sums.is_file():
        return
    lines = [line.split(maxsplit=1) for line in sums.read_text(encoding="utf-8").splitlines()]
    wanted = {name: digest for digest, name in lines}.get(f"{path.parent.name}/{path.name}")
    if wanted is None:
        return
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != wanted:
        raise ValueError(
            f"{path} must be the weights that ship, SHA-256 {wanted[:16]}...; got {found[:16]}.... Fetch it again; "
            f"weights of your own belong elsewhere, or into {SUMS}."
        )
