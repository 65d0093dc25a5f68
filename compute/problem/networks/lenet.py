"""Two convolutions, each pooled, and dense layers after them, as in LeNet-5 (LeCun et al. 1998)."""

import math

from lossatlas.compute.problem.layers import Layer
from lossatlas.compute.problem.networks.network import Ends, Network, dense


def _layers(ends: Ends, normed: bool, channels: tuple[int, ...], widths: tuple[int, ...]) -> tuple[Layer, ...]:
    convolutions = _convolutions(ends.side, channels, normed)
    return (*convolutions, *dense((_pooled_numbers(convolutions[-1]), *widths, ends.outputs), normed))


def _convolutions(side: int, channels: tuple[int, ...], norm: bool) -> list[Layer]:
    """As in LeNet-5 (LeCun et al. 1998) on 28×28: 5×5, the first padded to keep the size; 3×3 on small images."""
    kernel = 5 if side >= 16 else 3
    first, second = channels
    return [
        Layer((first, 1, kernel, kernel), side, kernel // 2, norm),
        Layer((second, first, kernel, kernel), side // 2, 0, norm),
    ]


def _pooled_numbers(layer: Layer) -> int:
    return layer.units * (math.isqrt(layer.places) // 2) ** 2


def _refused(channels: tuple[int, ...], widths: tuple[int, ...]) -> str:
    if len(channels) != 2:
        return f"channels names the filters of two convolutions, as 6-16; got {len(channels)}."
    return ""


LENET = Network(
    "LeNet (CNN)", ("channels", "dense"), _layers, _refused, images=True, also=("lenet_5", "cnn", "convnet")
)
