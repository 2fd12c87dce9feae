"""A conditional flow over windows of frames: the steps of a `Flow` on each frame, temporal couplings between them."""

import functools
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from niki_tf import shared_traces
from niki_tf.flows.flow import Flow, Halves
from niki_tf.flows.temporal_conditioner import TemporalConditioner
from niki_tf.flows.temporal_coupling import SPLITS, TemporalCoupling

_SPATIAL = ("size", "condition", "num_couplings", "hidden_dim", "tanh_on", "dropout", "mask")
_TEMPORAL = ("num_temporal_pairs", "temporal_hidden_dim", "split", "neighbour_mean")


@keras.saving.register_keras_serializable("niki_tf")
class TemporalFlow(keras.layers.Layer):
    """A `Flow` on each frame of a window, with pairs of temporal couplings evenly spaced among its steps.

    Windows may have any length; a window of one frame passes through the spatial steps alone.

    Args:
        size: entries of the vector of a frame.
        condition: entries of the condition of a frame, 0 for none.
        num_couplings: number of spatial coupling steps; two are a block.
        hidden_dim: width of the spatial conditioners.
        num_temporal_pairs: number of pairs of temporal steps; the first of a pair moves one set of frames, the second
            the other.
        temporal_hidden_dim: width of the temporal attention.
        split: how frames are split into two sets, "interleaved" or "halves" (the paper).
        tanh_on: which network of all conditioners ends in a tanh, "scale" or "translation" (the paper).
        neighbour_mean: whether the temporal translation includes a mean of the kept frames (see
            `TemporalConditioner`), which the paper does not have; None for True where `tanh_on` is "scale" and False
            where it is "translation".
        dropout: see `Flow`.
        mask: see `Flow`.

    Raises:
        ValueError: `num_temporal_pairs` is more than the blocks of two spatial steps, `split` is unknown, or
            `neighbour_mean` is True where `tanh_on` is "translation".

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import flows
        >>> flow = flows.TemporalFlow(176, hidden_dim=32, num_couplings=2, num_temporal_pairs=1, temporal_hidden_dim=32)
        >>> x = tf.random.normal([3, 16, 176])
        >>> y = flow.bijector().inverse(x)
        >>> bool(tf.reduce_max(tf.abs(flow.bijector().forward(y + 0) - x)) < 1e-4)
        True

    Source: supplementary C.1.
    """

    def __init__(
        self,
        size: int,
        *,
        condition: int = 0,
        num_couplings: int = 16,
        hidden_dim: int = 512,
        num_temporal_pairs: int = 4,
        temporal_hidden_dim: int = 128,
        split: str = "interleaved",
        tanh_on: str = "scale",
        neighbour_mean: bool | None = None,
        dropout: float = 0.0,
        mask: list[bool] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 1 <= num_temporal_pairs <= num_couplings // 2:
            raise ValueError(
                f"`num_temporal_pairs` must be 1 to {num_couplings // 2}, the blocks of two steps; "
                f"got {num_temporal_pairs}."
            )
        if split not in SPLITS:
            raise ValueError(f"`split` must be one of {', '.join(SPLITS)}; got {split!r}.")
        self.num_temporal_pairs, self.temporal_hidden_dim, self.split = num_temporal_pairs, temporal_hidden_dim, split
        self.num_couplings, self.hidden_dim, self.tanh_on, self.dropout = num_couplings, hidden_dim, tanh_on, dropout
        self.neighbour_mean = tanh_on == "scale" if neighbour_mean is None else neighbour_mean
        self.spatial = Flow(
            size,
            condition=condition,
            num_couplings=num_couplings,
            hidden_dim=hidden_dim,
            tanh_on=tanh_on,
            dropout=dropout,
            mask=mask,
        )
        self.attention = [
            TemporalConditioner(
                size,
                hidden_dim=temporal_hidden_dim,
                tanh_on=tanh_on,
                neighbour_mean=self.neighbour_mean,
                name=f"attention_{step}",
            )
            for step in range(2 * num_temporal_pairs)
        ]
        self.built = True

    def bijector(
        self,
        condition: tf.Tensor | None = None,
        *,
        frame_mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> tfp.bijectors.Chain:
        """A new `tfp.bijectors.Chain` on (..., T, size) given condition and frame mask.

        Args:
            condition: (..., T, C), or None.
            frame_mask: (..., T), 1 for frames and 0 for padding frames, which are ignored; None if all are frames.
            training: whether dropout is active.

        Raises:
            ValueError: the condition is missing, superfluous or of another length.
        """
        before, *steps, after = self.spatial.steps(condition, training=training)
        chain, places = [before], self._places()
        for number, step in enumerate(steps):
            if number in places:
                chain += self._temporal_pair(places.index(number), frame_mask)
            chain.append(step)
        return tfp.bijectors.Chain([*chain, after], name="temporal_flow")

    def transform(
        self,
        x: tf.Tensor,
        condition: tf.Tensor | None = None,
        *,
        frame_mask: tf.Tensor | None = None,
        direction: str = "inverse",
        training: bool = False,
    ) -> tf.Tensor:
        """What `direction` ("inverse", "forward") of `bijector` gives for `x` (..., T, size); see `Flow.transform`."""
        places, halves, to_pose = self._places(), self.spatial.halves(x), direction == "inverse"
        for number in range(self.num_couplings)[:: 1 if to_pose else -1]:
            pair = self._temporal_pair(places.index(number), frame_mask) if number in places else []
            if to_pose:
                halves = self._over_time(pair, halves, direction)
            halves = self.spatial.step(number, halves, condition, direction=direction, training=training)
            if not to_pose:
                halves = self._over_time(pair[::-1], halves, direction)
        return self.spatial.joined(halves)

    def _over_time(self, couplings: list[TemporalCoupling], halves: Halves, direction: str) -> Halves:
        """The halves after temporal couplings, which see all entries of a frame."""
        if not couplings:
            return halves
        frames, sizes = tf.concat(halves, -1), [half.shape[-1] for half in halves]
        for coupling in couplings:
            frames = coupling.transform(frames, direction=direction)
        first, second = tf.split(frames, sizes, -1)
        return first, second

    def _places(self) -> list[int]:
        """Numbers of the spatial steps in front of which a pair of temporal steps stands."""
        blocks = self.num_couplings // 2
        return [2 * (place * blocks // self.num_temporal_pairs) for place in range(self.num_temporal_pairs)]

    def _temporal_pair(self, pair: int, frame_mask: tf.Tensor | None) -> list[TemporalCoupling]:
        """The two temporal steps of a pair."""
        return [
            TemporalCoupling(
                functools.partial(shared_traces.run, self.attention[2 * pair + second]),
                frame_mask=frame_mask,
                split=self.split,
                swap=bool(second),
                name=f"temporal_step_{2 * pair + second}",
            )
            for second in range(2)
        ]

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        spatial = {name: getattr(self.spatial, name) for name in _SPATIAL}
        temporal = {name: getattr(self, name) for name in _TEMPORAL}
        return {**super().get_config(), **spatial, **temporal}
