"""SavedModels for TensorFlow Serving and everything else that runs TensorFlow graphs, in C++, Go, Java or Rust."""

import os
import pathlib
from collections.abc import Mapping

import tensorflow as tf

from niki_tf import files, provenance
from niki_tf.body import Body
from niki_tf.export import messages
from niki_tf.export.signatures import module, signatures
from niki_tf.solvers.solver import Solver
from niki_tf.vision.image_model import ImageModel

WARM_UP = "assets.extra/tf_serving_warmup_requests"
"""Where TensorFlow Serving looks for requests that it makes to itself before it takes others."""

STAMP = "assets.extra/niki_tf.json"
"""The file that says which format a SavedModel is of."""

_WARM_UP_BATCHES = (1, 64)
"""A single pose and a batch."""


def write_saved_model(
    solver: Solver | ImageModel, folder: str | os.PathLike, *, body: Body | None = None, version: int = 1
) -> pathlib.Path:
    """Writes `folder`/`version`/, whole or not at all; a former export there is replaced.

    The signatures are those of `signatures.signatures`; `serving_default` is the first, `ik`. Neither Python nor this
    package is needed to run them.

    Args:
        solver: any solver, or a model of images.
        folder: the model's own folder, which is what TensorFlow Serving mounts.
        body: `Body` for the signature `mesh`; the file then carries its arrays.
        version: number of the version.

    Returns:
        Path of the version's folder.

    Raises:
        ValueError: the version is below 1, or the body does not fit the solver.
        ModuleNotFoundError: tensorflow-serving-api, which defines the form of warm-up requests, is not installed.

    Example:
        >>> import tempfile
        >>> from niki_tf import body, export, solvers
        >>> solver = solvers.Analytic(body.mannequin_joints())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export.write_saved_model(solver, folder).name
        '1'
    """
    if version < 1:
        raise ValueError(f"`version` must be 1 or more; got {version}.")
    functions = signatures(solver, body=body)
    target = pathlib.Path(folder) / str(version)
    with files.atomic_write(target) as temporary:
        holder = module(solver, body=body)
        served = {"serving_default": next(iter(functions.values())), **functions}
        tf.saved_model.save(holder, str(temporary), signatures=served)
        _write_warm_up(temporary / WARM_UP, served)
        (temporary / STAMP).write_bytes(provenance.stamp_bytes())
    return target


def _write_warm_up(path: pathlib.Path, functions: Mapping[str, tf.types.experimental.ConcreteFunction]) -> None:
    """One request for every signature and batch size, all zeros: only their shapes matter."""
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for name, function in functions.items():
            specs = function.structured_input_signature[1]
            for batch in _WARM_UP_BATCHES:
                inputs = {key: tf.zeros([size or batch for size in spec.shape]) for key, spec in specs.items()}
                writer.write(messages.warm_up(inputs, signature=name).SerializeToString())
