"""A conditional flow over windows of frames: the blocks of a `Flow` on each frame, temporal couplings between them."""

import keras
import tensorflow_probability as tfp

from niki_tf.flows.flow import Flow
from niki_tf.flows.temporal_conditioner import TemporalConditioner
from niki_tf.flows.temporal_coupling import SPLITS, TemporalCoupling

tfb = tfp.bijectors

_SPATIAL = ("size", "condition", "num_couplings", "hidden_dim", "tanh_on", "dropout", "mask")
_OVER_TIME = ("num_temporal_pairs", "temporal_hidden_dim", "split", "neighbour_mean")


@keras.saving.register_keras_serializable("niki_tf")
class TemporalFlow(keras.layers.Layer):
    """A `Flow` on each frame of a window, with `num_temporal_pairs` pairs of temporal couplings evenly among its steps.

    Windows may have any length; a single frame has no others to learn from and passes through the spatial part alone.

    Args:
        size: entries of the vector of a frame.
        condition: entries of the condition of a frame, 0 for none.
        num_couplings: number of spatial steps.
        hidden_dim: width of their conditioners.
        num_temporal_pairs: pairs of temporal steps: one moves one set of frames, the next the other.
        temporal_hidden_dim: width of their attention.
        split: how frames are shared out, "interleaved" or "halves".
        tanh_on: what the conditioners' tanh bounds, "scale" or "translation".
        neighbour_mean: give what a frame is scaled down by back from its neighbours' mean (see `TemporalConditioner`),
            which the paper does without; None for yes where the scale is bounded and no where the translation is.
        dropout: see `Flow`.
        mask: see `Flow`.

    Raises:
        ValueError: `num_temporal_pairs` is more than there are blocks of two spatial steps, or `split` is unknown.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import flows
        >>> flow = flows.TemporalFlow(176, hidden_dim=32, num_couplings=4, num_temporal_pairs=2, temporal_hidden_dim=32)
        >>> x = tf.random.normal([3, 16, 176])
        >>> y = flow.bijector().inverse(x)
        >>> bool(tf.reduce_max(tf.abs(flow.bijector().forward(y + 0) - x)) < 1e-4)
        True

    Source: supplementary C.1.
    """

    def __init__(
        self,
        size,
        *,
        condition=0,
        num_couplings=16,
        hidden_dim=512,
        num_temporal_pairs=4,
        temporal_hidden_dim=128,
        split="interleaved",
        tanh_on="scale",
        neighbour_mean=None,
        dropout=0.0,
        mask=None,
        **kwargs,
    ):
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

    def bijector(self, condition=None, *, frame_mask=None, training=False):
        """A fresh `tfb.Chain` on (..., T, size) with `condition` (..., T, C) and `frame_mask` (..., T) bound.

        Args:
            condition: (..., T, C), or None.
            frame_mask: (..., T), 1 for frames, 0 for filler that no frame learns from; None if all are frames.
            training: see `Flow.bijector`.

        Raises:
            ValueError: the condition is missing, superfluous or of another length.
        """
        before, *steps, after = self.spatial.steps(condition, training=training)
        chain, blocks = [before], self.spatial.num_couplings // 2
        places = [place * blocks // self.num_temporal_pairs for place in range(self.num_temporal_pairs)]
        for number, step in enumerate(steps):
            if number % 2 == 0 and number // 2 in places:
                chain += self._temporal_pair(places.index(number // 2), frame_mask)
            chain.append(step)
        return tfb.Chain([*chain, after], name="temporal_flow")

    def _temporal_pair(self, pair, frame_mask):
        return [
            TemporalCoupling(
                self.attention[2 * pair + second],
                frame_mask=frame_mask,
                split=self.split,
                swap=bool(second),
                name=f"temporal_step_{2 * pair + second}",
            )
            for second in range(2)
        ]

    def get_config(self):
        """Constructor arguments."""
        spatial = {name: getattr(self.spatial, name) for name in _SPATIAL}
        own = {name: getattr(self, name) for name in _OVER_TIME}
        return {**super().get_config(), **spatial, **own}
