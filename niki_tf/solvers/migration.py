"""Files of models written before version 0.2, in today's names: nothing but names changed, so no number does."""

import contextlib
import io
import json
import os
import pathlib
import re
import tempfile
from collections.abc import Iterator
from typing import Any

import h5py

from niki_tf import model_files
from niki_tf.model_files import CONFIG, WEIGHTS
from niki_tf.solvers import keras_files

_CLASSES = {"Optimiser": "MapFit", "RestSkeleton": "BodyJoints"}
_MODULES = {
    "niki_tf.solvers.optimiser": "niki_tf.solvers.map_fit",
    "niki_tf.body.rest_skeleton": "niki_tf.body.body_joints",
    "niki_tf.camera": "niki_tf.vision.camera_network",
}
_ARGUMENTS = {
    "skeleton": "body_joints",
    "rest_skeleton": "body_joints",
    "couplings": "num_couplings",
    "hidden": "hidden_dim",
    "bounded": "tanh_on",
    "pairs": "num_temporal_pairs",
    "temporal_hidden": "temporal_hidden_dim",
    "rotation_couplings": "num_rotation_couplings",
    "rotation_hidden": "rotation_hidden_dim",
    "composed": "compose_twist",
    "twist_hidden": "twist_hidden_dim",
    "layers": "num_layers",
}
_WEIGHTS = {
    "Temporal": {
        "enter": "input_projection",
        "mix": "output_projection",
        "widen": "ffn_in",
        "narrow": "ffn_out",
        "told": "readout_value",
        "weight": "readout_score",
    },
    "Recurrent": {"enter": "input_layer", "layers/dense_2": "hidden_layer"},
}
"""Class -> former name of a layer in the weights file -> today's."""


@contextlib.contextmanager
def migrated(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Context manager of a path of the same model in today's names: `path` itself, or a temporary file.

    Args:
        path: a .keras file of any version of this package.

    Yields:
        pathlib.Path, there as long as the context lasts.

    Raises:
        ValueError: the file is damaged; see `model_files.read_parts`.
    """
    parts = model_files.read_parts(path)
    config = model_files.parsed(parts, path)
    if _today(config) == config:
        yield pathlib.Path(path)
        return
    weights = _renamed_weights(parts[WEIGHTS], _WEIGHTS.get(config["class_name"], {}))
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder) / pathlib.Path(path).name
        keras_files.write_parts(target, {**parts, CONFIG: json.dumps(_today(config)).encode(), WEIGHTS: weights})
        yield target


def _today(config: Any) -> Any:
    """A serialized object, and all that it holds, with today's names of modules, classes and arguments."""
    if isinstance(config, list):
        return [_today(item) for item in config]
    if not isinstance(config, dict):
        return config
    config = {key: _today(value) for key, value in config.items()}
    if not str(config.get("registered_name")).startswith("niki_tf>"):
        return config
    name = _CLASSES.get(config["class_name"], config["class_name"])
    return {
        **config,
        "module": _MODULES.get(config["module"], config["module"]),
        "class_name": name,
        "registered_name": f"niki_tf>{name}",
        "config": {_ARGUMENTS.get(key, key): value for key, value in config["config"].items()},
    }


def _renamed_weights(content: bytes, names: dict[str, str]) -> bytes:
    """The bytes of a weights file with the layers in `names` renamed."""
    if not names:
        return content
    former = re.compile("|".join(rf"(?<=/){name}(?=/vars)" for name in names))
    buffer = io.BytesIO(content)
    try:
        with h5py.File(buffer, "r+") as file:
            groups: list[str] = []
            file.visit(lambda path: groups.append(f"/{path}") if path.endswith("/vars") else None)
            for path in groups:
                target = former.sub(lambda match: names[match.group()], path)
                if target != path:
                    file.move(path, target)
    except Exception:  # HDF5 tells of damage in many kinds of error
        return content  # which is told when it is loaded
    return buffer.getvalue()
