"""tools/prepare_images.py, train_images.py, and the solvers behind a frozen network of images."""

import json

import cv2
import image_models
import numpy as np
import pytest

from niki_tf import io, solvers, vision
from niki_tf.data.image_sets import ImageSet
from niki_tf.motion import made_motion
from niki_tf.solvers import zoo

SIZE = image_models.SIZE


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    folder = tmp_path_factory.mktemp("motion")
    io.save_clip(folder / "clip.npz", made_motion(0, frames=12))
    return folder


@pytest.fixture(autouse=True)
def _without_opengl(monkeypatch):
    """The package's own rasteriser: a process that draws takes a second to start."""
    from niki_tf.drawing import offscreen

    def missing(*_):
        raise OSError("none")

    monkeypatch.setattr(offscreen, "_OpenGL", missing)


def arguments(motion, folder, *others):
    return [
        f"--source={motion}",
        f"--output={folder}",
        f"--image_size={SIZE}",
        "--count=3",
        "--clip_frames=4",
        "--file_images=8",
        *others,
    ]


@pytest.fixture
def images(run_tool, motion, tmp_path):
    run_tool("prepare_images", *arguments(motion, tmp_path / "set"))
    return tmp_path / "set"


def test_a_set_is_written_and_gone_on_with(run_tool, motion, images):
    before = {path.name: path.read_bytes() for path in images.glob("*.tfrecord")}
    assert len(ImageSet(images)) == 12
    (images / "images-00001.tfrecord").unlink()
    printed = run_tool("prepare_images", *arguments(motion, images))
    assert f"12 images in {images}, 1 files of them written now, 0 files left out" in printed
    assert {path.name: path.read_bytes() for path in images.glob("*.tfrecord")} == before
    with pytest.raises(SystemExit, match="prepare_images: `seed` was 0 when the run in .* was started; got 1"):
        run_tool("prepare_images", *arguments(motion, images, "--seed=1"))


def test_the_hidden_set_is_of_the_same_images(run_tool, motion, images, tmp_path):
    run_tool("prepare_images", *arguments(motion, tmp_path / "xocc", "--xocc"))
    plain, hidden = ImageSet(images), ImageSet(tmp_path / "xocc")
    changed = [(plain[n]["image"] != hidden[n]["image"]).any(-1).mean() for n in range(12)]
    np.testing.assert_array_equal(plain[5]["uv"], hidden[5]["uv"])
    assert 0.05 < np.mean(changed) < 0.95
    assert [int(plain[n]["clip"]) for n in (0, 3, 4, 11)] == [0, 0, 1, 2]


def test_bad_files_of_motion_are_named_or_left_out(run_tool, motion, tmp_path):
    (tmp_path / "motion").mkdir()
    (tmp_path / "motion" / "good.npz").write_bytes((motion / "clip.npz").read_bytes())
    (tmp_path / "motion" / "bad.npz").write_bytes(b"nothing")
    given = arguments(tmp_path / "motion", tmp_path / "set", "--count=1")
    with pytest.raises(SystemExit, match="prepare_images: .*bad.npz"):
        run_tool("prepare_images", *given)
    printed = run_tool("prepare_images", *given, "--skip_bad")
    assert "left out: " in printed
    assert "bad.npz" in printed
    assert "4 images in" in printed
    assert "1 files left out" in printed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--distance=6"], "`distance` must be two numbers"),
        (["--distance=a,b"], "`distance` must be two numbers"),
        (["--clip_frames=50"], "`frames` must be those of a clip of .*; got 50, too many"),
    ],
)
def test_bad_settings_of_a_set_are_named(run_tool, motion, tmp_path, change, message):
    with pytest.raises(SystemExit, match=f"prepare_images: {message}"):
        run_tool("prepare_images", *arguments(motion, tmp_path / "set", *change))


@pytest.fixture
def network(tmp_path):
    zoo.save(image_models.seen(), tmp_path / "network")
    return tmp_path / "network"


def backbone_arguments(images, workdir, *others):
    return [
        f"--images={images}",
        f"--workdir={workdir}",
        f"--image_size={SIZE}",
        "--backbone=mobilenet_v2",
        "--batch_size=2",
        "--steps=2",
        *others,
    ]


@pytest.mark.slow
def test_a_network_of_images_is_trained_and_gone_on_with(run_tool, images, network, tmp_path):
    given = backbone_arguments(images, tmp_path / "run", f"--initial={network}", "--save_every=1")
    assert "step 1: loss" in run_tool("train_images", *given, "--max_steps=1")
    before = vision.load_image_model(tmp_path / "run").get_weights()
    assert "step 2: loss" in run_tool("train_images", *given)
    trained = vision.load_image_model(tmp_path / "run")
    assert any((one != two).any() for one, two in zip(trained.get_weights(), before, strict=True))
    assert json.loads((tmp_path / "run" / "run.json").read_text())["flags"]["images"] == [str(images)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--image_size=64"], "`image_size` must be that of the images, 32; got 64"),
        (["--initial=nowhere"], "`initial` must be a folder that holds model.keras"),
        (["--hidden=2"], "`hidden` must be a number from 0 to 1"),
        (["--images=nowhere"], "`images` must be a folder of images"),
        (["--workdir="], "`workdir` must be given"),
        (
            ["--network=part_attention"],
            "`network` part_attention takes its maps from a trained --initial; got --backbone",
        ),
    ],
)
def test_bad_settings_of_a_network_are_named(run_tool, images, tmp_path, change, message):
    given = [flag for flag in backbone_arguments(images, tmp_path / "run") if flag.partition("=")[0] != "--images"]
    given += [] if change[0].startswith("--images") else [f"--images={images}"]
    with pytest.raises(SystemExit, match=f"train_images: .*{message}"):
        run_tool("train_images", *given, *change)


@pytest.mark.slow
def test_another_normalisation_than_that_of_the_start_is_named(run_tool, images, network, tmp_path):
    given = backbone_arguments(images, tmp_path / "run", f"--initial={network}", "--normalization=symmetric")
    with pytest.raises(SystemExit, match="`normalization` must be that of --initial, imagenet; got symmetric"):
        run_tool("train_images", *given)


@pytest.mark.slow
def test_solvers_learn_and_are_measured_behind_a_frozen_network(run_tool, images, network, tmp_path):
    frozen = [f"--images={images}", f"--freeze_backbone={network}"]
    run_tool(
        *("train", *frozen, f"--workdir={tmp_path / 'run'}", "--solver=one_stage", "--hidden_dim=8"),
        *("--num_couplings=2", "--batch_size=4", "--steps=1", "--copies=2"),
    )
    (kept,) = images.glob("seen-*.npz")
    assert solvers.load(tmp_path / "run").get_config()["num_couplings"] == 2
    baseline = [f"--images={images}", f"--initial={network}", "--network=part_attention", "--batch_size=2", "--steps=1"]
    run_tool("train_images", *baseline, f"--workdir={tmp_path / 'parts'}")
    given = [*frozen, "--protocol=images", "--solver=analytic", f"--solver={tmp_path / 'run'}"]
    given.append(f"--image_solver={tmp_path / 'parts'}")
    printed = run_tool("evaluate", *given, f"--output={tmp_path / 'out'}")
    rows = json.loads((tmp_path / "out" / "images.json").read_text())
    assert [(row["images"], row["frames"]) for row in rows] == [("set", 12)] * 3
    assert [row["solver"] for row in rows][:2] == [str(tmp_path / "parts"), "analytic"]
    assert all(row["accel"] > 0 for row in rows)
    assert "12 frames of" in printed
    assert len(list(images.glob("seen-*.npz"))) == 2
    assert kept.exists()
    behind = [f"--images={images}", f"--freeze_backbone={tmp_path / 'parts'}"]
    sizes = ["--solver=recurrent", "--hidden_dim=8", "--window=3", "--batch_size=2", "--steps=1", "--copies=1"]
    run_tool("train", *behind, *sizes, f"--workdir={tmp_path / 'recurrent'}")
    given = [*behind, "--protocol=images", "--solver=analytic", f"--solver={tmp_path / 'recurrent'}"]
    run_tool("evaluate", *given, f"--output={tmp_path / 'out'}")
    rows = json.loads((tmp_path / "out" / "images.json").read_text())
    assert [row["solver"] for row in rows] == ["analytic", str(tmp_path / "recurrent")]


@pytest.mark.parametrize(
    ("program", "given", "message"),
    [
        ("train", ["--images=x", "--workdir=y"], "`freeze_backbone` must be given"),
        ("train", ["--images=x", "--freeze_backbone=x", "--workdir=y", "--source=z"], "`source` is for training"),
        ("evaluate", ["--protocol=images", "--freeze_backbone=x"], "`images` must be given"),
        ("evaluate", ["--protocol=images", "--motion=x"], "`motion` must be left out"),
        ("evaluate", ["--protocol=noise"], "`motion` must be given"),
        ("evaluate", ["--protocol=noise", "--motion=x", "--images=y"], "`--images` is for --protocol=images"),
    ],
)
def test_flags_that_do_not_go_together_are_named(run_tool, tmp_path, program, given, message):
    with pytest.raises(SystemExit, match=f"{program}: {message}"):
        run_tool(program, *[flag.replace("=y", f"={tmp_path}") if "workdir" in flag else flag for flag in given])


@pytest.fixture
def real(tmp_path, rng):
    """A set of three persons as COCO lists them, whose second picture is damaged."""
    for number in range(3):
        picture = rng.integers(0, 256, [50, 60, 3]).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
    (tmp_path / "1.png").write_bytes(b"no picture")
    pictures = [{"id": number, "file_name": f"{number}.png", "width": 60, "height": 50} for number in range(3)]
    people = [{"image_id": n, "bbox": [10, 5, 30, 40], "keypoints": [[20, 20, 2]] * 17} for n in range(3)]
    (tmp_path / "set.json").write_text(json.dumps({"images": pictures, "annotations": people}))
    return [f"--annotations={tmp_path / 'set.json'}", f"--pictures={tmp_path}", f"--image_size={SIZE}"]


def test_a_real_set_is_cropped_and_what_is_damaged_is_named(run_tool, real, tmp_path):
    given = [*real, f"--output={tmp_path / 'set'}"]
    with pytest.raises(SystemExit, match="prepare_images: .*1.png"):
        run_tool("prepare_images", *given)
    printed = run_tool("prepare_images", *real, f"--output={tmp_path / 'other'}", "--skip_bad")
    assert "2 images in" in printed
    assert "1 files left out" in printed
    assert "1.png" in printed
    images = ImageSet(tmp_path / "other")
    assert [int(images[number]["clip"]) for number in range(2)] == [0, 2]
    assert np.isfinite(images[1]["uv"]).any()


def test_of_3dpw_those_of_3dpw_occ_can_be_taken(run_tool, rng, tmp_path):
    pictures, people = [], []
    for number, sequence in enumerate(("downtown_bar_00", "outdoors_golf_00")):
        (tmp_path / sequence).mkdir()
        cv2.imwrite(str(tmp_path / sequence / "a.png"), rng.integers(0, 256, [50, 60, 3]).astype(np.uint8))
        pictures.append({"id": number, "file_name": "a.png", "sequence": sequence, "width": 60, "height": 50})
        people.append({"image_id": number, "bbox": [10, 5, 30, 40]})
    (tmp_path / "set.json").write_text(json.dumps({"images": pictures, "annotations": people}))
    given = [f"--annotations={tmp_path / 'set.json'}", f"--pictures={tmp_path}", f"--image_size={SIZE}"]
    printed = run_tool("prepare_images", *given, "--set=3dpw_occ", f"--output={tmp_path / 'set'}")
    assert "1 images in" in printed
    with pytest.raises(
        SystemExit, match=r"prepare_images: .*set.json: a table of pandas|prepare_images: .*set.json: not"
    ):
        run_tool("prepare_images", *given, "--set=agora", f"--output={tmp_path / 'other'}")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--source=made", "--set=agora"], "`set` is for --annotations of such a set"),
        (["--annotations=x", "--parameters=y"], "`parameters` is for --annotations of such a set"),
        ([], "`source`, motion that is drawn, or `annotations`"),
        (["--source=made", "--annotations=x"], "`source`, motion that is drawn, or `annotations`"),
        (["--source=made"], "`count` must be given"),
        (["--annotations=x"], "`pictures` must be given"),
        (["--annotations=x", "--pictures=y", "--xocc"], "`--xocc` is for images that are drawn"),
        (["--annotations=x.json", "--pictures=y"], "`path` must be a .json file"),
    ],
)
def test_flags_of_a_set_that_do_not_go_together_are_named(run_tool, tmp_path, given, message):
    with pytest.raises(SystemExit, match=f"prepare_images: {message}"):
        run_tool("prepare_images", f"--output={tmp_path / 'set'}", *given)


@pytest.mark.parametrize("config", ["backbone", "3dpw", "occlusion"])
def test_flag_files_of_networks_are_known(run_tool, repo, tmp_path, config):
    given = [f"--flagfile={repo}/configs/image_{config}.flags", f"--workdir={tmp_path / 'run'}"]
    with pytest.raises(SystemExit, match="train_images: `images` must be a folder of images that prepare_images"):
        run_tool("train_images", *given, "--images=nowhere")


@pytest.mark.slow
@pytest.mark.parametrize(
    "config", ["image_one_stage", "image_temporal/1-couplings", "image_temporal/2-all", "image_recurrent"]
)
def test_flag_files_of_solvers_are_known(run_tool, repo, tmp_path, config):
    given = [f"--flagfile={repo}/configs/{config}.flags", f"--workdir={tmp_path / 'run'}"]
    with pytest.raises(SystemExit, match="train: `freeze_backbone` must be a folder that holds model.keras"):
        run_tool("train", *given, "--images=nowhere", "--freeze_backbone=nowhere")


@pytest.mark.slow
def test_stages_can_learn_from_images(run_tool, repo, tmp_path):
    given = [f"--stages={repo}/configs/image_temporal", f"--workdir={tmp_path / 'run'}", "--images=nowhere"]
    with pytest.raises(SystemExit, match="train: stage 1-couplings has not come to its end"):
        run_tool("train", *given, "--freeze_backbone=nowhere")
