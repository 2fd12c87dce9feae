"""The flags --images and --freeze_backbone, and what a network of images says of the sets, kept beside them."""

import hashlib
import itertools
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf
import tqdm
from absl import flags

from niki_tf import contract, vision
from niki_tf.body import kinematics, swing_twist
from niki_tf.data import image_augmentation, seen_images
from niki_tf.data.image_augmentation import ImageAugmentation
from niki_tf.data.image_sets import ImageSet
from niki_tf.data.seen_images import SeenImages
from niki_tf.shapes import zeros_like_leading
from niki_tf.training import image_joints

FLAGS = flags.FLAGS
IMAGES = flags.DEFINE_multi_string(
    "images", None, "Set of images that prepare_images has drawn, PATH or, to train, PATH=WEIGHT; once a set."
)
FREEZE_BACKBONE = flags.DEFINE_string(
    "freeze_backbone",
    None,
    "Folder of a trained network of images, of joints or of rotations, whose answers to --images solvers are given.",
)
_AT_ONCE = 32
"""Images that the network sees at a time."""
_SAID = (*contract.INPUTS, *contract.HEAT)

Example = Mapping[str, np.ndarray]
Network = vision.ImageJoints | vision.PartAttention


def check_given() -> None:
    """Raises ValueError if one of the two flags is missing."""
    for flag in (IMAGES, FREEZE_BACKBONE):
        if not flag.value:
            raise ValueError(f"`{flag.name}` must be given: --{flag.name}=...")


def needed() -> Network:
    """The network that the flags name; that of an `ImageSolver` is its `ImageJoints`.

    Raises:
        ValueError: one of the two flags is missing, or the folder holds no network of images.
    """
    check_given()
    model = vision.load_image_model(FLAGS.freeze_backbone)
    return model.image_joints if isinstance(model, vision.ImageSolver) else model


def check_size(model: Network, images: ImageSet) -> None:
    """Raises ValueError if the images of a set have another size than the network's."""
    if images[0]["image"].shape[0] != model.image_size:
        raise ValueError(
            f"`images` must have {model.image_size} pixels, as the network has; {images.folder} has others."
        )


def seen(model: Network, folder: str, *, augment: ImageAugmentation | None = None, copies: int = 1) -> SeenImages:
    """What the network of --freeze_backbone says of a set, kept in the set's folder.

    A `PartAttention` says where its pose has the joints, and how it turns them, of an unknown sigma.

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
    weights = pathlib.Path(FLAGS.freeze_backbone, "model.keras").read_bytes()
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
    ask = tf.function(lambda batch: _told(model, batch), reduce_retracing=True, autograph=False)

    def counted() -> Iterator[Example]:
        for example in examples:
            bar.update()
            yield example

    parts = [_answers(ask, some) for some in _in_parts(counted())]
    return SeenImages(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _in_parts(examples: Iterator[Example]) -> Iterator[list[Example]]:
    """The examples whose pose is known, `_AT_ONCE` at a time; ValueError if there is none."""
    known = (one for one in examples if all(np.isfinite(one[name]).all() for name in ("rotations", "betas")))
    some = list(itertools.islice(known, _AT_ONCE))
    if not some:
        raise ValueError("`images` must be sets that tell rotations and betas; got one without.")
    while some:
        yield some
        some = list(itertools.islice(known, _AT_ONCE))


def _given(examples: Sequence[Example]) -> dict[str, tf.Tensor]:
    """What a network is given of a batch, float32."""
    names = ("image", "image_center", "focal")
    return {name: tf.constant(np.stack([one[name] for one in examples]), tf.float32) for name in names}


def _told(model: Network, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Inputs of solvers, `_SAID`, of a batch of images."""
    if isinstance(model, vision.ImageJoints):
        answer = model(image_joints.model_inputs(batch))
        return {name: answer[name] for name in _SAID}
    answer = model({"image": batch["image"]})
    turns = tf.concat([answer["global_orient"], answer["body_pose"]], -3)
    rest_joints = model.image_joints.body_joints(answer["betas"])
    joints, _ = kinematics.forward_kinematics(turns, rest_joints)
    _, twist = swing_twist.rotations_to_swing_twist(turns, rest_joints)
    unknown = tf.zeros_like(joints[..., 0])
    moments = zeros_like_leading(unknown, 1, contract.HEAT["heat_moments"])
    found = {"joints": joints - joints[:, :1], "joint_sigma": unknown, "twist": twist, "betas": answer["betas"]}
    return {**found, "heat_moments": moments}


def _answers(ask: tf.types.experimental.PolymorphicFunction, examples: Sequence[Example]) -> SeenImages:
    """What the network says of a batch, and what is true."""
    said = ask(_given(examples))
    found = {name: said[name].numpy() for name in _SAID}
    found["twist"] /= np.maximum(np.linalg.norm(found["twist"], axis=-1, keepdims=True), 1e-9)
    return SeenImages(
        **found,
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
    model = vision.load_image_model(folder)
    if isinstance(model, vision.ImageJoints):
        raise ValueError(f"`image_solver` must be a model of images that gives poses; {folder} gives joints.")
    ask = tf.function(lambda batch: model(image_joints.model_inputs(batch)), reduce_retracing=True, autograph=False)
    parts = []
    for some in _in_parts(itertools.chain.from_iterable(ImageSet(images).clips())):
        answer = ask(_given(some))
        parts.append((contract.local_rotations(answer), answer["betas"].numpy()))
    rotations, betas = zip(*parts, strict=True)
    return np.concatenate(rotations), np.concatenate(betas)
