"""Training of `solvers.JointCompletion`: true joints as the joint sets of other programs show them."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from niki_tf import skeletons
from niki_tf.body import mannequin_joints
from niki_tf.fitting import point_lifting
from niki_tf.skeletons import PointSet
from niki_tf.solvers.joint_completion import JointCompletion

_LARGEST_NOISE, _NOISE_POWER = 0.06, 1.5
"""Metres, and the power of a uniform number that an example's noise is proportional to. Set by hand."""
_LEAST_ERROR = 0.01
"""Metres; error of every joint, the same kind for all, that is left of a point's systematic offset. Set by hand."""
_DROPPED, _SHARE_DROPPED = 0.3, 0.3
"""Largest share of joints that an example misses besides, and share of examples that do. Set by hand."""


def told_sigma(point_sets: Sequence[PointSet]) -> np.ndarray:
    """Sigma (S, 29), metres, with which each of the sets tells the joints of a body at rest."""
    rest, found = mannequin_joints()(tf.zeros([1, 10])), []
    upright = tf.eye(3, batch_shape=[1, skeletons.NUM_ROTATIONS])
    for point_set in point_sets:
        points = point_lifting.rest_points(point_set, rest)
        nothing = tf.zeros(tf.shape(points)[:-1])
        found.append(point_lifting.lift(point_set, points, nothing, points, rest, upright)[1][0].numpy())
    return np.array(found)


def observe(
    joints: tf.Tensor, sigma_of_sets: np.ndarray, generator: tf.random.Generator
) -> tuple[tf.Tensor, tf.Tensor]:
    """Joints (N, 29, 3) with errors, and their sigma (N, 29), as a random one of the sets tells them, metres.

    Args:
        joints: (N, 29, 3) metres, true.
        sigma_of_sets: (S, 29) metres, see `told_sigma`.
        generator: of all random numbers.
    """
    count = tf.shape(joints)[0]
    chosen = generator.uniform([count], maxval=len(sigma_of_sets), dtype=tf.int32)
    sigma = tf.gather(tf.constant(sigma_of_sets, tf.float32), chosen)
    share = (
        _DROPPED * generator.uniform([count, 1]) * tf.cast(generator.uniform([count, 1]) < _SHARE_DROPPED, tf.float32)
    )
    sigma = tf.where(generator.uniform(tf.shape(sigma)) < share, skeletons.ABSENT, sigma)
    absent = sigma >= skeletons.ABSENT
    level = _LARGEST_NOISE * generator.uniform([count, 1]) ** _NOISE_POWER
    size = tf.sqrt(sigma**2 + level**2 + _LEAST_ERROR**2)
    errors = tf.where(absent, 0.0, size)[..., None] * generator.normal(tf.shape(joints))
    return joints + errors, tf.where(absent, skeletons.ABSENT, size)


def fit(
    model: JointCompletion,
    batches: Iterable[Mapping[str, tf.Tensor]],
    *,
    sigma_of_sets: np.ndarray,
    steps: int,
    seed: int,
    learning_rate: float = 1e-3,
) -> Iterator[tuple[float, float]]:
    """Trains `model` by the likelihood of the true joints under its guesses; gives loss and error after each step.

    Args:
        model: is changed.
        batches: of `data.batches`: joints, true, and rest_joints, both (N, 29, 3) metres.
        sigma_of_sets: see `told_sigma`.
        steps: of Adam, whose rate falls along a cosine.
        seed: of the errors.
        learning_rate: of the first step.

    Yields:
        the loss, and the mean distance of absent joints from the truth, metres.
    """
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps))
    optimizer.build(model.trainable_variables)
    generator = tf.random.Generator.from_seed(seed)

    @tf.function(autograph=False)
    def step(joints: tf.Tensor, rest_joints: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        seen, sigma = observe(joints, sigma_of_sets, generator)
        with tf.GradientTape() as tape:
            guess, guess_sigma = model.guess(seen, sigma, rest_joints)
            squares = tf.reduce_sum((joints - guess) ** 2, -1)
            loss = tf.reduce_mean(0.5 * squares / guess_sigma**2 + 3.0 * tf.math.log(guess_sigma))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        absent = tf.cast(sigma >= skeletons.ABSENT, tf.float32)
        return loss, tf.reduce_sum(absent * tf.sqrt(squares)) / tf.reduce_sum(absent)

    for batch in itertools.islice(batches, steps):
        loss, error = step(batch["joints"], batch["rest_joints"])
        yield float(loss), float(error)
