"""The activation table against closed forms in arbitrary precision, and its words against the functions."""

import math
import re
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from mpmath import mp, mpf
from torch.func import grad, jvp, vmap

from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import options_of

mp.dps = 40
EXACT: dict[str, Any] = dict(rtol=1e-13, atol=1e-15)
CANCELLED: dict[str, Any] = dict(rtol=1e-13, atol=1e-14)  # SiLU multiplies x = 20 by the rounding of 1 − sigmoid(x)
DEFAULTS = {"": 0.0, "alpha": 1.0, "slope": 0.01, "beta": 1.0}
OTHERS = {"alpha": (0.3, 2.5), "slope": (0.0, 0.2), "beta": (0.4, 7.0)}
SELU_ALPHA, SELU_SCALE = mpf("1.6732632423543772848170429916717"), mpf("1.0507009873554804934193349852946")

# Both sides of every join and of every place where an implementation switches, and far out.
GRID = [-1e4, -745.5, -103.5, -88.5, -37.5, -20.3, -5.7, -2.1, -1.01, -0.99, -0.3, -1e-3]
GRID += [1e-3, 0.4, 0.99, 1.01, 3.7, 5.9, 6.1, 19.9, 20.5, 49.9, 50.1, 88.5, 103.5, 709.5, 745.5, 1e4]

ORACLES = {
    "identity": lambda x, p: x,
    "sigmoid": lambda x, p: 1 / (1 + mpmath.exp(-x)),
    "tanh": lambda x, p: mpmath.tanh(x),
    "hardtanh": lambda x, p: max(mpf(-1), min(mpf(1), x)),
    "softsign": lambda x, p: x / (1 + abs(x)),
    "relu": lambda x, p: max(mpf(0), x),
    "leaky_relu": lambda x, p: x if x > 0 else p * x,
    "relu6": lambda x, p: max(mpf(0), min(mpf(6), x)),
    "elu": lambda x, p: x if x > 0 else p * mpmath.expm1(x),
    "selu": lambda x, p: SELU_SCALE * (x if x > 0 else SELU_ALPHA * mpmath.expm1(x)),
    "celu": lambda x, p: x if x > 0 else p * mpmath.expm1(x / p),
    "gelu": lambda x, p: x * mpmath.ncdf(x),
    "silu": lambda x, p: x / (1 + mpmath.exp(-x)),
    "mish": lambda x, p: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
    "softplus": lambda x, p: mpmath.log1p(mpmath.exp(p * x)) / p,
    "sine": lambda x, p: mpmath.sin(x),
    "gaussian": lambda x, p: mpmath.exp(-x * x),
    "quadratic": lambda x, p: x * x,
    "threshold": lambda x, p: mpf(1 if x > 0 else 0),
}
CASES = [
    (name, value)
    for name, entry in ACTIVATIONS.items()
    for value in (DEFAULTS[entry.parameter], *OTHERS.get(entry.parameter, ()))
]
NAMES = list(ACTIVATIONS)


def applied(name, parameter=None):
    entry = ACTIVATIONS[name]
    parameter = DEFAULTS[entry.parameter] if parameter is None else parameter
    return lambda x: entry.function(x, parameter)


def by_reverse(f):
    return grad(lambda x: f(x).sum())


def by_forward(f):
    return lambda x: jvp(f, (x,), (torch.ones_like(x),))[1]


FIRST: dict[str, Any] = {"reverse": by_reverse, "forward": by_forward}
SECOND: dict[str, Any] = {f"{a} over {b}": lambda f, a=a, b=b: FIRST[a](FIRST[b](f)) for a in FIRST for b in FIRST}
SECOND["one by one"] = lambda f: vmap(grad(grad(f)))


def tensor(points, dtype=torch.float64):
    return torch.tensor(points, dtype=dtype)


def slope_at(name, *points):
    return by_reverse(applied(name))(tensor(points))


def test_every_activation_has_a_closed_form_here():
    assert ORACLES.keys() == ACTIVATIONS.keys()


@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_value_agrees_with_the_closed_form(name, parameter):
    expected = [float(ORACLES[name](mpf(x), mpf(parameter))) for x in GRID]
    np.testing.assert_allclose(applied(name, parameter)(tensor(GRID)), expected, **EXACT)


@pytest.mark.parametrize("way", FIRST)
@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_derivative_agrees_with_the_closed_form(name, parameter, way):
    expected = [float(mpmath.diff(lambda x: ORACLES[name](x, mpf(parameter)), mpf(x))) for x in GRID]
    np.testing.assert_allclose(FIRST[way](applied(name, parameter))(tensor(GRID)), expected, **EXACT)


@pytest.mark.parametrize("way", SECOND)
@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_second_derivative_agrees_with_the_closed_form(name, parameter, way):
    expected = [float(mpmath.diff(lambda x: ORACLES[name](x, mpf(parameter)), mpf(x), 2)) for x in GRID]
    np.testing.assert_allclose(SECOND[way](applied(name, parameter))(tensor(GRID)), expected, **CANCELLED)


@pytest.mark.parametrize("name", [name for name in NAMES if ACTIVATIONS[name].smoothness == "C∞"])
def test_smooth_functions_are_right_at_zero_too(name):
    # Formulas built from |x| or from a branch go wrong at exactly 0, where a network of zeros stands.
    parameter = mpf(DEFAULTS[ACTIVATIONS[name].parameter])
    for order, ways in enumerate((FIRST, SECOND), start=1):
        expected = float(mpmath.diff(lambda x: ORACLES[name](x, parameter), 0, order))
        for way in ways.values():
            np.testing.assert_allclose(way(applied(name))(tensor([0.0])), [expected], **EXACT)


@pytest.mark.parametrize("name", NAMES)
def test_plain_autograd_gives_the_same_gradient(name):
    x = tensor(GRID).requires_grad_()
    (slope,) = torch.autograd.grad(applied(name)(x).sum(), x)
    np.testing.assert_allclose(slope, by_reverse(applied(name))(x.detach()), **EXACT)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_values_and_derivatives_stay_finite_far_out(name, dtype):
    x = tensor([*GRID, 0.0, -1.0, 1.0, 6.0, -9.9e3, 9.9e3], dtype)
    f = applied(name)
    for route in (lambda f: f, *FIRST.values(), *SECOND.values()):
        answer = route(f)(x)
        assert answer.dtype == dtype
        assert answer.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_nan_and_the_shape_is_kept(name):
    answer = applied(name)(torch.tensor([[math.nan, 1.0], [0.0, math.nan]]))
    assert answer.isnan().tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize("name", NAMES)
def test_the_stated_range_is_the_range(name):
    entry = ACTIVATIONS[name]
    x = torch.cat([torch.linspace(-60, 60, 120_001, dtype=torch.float64), tensor([-1e4, 1e4])])
    y = applied(name)(x)
    rounding = 4e-16
    assert y.min() >= entry.low - rounding and y.max() <= entry.high + rounding
    # softsign nears its ends as 1/x, so at 1e4 it is 1e-4 away
    assert y.min() < -50 if entry.low == -math.inf else y.min() - entry.low < 2e-4
    assert y.max() > 50 if entry.high == math.inf else entry.high - y.max() < 2e-4


ASYMPTOTES = {
    "0": lambda x: 0 * x,
    "1": lambda x: 0 * x + 1,
    "−1": lambda x: 0 * x - 1,
    "6": lambda x: 0 * x + 6,
    "x": lambda x: x,
    "x²": lambda x: x**2,
    "−α": lambda x: 0 * x - DEFAULTS["alpha"],
    "slope · x": lambda x: DEFAULTS["slope"] * x,
    "−λα ≈ −1.758": lambda x: 0 * x - float(SELU_SCALE * SELU_ALPHA),
    "λx ≈ 1.0507 x": lambda x: float(SELU_SCALE) * x,
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_stated_asymptote_is_approached(name, side):
    stated = getattr(ACTIVATIONS[name], side)
    x = tensor([40.0, 100.0, 1e4]) * (-1 if side == "left" else 1)
    y = applied(name)(x)
    if stated == "none, it oscillates":
        far = applied(name)(torch.linspace(9e3, 1e4, 10_001, dtype=torch.float64) * x.sign()[0])
        assert far.max() > 0.9 and far.min() < -0.9
        return
    away = (y - ASYMPTOTES[stated](x)).abs()
    assert (away[1:] <= away[:-1]).all()
    assert away[-1] < 1.1e-4  # softsign's 1/x again


FAR = 30.0
FLAT = {  # phrase -> where the derivative may be small
    "nowhere": lambda x: x != x,
    "everywhere": lambda x: x == x,
    "for x < 0": lambda x: x < 0,
    "for |x| > 1": lambda x: x.abs() > 1,
    "for x < 0 and x > 6": lambda x: (x < 0) | (x > 6),
    "towards −∞": lambda x: x < -FAR,
    "towards both ends": lambda x: x.abs() > FAR,
    "at 0": lambda x: x == 0,
    "at 0 and towards both ends": lambda x: (x == 0) | (x.abs() > FAR),
    "at odd multiples of π/2": lambda x: (torch.cos(x)).abs() < 1e-9,
}


def flat_places(phrase):
    """The predicate of a phrase; "… and at x ≈ −0.752" adds one place, good to the digits printed."""
    main, _, place = phrase.partition(" and at x ≈ ")
    if not place:
        return FLAT[main]
    return lambda x: FLAT[main](x) | ((x - float(place.replace("−", "-"))).abs() < 6e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_derivative_vanishes_where_stated_and_only_there(name):
    odd = math.pi / 2 * torch.arange(-9, 10, 2, dtype=torch.float64)
    grid = torch.arange(-6_000, 6_001, dtype=torch.float64) / 2_000  # every 0.0005, so a dip's bottom is met
    x = torch.cat([grid, odd, tensor([-1e4, -40.0, 40.0, 1e4]), tensor([5.5, 6.5])])
    slope = by_reverse(applied(name))(x).abs()
    flat = flat_places(ACTIVATIONS[name].flat)(x)
    joins = torch.isin(x, tensor([-1.0, 0.0, 1.0, 6.0])) & ("kink" in ACTIVATIONS[name].smoothness)
    fades = (x.abs() > 2) & (x.abs() <= FAR)  # on its way to zero, neither flat nor steep
    assert (slope[flat & ~joins] < 1e-3).all()
    steep = slope[~flat & ~joins & ~fades]
    # Next to an isolated zero the slope is as small as the step; elsewhere it is at least leaky ReLU's 0.01.
    isolated = re.search(r"\bat (0|x|odd)", ACTIVATIONS[name].flat)
    assert (steep > (1e-5 if isolated else 9e-3)).all()


def joins_of(smoothness):
    return [float(number.replace("−", "-")) for number in re.findall(r"−?\d+", smoothness)]


@pytest.mark.parametrize("name", NAMES)
def test_smoothness_is_as_stated(name):
    smoothness, step = ACTIVATIONS[name].smoothness, 1e-7
    kinks = joins_of(smoothness)
    second = SECOND["reverse over reverse"](applied(name))
    for point in {-1.0, 0.0, 1.0, 6.0, *kinks}:
        sides = tensor([point - step, point + step])
        jump, turn, bend = (
            float(values.diff().abs()) for values in (applied(name)(sides), slope_at(name, *sides), second(sides))
        )
        jumps_here = smoothness.startswith("jumps") and point in kinks
        kink_here = "kink" in smoothness and point in kinks
        assert (jump > 0.5) if jumps_here else (jump < 1e-5)
        assert (turn > 0.1) if kink_here else (turn < 1e-5)
        if smoothness == "C∞":
            assert bend < 1e-5
    if smoothness == "C¹":
        assert float(second(tensor([-step, step])).diff().abs()) > 0.5


def test_parameters_change_what_they_should_and_nothing_else():
    x = tensor([-2.0, -0.5])
    for entry in ACTIVATIONS.values():
        same = torch.equal(entry.function(x, 0.5), entry.function(x, 2.0))
        assert same == (entry.parameter == "")


def test_elu_has_a_kink_unless_alpha_is_one_and_celu_never():
    for alpha in (0.5, 1.0, 3.0):
        sides = tensor([-1e-9, 1e-9])
        elu, celu = (by_reverse(applied(name, alpha))(sides).diff().abs().item() for name in ("elu", "celu"))
        assert elu == pytest.approx(abs(1 - alpha), abs=1e-8)
        assert celu == pytest.approx(0, abs=1e-8)


def test_softplus_nears_relu_as_beta_grows():
    x = tensor([-3.0, -0.1, 0.0, 0.1, 3.0])
    off = [(applied("softplus", beta)(x) - torch.relu(x)).max().item() for beta in (1.0, 10.0, 100.0)]
    np.testing.assert_allclose(off, [math.log(2) / beta for beta in (1.0, 10.0, 100.0)], **EXACT)


def test_selu_keeps_mean_zero_and_variance_one():
    node, weight = np.polynomial.legendre.leggauss(100)  # on each half line by itself: there is a kink at 0
    x = np.concatenate([6 * node - 6, 6 * node + 6])
    density = np.tile(6 * weight, 2) * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    y = applied("selu")(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose([density @ y, density @ y**2], [0, 1], rtol=1e-12, atol=1e-12)


def test_threshold_trains_the_layer_after_it_and_not_the_one_before():
    before, after = (torch.tensor([1.0, -1.0], requires_grad=True) for _ in range(2))
    (after * applied("threshold")(before)).sum().backward()
    assert before.grad is not None and before.grad.tolist() == [0, 0]
    assert after.grad is not None and after.grad.tolist() == [1, 0]


# ---------------------------------------------------------------------------------------------- facts by parameter

RANGES = {"alpha": (1e-3, 0.5, 1.0, 3.0, 100.0), "slope": (-1.0, -0.3, 0.0, 0.01, 0.5, 1.0), "beta": (0.01, 1.0, 100.0)}
BY_PARAMETER = [
    (name, value) for name, entry in ACTIVATIONS.items() for value in RANGES.get(entry.parameter, ())
]  # fmt: skip


def measured(name: str, value: float) -> dict[str, Any]:
    """What the function itself says of its range, its joint at 0 and its ends, far out on the scale of its bend."""
    f, slope = applied(name, value), by_reverse(applied(name, value))
    bend = SECOND["reverse over reverse"](f)
    scale = value ** {"alpha": 1, "slope": 0, "beta": -1}[ACTIVATIONS[name].parameter]
    far, near = 1e3 * max(scale, 1.0), tensor([-1e-7, 1e-7]) * min(scale, 1.0)

    def end(side: float) -> float:
        here, beyond = f(tensor([side * far, 2 * side * far])).tolist()
        return here if abs(beyond - here) < 1e-9 else math.copysign(math.inf, beyond - here)

    middle = f(torch.linspace(-far, far, 2001, dtype=torch.float64))
    left, right = (bool(slope(tensor([side * far])).abs() < 1e-12) for side in (-1, 1))
    kink, turn = (bool(values.diff().abs() > 1e-5 * values.abs().max()) for values in (slope(near), bend(near)))
    off = bool((middle[:1001] == 0).all())
    return {
        "low": min(end(-1), end(1), float(middle.min())),
        "high": max(end(-1), end(1)),
        "smoothness": "continuous, kink at 0" if kink else "C¹" if turn else "C∞",
        "saturation": "zero share" if off else "bounded" if left and right else "lower asymptote" if left else "none",
        "flat": "for x < 0" if off else "towards −∞" if left else "nowhere",
    }


@pytest.mark.parametrize(("name", "value"), BY_PARAMETER)
def test_facts_are_those_of_the_function_with_its_parameter(name, value):
    entry, found = ACTIVATIONS[name].at(value), measured(name, value)
    assert {fact: getattr(entry, fact) for fact in found} == found | {"low": pytest.approx(found["low"], abs=1e-12)}
    ends = ASYMPTOTES | {"−α": lambda x: 0 * x - value, "slope · x": lambda x: value * x}
    x = tensor([-2e4, 2e4])
    left, right = (applied(name, value)(x) - torch.stack([ends[entry.left](x)[0], ends[entry.right](x)[1]])).tolist()
    assert left == pytest.approx(0, abs=1e-8) and right == pytest.approx(0, abs=1e-8)


def test_a_parameter_that_makes_it_another_activation_gives_it_that_ones_facts():
    for value, other in ((0.0, "relu"), (1.0, "identity")):
        entry, same = ACTIVATIONS["leaky_relu"].at(value), ACTIVATIONS[other]
        for fact in ("low", "high", "left", "right", "flat", "smoothness", "saturation", "twice", "homogeneous"):
            assert getattr(entry, fact) == getattr(same, fact)
    assert ACTIVATIONS["leaky_relu"].at(0.01) == ACTIVATIONS["leaky_relu"]
    assert ACTIVATIONS["elu"].at(1.0) == ACTIVATIONS["elu"] and ACTIVATIONS["celu"].at(1.0) == ACTIVATIONS["celu"]


def test_what_is_offered_of_a_parameter_begins_with_its_default():
    table = options_of(Problem)
    for name in RANGES:
        assert float(table[name].offers.split(",")[0]) == table[name].default == DEFAULTS[name]
        assert (min(RANGES[name]), max(RANGES[name])) == (table[name].low, table[name].high)


def test_the_table_speaks_the_agreed_words():
    for entry in ACTIVATIONS.values():
        assert entry.init in ("xavier", "he", "lecun")
        assert entry.saturation in ("bounded", "zero share", "lower asymptote", "none")
        assert entry.parameter in DEFAULTS
        assert entry.note.endswith(".") and entry.source
        if entry.saturation == "bounded":
            assert math.isfinite(entry.low) and math.isfinite(entry.high)
    assert [name for name, entry in ACTIVATIONS.items() if not entry.twice] == ["threshold"]
    labels = [entry.label for entry in ACTIVATIONS.values()]
    assert len(set(labels)) == len(labels)
