"""What lies inside .keras files: a zip archive of a configuration (JSON) and weights (HDF5)."""

import io
import json
import os
import zipfile

import h5py
import numpy as np

from niki_tf import provenance
from niki_tf.model_files import METADATA, WEIGHTS, read_parts


def write_parts(path: str | os.PathLike, parts: dict[str, bytes]) -> None:
    """Writes an archive of `parts`, the same for the same parts."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)


def stamp(path: str | os.PathLike) -> None:
    """Writes the number of today's format into the metadata of a .keras file."""
    parts = read_parts(path)
    told = {**json.loads(parts[METADATA]), **provenance.stamp()}
    write_parts(
        path, {METADATA: json.dumps(told).encode(), **{name: parts[name] for name in parts if name != METADATA}}
    )


def halve_weights(path: str | os.PathLike) -> None:
    """Stores the float32 weights of a .keras file as float16; Keras turns them into float32 as it loads them.

    Raises:
        ValueError: a weight is larger than float16 can be; nothing is written.
    """
    parts = read_parts(path)
    buffer = io.BytesIO()
    with h5py.File(io.BytesIO(parts[WEIGHTS])) as full, h5py.File(buffer, "w") as half:
        for name, value in full.attrs.items():
            half.attrs[name] = value

        def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset):
                copied = half.create_dataset(name, data=_narrowed(item[()], name))
            else:
                copied = half.require_group(name)
            for key, value in item.attrs.items():
                copied.attrs[key] = value

        full.visititems(copy)
    write_parts(path, {**parts, WEIGHTS: buffer.getvalue()})


def _narrowed(array: np.ndarray, name: str) -> np.ndarray:
    """float32 numbers as float16; others as they are."""
    if array.dtype != np.float32:
        return array
    with np.errstate(over="ignore"):
        narrowed = array.astype(np.float16)
    if (np.isinf(narrowed) & np.isfinite(array)).any():
        largest = float(np.abs(array[np.isfinite(array)]).max())
        raise ValueError(
            f"`half` must be for weights of at most {np.finfo(np.float16).max:,.0f}; got {largest:.3g} in {name}. "
            "Store them in full."
        )
    return narrowed
