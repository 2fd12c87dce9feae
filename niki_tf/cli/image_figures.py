"""Draws what methods make of images: occlusion sensitivity maps, or posed bodies over the crops and from the side.

Examples:
    niki-tf image_figures --figure=occlusion --images=SET --freeze_backbone=DIR --solver=analytic --solver=DIR
    niki-tf image_figures --figure=occlusion --picture=photo.jpg --freeze_backbone=image_backbone --solver=one_stage
    niki-tf image_figures --figure=bodies --images=SET --freeze_backbone=DIR --image_solver=DIR --solver=DIR

Pictures are drawn from the set by --seed, whatever they show: clips, then a frame of each. `occlusion` hides one place
of a picture after the other by a square of 40/224 of the crop (figures 7 and 8 of the supplementary) and colours it by
MPJPE; solvers that see time are left out, since they need more than one picture. Of a photograph (--picture) no truth
is known: its map tells how far joints move against the answer for the whole picture. `bodies` draws each method's body
in the picture's camera, where the network sees joint 0, and from the side (figures 9 and 10). Numbers go to .json and
.csv files beside the pictures. A solver is as in evaluate, behind the network; `analytic` there is HybrIK.
"""

import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tqdm
from absl import flags

from niki_tf import evaluation, files, skeletons, vision
from niki_tf.body import BodyPoser
from niki_tf.camera import FOCAL, camera_to_transl
from niki_tf.cli import body_flag, deterministic_flag, frozen_backbone, image_solver_flag, photographed_people
from niki_tf.cli.image_methods import Methods, chosen, load_solvers
from niki_tf.data.image_sets import Example, ImageSet
from niki_tf.evaluation import body_figure, metrics, occlusion_figures, occlusion_maps
from niki_tf.evaluation.tables import Row
from niki_tf.solvers import zoo
from niki_tf.vision.backbones import NORMALIZATIONS

_FIGURE = flags.DEFINE_enum("figure", "occlusion", ["occlusion", "bodies"], "What is drawn.")
_SOLVER = flags.DEFINE_multi_string("solver", ["analytic"], "NAME or FOLDER[+finish], once a solver.")
_PICTURE = flags.DEFINE_multi_string("picture", [], "Photograph of a person, in place of --images; once a picture.")
_BOX = flags.DEFINE_list(
    "box", None, "left,top,right,bottom of the person in --picture, pixels; BlazePose finds one if it is not given."
)
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
        picked = _picked(network)
        output, methods = files.output_folder(_OUTPUT.value), _methods(network)
        if _FIGURE.value == "bodies":
            written = _bodies(picked, methods, output)
        else:
            written = _occlusion(network, picked, methods, output)
    except (ValueError, OSError, ImportError, FloatingPointError) as error:
        sys.exit(f"image_figures: {error}")
    print("\nWritten: " + ", ".join(map(str, written)))


class _Picked(NamedTuple):
    """Pictures that are drawn: clips of examples, and which frame of each."""

    clips: list[tuple[list[Example], int]]
    where: str
    """Which pictures these are."""

    @property
    def frames(self) -> list[Example]:
        """The frame of each clip."""
        return [clip[frame] for clip, frame in self.clips]


def _network() -> vision.ImageJoints:
    """The network of --freeze_backbone, which must say where joint 0 is."""
    network = frozen_backbone.network()
    if not isinstance(network, vision.ImageJoints):
        raise ValueError(
            f"`freeze_backbone` must be a network of joints; {flags.FLAGS.freeze_backbone} gives rotations. Name it by "
            "--image_solver."
        )
    return network


def _picked(network: vision.ImageJoints) -> _Picked:
    """The photographs of --picture, or pictures of the one set of --images."""
    clips: list[tuple[list[Example], int]] = []
    if not _PICTURE.value:
        frozen_backbone.check_given()
        images = _images(network)
        numbers = chosen(images, count=_COUNT.value, seed=_SEED.value)
        clips += [([images[number] for number in clip], frame) for clip, frame in numbers]
        return _Picked(clips, f"{len(clips)} pictures of {images.folder.name}, drawn by seed {_SEED.value}")
    if flags.FLAGS.images or _FIGURE.value == "bodies":
        raise ValueError("`picture` is for --figure=occlusion, without --images. Leave one of them out.")
    paths = [pathlib.Path(path) for path in _PICTURE.value]
    for path in paths:
        clips.append(([photographed_people.example(path, size=network.image_size, box=_BOX.value)], 0))
    return _Picked(clips, ", ".join(path.name for path in paths))


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
    solvers = load_solvers({name: name for name in _SOLVER.value}, body_joints)
    models = {
        folder: vision.load_image_model(folder, argument="image_solver")
        for folder in image_solver_flag.IMAGE_SOLVER.value
    }
    return Methods(network, solvers=solvers, models=models)


def _occlusion(
    network: vision.ImageJoints, picked: _Picked, methods: Methods, output: pathlib.Path
) -> list[pathlib.Path]:
    """Draws and writes the maps; gives the files."""
    names = [name for name in methods.names if name not in methods.that_see_time]
    if not names:
        raise ValueError("`solver` must be one that needs no more than one picture; got none. Add --solver=analytic.")
    if methods.that_see_time:
        print(f"Left out, since they see time: {', '.join(methods.that_see_time)}")
    fill = 255.0 * np.array(NORMALIZATIONS[network.normalization][0])
    poser, maps, known = BodyPoser(body_flag.body_data()), {}, not _PICTURE.value
    with tqdm.tqdm(total=len(names) * len(picked.clips), unit="map") as bar:
        for name in names:
            hidden, whole = [], []
            for example in picked.frames:
                estimate = methods.joints(name, poser, like=example)
                truth = _truth(poser, example) if known else None
                hidden.append(occlusion_maps.occlusion_map(estimate, example["image"], fill=fill, truth=truth))
                if truth is not None:
                    whole.append(occlusion_maps.joint_errors(estimate(example["image"][None]), truth)[0])
                bar.update()
            maps[name] = occlusion_maps.Maps(np.stack(hidden), np.stack(whole) if known else None)
    rows = occlusion_maps.map_rows(maps, names=_NAMES)
    print(f"Occlusion sensitivity: {picked.where}.\n\n{occlusion_maps.map_tables(rows)}")
    written = _write(rows, output)
    written.append(output / "occlusion_places.csv")
    evaluation.write_csv([*occlusion_maps.place_rows(maps, names=_NAMES)], written[-1])
    return written + _maps_drawn(picked, {name: one.hidden for name, one in maps.items()}, output, known=known)


def _truth(poser: BodyPoser, example: Example) -> np.ndarray:
    """True joints (24, 3) of a picture."""
    return poser.pose(example["rotations"][None], betas=example["betas"][None])["joints"][0, : len(_NAMES)]


def _maps_drawn(
    picked: _Picked, hidden: Mapping[str, np.ndarray], output: pathlib.Path, *, known: bool
) -> list[pathlib.Path]:
    """Draws the maps of all pictures, and those of the joints of the first; gives the files."""
    paths = [output / "occlusion.png", output / "occlusion_joints.png"]
    pictures = np.stack([one["image"] for one in picked.frames])
    what = ("MPJPE", "Error") if known else ("Change of the answer, no error: the truth is not known;", "Change")
    title = f"{what[0]} while a square hides one place after the other\n{picked.where}"
    occlusion_figures.occlusion_figure(pictures, hidden, paths[0], changes=not known, title=title)
    first = {name: errors[0] for name, errors in hidden.items()}
    title = f"{what[1]} of each joint while a square hides one place after the other, first picture\n{picked.where}"
    occlusion_figures.joint_map_figure(pictures[0], first, paths[1], names=_NAMES, changes=not known, title=title)
    return paths


def _bodies(picked: _Picked, methods: Methods, output: pathlib.Path) -> list[pathlib.Path]:
    """Draws the bodies and writes their errors; gives the files."""
    body_data = body_flag.body_data()
    poser, crops, rows = BodyPoser(body_data), [], []
    for examples, frame in tqdm.tqdm(picked.clips, unit="picture"):
        seen, errors = _seen_bodies(methods, poser, examples, frame)
        crops.append(seen)
        which = {"picture": len(crops), "clip": int(examples[frame]["clip"]), "frame": int(examples[frame]["frame"])}
        rows += [{**which, "solver": name, **metric} for name, metric in errors.items()]
    print(f"Posed bodies: {picked.where}. MPJPE and PA-MPJPE in mm.\n\n{evaluation.text_table(rows)}")
    written = [*_write(rows, output), output / "bodies.png"]
    title = f"Posed bodies and their MPJPE\n{picked.where}"
    body_figure.body_figure(crops, written[-1], faces=body_data.faces, title=title)
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


def _write(rows: Sequence[Row], output: pathlib.Path) -> list[pathlib.Path]:
    """Writes the rows; gives the files."""
    written = [output / f"{_FIGURE.value}.{ending}" for ending in ("json", "csv")]
    evaluation.write_json(rows, written[0])
    evaluation.write_csv(rows, written[1])
    return written
