"""Training batches of images, mixed from several sets by weight; each is a function of seed and step alone."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from niki_tf.data import image_augmentation
from niki_tf.data.image_augmentation import ImageAugmentation
from niki_tf.data.image_sets import ImageSet
from niki_tf.data.sharded_batches import sharded_batches
from niki_tf.data.sources import parse_source


class ImageMix(NamedTuple):
    """Sets of images, and the share that each has in the examples."""

    sets: tuple[ImageSet, ...]
    shares: np.ndarray
    """(S,), summing to 1."""


def load_images(sources: Sequence[str]) -> ImageMix:
    """The sets of `sources`, texts PATH=WEIGHT as `sources.parse_source` reads them.

    Raises:
        ValueError: there are none, a weight is not positive, or a folder is no set of images.
    """
    if not sources:
        raise ValueError("`images` must name one set of images or more; got none.")
    parsed = [parse_source(source) for source in sources]
    weights = np.array([source.weight for source in parsed])
    return ImageMix(tuple(ImageSet(source.path) for source in parsed), weights / weights.sum())


def batches(
    mix: ImageMix,
    *,
    batch_size: int,
    seed: int,
    augment: ImageAugmentation,
    first_step: int = 0,
    shards: int = 1,
    own_shards: Sequence[int] = (0,),
) -> tf.data.Dataset:
    """Endless dataset of dictionaries of arrays (n, ...), one shard of a batch after the other.

    Args:
        mix: the sets, drawn from by their shares.
        batch_size: examples of a whole batch, over all shards.
        seed: seed of the run.
        augment: `ImageAugmentation`.
        first_step: number of the first batch, to resume a run.
        shards: number of replicas that share a batch.
        own_shards: the shards that this process feeds, in turn.

    Returns:
        A tf.data.Dataset of what `image_augmentation.augmented` gives, float32 but for the image (uint8) and `hidden`.

    Raises:
        ValueError: the batch cannot be divided into equal shards.
    """
    names = sorted(_example(mix, augment, [seed, 0, 0]))
    kept = _batch(mix, augment, names, [(seed, 0, example) for example in range(0, batch_size, shards)])

    def sample(step: tf.Tensor, shard: tf.Tensor) -> dict[str, tf.Tensor]:
        def read(step: np.ndarray, shard: np.ndarray) -> list[np.ndarray]:
            examples = range(int(shard), batch_size, shards)
            return _batch(mix, augment, names, [(seed, int(step), example) for example in examples])

        values = tf.numpy_function(read, [step, shard], [array.dtype for array in kept])
        shapes = zip(names, values, kept, strict=True)
        return {name: tf.ensure_shape(value, array.shape) for name, value, array in shapes}

    return sharded_batches(sample, batch_size=batch_size, first_step=first_step, shards=shards, own_shards=own_shards)


def _batch(
    mix: ImageMix, augment: ImageAugmentation, names: Sequence[str], seeds: Sequence[tuple[int, int, int]]
) -> list[np.ndarray]:
    """The arrays of examples, by seeds of three numbers each."""
    examples = [_example(mix, augment, seed) for seed in seeds]
    return [np.stack([example[name] for example in examples]) for name in names]


def _example(mix: ImageMix, augment: ImageAugmentation, seed: Sequence[int]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    images = mix.sets[rng.choice(len(mix.shares), p=mix.shares)]
    found = image_augmentation.augmented(images[int(rng.integers(len(images)))], augment, rng=rng)
    kept = {name: value for name, value in found.items() if name not in ("clip", "frame")}
    return {name: value if value.dtype in (np.uint8, bool) else np.float32(value) for name, value in kept.items()}
