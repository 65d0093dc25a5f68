"""The activation functions, and what is true of each. A new one is a function here and a line in ACTIVATIONS.

Every function is elementwise and keeps NaN as NaN. Autograd and torch.func differentiate it twice without
overflow for |x| up to 1e4, also in float32; at a kink torch's own one-sided choice holds.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

# Beyond βx = 50 softplus is βx to the last bit of float64 (torch's default of 20 is off by 2e-9), and exp(50)
# still fits float32.
LINEAR_FROM = 50.0


@dataclass(frozen=True)
class Activation:
    """An activation function f and the facts a reader needs beside a picture of its loss.

    In ACTIVATIONS they are those for α = 1, slope = 0.01 and β = 1; `at` gives them for any other value.
    """

    label: str
    function: Callable[[Tensor, float], Tensor]  # f(x, parameter), elementwise
    low: float  # infimum of the range
    high: float  # supremum of the range
    left: str  # asymptote as x → −∞
    right: str  # asymptote as x → +∞
    flat: str  # where the derivative vanishes, or tends to zero
    smoothness: str  # "C∞", "C¹", "continuous, kink at …", "jumps at …"
    note: str  # one sentence
    source: str
    init: str  # the initialisation suited to it: "xavier", "he" or "lecun"
    saturation: str  # how it is measured: "bounded", "zero share", "lower asymptote" or "none"; "mixed" if it cannot be
    parameter: str = ""  # the option that `parameter` is read from: "alpha", "slope", "beta" or none
    twice: bool = True  # False where no derivative tells anything, so a Hessian of the loss is empty
    homogeneous: bool = False  # f(c x) = c f(x) for every c > 0
    also: tuple[str, ...] = ()  # what else the field calls it
    facts: Callable[[float], dict[str, Any]] | None = None  # what is otherwise, by name, for a value of the parameter

    def at(self, value: float) -> "Activation":
        """The same with the facts that hold for a value of its parameter."""
        return replace(self, **self.facts(value)) if self.facts else self


def identity(x: Tensor, _: float) -> Tensor:
    return x


def sigmoid(x: Tensor, _: float) -> Tensor:
    return torch.sigmoid(x)


def tanh(x: Tensor, _: float) -> Tensor:
    return torch.tanh(x)


def hardtanh(x: Tensor, _: float) -> Tensor:
    return functional.hardtanh(x)


def softsign(x: Tensor, _: float) -> Tensor:
    return functional.softsign(x)


def relu(x: Tensor, _: float) -> Tensor:
    return functional.relu(x)


def leaky_relu(x: Tensor, slope: float) -> Tensor:
    return functional.leaky_relu(x, slope)


def relu6(x: Tensor, _: float) -> Tensor:
    return functional.relu6(x)


def elu(x: Tensor, alpha: float) -> Tensor:
    return functional.elu(x, alpha)


def selu(x: Tensor, _: float) -> Tensor:
    return functional.selu(x)


def celu(x: Tensor, alpha: float) -> Tensor:
    # Not functional.celu: its gradient uses 1/α rounded to float32, off by 4e-8 at α = 0.3 (torch 2.13).
    return alpha * functional.elu(x / alpha)


def gelu(x: Tensor, _: float) -> Tensor:
    """x Φ(x) with the exact normal distribution function, not the tanh approximation."""
    return functional.gelu(x)


def silu(x: Tensor, _: float) -> Tensor:
    return functional.silu(x)


def mish(x: Tensor, _: float) -> Tensor:
    # Not functional.mish: its second derivative is NaN above 88 in float32, 709 in float64 (torch 2.13).
    return x * torch.tanh(functional.softplus(x, threshold=LINEAR_FROM))


def softplus(x: Tensor, beta: float) -> Tensor:
    return functional.softplus(x, beta, LINEAR_FROM)


def sine(x: Tensor, _: float) -> Tensor:
    return torch.sin(x)


def gaussian(x: Tensor, _: float) -> Tensor:
    return torch.exp(-x * x)


def quadratic(x: Tensor, _: float) -> Tensor:
    return x * x


def threshold(x: Tensor, _: float) -> Tensor:
    """1 for x > 0, else 0; differentiable for autograd, with gradient exactly 0."""
    return torch.ceil(torch.clamp(x, 0.0, 1.0))  # unlike a comparison it keeps NaN and the graph


# ---------------------------------------------------------------------------------------------- facts by parameter


def facts_of_leaky_relu(slope: float) -> dict[str, Any]:
    """At 0 it is ReLU, at 1 the identity, at −1 |x|."""
    if slope == 0:
        return {"low": 0.0, "left": "0", "flat": "for x < 0", "saturation": "zero share"}
    if slope == 1:
        return {"left": "x", "smoothness": "C∞"}
    return {"low": -math.inf if slope > 0 else 0.0}


def facts_of_elu(alpha: float) -> dict[str, Any]:
    return {"low": -alpha, "smoothness": "C¹" if alpha == 1 else "continuous, kink at 0"}


def facts_of_celu(alpha: float) -> dict[str, Any]:
    return {"low": -alpha}


# fmt: off
ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(
        "identity", identity, low=-math.inf, high=math.inf, left="x", right="x",
        flat="nowhere", smoothness="C∞",
        note="The network is linear in its inputs, yet with a hidden layer the loss is not convex in the "
        "weights.",
        source="Baldi & Hornik 1989",
        init="xavier", saturation="none", homogeneous=True, also=("linear",),
    ),
    "sigmoid": Activation(
        "sigmoid", sigmoid, low=0.0, high=1.0, left="0", right="1",
        flat="towards both ends", smoothness="C∞",
        note="Its derivative is at most 1/4, so gradients shrink with every layer and vanish where units "
        "saturate.",
        source="Rumelhart, Hinton & Williams 1986",
        init="xavier", saturation="bounded", also=("logistic", "expit"),
    ),
    "tanh": Activation(
        "tanh", tanh, low=-1.0, high=1.0, left="−1", right="1",
        flat="towards both ends", smoothness="C∞",
        note="Odd, with slope 1 at zero; saturates at both ends.",
        source="LeCun, Bottou, Orr & Müller 1998",
        init="xavier", saturation="bounded", also=("hyperbolic_tangent",),
    ),
    "hardtanh": Activation(
        "hard tanh", hardtanh, low=-1.0, high=1.0, left="−1", right="1",
        flat="for |x| > 1", smoothness="continuous, kinks at −1 and 1",
        note="Linear between −1 and 1 and exactly flat outside: a saturated unit passes no gradient at all.",
        source="Collobert 2004",
        init="xavier", saturation="bounded",
    ),
    "softsign": Activation(
        "softsign", softsign, low=-1.0, high=1.0, left="−1", right="1",
        flat="towards both ends", smoothness="C¹",
        note="Like tanh, but it approaches its ends as 1/x, so gradients fade slowly; its curvature jumps at "
        "zero.",
        source="Elliott 1993; Bergstra et al. 2009",
        init="xavier", saturation="bounded",
    ),
    "relu": Activation(
        "ReLU", relu, low=0.0, high=math.inf, left="0", right="x",
        flat="for x < 0", smoothness="continuous, kink at 0",
        note="Off for negative inputs; a unit that is off on all data receives no gradient.",
        source="Nair & Hinton 2010; Glorot, Bordes & Bengio 2011",
        init="he", saturation="zero share", homogeneous=True, also=("rectifier", "rectified_linear_unit"),
    ),
    "leaky_relu": Activation(
        "leaky ReLU", leaky_relu, low=-math.inf, high=math.inf, left="slope · x", right="x",
        flat="nowhere", smoothness="continuous, kink at 0",
        note="A small slope for negative inputs keeps every unit within reach of the gradient.",
        source="Maas, Hannun & Ng 2013",
        init="he", saturation="none", parameter="slope", homogeneous=True, also=("lrelu",), facts=facts_of_leaky_relu,
    ),
    "relu6": Activation(
        "ReLU6", relu6, low=0.0, high=6.0, left="0", right="6",
        flat="for x < 0 and x > 6", smoothness="continuous, kinks at 0 and 6",
        note="A ReLU cut off at 6, exactly flat on both sides.",
        source="Krizhevsky 2010",
        init="he", saturation="bounded",
    ),
    "elu": Activation(
        "ELU", elu, low=-1.0, high=math.inf, left="−α", right="x",
        flat="towards −∞", smoothness="C¹",
        note="Saturates softly at −α for negative inputs; the derivative is continuous only for α = 1, "
        "otherwise there is a kink at 0.",
        source="Clevert, Unterthiner & Hochreiter 2016",
        init="he", saturation="lower asymptote", parameter="alpha", facts=facts_of_elu,
    ),
    "selu": Activation(
        "SELU", selu, low=-1.7580993408473766, high=math.inf, left="−λα ≈ −1.758", right="λx ≈ 1.0507 x",
        flat="towards −∞", smoothness="continuous, kink at 0",
        note="An ELU with α ≈ 1.6733, scaled by λ ≈ 1.0507 so that mean 0 and variance 1 are kept.",
        source="Klambauer, Unterthiner, Mayr & Hochreiter 2017",
        init="lecun", saturation="lower asymptote", also=("scaled_elu",),
    ),
    "celu": Activation(
        "CELU", celu, low=-1.0, high=math.inf, left="−α", right="x",
        flat="towards −∞", smoothness="C¹",
        note="An ELU reparametrised so that the derivative is continuous at 0 for every α.",
        source="Barron 2017",
        init="he", saturation="lower asymptote", parameter="alpha", facts=facts_of_celu,
    ),
    "gelu": Activation(
        "GELU", gelu, low=-0.16997120747990366, high=math.inf, left="0", right="x",
        flat="towards −∞ and at x ≈ −0.752", smoothness="C∞",
        note="x times the normal distribution function: a smooth ReLU that dips below zero.",
        source="Hendrycks & Gimpel 2016",
        init="he", saturation="lower asymptote",
    ),
    "silu": Activation(
        "SiLU", silu, low=-0.27846454276107379, high=math.inf, left="0", right="x",
        flat="towards −∞ and at x ≈ −1.278", smoothness="C∞",
        note="x times its sigmoid, also known as Swish; dips below zero before it fades.",
        source="Elfwing, Uchibe & Doya 2018; Ramachandran, Zoph & Le 2017",
        init="he", saturation="lower asymptote", also=("swish", "swish1"),
    ),
    "mish": Activation(
        "Mish", mish, low=-0.30884341301725041, high=math.inf, left="0", right="x",
        flat="towards −∞ and at x ≈ −1.192", smoothness="C∞",
        note="x times the tanh of its softplus; close to SiLU, with a slightly deeper dip.",
        source="Misra 2020",
        init="he", saturation="lower asymptote",
    ),
    "softplus": Activation(
        "softplus", softplus, low=0.0, high=math.inf, left="0", right="x",
        flat="towards −∞", smoothness="C∞",
        note="A smooth ReLU that nears it as β grows; always positive and never exactly flat.",
        source="Dugas, Bengio, Bélisle, Nadeau & Garcia 2001",
        init="he", saturation="lower asymptote", parameter="beta",
    ),
    "sine": Activation(
        "sine", sine, low=-1.0, high=1.0, left="none, it oscillates", right="none, it oscillates",
        flat="at odd multiples of π/2", smoothness="C∞",
        note="Periodic and never settling, which can fill the landscape with shallow local minima.",
        source="Parascandolo, Huttunen & Virtanen 2017; Sitzmann et al. 2020",
        init="xavier", saturation="bounded", also=("sin", "siren"),
    ),
    "gaussian": Activation(
        "Gaussian", gaussian, low=0.0, high=1.0, left="0", right="0",
        flat="at 0 and towards both ends", smoothness="C∞",
        note="exp(−x²): answers only near zero, so a unit far from the data is flat.",
        source="Hartman, Keeler & Kowalski 1990",
        init="xavier", saturation="bounded", also=("gauss", "rbf"),
    ),
    "quadratic": Activation(
        "quadratic", quadratic, low=0.0, high=math.inf, left="x²", right="x²",
        flat="at 0", smoothness="C∞",
        note="x²: before any squashing at the output, the network is a polynomial of its weights and grows "
        "without bound.",
        source="Livni, Shalev-Shwartz & Shamir 2014",
        init="xavier", saturation="none", also=("square", "squared"),
    ),
    "threshold": Activation(
        "threshold", threshold, low=0.0, high=1.0, left="0", right="1",
        flat="everywhere", smoothness="jumps at 0",
        note="The landscape is made of steps: its gradient with respect to the hidden weights is zero, so "
        "gradient descent trains the output layer only.",
        source="McCulloch & Pitts 1943",
        init="xavier", saturation="bounded", twice=False,
        also=("step", "heaviside", "binary_step", "unit_step"),
    ),
}
# fmt: on


# ---------------------------------------------------------------------------------------------- mixtures

# What a hidden unit's function is made of: (activation, its own parameter, weight), the weights adding up to 1.
Blend = tuple[tuple[str, float, float], ...]


@functools.lru_cache(maxsize=256)
def unit_of(blend: Blend) -> Activation:
    """The facts of a hidden unit's function: those of the activation with its parameter, or of the convex combination
    of two.
    """
    return ACTIVATIONS[blend[0][0]].at(blend[0][1]) if len(blend) == 1 else _mixed(*blend)


def share_text(share: float) -> str:
    """t as labels have it: 0.30, with more digits only where it has them."""
    return f"{share:.2f}" if abs(share - round(share, 2)) < 1e-9 else f"{share:.4g}"


def _mixed(first: tuple[str, float, float], second: tuple[str, float, float]) -> Activation:
    """(1 − t) f₁ + t f₂. Its range is that of the weighted ends, which it need not reach; it is as smooth as the
    rougher of both, has second derivatives that tell something only if both have, and is measured for saturation only
    if both are measured alike.
    """
    pair = ((ACTIVATIONS[name].at(value), value, weight) for name, value, weight in (first, second))
    (one, p, rest), (other, q, t) = pair

    def function(x: Tensor, _: float) -> Tensor:
        return rest * one.function(x, p) + t * other.function(x, q)

    return Activation(
        label=f"{one.label} → {other.label}, t = {share_text(t)}",
        function=function,
        low=rest * one.low + t * other.low,
        high=rest * one.high + t * other.high,
        left=f"{rest:.4g} ({one.left}) + {t:.4g} ({other.left})",
        right=f"{rest:.4g} ({one.right}) + {t:.4g} ({other.right})",
        flat=one.flat if one.flat == other.flat else "where the slopes of both vanish, or cancel",
        smoothness=_rougher(one.smoothness, other.smoothness),
        note=f"{rest:.4g} times {one.label} and {t:.4g} times {other.label}, at every hidden unit.",
        source=f"{one.source}; {other.source}",
        init=one.init if one.init == other.init else f"{one.init} and {other.init}, by their weights",
        saturation=one.saturation if one.saturation == other.saturation else "mixed",
        twice=one.twice and other.twice,
        homogeneous=one.homogeneous and other.homogeneous,
    )


def _rougher(one: str, other: str) -> str:
    """The smoothness of a sum: that of the rougher term."""
    order = ("jumps", "continuous", "C¹", "C∞")
    rank = [next(n for n, how in enumerate(order) if told.startswith(how)) for told in (one, other)]
    first, second = (one, other) if rank[0] <= rank[1] else (other, one)
    both = first != second and first.startswith("continuous") and second.startswith("continuous")
    return "continuous, with the kinks of both" if both else first
