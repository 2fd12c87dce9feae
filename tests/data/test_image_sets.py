"""Sets of images: what is read is what was written, in any order; interrupted, damaged, mixed, varied."""

import json

import numpy as np
import pytest

from niki_tf.body import kinematics, mannequin_joints
from niki_tf.body.swing_twist import rotations_to_swing_twist
from niki_tf.data import image_augmentation, image_batches, image_sets
from niki_tf.data.image_augmentation import ImageAugmentation

SIZE = 32
FOCAL = 2.0


def example(number, *, clip=0):
    """A body at rest, turned, before a camera, in an image of noise."""
    rng = np.random.default_rng(number)
    rotations = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    rotations[0] = np.diag([1.0, -1.0, -1.0])
    elbow, turn = 18, 0.9
    rotations[elbow, :2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    rest = mannequin_joints()(np.zeros([1, 10], np.float32))
    joints = np.asarray(kinematics.forward_kinematics(rotations[None], rest)[0][0])
    joints, root, center = joints - joints[:1], np.float32([0.1, -0.2, 6.0]), np.float32([0.2, 0.1])
    points = joints + root
    return {
        "image": rng.integers(0, 256, [SIZE, SIZE, 3]).astype(np.uint8),
        "joints": joints,
        "root": root,
        "rotations": rotations,
        "betas": np.float32(rng.normal(size=10)),
        "twist": np.asarray(rotations_to_swing_twist(rotations[None], rest)[1][0]),
        "uv": FOCAL * points[:, :2] / points[:, 2:] + center,
        "image_center": center,
        "focal": np.float32(FOCAL),
        "clip": clip,
        "frame": 7 * number,
    }


def written(folder, counts=(3, 2), **options):
    starts = np.cumsum([0, *counts])
    return image_sets.write(
        folder, counts, lambda n: (example(i, clip=i // 2) for i in range(starts[n], starts[n + 1])), **options
    )


@pytest.fixture
def folder(tmp_path):
    written(tmp_path)
    return tmp_path


def test_what_is_read_is_what_was_written(folder):
    images = image_sets.ImageSet(folder)
    assert len(images) == 5
    for number in (4, 0, 3):
        for name, value in example(number, clip=number // 2).items():
            np.testing.assert_array_equal(images[number][name], np.asarray(value, images[number][name].dtype))
    assert [[int(one["frame"]) for one in clip] for clip in images.clips()] == [[0, 7], [14, 21], [28]]


def test_files_that_are_there_stay(folder):
    before = (folder / "images-00000.tfrecord").read_bytes()
    (folder / "images-00001.tfrecord").unlink()
    assert written(folder) == 1
    assert (folder / "images-00000.tfrecord").read_bytes() == before
    assert len(image_sets.ImageSet(folder)) == 5
    assert written(folder) == 0
    assert written(folder, counts=(3, 4)) == 1
    assert len(image_sets.ImageSet(folder)) == 7


def test_images_that_are_left_out_are_not_missed(tmp_path):
    assert image_sets.write(tmp_path, [3, 1], lambda number: [example(number)]) == 2
    assert len(image_sets.ImageSet(tmp_path)) == 2
    assert image_sets.write(tmp_path, [3, 1], lambda number: [example(number)]) == 0


def test_a_set_that_is_not_finished_is_named(tmp_path):
    def make(number):
        if number:
            raise KeyboardInterrupt
        return [example(0)]

    with pytest.raises(KeyboardInterrupt):
        image_sets.write(tmp_path, [1, 1], make)
    with pytest.raises(ValueError, match="`images` must be a folder of images that prepare_images has finished"):
        image_sets.ImageSet(tmp_path)
    assert written(tmp_path, counts=(1, 1)) == 1


def test_a_file_with_too_many_or_no_images_is_not_written(tmp_path):
    for given in ([], [example(0)] * 3):
        with pytest.raises(ValueError, match=f"must give 1 to 2 examples of images-00000.tfrecord; got {len(given)}"):
            image_sets.write(tmp_path, [2], lambda _, given=given: given)
    assert not list(tmp_path.glob("*.tfrecord"))
    with pytest.raises(ValueError, match="`images` must be a folder of images that prepare_images has finished"):
        image_sets.ImageSet(tmp_path)


@pytest.mark.parametrize("damage", [lambda data: data[:-3], lambda data: data[:-3] + b"\0" * 40, lambda _: b""])
def test_a_damaged_file_is_named(folder, damage):
    file = folder / "images-00001.tfrecord"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ValueError, match="images-00001.tfrecord: a whole file of 2 records is wanted"):
        image_sets.ImageSet(folder)


def test_a_damaged_record_is_named(folder):
    file = folder / "images-00000.tfrecord"
    data = bytearray(file.read_bytes())
    data[12:400] = bytes(388)
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r"images-00000.tfrecord: a whole record is wanted at byte 12 "):
        image_sets.ImageSet(folder)[0]


def test_counts_that_are_none_are_named(folder):
    for told in ({"files": []}, {"files": [[3, 0], [2, 2]]}, [], {"files": [["3", 3], None]}):
        (folder / "images.json").write_text(json.dumps(told))
        with pytest.raises(ValueError, match="has no whole images.json"):
            image_sets.ImageSet(folder)


def consistent(found):
    """What is true of an image agrees with itself."""
    rest = mannequin_joints()(np.zeros([1, 10], np.float32))
    rotations = np.float32(found["rotations"])[None]
    joints = np.asarray(kinematics.forward_kinematics(rotations, rest)[0][0])
    np.testing.assert_allclose(joints - joints[:1], found["joints"], atol=5e-3)  # the mannequin is not quite even
    points = found["joints"] + found["root"]
    seen = found["focal"] * points[:, :2] / points[:, 2:] + found["image_center"]
    np.testing.assert_allclose(seen, found["uv"], atol=1e-5)
    np.testing.assert_allclose(rotations_to_swing_twist(rotations, rest)[1][0], found["twist"], atol=0.05)


def test_what_is_true_of_an_image_is_true_of_the_varied_one(rng):
    plain = example(0)
    consistent(plain)
    consistent(image_augmentation.mirrored(plain))
    turned = image_augmentation.moved(plain, turn=0.3, size=1.2, shift=np.array([0.1, -0.05]))
    consistent(turned)
    assert np.abs(turned["joints"] - plain["joints"]).max() > 0.1
    consistent(image_augmentation.augmented(plain, ImageAugmentation(), rng=rng))


def test_the_image_moves_with_the_joints():
    plain = example(0)
    plain["image"] = np.zeros([64, 64, 3], np.uint8)
    column, row = ((plain["uv"][15] + 0.5) * 64).astype(int)
    plain["image"][row - 2 : row + 3, column - 2 : column + 3] = 255
    varied = (
        image_augmentation.moved(plain, turn=0.4, size=1.1, shift=np.array([0.1, 0.08])),
        image_augmentation.mirrored(plain),
    )
    for number, found in zip((15, 15), varied, strict=True):
        rows, columns = np.nonzero(found["image"][..., 0] > 128)
        place = np.array([columns.mean(), rows.mean()]) + 0.5
        np.testing.assert_allclose(place, (found["uv"][number] + 0.5) * 64, atol=1.5)


def test_hidden_joints_are_covered_or_cut_off(rng):
    images = np.full([9, 64, 64, 3], 200, np.uint8)
    uv = np.tile(example(0)["uv"], (9, 1, 1))
    drawn, hidden = image_augmentation.hide_clip(images, uv, seed=3)
    again, _ = image_augmentation.hide_clip(images, uv, seed=3)
    np.testing.assert_array_equal(drawn, again)
    assert hidden.any()
    place = ((uv + 0.5) * 64).astype(int)
    for frame in (0, 4, 8):
        pixels = drawn[frame, place[frame, :, 1], place[frame, :, 0]]
        assert ((pixels == 200).all(-1) == ~hidden[frame]).mean() > 0.9  # a border goes through a pixel


def test_batches_are_a_function_of_seed_and_step(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    written(other, counts=(4,))
    mix = image_batches.load_images([f"{folder}=3", f"{other}=1"])
    np.testing.assert_allclose(mix.shares, [0.75, 0.25])
    options = {"batch_size": 4, "seed": 5, "augment": ImageAugmentation(hidden=1.0)}
    first, second = (batch for batch, _ in zip(image_batches.batches(mix, **options), range(2), strict=False))
    (resumed,) = (
        batch for batch, _ in zip(image_batches.batches(mix, first_step=1, **options), range(1), strict=False)
    )
    shards = image_batches.batches(mix, shards=2, own_shards=(1,), **options)
    part = next(iter(shards))
    assert first["image"].shape.as_list() == [4, SIZE, SIZE, 3]
    assert first["hidden"].dtype == bool
    for name in first:
        np.testing.assert_array_equal(resumed[name], second[name])
        np.testing.assert_array_equal(part[name], first[name][1::2])
    assert np.abs(first["uv"] - second["uv"]).max() > 0.01


def test_no_sets_are_named():
    with pytest.raises(ValueError, match="`images` must name one set of images or more"):
        image_batches.load_images([])
