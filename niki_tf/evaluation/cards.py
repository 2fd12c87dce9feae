"""The models' cards and the list of checksums: what they say of the files beside them.

A card, `saved_models/*/README.md`, says `N weights; model.keras has N bytes`, the SHA-256 of model.keras, and the bytes
of .tflite files, after their names; the file SHA256SUMS above has the sums of all model.keras and .tflite files.
"""

import io
import os
import pathlib
import re

import h5py

from niki_tf import files, provenance
from niki_tf.evaluation.records import MODELS, sha256
from niki_tf.model_files import WEIGHTS, read_parts

_WEIGHTS = "model.keras"
_SIZE = re.compile(r"[\d,]+ weights; model\.keras has [\d,]+ bytes")
_EXPORT = re.compile(r"`(\w+\.tflite)`, [\d,]+ bytes")
_SUM = re.compile(r"SHA-256 of model\.keras `[0-9a-f]*`")


def update_cards(root: str | os.PathLike, *, check: bool = False) -> list[str]:
    """Writes size and checksum of weights into their cards, and all checksums into the list above them.

    Args:
        root: folder of the checkout.
        check: write nothing.

    Returns:
        a message for each file that did not say what is so.

    Raises:
        ValueError: a model.keras is damaged, or a card names a .tflite file that is not there.
    """
    models, messages = pathlib.Path(root, MODELS), []
    wanted = {path: _card(path) for path in sorted(models.glob("*/README.md")) if path.with_name(_WEIGHTS).is_file()}
    sums = [f"{sha256(path)}  {path.relative_to(models).as_posix()}\n" for path in _stored(models)]
    wanted[models / provenance.SUMS] = "".join(sums)
    for path, text in wanted.items():
        if (path.read_text() if path.is_file() else "") == text:
            continue
        messages.append(f"{path.relative_to(root)}: differs from the weights beside it")
        if not check:
            with files.atomic_write(path) as beside:
                beside.write_text(text)
    return messages


def _card(path: pathlib.Path) -> str:
    """The text of a card, of the weights beside it."""
    weights = path.with_name(_WEIGHTS)

    def size(_: re.Match[str]) -> str:
        return f"{_count(weights):,} weights; model.keras has {weights.stat().st_size:,} bytes"

    def size_of_export(found: re.Match[str]) -> str:
        export = path.with_name(found[1])
        if not export.is_file():
            raise ValueError(f"{path} must name files beside it; got {found[1]}. Export it anew, or strike it out.")
        return f"`{found[1]}`, {export.stat().st_size:,} bytes"

    text = _EXPORT.sub(size_of_export, _SIZE.sub(size, path.read_text()))
    return _SUM.sub(f"SHA-256 of model.keras `{sha256(weights)}`", text)


def _count(path: pathlib.Path) -> int:
    """Numbers in the weights of a model.keras."""
    sizes: list[int] = []
    with h5py.File(io.BytesIO(read_parts(path)[WEIGHTS])) as weights:
        weights.visititems(lambda _, item: sizes.append(item.size) if isinstance(item, h5py.Dataset) else None)
    return sum(sizes)


def _stored(models: pathlib.Path) -> list[pathlib.Path]:
    return [*sorted(models.glob(f"*/{_WEIGHTS}")), *sorted(models.glob("*/*.tflite"))]
