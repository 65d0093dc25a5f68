"""The initial draw of a network's parameters, by scheme."""

import math

import numpy as np

from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.layers import Layer
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.names import Word

DRAW = 1  # number of the stream of random numbers
INITS = {
    "auto": Word("suited to the activation"),
    "uniform": Word("uniform [−b, b]", also=("random_uniform",)),
    "xavier": Word("Xavier", also=("xavier_uniform", "glorot", "glorot_uniform")),
    "he": Word("He", also=("he_uniform", "kaiming", "kaiming_uniform")),
    "lecun": Word("LeCun", also=("lecun_uniform",)),
    "zero": Word("all weights and biases 0", also=("zeros",)),
    "dead": Word("first layer −1, later weights 1, later biases 0"),
}
FIXED = {  # weight and bias of the first layer, and of those after it: nothing is drawn
    "zero": ((0.0, 0.0), (0.0, 0.0)),
    "dead": ((-1.0, -1.0), (1.0, 0.0)),  # of the first layer's ReLUs on inputs of 0 and more: Sun et al. 2020
}
_VARIANCE = {  # of a weight, from fan-in and fan-out: Glorot & Bengio 2010, He et al. 2015, LeCun et al. 1998
    "xavier": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he": lambda fan_in, fan_out: 2 / fan_in,
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
}


def initial(problem: Problem, seed: int, init: str, bound: float) -> np.ndarray:
    """theta (P,) in float64. Equal seeds give the same underlying draw for every activation and scheme:
    one uniform number in [−1, 1) a coordinate, which the scheme only scales.

    `uniform`: all coordinates in [−bound, bound). Schemes: uniform weights with the scheme's variance, biases 0.
    Those of FIXED draw nothing: at `zero` all units of a layer are alike; at `dead` units that are 0 for negative
    inputs (ReLU) put out 0 for every pattern whose inputs are 0 or more, without BatchNorm, and no gradient passes
    them, at any width (Sun et al. 2020, arXiv 2007.01429, on bad minima). BatchNorm begins at γ = 1, β = 0 in every
    case. `auto` is the activation's own scheme, of two mixed the weighted mean of both variances.
    """
    stream = np.random.SeedSequence(seed, spawn_key=(DRAW,))  # of its own: a data set of the same seed is unrelated
    draw = np.random.default_rng(stream).uniform(-1.0, 1.0, problem.parameters)
    own = tuple((ACTIVATIONS[name].init, weight) for name, _, weight in problem.blend)
    schemes = own if init == "auto" else ((init, 1.0),)
    begin = 0
    for place, layer in enumerate(problem.layers):
        for letter, shape in layer.tensors.items():
            part = draw[begin : begin + math.prod(shape)]
            part *= _scale(layer, letter, schemes, bound)
            part += _shift(letter, init, place)
            begin += len(part)
    return draw


def _shift(letter: str, scheme: str, place: int) -> float:
    """What is added to a tensor's scaled draw."""
    if letter in "γβ":
        return float(letter == "γ")
    return FIXED[scheme][min(place, 1)]["Wb".index(letter)] if scheme in FIXED else 0.0


def _scale(layer: Layer, letter: str, schemes: tuple[tuple[str, float], ...], bound: float) -> float:
    """Half width of the uniform draw under schemes with weights that add up to 1."""
    if letter in "γβ" or schemes[0][0] in FIXED:
        return 0.0
    if schemes[0][0] == "uniform":
        return bound
    variance = sum(weight * _VARIANCE[scheme](layer.fan_in, layer.fan_out) for scheme, weight in schemes)
    return math.sqrt(3 * variance) if letter == "W" else 0.0
