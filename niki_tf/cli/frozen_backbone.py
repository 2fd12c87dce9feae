"""The flags --images and --freeze_backbone, and what a network of images says of the sets, kept beside them."""

import hashlib
import itertools
import pathlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tqdm
from absl import flags

from niki_tf import contract, vision
from niki_tf.cli import image_answers
from niki_tf.cli.image_answers import Network
from niki_tf.data import image_augmentation, seen_images
from niki_tf.data.image_augmentation import ImageAugmentation
from niki_tf.data.image_sets import Example, ImageSet
from niki_tf.data.seen_images import SeenImages

FLAGS = flags.FLAGS
IMAGES = flags.DEFINE_multi_string(
    "images", None, "Set of images that prepare_images has drawn, PATH or, to train, PATH=WEIGHT; once a set."
)
FREEZE_BACKBONE = flags.DEFINE_string(
    "freeze_backbone",
    None,
    "image_backbone, or the folder of a trained network of images, of joints or of rotations, whose answers to "
    "--images solvers are given.",
)


def check_given() -> None:
    """Raises ValueError if one of the two flags is missing."""
    for flag in (IMAGES, FREEZE_BACKBONE):
        _check(flag)


def _check(flag: flags.FlagHolder) -> None:
    if not flag.value:
        raise ValueError(f"`{flag.name}` must be given: --{flag.name}=...")


def needed() -> Network:
    """The network that the flags name, for images that they name; see `network`.

    Raises:
        ValueError: one of the two flags is missing, or the folder holds no network of images.
    """
    check_given()
    return network()


def network() -> Network:
    """The network of --freeze_backbone; that of an `ImageSolver` is its `ImageJoints`.

    Raises:
        ValueError: the flag is missing, or the folder holds no network of images.
    """
    _check(FREEZE_BACKBONE)
    model = vision.load_image_model(FLAGS.freeze_backbone, argument="freeze_backbone")
    return model.image_joints if isinstance(model, vision.ImageSolver) else model


def check_size(model: Network, images: ImageSet) -> None:
    """Raises ValueError if the images of a set have another size than the network's."""
    if images[0]["image"].shape[0] != model.image_size:
        raise ValueError(
            f"`images` must have {model.image_size} pixels, as the network has; {images.folder} has others."
        )


def seen(model: Network, folder: str, *, augment: ImageAugmentation | None = None, copies: int = 1) -> SeenImages:
    """What the network of --freeze_backbone says of a set, kept in the set's folder.

    Args:
        model: of `needed`.
        folder: of the set.
        augment: how images are varied; as they are if None.
        copies: of each clip, each varied in its own way.

    Raises:
        ValueError: the folder is no set, or has images of another size.
    """
    images = ImageSet(folder)
    check_size(model, images)
    weights = (vision.find_image_model(FLAGS.freeze_backbone, argument="freeze_backbone") / "model.keras").read_bytes()
    mark = hashlib.sha256(weights + repr((augment, copies, SeenImages._fields)).encode()).hexdigest()[:16]
    path = pathlib.Path(folder) / f"seen-{mark}.npz"
    if not path.exists():
        with tqdm.tqdm(total=copies * len(images), unit="image", desc=f"seen of {folder}") as bar:
            seen_images.write(path, _asked(model, _varied(images, augment, copies), bar))
    return seen_images.read(path)


def _varied(images: ImageSet, augment: ImageAugmentation | None, copies: int) -> Iterator[Example]:
    """The examples of all copies of all clips, their clips numbered anew."""
    count = 0
    for copy in range(copies):
        for number, clip in enumerate(images.clips()):
            if augment is not None:
                rng = np.random.default_rng([copy, number])
                clip = image_augmentation.augmented_clip(clip, augment, rng=rng)
            yield from ({**example, "clip": np.int64(count)} for example in clip)
            count += 1


def _asked(model: Network, examples: Iterator[Example], bar: tqdm.tqdm) -> SeenImages:
    """What the network says of the examples, and what is true."""
    ask = image_answers.solver_inputs(model)

    def counted() -> Iterator[Example]:
        for example in examples:
            bar.update()
            yield example

    parts = [_seen(ask(some), some) for some in image_answers.in_parts(_known(counted()))]
    return SeenImages(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _known(examples: Iterable[Example]) -> Iterator[Example]:
    """The examples whose pose is known; ValueError if there is none."""
    none = True
    for example in examples:
        if all(np.isfinite(example[name]).all() for name in ("rotations", "betas")):
            none = False
            yield example
    if none:
        raise ValueError("`images` must be sets that tell rotations and betas; got one without.")


def _seen(said: image_answers.Arrays, examples: Sequence[Example]) -> SeenImages:
    """What is said of examples, and what is true."""
    return SeenImages(
        **{name: said[name] for name in (*contract.INPUTS, *contract.HEAT)},
        true_rotations=np.stack([example["rotations"] for example in examples]).astype(np.float32),
        true_betas=np.stack([example["betas"] for example in examples]).astype(np.float32),
        clips=np.array([int(example["clip"]) for example in examples]),
    )


def posed(folder: str, images: str) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (N, 24, 3, 3) and betas (N, B) that a model of images gives for those of a set whose pose is known.

    Args:
        folder: of the model, such as a `vision.PartAttention`.
        images: folder of the set.

    Raises:
        ValueError: the folder holds no model that gives poses.
    """
    ask = image_answers.poses(vision.load_image_model(folder, argument="image_solver"), name=folder)
    return ask(_known(itertools.chain.from_iterable(ImageSet(images).clips())))
