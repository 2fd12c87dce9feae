"""Size and time of networks of images with a solver behind them: python tools/benchmarks/image_networks.py.

All is timed on one thread. A network is `image_backbone`, a folder of a trained one, or a backbone's name, such as
hrnet_w48, which is made with random weights for 256 pixels. Forms are the Keras model as one graph, whose size is that
of its weights in float32; the same with its weights in float16, as models ship (`keras_float16`); and LiteRT files of
which an interpreter runs the signature `ik`.

    python tools/benchmarks/image_networks.py                                    image_backbone + one_stage, all forms
    python tools/benchmarks/image_networks.py --network=hrnet_w48 --form=graph   HRNet-W48 + one_stage
    python tools/benchmarks/image_networks.py --network= --landmarks=heavy       BlazePose + one_stage

The time is that of one crop: in every round all forms are timed in turn, and the median of the rounds is told. `apart`
is the mean angle between the rotations of a form and those of the graph, on the one of four drawn people of whom it is
the largest. `--landmarks` times BlazePose's stages and the solver's LiteRT file (int8) on a picture of 1280 x 720; a
frame in which a person is followed needs the landmarks and the solver, one in which people are looked for the detector,
too.
"""

import pathlib
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from absl import app, flags

from niki_tf.cli.quiet_start import quiet_start

with quiet_start():
    import tensorflow as tf

    from niki_tf import body, contract, data, evaluation, export, vision
    from niki_tf.data.rendered_images import RenderedImages, Scenes
    from niki_tf.evaluation import metrics
    from niki_tf.solvers import zoo
    from niki_tf.vision import blazepose
    from niki_tf.vision.backbones import BACKBONES
    from niki_tf.vision.landmark_crop import crop_of

_LITERT = {"litert": "none", "litert_float16": "float16", "litert_int8": "int8"}
_NETWORK = flags.DEFINE_multi_string("network", ["image_backbone"], "Name, folder or backbone; none if it is empty.")
_FORMS = ["graph", "keras_float16", *_LITERT]
_FORM = flags.DEFINE_multi_enum("form", _FORMS, _FORMS, "Form that is timed; once a form.")
_LANDMARKS = flags.DEFINE_multi_enum("landmarks", [], blazepose.SIZES, "Landmark network of BlazePose; once a size.")
_SOLVER = flags.DEFINE_string("solver", "one_stage", "Solver behind them, of single frames.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Rounds of timing; the median is told.", lower_bound=1)
_OUTPUT = flags.DEFINE_string("output", None, "Folder for .json and .csv files; none if not given.")
_SIZE = 256
"""Pixels of a network that is made."""
_SECONDS = 0.2
"""Shortest duration of one timing."""
_PEOPLE = 4
_PICTURE = (720, 1280)


def main(argv: Sequence[str]) -> None:
    """Times everything that the flags name and prints a table."""
    if argv[1:]:
        sys.exit(f"image_networks.py takes flags only; got {' '.join(argv[1:])}.")
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    try:
        tables = {
            "image_networks": [row for name in filter(None, _NETWORK.value) for row in _network_rows(name)],
            "blazepose": [row for size in _LANDMARKS.value for row in _blazepose_rows(size)],
        }
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"image_networks.py: {error}")
    for name, rows in tables.items():
        if rows:
            print(f"{evaluation.text_table(rows, decimals=2)}\n")
        if rows and _OUTPUT.value:
            evaluation.write_json(rows, pathlib.Path(_OUTPUT.value, f"{name}.json"))
            evaluation.write_csv(rows, pathlib.Path(_OUTPUT.value, f"{name}.csv"))


def _network_rows(name: str) -> list[dict[str, Any]]:
    """The rows of a network and the solver, one a form."""
    seen = _network(name)
    model = vision.ImageSolver(seen, solver=zoo.load(_SOLVER.value, body_joints=seen.body_joints))
    images = _images(seen.image_size)
    with tempfile.TemporaryDirectory() as folder, quiet_start():
        graph = _graph(model)
        forms, sizes = _forms(model, graph, pathlib.Path(folder))
        ms = _milliseconds({form: _calling(run, images[:1]) for form, run in forms.items()})
        wanted = contract.local_rotations(graph(image=images))
        others = {form: run for form, run in forms.items() if run is not graph}
        found = {form: contract.local_rotations(run(image=images)) for form, run in others.items()}
    apart = {form: float(np.max(metrics.rotation_error_deg(local, wanted))) for form, local in found.items()}
    shared = {"network": pathlib.Path(name).name, "pixels": seen.image_size, "solver": pathlib.Path(_SOLVER.value).name}
    return [
        {**shared, "form": form, "MB": sizes[form] / 1e6, "ms": ms[form], "apart, deg": apart.get(form, 0.0)}
        for form in forms
    ]


def _network(name: str) -> vision.ImageJoints:
    """The network of a name or folder, or one with random weights."""
    if name in BACKBONES:
        return vision.ImageJoints(body.mannequin_joints(), backbone=name, image_size=_SIZE)
    network = vision.load_image_model(name)
    if not isinstance(network, vision.ImageJoints):
        raise ValueError(f"`network` must be a network of joints; {name} gives poses.")
    return network


def _images(size: int) -> np.ndarray:
    """Crops of drawn people (N, S, S, 3)."""
    scenes = Scenes(image_size=size, distance_range=(6.0, 12.0))
    motion = data.load_sources(["made"], made_frames=100)
    images = RenderedImages(motion, body=body.mannequin(), scenes=scenes, seed=0, opengl=False)
    return np.stack([one["image"] for one in images.examples(count=_PEOPLE)]).astype(np.float32)


_Run = Callable[..., Mapping[str, np.ndarray]]


def _forms(model: vision.ImageSolver, graph: _Run, folder: pathlib.Path) -> tuple[dict[str, _Run], dict[str, int]]:
    """The forms of a model that the flags name, and their bytes."""
    runs: dict[str, _Run] = {}
    sizes: dict[str, int] = {}
    for form in _FORM.value:
        if form == "graph":
            runs[form], sizes[form] = graph, 4 * model.count_params()
            continue
        if form == "keras_float16":
            zoo.save(model, folder, half=True)
            path = folder / "model.keras"
            runs[form], sizes[form] = _graph(vision.load_image_model(folder)), path.stat().st_size
            continue
        path = folder / f"{form}.tflite"
        path.write_bytes(export.litert(model, quantize=_LITERT[form]))
        runs[form], sizes[form] = export.load_litert(path), path.stat().st_size
    return runs, sizes


def _graph(model: vision.ImageModel) -> _Run:
    """The Keras model as one graph."""
    size = model.image_size
    signature = {"image": tf.TensorSpec([None, size, size, 3], tf.float32)}
    graph = tf.function(model, input_signature=[signature], autograph=False)
    return lambda image: {name: value.numpy() for name, value in graph({"image": image}).items()}


def _calling(run: _Run, image: np.ndarray) -> Callable[[], Any]:
    return lambda: run(image=image)


def _milliseconds(calls: Mapping[str, Callable[[], Any]]) -> dict[str, float]:
    """Milliseconds of one call by name: medians over rounds, in each of which all are timed in turn."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(_ROUNDS.value):
        for name, call in calls.items():
            call()
            count, start = 0, time.perf_counter()
            while time.perf_counter() - start < _SECONDS:
                call()
                count += 1
            times[name].append(1000 * (time.perf_counter() - start) / count)
    return {name: float(np.median(values)) for name, values in times.items()}


def _blazepose_rows(size: str) -> list[dict[str, Any]]:
    """The rows of BlazePose's stages and the solver's LiteRT file."""
    estimator = vision.BlazePose(size, threads=1)
    picture = np.random.default_rng(0).integers(0, 256, [*_PICTURE, 3]).astype(np.uint8)
    middle = 0.5 * np.array(_PICTURE[::-1])
    crop = crop_of(middle, middle - [0.0, 300.0])
    with tempfile.TemporaryDirectory() as folder, quiet_start():
        solve = export.load_litert(_litert_solver(pathlib.Path(folder)))
    joints = np.asarray(body.mannequin_joints().joints, np.float32)[None]
    ms = _milliseconds(
        {
            "detector": lambda: estimator.detect(picture, in_tiles=False),
            "landmarks": lambda: estimator.landmarks(picture, crop),
            "solver": lambda: solve("ik", joints=joints),
        }
    )
    ms["followed, a frame"] = ms["landmarks"] + ms["solver"]
    shared = {"network": f"blazepose {size}", "solver": pathlib.Path(_SOLVER.value).name}
    return [{**shared, "form": stage, "ms": value} for stage, value in ms.items()]


def _litert_solver(folder: pathlib.Path) -> pathlib.Path:
    """The solver's LiteRT file (int8): the one beside its weights, else one that is made in `folder`."""
    found = zoo.find(_SOLVER.value)
    path = None if found is None else found / "model_int8.tflite"
    if path is None or not path.is_file():
        path = folder / "solver.tflite"
        path.write_bytes(export.litert(zoo.load(_SOLVER.value), quantize="int8"))
    return path


if __name__ == "__main__":
    app.run(main)
