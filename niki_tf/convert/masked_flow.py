"""A published flow, whose masks are multiplied in, as a `Flow`, which stores only the weights that masks let through.

Step i of a masked flow keeps the entries m_i and moves the others by MLPs of m_i * x. Columns of the first layer that
are multiplied by masked entries and rows of the last layer whose output is masked have no effect: they are left out.
"""

import collections
import dataclasses
import re
from collections.abc import Mapping

import numpy as np

from niki_tf.convert.layout import Part, listed
from niki_tf.flows import Flow, masks

_Arrays = Mapping[str, np.ndarray]
_KINDS = {"s": "scale", "t": "translation"}


@dataclasses.dataclass(frozen=True)
class MaskedFlow:
    """Where a checkpoint has the tensors of a masked flow.

    Attributes:
        mask: name of the buffer (num_couplings, size), 1 = kept.
        network: name of a linear layer, with {kind} (s or t), {step} and {layer}.
        layers: numbers of the three linear layers.
        size: entries of the vector.
        condition: entries of the condition that the first layers have columns for, after those of the vector.
        condition_mask: name of the buffer (num_couplings,) that multiplies the condition, if there is one.
    """

    mask: str
    network: str
    layers: tuple[int, int, int]
    size: int
    condition: int = 0
    condition_mask: str | None = None

    def name(self, kind: str, step: int, layer: int, what: str) -> str:
        """Name of the weight or bias of linear layer 0, 1 or 2."""
        return f"{self.network.format(kind=kind, step=step, layer=self.layers[layer])}.{what}"

    def sizes(self, arrays: _Arrays) -> tuple[int, int]:
        """Number of steps that have networks, and hidden width, the most frequent size of the first layers' biases.

        Raises:
            ValueError: there is no first linear layer at all, or a step of a number beyond that of the tensors.
        """
        pattern = re.escape(self.network).replace(r"\{kind\}", "[st]").replace(r"\{step\}", r"([0-9]{1,9})")
        anywhere, first = pattern.replace(r"\{layer\}", r"[0-9]+"), pattern.replace(r"\{layer\}", str(self.layers[0]))
        steps = [int(found[1]) for name in arrays if (found := re.match(anywhere + r"\.", name))]
        biases = [array for name, array in arrays.items() if re.fullmatch(first + r"\.bias", name)]
        widths = [len(bias) for bias in biases if bias.ndim]
        if not widths:
            missing = self.name("s", 0, 0, "bias")
            raise ValueError(f"the checkpoint is not one of the published models. Tensors missing: {missing}.")
        if max(steps) >= len(arrays):
            last = self.name("s", max(steps), 0, "bias")
            raise ValueError(
                "the checkpoint is not one of the published models. Steps must be numbered without gaps; got "
                f"{last} among {len(arrays)} tensors."
            )
        return 1 + max(steps), collections.Counter(widths).most_common(1)[0][0]

    def parts(self, arrays: _Arrays) -> dict[str, Part]:
        """Every tensor of the flow, name -> `Part`."""
        num_couplings, hidden_dim = self.sizes(arrays)
        self._check_rows(arrays, num_couplings)
        parts = {self.mask: Part((num_couplings, self.size), "says which entries each step keeps")}
        masked_condition = ""
        if self.condition_mask:
            parts[self.condition_mask] = Part((num_couplings,), self._condition_use(arrays))
            if not self.conditioned(arrays):
                masked_condition = f" and the {self.condition} of the condition, masked by zero,"
        for step in range(num_couplings):
            for kind in _KINDS:
                parts |= self._network_parts(kind, step, hidden_dim, masked_condition)
        return parts

    def _network_parts(self, kind: str, step: int, hidden_dim: int, masked_condition: str) -> dict[str, Part]:
        """The three linear layers of one network, name -> `Part`."""
        shapes = (
            (hidden_dim, self.size + self.condition),
            (hidden_dim, hidden_dim),
            (self.size, hidden_dim),
        )
        uses = (
            f"layer 0: columns of masked entries{masked_condition} are dead and left out",
            "layer 1: whole",
            "layer 2: rows of masked entries are dead and left out",
        )
        network, parts = f"{_KINDS[kind]} of step {step}, ", {}
        for layer, (shape, use) in enumerate(zip(shapes, uses, strict=True)):
            parts[self.name(kind, step, layer, "weight")] = Part(shape, network + use)
            bias = use if layer == 2 else f"layer {layer}: whole"
            parts[self.name(kind, step, layer, "bias")] = Part(shape[:1], network + bias)
        return parts

    def _check_rows(self, arrays: _Arrays, num_couplings: int) -> None:
        """Raises ValueError that names the networks that the mask has rows for and that are not there."""
        rows = len(arrays[self.mask]) if self.mask in arrays and arrays[self.mask].ndim else 0
        if num_couplings < rows != self.size:
            missing = [self.name(kind, step, 0, "weight") for step in range(num_couplings, rows) for kind in _KINDS]
            raise ValueError(
                f"`{self.mask}` has {rows} rows, and the checkpoint networks for {num_couplings} steps; "
                f"tensors missing: {listed(missing)}, and so on."
            )

    def _condition_use(self, arrays: _Arrays) -> str:
        if self.conditioned(arrays):
            return "multiplied into the columns of the condition"
        return "all zero: the condition reaches no step"

    def conditioned(self, arrays: _Arrays) -> bool:
        """Whether the condition reaches any step."""
        return self.condition_mask is not None and bool(np.any(arrays.get(self.condition_mask, 0)))

    def first_mask(self, arrays: _Arrays) -> np.ndarray:
        """What the even steps keep, (size,) booleans.

        Raises:
            ValueError: the mask has other entries than zeros and ones, keeps all or nothing, or a step does not move
                exactly what the one before it kept.
        """
        mask = arrays[self.mask]
        if not np.isin(mask, (0, 1)).all():
            raise ValueError(f"`{self.mask}` must hold zeros and ones only; got {np.unique(mask)[:4].tolist()}.")
        if len(np.unique(mask[0])) < 2:
            raise ValueError(f"`{self.mask}` must keep some entries and move others; got {int(mask[0, 0])} for all.")
        stays = np.flatnonzero((mask[1:] == mask[:-1]).any(1))
        if len(stays):
            raise ValueError(
                f"`{self.mask}`: each step must move exactly what the one before it kept; "
                f"rows {stays[0]} and {stays[0] + 1} are not each other's complement."
            )
        return mask[0].astype(bool)

    def fill(self, flow: Flow, arrays: _Arrays) -> None:
        """Writes the weights that masks let through into `flow`, a `Flow` of this size with `mask` as `first_mask`."""
        first = self.first_mask(arrays)
        for step, conditioner in enumerate(flow.conditioners):
            kept = first if step % 2 == 0 else ~first
            factor = arrays[self.condition_mask][step] if self.condition_mask and flow.condition else None
            for kind, what in _KINDS.items():
                for layer, dense in enumerate(getattr(conditioner, what)):
                    kernel = arrays[self.name(kind, step, layer, "weight")].T
                    bias = arrays[self.name(kind, step, layer, "bias")]
                    if layer == 0:
                        kernel = self._live_rows(kernel, kept, factor)
                    elif layer == 2:
                        kernel, bias = kernel[:, ~kept], bias[~kept]
                    dense.set_weights([kernel, bias])

    def _live_rows(self, kernel: np.ndarray, kept: np.ndarray, factor: np.ndarray | None) -> np.ndarray:
        """Rows of the first kernel (size + condition, hidden_dim): kept entries and, times `factor`, the condition."""
        live = kernel[: self.size][kept]
        return live if factor is None else np.concatenate([live, factor * kernel[self.size :]])

    def weights(self, arrays: _Arrays) -> int:
        """How many weights the checkpoint's networks have."""
        return sum(arrays[name].size for name in self.parts(arrays) if name.endswith((".weight", ".bias")))

    def mask_argument(self, arrays: _Arrays) -> list[bool] | None:
        """`first_mask` as the argument `mask` of `Flow`: a list, or None if it is the default."""
        first = self.first_mask(arrays)
        return None if np.array_equal(first, masks.alternating(self.size, first=False)) else first.tolist()
