"""Fit of a solver's `flows.EmbeddingFlow`: the error embedding becomes standard normal, whatever the pose.

The flow is fitted by the likelihood of the embeddings of noisy joints, with log-determinants, given the poses that the
solver finds. The solver itself stays as it is, so no answer changes.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping

import keras
import tensorflow as tf

from niki_tf import rotations
from niki_tf.solvers.invertible import InvertibleSolver
from niki_tf.training import losses

_LEAST_SIZE = 1e-4
"""Lower bound of the size of an entry of the embedding that the scale starts from."""


def fit(
    solver: InvertibleSolver,
    batches: Iterable[Mapping[str, tf.Tensor]],
    *,
    steps: int,
    learning_rate: float = 2e-3,
) -> Iterator[float]:
    """Fits the `EmbeddingFlow` of a solver; gives the loss after each step.

    Args:
        solver: with an `EmbeddingFlow`, which is changed.
        batches: of `data.batches`.
        steps: of Adam, whose rate falls along a cosine.
        learning_rate: of the first step.

    Yields:
        the negative log-likelihood of an entry of z, in nats, without its constant.

    Raises:
        ValueError: the solver has no `EmbeddingFlow`.
    """
    flow = solver.embedding_flow
    if flow is None:
        raise ValueError("`solver` must have an EmbeddingFlow: take that of `with_embedding_flow(8)`.")
    flow.trainable = True
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps), clipnorm=1.0)
    optimizer.build(flow.trainable_variables)

    @tf.function(autograph=False)
    def step(batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        pose, z, counted = embeddings(solver, batch)
        with tf.GradientTape() as tape:
            bijector = flow.bijector(pose, training=True)
            normal = bijector.inverse(z)
            surprise = 0.5 * tf.reduce_sum(normal**2, -1) - bijector.inverse_log_det_jacobian(z, event_ndims=1)
            loss = tf.reduce_sum(counted * surprise) / (tf.reduce_sum(counted) * z.shape[-1])
        gradients = tape.gradient(loss, flow.trainable_variables)
        optimizer.apply_gradients(zip(gradients, flow.trainable_variables, strict=True))
        return loss

    batches = iter(batches)
    first = next(batches)
    _, z, counted = embeddings(solver, first)
    squares = tf.reduce_sum(counted[..., None] * z**2, range(z.shape.rank - 1)) / tf.reduce_sum(counted)
    flow.log_scale.assign(0.5 * tf.math.log(squares + _LEAST_SIZE**2))
    for batch in itertools.chain([first], itertools.islice(batches, steps - 1)):
        yield float(step(batch))
    flow.trainable = False


def embeddings(solver: InvertibleSolver, batch: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Rotations 6D (n, ..., 144) and embeddings (n, ..., d) of noisy joints, and which frames count (n, ...).

    Args:
        solver: that finds them; its `EmbeddingFlow` is left out.
        batch: of `data.batches`.
    """
    view = losses.observe_noisy(solver, batch)
    view["padding"] = tf.zeros([*view["joints"].shape[:-2], solver.padding_size])
    pose, z, _ = solver.to_pose(losses.observation_of(view), losses.body_of(view))
    pose = rotations.matrices_to_6d_vector(rotations.sixd_vector_to_matrices(pose))
    return pose, z, view.get("frame_mask", tf.ones_like(z[..., 0]))
