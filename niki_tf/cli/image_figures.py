"""Draws what methods make of images: occlusion sensitivity maps, or posed bodies over the crops and from the side.

Examples:
    niki-tf image_figures --figure=occlusion --images=SET --freeze_backbone=DIR --solver=analytic --solver=DIR
    niki-tf image_figures --figure=bodies --images=SET --freeze_backbone=DIR --image_solver=DIR --solver=DIR

Pictures are drawn from the set by --seed, whatever they show: clips, then a frame of each. `occlusion` hides one place
of a picture after the other by a square of 40/224 of the crop (figures 7 and 8 of the supplementary) and colours it by
MPJPE; solvers that see time are left out, since they need more than one picture. `bodies` draws each method's body in
the picture's camera, where the network sees joint 0, and from the side (figures 9 and 10). Numbers go to .json and
.csv files beside the pictures. A solver is as in evaluate, behind the network; `analytic` there is HybrIK.
"""

import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import tqdm
from absl import flags

from niki_tf import evaluation, files, skeletons, vision
from niki_tf.body import BodyPoser
from niki_tf.camera import FOCAL, camera_to_transl
from niki_tf.cli import body_flag, deterministic_flag, frozen_backbone, image_solver_flag
from niki_tf.cli.image_methods import Methods, chosen
from niki_tf.data.image_sets import Example, ImageSet
from niki_tf.evaluation import body_figure, metrics, occlusion_figures, occlusion_maps
from niki_tf.evaluation.tables import Row
from niki_tf.solvers import zoo
from niki_tf.vision.backbones import NORMALIZATIONS

_FIGURE = flags.DEFINE_enum("figure", "occlusion", ["occlusion", "bodies"], "What is drawn.")
_SOLVER = flags.DEFINE_multi_string("solver", ["analytic"], "NAME or FOLDER[+finish], once a solver.")
_COUNT = flags.DEFINE_integer("count", 12, "Pictures, at most one of each clip.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of which pictures are drawn.", lower_bound=0)
_OUTPUT = flags.DEFINE_string("output", "output/image_figures", "Folder for the .png, .json and .csv files.")
flags.adopt_module_key_flags(body_flag)
flags.adopt_module_key_flags(deterministic_flag)
flags.adopt_module_key_flags(frozen_backbone)
flags.adopt_module_key_flags(image_solver_flag)

_NAMES = skeletons.SMPL_29.names[: skeletons.NUM_ROTATIONS]


def main(argv: list[str]) -> None:
    """Checks everything, draws, prints the numbers and writes them."""
    if argv[1:]:
        sys.exit(f"image_figures takes flags only; got {' '.join(argv[1:])}.")
    deterministic_flag.apply()
    try:
        for name in _SOLVER.value:
            zoo.check_solver(name)
        network = _network()
        images, output = _images(network), files.output_folder(_OUTPUT.value)
        methods = _methods(network)
        draw = _occlusion if _FIGURE.value == "occlusion" else _bodies
        written = draw(network, images, methods, output)
    except (ValueError, OSError, FloatingPointError) as error:
        sys.exit(f"image_figures: {error}")
    print("\nWritten: " + ", ".join(map(str, written)))


def _network() -> vision.ImageJoints:
    """The network of --freeze_backbone, which must say where joint 0 is."""
    network = frozen_backbone.needed()
    if not isinstance(network, vision.ImageJoints):
        raise ValueError(
            f"`freeze_backbone` must be a network of joints; {flags.FLAGS.freeze_backbone} gives rotations. Name it by "
            "--image_solver."
        )
    return network


def _images(network: vision.ImageJoints) -> ImageSet:
    """The one set of --images."""
    folders = flags.FLAGS.images
    if len(folders) != 1:
        raise ValueError(f"`images` must be one set; got {', '.join(folders)}. Draw them one after the other.")
    images = ImageSet(folders[0])
    frozen_backbone.check_size(network, images)
    return images


def _methods(network: vision.ImageJoints) -> Methods:
    body_joints = body_flag.body_joints()
    solvers = {name: zoo.load(name, body_joints=body_joints) for name in _SOLVER.value}
    models = {folder: vision.load_image_model(folder) for folder in image_solver_flag.IMAGE_SOLVER.value}
    return Methods(network, solvers=solvers, models=models)


def _occlusion(
    network: vision.ImageJoints, images: ImageSet, methods: Methods, output: pathlib.Path
) -> list[pathlib.Path]:
    """Draws and writes the maps; gives the files."""
    names = [name for name in methods.names if name not in methods.that_see_time]
    if not names:
        raise ValueError("`solver` must be one that needs no more than one picture; got none. Add --solver=analytic.")
    if methods.that_see_time:
        print(f"Left out, since they see time: {', '.join(methods.that_see_time)}")
    picked = [images[clip[frame]] for clip, frame in chosen(images, count=_COUNT.value, seed=_SEED.value)]
    fill = 255.0 * np.array(NORMALIZATIONS[network.normalization][0])
    poser, maps = BodyPoser(body_flag.body_data()), {}
    with tqdm.tqdm(total=len(names) * len(picked), unit="map") as bar:
        for name in names:
            found = []
            for example in picked:
                found.append(_map(methods, name, poser, example, fill))
                bar.update()
            maps[name] = occlusion_maps.Maps(*map(np.stack, zip(*found, strict=True)))
    rows = occlusion_maps.map_rows(maps, names=_NAMES)
    print(f"Occlusion sensitivity: {_where(picked, images)}.\n\n{occlusion_maps.map_tables(rows)}")
    written = _write(rows, output)
    written.append(output / "occlusion_places.csv")
    evaluation.write_csv([*occlusion_maps.place_rows(maps, names=_NAMES)], written[-1])
    pictures, hidden = np.stack([one["image"] for one in picked]), {name: one.hidden for name, one in maps.items()}
    written += [output / "occlusion.png", output / "occlusion_joints.png"]
    where = _where(picked, images)
    title = f"MPJPE while a square hides one place after the other\n{where}"
    occlusion_figures.occlusion_figure(pictures, hidden, written[-2], title=title)
    first = {name: errors[0] for name, errors in hidden.items()}
    title = f"Error of each joint while a square hides one place after the other, first picture\n{where}"
    occlusion_figures.joint_map_figure(pictures[0], first, written[-1], names=_NAMES, title=title)
    return written


def _map(
    methods: Methods, name: str, poser: BodyPoser, example: Example, fill: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Errors of a method on one picture, hidden (P, P, J) and whole (J,), mm."""
    estimate = methods.joints(name, poser, like=example)
    truth = poser.pose(example["rotations"][None], betas=example["betas"][None])["joints"][0, : len(_NAMES)]
    hidden = occlusion_maps.occlusion_map(estimate, example["image"], fill=fill, truth=truth)
    return hidden, occlusion_maps.joint_errors(estimate(example["image"][None]), truth)[0]


def _bodies(
    network: vision.ImageJoints, images: ImageSet, methods: Methods, output: pathlib.Path
) -> list[pathlib.Path]:
    """Draws the bodies and writes their errors; gives the files."""
    body_data = body_flag.body_data()
    poser, crops, rows = BodyPoser(body_data), [], []
    for clip, frame in tqdm.tqdm(chosen(images, count=_COUNT.value, seed=_SEED.value), unit="picture"):
        examples = [images[number] for number in clip]
        seen, errors = _seen_bodies(methods, poser, examples, frame)
        crops.append(seen)
        which = {"picture": len(crops), "clip": int(examples[frame]["clip"]), "frame": int(examples[frame]["frame"])}
        rows += [{**which, "solver": name, **metric} for name, metric in errors.items()]
    where = _where(crops, images)
    print(f"Posed bodies: {where}. MPJPE and PA-MPJPE in mm.\n\n{evaluation.text_table(rows)}")
    written = [*_write(rows, output), output / "bodies.png"]
    body_figure.body_figure(crops, written[-1], faces=body_data.faces, title=f"Posed bodies and their MPJPE\n{where}")
    return written


def _seen_bodies(
    methods: Methods, poser: BodyPoser, examples: Sequence[Example], frame: int
) -> tuple[body_figure.SeenBodies, dict[str, Row]]:
    """The bodies of all methods in a frame of a clip, and their errors; the whole clip is seen."""
    one = examples[frame]
    seen = methods.see(np.stack([example["image"] for example in examples]), like=examples)
    truth = poser.pose(one["rotations"][None], betas=one["betas"][None])
    bodies, errors = {}, {}
    for name in methods.names:
        local, betas = (value[frame : frame + 1] for value in methods.answer(name, seen))
        posed, scored = poser.pose(local, betas=betas), list(skeletons.EVALUATION_14)
        joints, wanted = (which["joints"][:, : len(_NAMES)] for which in (posed, truth))
        mpjpe = metrics.mpjpe(joints, wanted)[0]
        pa_mpjpe = metrics.pa_mpjpe(posed["joints"][:, scored], truth["joints"][:, scored])[0]
        bodies[name], errors[name] = posed["vertices"][0], {"mpjpe": float(mpjpe), "pa_mpjpe": float(pa_mpjpe)}
    crop = body_figure.SeenBodies(
        one["image"],
        FOCAL,
        one["image_center"] * (FOCAL / one["focal"]),
        camera_to_transl(seen.said["camera"][frame]).numpy(),
        bodies,
        truth["vertices"][0],
        {name: metric["mpjpe"] for name, metric in errors.items()},
    )
    return crop, errors


def _where(pictures: Sequence[Any], images: ImageSet) -> str:
    """Which pictures are drawn."""
    return f"{len(pictures)} pictures of {images.folder.name}, drawn by seed {_SEED.value}"


def _write(rows: Sequence[Row], output: pathlib.Path) -> list[pathlib.Path]:
    """Writes the rows; gives the files."""
    written = [output / f"{_FIGURE.value}.{ending}" for ending in ("json", "csv")]
    evaluation.write_json(rows, written[0])
    evaluation.write_csv(rows, written[1])
    return written
