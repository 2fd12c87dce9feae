"""A conditional flow over windows of frames: the blocks of a `Flow` on each frame, temporal couplings between them."""

import keras
import tensorflow_probability as tfp

from niki_tf.flows.flow import Flow
from niki_tf.flows.temporal_conditioner import TemporalConditioner
from niki_tf.flows.temporal_coupling import SPLITS, TemporalCoupling

tfb = tfp.bijectors


@keras.saving.register_keras_serializable("niki_tf")
class TemporalFlow(keras.layers.Layer):
    """A `Flow` on each frame of a window, with `pairs` pairs of temporal couplings evenly among its steps.

    Windows may have any length; a single frame has no others to learn from and passes through the spatial part alone.

    Args:
        size: entries of the vector of a frame.
        condition: entries of the condition of a frame, 0 for none.
        couplings: number of spatial steps.
        hidden: width of their conditioners.
        pairs: pairs of temporal steps: one moves one set of frames, the next the other.
        temporal_hidden: width of their attention.
        split: how frames are shared out, "interleaved" or "halves".
        bounded: where the conditioners' tanh sits, "scale" or "translation".

    Raises:
        ValueError: `pairs` is more than there are blocks of two spatial steps, or `split` is unknown.

    Example:
        >>> import tensorflow as tf
        >>> from niki_tf import flows
        >>> flow = flows.TemporalFlow(176, hidden=32, couplings=4, pairs=2, temporal_hidden=32)
        >>> x = tf.random.normal([3, 16, 176])
        >>> y = flow.bijector().inverse(x)
        >>> bool(tf.reduce_max(tf.abs(flow.bijector().forward(y + 0) - x)) < 1e-4)
        True

    Source: supplementary C.1.
    """

    def __init__(
        self, size, *, condition=0, couplings=16, hidden=512, pairs=4, temporal_hidden=128, split="interleaved",
        bounded="scale", **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        if not 1 <= pairs <= couplings // 2:
            raise ValueError(f"`pairs` must be 1 to {couplings // 2}, the blocks of two steps; got {pairs}.")
        if split not in SPLITS:
            raise ValueError(f"`split` must be one of {', '.join(SPLITS)}; got {split!r}.")
        self.pairs, self.temporal_hidden, self.split = pairs, temporal_hidden, split
        self.spatial = Flow(size, condition=condition, couplings=couplings, hidden=hidden, bounded=bounded)
        self.attention = [
            TemporalConditioner(size, hidden=temporal_hidden, bounded=bounded, name=f"attention_{step}")
            for step in range(2 * pairs)
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
        chain, blocks = [before], self.spatial.couplings // 2
        places = [place * blocks // self.pairs for place in range(self.pairs)]
        for number, step in enumerate(steps):
            if number % 2 == 0 and number // 2 in places:
                chain += self._temporal_pair(places.index(number // 2), frame_mask)
            chain.append(step)
        return tfb.Chain([*chain, after], name="temporal_flow")

    def _temporal_pair(self, pair, frame_mask):
        return [
            TemporalCoupling(
                self.attention[2 * pair + second], frame_mask=frame_mask, split=self.split, swap=bool(second),
                name=f"temporal_step_{2 * pair + second}",
            )
            for second in range(2)
        ]  # fmt: skip

    def get_config(self):
        """Constructor arguments."""
        spatial = {n: getattr(self.spatial, n) for n in ("size", "condition", "couplings", "hidden", "bounded")}
        own = {name: getattr(self, name) for name in ("pairs", "temporal_hidden", "split")}
        return {**super().get_config(), **spatial, **own}
