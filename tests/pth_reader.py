"""Reads tensors of a PyTorch zip file without torch, so that recorded weights are compared where torch is not there."""

import collections
import pickle
import zipfile

import numpy as np

_TYPES = {"FloatStorage": np.float32, "LongStorage": np.int64, "BoolStorage": np.bool_, "IntStorage": np.int32}


def read(path):
    """Name -> NumPy array of a state dict saved by torch."""
    with zipfile.ZipFile(path) as archive:
        (description,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        return dict(_Reader(archive, description).load())


class _Reader(pickle.Unpickler):
    def __init__(self, archive, description):
        self._archive, self._folder = archive, description.removesuffix("data.pkl")
        super().__init__(archive.open(description))

    def find_class(self, module, name):
        return {"_rebuild_tensor_v2": _tensor, "OrderedDict": collections.OrderedDict, **_TYPES}[name]

    def persistent_load(self, key):
        _, dtype, file, _, _ = key
        return np.frombuffer(self._archive.read(f"{self._folder}data/{file}"), dtype)


def _tensor(storage, offset, size, stride, *_):
    strides = [storage.itemsize * step for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, strides).copy()
