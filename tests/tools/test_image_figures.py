"""tools/image_figures.py: which pictures are drawn, and what is drawn and written of them."""

import json

import cv2
import image_models
import numpy as np
import pytest

from niki_tf import body, data, solvers, vision
from niki_tf.cli import image_methods
from niki_tf.data import image_sets
from niki_tf.data.rendered_images import RenderedImages, Scenes
from niki_tf.evaluation import body_figure, occlusion_figures
from niki_tf.solvers import zoo

CLIPS, FRAMES = 3, 2


@pytest.fixture(scope="module")
def examples():
    """The images of three clips of two frames; nobody knows the betas of the second clip."""
    scenes = Scenes(image_size=image_models.SIZE)
    motion = data.load_sources(["made"], made_frames=20)
    images = RenderedImages(motion, body=body.mannequin(), scenes=scenes, seed=0, opengl=False)
    found = []
    for clip in range(CLIPS):
        found += [{**one, "clip": np.int64(clip)} for one in images.clip(clip, frames=FRAMES)]
    for one in found[2:4]:
        one["betas"] = np.full_like(one["betas"], np.nan)
    return found


@pytest.fixture(scope="module")
def images(examples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    image_sets.write(folder, [len(examples)], lambda number: examples)
    return folder


def test_pictures_are_chosen_by_the_seed_from_clips_that_are_known(images):
    found = image_methods.chosen(image_sets.ImageSet(images), count=12, seed=0)
    assert [clip for clip, _ in found] == [[0, 1], [4, 5]]
    assert all(frame in (0, 1) for _, frame in found)
    assert found == image_methods.chosen(image_sets.ImageSet(images), count=12, seed=0)
    others = [image_methods.chosen(image_sets.ImageSet(images), count=1, seed=seed) for seed in range(8)]
    assert len({(clip[0], frame) for ((clip, frame),) in others}) > 1


def test_behind_a_network_the_analytic_solver_is_hybrik_and_takes_no_sigma():
    names = {"a": "analytic", "b": "analytic+finish", "c": "one_stage"}
    found = image_methods.load_solvers(names, body.mannequin_joints())
    assert [(type(one).__name__, one.refine) for one in found.values()] == [
        ("Analytic", 0),
        ("Analytic", 4),
        ("OneStage", 0),
    ]
    assert not found["a"].weighs_joints
    assert not found["b"].weighs_joints


def test_a_set_that_tells_no_poses_is_named(examples, tmp_path):
    image_sets.write(tmp_path, [2], lambda number: examples[2:4])
    with pytest.raises(ValueError, match="`images` must be a set that tells rotations, betas and cameras"):
        image_methods.chosen(image_sets.ImageSet(tmp_path), count=1, seed=0)


@pytest.fixture
def loaded(monkeypatch):
    """As if the folder `network` held the small network, `parts` a baseline, and neither had to be read."""

    def load(folder, *, argument):
        network = image_models.seen()
        return network if str(folder) == "network" else vision.PartAttention(network, hidden_dim=4)

    monkeypatch.setattr(vision, "load_image_model", load)


@pytest.fixture
def given(images, tmp_path):
    return [f"--images={images}", "--freeze_backbone=network", f"--output={tmp_path / 'out'}"]


@pytest.mark.usefixtures("loaded")
def test_bodies_are_drawn(run_tool, given, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(body_figure, "_PIXELS", image_models.SIZE)
    printed = run_tool("image_figures", "--figure=bodies", f"--solver={tiny_model}", *given)
    rows = json.loads((tmp_path / "out" / "bodies.json").read_text())
    found = [(row["picture"], row["clip"], row["solver"]) for row in rows]
    assert found == [(1, 0, str(tiny_model)), (2, 2, str(tiny_model))]
    assert all(row["mpjpe"] > row["pa_mpjpe"] > 0 for row in rows)
    assert cv2.imread(str(tmp_path / "out" / "bodies.png")).shape[1] > 1000
    assert "2 pictures of set" in printed
    assert (tmp_path / "out" / "bodies.csv").read_text().startswith("picture,clip,frame,solver,mpjpe,pa_mpjpe")


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_maps_are_of_the_methods_that_need_one_picture_bodies_of_all(run_tool, given, tiny_model, tmp_path):
    sees_time, window = tmp_path / "time", {"num_temporal_pairs": 1, "temporal_hidden_dim": 8}
    zoo.save(solvers.Temporal(body.mannequin_joints(), num_couplings=2, hidden_dim=8, **window), sees_time)
    names = ("analytic", tiny_model, sees_time)
    methods = ["--image_solver=parts", *(f"--solver={name}" for name in names)]
    printed = run_tool("image_figures", "--count=1", *methods, *given)
    assert f"Left out, since they see time: {sees_time}\n" in printed
    rows = json.loads((tmp_path / "out" / "occlusion.json").read_text())
    assert list(dict.fromkeys(row["solver"] for row in rows)) == ["parts", "analytic", str(tiny_model)]
    assert len(rows) == 3 * 25
    assert all(row["worst_mm"] >= row["mpjpe"] > 0 for row in rows if row["joint"] not in ("pelvis",))
    places = (tmp_path / "out" / "occlusion_places.csv").read_text().splitlines()
    assert len(places) == 1 + 3 * 36 * 24
    assert all((tmp_path / "out" / f"{name}.png").is_file() for name in ("occlusion", "occlusion_joints"))
    with pytest.raises(SystemExit, match="`solver` must be one that needs no more than one picture"):
        run_tool("image_figures", f"--solver={sees_time}", *given)
    run_tool("image_figures", "--figure=bodies", "--count=1", *methods, *given)
    rows = json.loads((tmp_path / "out" / "bodies.json").read_text())
    assert [row["solver"] for row in rows] == ["parts", *map(str, names)]


@pytest.mark.usefixtures("loaded")
def test_maps_of_a_photograph_tell_the_change_and_no_error(run_tool, images, tmp_path, rng, monkeypatch):
    labels = []
    monkeypatch.setattr(occlusion_figures, "_finish", lambda figure, panels, scale, meaning: labels.append(meaning))
    picture = tmp_path / "photo.png"
    cv2.imwrite(str(picture), rng.integers(0, 256, [90, 70, 3]).astype(np.uint8))
    given = [f"--picture={picture}", "--freeze_backbone=network", f"--output={tmp_path / 'out'}"]
    printed = run_tool("image_figures", "--box=10,5,60,80", *given)
    assert "change against the answer for the whole image, no error" in printed
    rows = json.loads((tmp_path / "out" / "occlusion.json").read_text())
    assert [row["solver"] for row in rows] == 25 * ["analytic"]
    assert all("mpjpe" not in row and row["worst_mm"] >= row["change_mm"] for row in rows)
    assert rows[0]["worst_mm"] > 0
    assert labels == 2 * ["change against the whole image (mm)"]
    for change, message in (
        (["--box=1,2,x,4"], "`box` must be left,top,right,bottom in pixels; got 1,2,x,4"),
        (["--box=1,2,1,4"], "a box with an area is wanted"),
        (["--box=1,2,3,4", f"--images={images}"], "`picture` is for --figure=occlusion, without --images"),
    ):
        with pytest.raises(SystemExit, match=f"image_figures: {message}"):
            run_tool("image_figures", *given, *change)


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--images=other"], "`images` must be one set; got .*, other"),
        (["--image_solver=network"], "`image_solver` must be a model of images that gives poses; network gives joints"),
        (["--freeze_backbone=parts"], "`freeze_backbone` must be a network of joints; parts gives rotations"),
        (["--solver=nothing"], "`solver` must be one of"),
        (["--freeze_backbone="], "`freeze_backbone` must be given"),
    ],
)
def test_bad_flags_are_named(run_tool, given, change, message):
    with pytest.raises(SystemExit, match=f"image_figures: {message}"):
        run_tool("image_figures", *given, *change)
    with pytest.raises(SystemExit, match="image_figures takes flags only; got a"):
        run_tool("image_figures", *given, "a")
