"""A Problem and its network: its layers, and where their tensors stand in a point.

A point is a flat vector theta (P,), or a batch (B, P), in the order of `parameters()` of the plain torch module:
W1 (out, in), b1 (out,), W2, b2, ...; with BatchNorm γ and β follow the b of their layer.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.problem.activations import ACTIVATIONS, Activation, Blend, unit_of
from lossatlas.compute.problem.criteria import CRITERIA, Criterion
from lossatlas.compute.problem.datasets import Dataset
from lossatlas.compute.problem.layers import Layer, count
from lossatlas.compute.problem.networks.network import Ends
from lossatlas.compute.problem.networks.table import NETWORKS
from lossatlas.compute.problem.sources import (
    class_counts,
    dataset_of,
    datasets,
    disturbed,
    names_of,
    own_data,
    sizes,
)
from lossatlas.compute.spec.names import Word
from lossatlas.compute.spec.options import AUTO, BadSpec, check, option, options_of

MOST_PARAMETERS = 5_000_000  # 40 MB a point in float64; a recorded trajectory holds up to 200 (chosen by eye)
BLOCK = 1 << 21  # numbers of all layers at a time for one point: 16 MB in float64, whatever the widths
DTYPES = {
    "float32": Word("float32", also=("float", "single", "f32")),
    "float64": Word("float64", also=("double", "f64")),
}
NORMS = {"none": Word("none"), "batch": Word("BatchNorm", also=("batch_norm", "batch_normalization", "bn"))}


def _builds(field: str) -> tuple[str, Callable[[str], bool]]:
    return ("network", lambda name: field in NETWORKS[name].options)


ENDS = ("activation", "mix_with", "morph_to")  # the options that name an activation, any of which may read a parameter
UNMIXED = "none"
USUAL_SHARE = 0.2  # of the patterns, for testing


def _reads(parameter: str) -> tuple[tuple[str, ...], Callable[[str], bool]]:
    return (ENDS, lambda name: name in ACTIVATIONS and ACTIVATIONS[name].parameter == parameter)


# ---------------------------------------------------------------------------------------------- values that are one

PARTED = ("dataset", "test_share", "max_samples")  # the options that decide how many patterns either part has
DEALT = (*PARTED, "noise")


def _seed_or_none(seed: int, dataset: str, *dealt: Any) -> int:
    """The usual seed where nothing is drawn by it."""
    return seed if dataset_of(dataset).split or disturbed(dataset, *dealt) else 0


def _share_or_usual(share: float, dataset: str, most: int) -> float:
    """The usual share where it takes as many patterns."""
    return USUAL_SHARE if sizes(dataset, share, most) == sizes(dataset, USUAL_SHARE, most) else share


def _noise_or_none(noise: float, dataset: str, share: float, most: int) -> float:
    """No noise where no label is changed."""
    return noise if disturbed(dataset, share, most, noise) else 0.0


def _most_or_all(most: int, dataset: str) -> int:
    return most if most < dataset_of(dataset).size else 0


def _told_share(share: float, dataset: str, most: int) -> str:
    kept, held = sizes(dataset, share, most)
    if not dataset_of(dataset).split:
        return f"test share {share:g}, but this set has no test part"
    return f"{held:,} of {kept + held:,} patterns kept for testing" if held else "no pattern kept for testing"


def _told_noise(noise: float, dataset: str, share: float, most: int) -> str:
    """How many labels are not the data set's own."""
    things = "labels" if dataset_of(dataset).classes else "targets"
    changed = disturbed(dataset, share, most, noise)
    if not changed:
        return f"label noise {noise:g}, which changes none of {sizes(dataset, share, most)[0]:,} {things}"
    return f"{things} of {100 * noise:g} % ({changed:,}) of the training patterns changed"


def _told_most(most: int, dataset: str) -> str:
    size = dataset_of(dataset).size
    return f"{most:,} of {size:,} patterns taken" if most < size else f"at most {most:,} patterns, which are all"


def whole_or(batch: int, *parted: Any) -> int:
    """0, which means all patterns, where a batch holds them all."""
    return batch if batch < sizes(*parted)[0] else 0


def told_batch(batch: int, *parted: Any) -> str:
    count = sizes(*parted)[0]
    return f"batches of {batch:,}" if batch < count else f"batches of {batch:,}, which hold all {count:,} patterns"


# ---------------------------------------------------------------------------------------------- the question


@dataclass(frozen=True)
class Problem:
    """Which loss: data, network and criterion. Plain values only, so that it can be written as a query string."""

    dataset: str = option(
        "iris",
        choices=datasets,
        label="Data set",
        help="The patterns the loss is averaged over.",
        first=True,
        wide=True,
        keys={"/": ""},
        offers="iris,wine,heart",
        decides=("data", "draw", "walks"),
        said="always",
        leaves=("plane", "region"),
        also=("data",),
        absent=own_data,
    )
    network: str = option(
        "mlp",
        choices=NETWORKS,
        label="Network",
        help="Dense layers, or two convolutions before them, for images.",
        first=True,
        decides=("draw", "walks"),
        said="always",
        leaves=("plane", "region"),
        also=("architecture", "model", "net"),
    )
    widths: tuple[int, ...] = option(
        (4,),
        low=1,
        high=4096,
        longest=16,
        label="Hidden widths",
        help="Hidden units of each layer, as 128-64; none for a network without a hidden layer.",
        when=_builds("widths"),
        first=True,
        offers="2,4,8",
        decides=("draw", "walks"),
        said="always",
        leaves=("plane", "region"),
        also=(
            "hidden",
            "hidden_layer_sizes",
            "hidden_size",
            "n_hidden",
            "hidden_sizes",
            "hidden_dims",
            "hidden_units",
            "hidden_layers",
            "layers",
            "layer_sizes",
            "neurons",
        ),
    )
    skip: bool = option(
        False,
        label="Skip connections",
        help="Each hidden layer after the first adds its input to its output; needs layers of equal width.",
        when=_builds("skip"),
        said="always",
        leaves=("plane", "region"),
        also=("residual", "shortcut"),
    )
    channels: tuple[int, ...] = option(
        (6, 16),
        low=1,
        high=256,
        longest=2,
        label="Channels",
        help="Filters of the two convolutions; LeNet-5 has 6-16.",
        when=_builds("channels"),
        offers="2-4,6-16",
        decides=("draw", "walks"),
        said="always",
        leaves=("plane", "region"),
        also=("filters", "out_channels"),
    )
    dense: tuple[int, ...] = option(
        (120, 84),
        low=1,
        high=4096,
        longest=8,
        label="Dense widths",
        help="Hidden units of the dense layers after the convolutions; LeNet-5 has 120-84.",
        when=_builds("dense"),
        offers="16,120-84",
        decides=("draw", "walks"),
        said="always",
        leaves=("plane", "region"),
        also=("dense_units", "fully_connected", "fc"),
    )
    norm: str = option(
        "none",
        choices=NORMS,
        label="Normalisation",
        help="BatchNorm before every activation; a slice says what becomes of its means and variances.",
        first=True,
        decides=("draw", "walks"),
        said="always",
        leaves=("plane", "region"),
        also=("normalization", "batch_norm", "batch_normalization", "norm_layer", "bn"),
    )
    activation: str = option(
        "tanh",
        choices=ACTIVATIONS,
        label="Activation",
        help="The function of every hidden unit.",
        first=True,
        wide=True,
        said="always",
        also=("activation_function", "activation_fn", "act", "nonlinearity"),
    )
    alpha: float = option(
        1.0,
        low=1e-3,
        high=100.0,
        when=_reads("alpha"),
        label="α (ELU, CELU)",
        help="Scale of the negative part (ELU, CELU).",
        offers="1.0,0.5,2.0",
        told="α = {}",
    )
    slope: float = option(
        0.01,
        low=-1.0,
        high=1.0,
        when=_reads("slope"),
        label="Slope (leaky ReLU)",
        help="Slope of leaky ReLU for negative inputs.",
        offers="0.01,0.1,0.3",
        also=("negative_slope", "leak"),
        told="slope {}",
    )
    beta: float = option(
        1.0,
        low=1e-2,
        high=100.0,
        when=_reads("beta"),
        label="β (softplus)",
        help="Sharpness of softplus; large is near ReLU.",
        offers="1.0,4.0,16.0",
        told="β = {}",
    )
    mix_with: str = option(
        UNMIXED,
        choices=lambda: {UNMIXED: "nothing", **ACTIVATIONS},
        when=("mix_with", lambda name: name != UNMIXED),
        group="Activation",
        label="Mix with",
        help="Every hidden unit computes (1 − t) times its activation and t times this one.",
        first=True,
        wide=True,
        compared=True,
        offers="none,relu,sine",
        said="always",
    )
    mix: float = option(
        0.5,
        low=0.0,
        high=1.0,
        when=("mix_with", lambda name: name != UNMIXED),
        group="Activation",
        label="Share t mixed in",
        help="0 is the activation alone, 1 the other one alone; `auto` initial weights have the weighted variance.",
        first=True,
        slider=0.05,
        compared=True,
        offers="0.0,0.5,1.0",
        said="always",
    )
    loss: str = option(
        AUTO,
        choices=lambda: {AUTO: "suited to the data", **CRITERIA},
        label="Loss",
        help="What one pattern costs; auto is sigmoid cross-entropy for classes, squared error for a regression.",
        first=True,
        said="always",
        leaves=("region",),
        also=("criterion", "loss_function", "loss_fn", "objective"),
    )
    l2: float = option(
        0.0,
        low=0.0,
        high=100.0,
        label="L2 penalty λ",
        help="Adds λ‖θ‖² over all parameters, biases included; shown apart.",
        offers="0.0,0.001,0.01",
        also=("weight_decay", "wd", "l2_regularization", "l2_penalty", "lambda", "λ", "kernel_regularizer"),
        told="L2 penalty λ = {}",
    )
    data_seed: int = option(
        0,
        low=0,
        high=2**31 - 1,
        label="Data seed",
        help="Seed of the split, the label noise and generated data.",
        decides=("data",),
        means=(DEALT, _seed_or_none),
        told="data seed {}",
    )
    test_share: float = option(
        USUAL_SHARE,
        low=0.0,
        high=0.9,
        label="Test share",
        help="Share of the patterns kept out of training.",
        offers="0.2,0.5",
        decides=("data",),
        also=("test_size", "test_split", "test_fraction", "validation_split", "validation_fraction"),
        means=(("dataset", "max_samples"), _share_or_usual),
        told=(("dataset", "max_samples"), _told_share),
    )
    noise: float = option(
        0.0,
        low=0.0,
        high=1.0,
        label="Label noise",
        help="Share of the training labels replaced by another class.",
        offers="0.0,0.2,0.4",
        decides=("data",),
        also=("label_noise", "flip_y"),
        means=(PARTED, _noise_or_none),
        told=(PARTED, _told_noise),
    )
    max_samples: int = option(
        0,
        low=0,
        high=1_000_000,
        label="Most patterns",
        help="Use at most this many patterns; 0 means all.",
        offers="0,60",
        decides=("data",),
        also=("n_samples", "num_samples"),
        means=(("dataset",), _most_or_all),
        told=(("dataset",), _told_most),
    )
    dtype: str = option(
        "float32",
        choices=DTYPES,
        label="Precision",
        help="Number format of points and losses.",
        told="{}",
        also=("precision", "float_type", "param_dtype"),
    )

    def __post_init__(self) -> None:
        check(self)
        self._settle_mix()
        if self.loss == AUTO:
            object.__setattr__(self, "loss", "sigmoid_cross_entropy" if self.data.classes else "squared_error")
        self._check_loss()
        self._check_network()
        if self.parameters > MOST_PARAMETERS:
            raise BadSpec(
                f"A network may have at most {MOST_PARAMETERS:,} parameters, so that its trajectory fits in memory; "
                f"{self.architecture} has {self.parameters:,}. {smaller_network(self, MOST_PARAMETERS)}"
            )

    def _settle_mix(self) -> None:
        """A mixture of one activation only is that activation: equal functions are one question."""
        if self.mix_with != UNMIXED and self.mix == 1:
            object.__setattr__(self, "activation", self.mix_with)
        if self.mix_with in (UNMIXED, self.activation) or self.mix == 0:
            object.__setattr__(self, "mix_with", UNMIXED)
            object.__setattr__(self, "mix", Problem.mix)

    def _check_network(self) -> None:
        kind = NETWORKS[self.network]
        if kind.images and not self.data.side:
            fit = names_of(lambda dataset: dataset.side > 0)
            raise BadSpec(
                f"network={self.network} reads images, and {self.dataset} has none. Choose dataset={fit} or an MLP."
            )
        if sentence := kind.refused(*self._built_from):
            raise BadSpec(sentence)
        if self.norm == "batch" and len(self.layers) == 1:
            raise BadSpec("norm=batch normalises hidden units, and this network has none. Choose widths or norm=none.")

    def _check_loss(self) -> None:
        if self.data.classes == 0 and not self.criterion.regression:
            fit = ", ".join(name for name, criterion in CRITERIA.items() if criterion.regression)
            raise BadSpec(
                f"{self.data.label} is a regression and needs the loss {fit} or auto; {self.loss} is for classes."
            )

    @property
    def data(self) -> Dataset:
        """The data set."""
        return dataset_of(self.dataset)

    @property
    def changed(self) -> int:
        """How many training labels, or targets, are not the data set's own."""
        return disturbed(self.dataset, self.test_share, self.max_samples, self.noise)

    @property
    def class_counts(self) -> tuple[tuple[int, ...], ...]:
        """As sources has them, of both parts."""
        return class_counts(self.dataset, self.data_seed, self.test_share, self.noise, self.max_samples)

    @property
    def criterion(self) -> Criterion:
        """The loss function."""
        return CRITERIA[self.loss]

    @property
    def outputs(self) -> int:
        classes = self.data.classes
        return 1 if classes == 0 or (classes == 2 and not self.criterion.coupled) else classes

    @property
    def plain(self) -> bool:
        """Dense layers only, without BatchNorm and skip connections."""
        return not any(layer.side or layer.norm or layer.skip for layer in self.layers)

    @property
    def layers(self) -> tuple[Layer, ...]:
        ends = Ends(self.data.inputs, self.data.side, self.outputs)
        return _layers(self.network, ends, self.norm == "batch", self._built_from)

    @property
    def _built_from(self) -> tuple:
        return tuple(getattr(self, name) for name in NETWORKS[self.network].options)

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of every layer but the last; filters of a convolution."""
        return tuple(layer.units for layer in self.layers[:-1])

    @property
    def convolutions(self) -> int:
        """How many layers are convolutions; they come first."""
        return sum(layer.side > 0 for layer in self.layers)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units of every layer, inputs first; of a convolution those at all pixels."""
        return (self.data.inputs, *(layer.numbers for layer in self.layers))

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the tensors in theta, in order."""
        return tuple(shape for layer in self.layers for shape in layer.tensors.values())

    @property
    def tensor_names(self) -> tuple[str, ...]:
        """As `shapes`: W1, b1, γ1, …, layers counted from 1."""
        return tuple(f"{letter}{number}" for number, layer in enumerate(self.layers, 1) for letter in layer.tensors)

    @property
    def parameters(self) -> int:
        """P."""
        return count(self.layers)

    @property
    def architecture(self) -> str:
        """As 784-10-10, or 28×28-6c5-16c5-120-84-10: c5 is a convolution of 5×5 pixels."""
        first, *_ = self.layers
        begins = f"{first.side}×{first.side}" if first.side else str(first.fan_in)
        units = [f"{layer.units}c{layer.shape[2]}" if layer.side else str(layer.units) for layer in self.layers]
        return (
            "-".join([begins, *units])
            + (" with skips" if any(layer.skip for layer in self.layers) else "")
            + (", BatchNorm" if self.norm == "batch" else "")
        )

    @property
    def parameter_value(self) -> float:
        """The activation's own parameter; 0 where it has none."""
        return self._own(self.activation)

    def _own(self, activation: str) -> float:
        name = ACTIVATIONS[activation].parameter
        return getattr(self, name) if name else 0.0

    @property
    def mixed(self) -> bool:
        """Whether the hidden units' function is a mixture of two activations."""
        return self.mix_with != UNMIXED

    @property
    def blend(self) -> Blend:
        """What the hidden units' function is made of; equal blends are equal functions."""
        if not self.mixed:
            return ((self.activation, self.parameter_value, 1.0),)
        ends = ((self.activation, 1 - self.mix), (self.mix_with, self.mix))
        return tuple((name, self._own(name), weight) for name, weight in ends)

    @property
    def unit(self) -> Activation:
        """The hidden units' function, called with `parameter_value`, and what is true of it."""
        return unit_of(self.blend)


def smaller_network(problem: Problem, most: int) -> str:
    """What to choose where a network has more than so many parameters: narrower layers, if that can be few enough."""
    table, built = options_of(Problem), NETWORKS[problem.network].options
    widths = [name for name in built if table[name].kind == "widths"]
    narrowest: dict[str, Any] = {name: (1,) * len(getattr(problem, name)) for name in widths}
    if replace(problem, **narrowest).parameters <= most:
        return f"Choose smaller {' and '.join(widths)}."
    return "Layers of one unit would be too many: choose a data set of fewer inputs."


@functools.cache
def _layers(network: str, ends: Ends, normed: bool, values: tuple) -> tuple[Layer, ...]:
    return NETWORKS[network].layers(ends, normed, *values)


@functools.cache
def offsets(shapes: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    """Where each tensor begins in theta, and P at the end."""
    return tuple(np.cumsum([0] + [math.prod(shape) for shape in shapes]).tolist())


def split(shapes: tuple[tuple[int, ...], ...], theta: Tensor) -> list[tuple[Tensor, Tensor]]:
    """theta (..., P) as its layers: weights (..., out, in) and biases (..., out), as views."""
    cuts = offsets(shapes)
    parts = [
        theta[..., begin:end].unflatten(-1, shape) for begin, end, shape in zip(cuts, cuts[1:], shapes, strict=False)
    ]
    return list(zip(parts[::2], parts[1::2], strict=True))


def parameter_name(problem: Problem, index: int) -> str:
    """The name of coordinate `index` of theta, as W1[2,0] (unit, input, from 0), b1[2] or γ1[0]."""
    cuts = offsets(problem.shapes)
    tensor = int(np.searchsorted(cuts, index, side="right")) - 1
    place = np.unravel_index(index - cuts[tensor], problem.shapes[tensor])
    return f"{problem.tensor_names[tensor]}[{','.join(map(str, place))}]"


def parameter_names(problem: Problem) -> tuple[str, ...]:
    """The names of all coordinates of theta."""
    return tuple(parameter_name(problem, index) for index in range(problem.parameters))


def activation_of(problem: Problem) -> Callable[[Tensor], Tensor]:
    """The hidden units' function with its parameter filled in."""
    function, parameter = problem.unit.function, problem.parameter_value
    return lambda z: function(z, parameter)


def torch_dtype(problem: Problem) -> torch.dtype:
    return {"float32": torch.float32, "float64": torch.float64}[problem.dtype]
