"""A plain flow in PyTorch as published, timed for speed.py: python tools/benchmarks/torch_reference.py.

Sixteen coupling steps on R^176 with a condition of 16 entries, as the networks of the paper's published code are: each
maps the whole vector, of which a mask leaves a half, by two hidden layers of 512. Needs PyTorch alone.

The argument, a JSON object, gives `threads`, `batches` and `rounds`; the last line printed is the answer.
"""

import json
import sys
from typing import Any

import torch
from speed_child import measured, peak
from torch import nn

_SIZE, _CONDITION, _HIDDEN, _STEPS = 176, 16, 512, 16
_ALIVE = 2 * _STEPS * ((_SIZE // 2 + _CONDITION + 1) * _HIDDEN + (_HIDDEN + 1) * (_HIDDEN + _SIZE // 2))
"""Weights that no mask multiplies by zero."""
_OPERATIONS = 2 * 2 * _STEPS * ((_SIZE // 2 + _CONDITION) * _HIDDEN + _HIDDEN * (_HIDDEN + _SIZE // 2))


class Step(nn.Module):
    """A masked coupling step: keeps the entries where `mask` is 1, scales and shifts the others."""

    def __init__(self, mask: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        self.scale, self.shift = _network(nn.Tanh()), _network(nn.Identity())

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """The vector (N, 176) after the step, towards the pose."""
        given = torch.cat([x * self.mask, condition], -1)
        moves = 1 - self.mask
        scale, shift = self.scale(given) * moves, self.shift(given) * moves
        return x * torch.exp(scale) + shift


def _network(end: nn.Module) -> nn.Sequential:
    first, last = nn.Linear(_SIZE + _CONDITION, _HIDDEN), nn.Linear(_HIDDEN, _SIZE)
    return nn.Sequential(first, nn.LeakyReLU(0.01), nn.Linear(_HIDDEN, _HIDDEN), nn.LeakyReLU(0.01), last, end)


def time_flow(request: dict[str, Any]) -> dict[str, Any]:
    """Times of every batch and the weights."""
    torch.set_num_threads(request["threads"])
    torch.manual_seed(0)
    odd = (torch.arange(_SIZE) % 2).float()
    steps = [Step(odd if step % 2 == 0 else 1 - odd) for step in range(_STEPS)]
    times = []
    with torch.inference_mode():
        for batch in request["batches"]:
            x, condition = torch.randn(batch, _SIZE), torch.randn(batch, _CONDITION)

            def call(x: torch.Tensor = x, condition: torch.Tensor = condition) -> torch.Tensor:
                for step in steps:
                    x = step(x, condition)
                return x

            times.append({**measured(call, request["rounds"]), "frames": batch, "flops": _OPERATIONS * batch})
    stored = sum(weight.numel() for step in steps for weight in step.parameters())
    return {"times": times, "weights": _ALIVE, "stored": stored, "bytes_a_weight": 4, "peak": peak()}


if __name__ == "__main__":
    print(json.dumps(time_flow(json.loads(sys.argv[1]))))
