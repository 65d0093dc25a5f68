"""What the study claims, as numbers that each claim says are positive, and what the intervals of these numbers say.

Each claim was put into comparisons, and the rule was fixed, before any of them was computed. A claim holds where the
interval of every comparison lies above 0, does not hold where one lies below 0, and is undecided otherwise.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from scipy.special import stdtrit

from lossatlas.compute.numerics.classes import RULES
from lossatlas.compute.numerics.cost import patterns
from lossatlas.compute.numerics.stationary import levels
from lossatlas.compute.study.design import Row, pace, place

HOLDS, FAILS, OPEN, UNKNOWN = "holds", "does not hold", "undecided", "not measured"
CHANCE = 1 / 3  # of points around a level, the share at it that a smooth density would give: NEAR / AROUND
WIDE = 1.0  # decades of gradient norm at low loss from which valleys count as wide and narrow (chosen by eye)


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval; NaN where there is none."""

    value: float
    low: float
    high: float

    def minus(self, other: "Estimate") -> "Estimate":
        """The difference, with the interval from both intervals (MOVER: Zou & Donner 2008, doi 10.1002/sim.3095), as if
        the two were independent.
        """
        value = self.value - other.value
        down = math.hypot(self.value - self.low, other.high - other.value)
        up = math.hypot(self.high - self.value, other.value - other.low)
        return Estimate(value, value - down, value + up)


@dataclass(frozen=True)
class Comparison:
    """A number that the claim says is positive. `measured` says in words what it is made of."""

    place: str
    measured: str
    estimate: Estimate


@dataclass(frozen=True)
class Claim:
    """`compare(rows of one data set, rule)`. `by_rule`: whether the curvature rule matters. `only`: its data set."""

    sentence: str
    measure: str
    compare: Callable[[Sequence[Row], str], Iterator[Comparison]]
    by_rule: bool = False
    only: str = ""


@dataclass(frozen=True)
class Finding:
    """What was found of a claim on one data set; `rule` is empty where none matters."""

    claim: str
    dataset: str
    rule: str
    comparisons: tuple[Comparison, ...]
    verdict: str


def verdict(estimates: Sequence[Estimate]) -> str:
    """By the rule above; NaN decides nothing."""
    if all(math.isnan(one.low) for one in estimates):
        return UNKNOWN
    if any(one.high < 0 for one in estimates):
        return FAILS
    return HOLDS if all(one.low > 0 for one in estimates) else OPEN


def findings(rows: Sequence[Row]) -> list[Finding]:
    """Of every claim, on every data set that it is about, under both curvature rules where these matter."""
    datasets = list(dict.fromkeys(row.spec.problem.dataset for row in rows))
    found = []
    for name, claim in CLAIMS.items():
        for dataset in datasets if not claim.only else [d for d in datasets if d == claim.only]:
            mine = [row for row in rows if row.spec.problem.dataset == dataset]
            for rule in RULES if claim.by_rule else ("",):
                comparisons = tuple(claim.compare(mine, rule))
                decided = verdict([one.estimate for one in comparisons])
                found.append(Finding(name, dataset, rule, comparisons, decided))
    return found


# ---------------------------------------------------------------------------------------------- the comparisons


def share(row: Row, name: str) -> Estimate:
    return Estimate(*(row.number(f"{name}.{end}") for end in ("share", "low", "high")))


def mean(row: Row, name: str) -> Estimate:
    """A mean over walks with Student's interval, from the population standard deviation."""
    value, sd, count = (row.number(f"{name}.{part}") for part in ("mean", "sd", "count"))
    half = float(stdtrit(count - 1, 0.975) * sd / math.sqrt(count - 1)) if count > 1 else math.nan
    return Estimate(value, value - half, value + half)


def _against(rows: Sequence[Row], one: str, others: Sequence[str]) -> Iterator[tuple[Row, Row]]:
    """Pairs of rows of equal setting: the activation `one` and each of the others."""
    by_place: dict[tuple[str, str], Row] = {(place(row.spec), row.spec.problem.activation): row for row in rows}
    for (where, activation), row in by_place.items():
        if activation == one:
            yield from ((row, by_place[where, other]) for other in others if (where, other) in by_place)


def _words(form: str, named: dict[str, Estimate]) -> str:
    return "; ".join(f"{name} {told(value, form)}" for name, value in named.items())


def told(value: Estimate, form: str = ".3g") -> str:
    """0.31 [0.25, 0.38]."""
    if math.isnan(value.value):
        return "none"
    if math.isnan(value.low):
        return f"{value.value:{form}}"
    return f"{value.value:{form}} [{value.low:{form}}, {value.high:{form}}]"


def _convex(rows: Sequence[Row], rule: str) -> Iterator[Comparison]:
    for mine, other in _against(rows, "relu", ("tanh", "elu")):
        a, b = (share(row, f"shares.{rule}.convex") for row in (mine, other))
        name = other.spec.problem.activation
        yield Comparison(place(mine.spec), _words(".3f", {"convex: relu": a, name: b}), a.minus(b))


def _flat(rows: Sequence[Row], rule: str) -> Iterator[Comparison]:
    for mine, other in _against(rows, "elu", ("tanh", "relu")):
        a, b = (share(row, f"shares.{rule}.singular") for row in (mine, other))
        name = other.spec.problem.activation
        yield Comparison(place(mine.spec), _words(".3f", {"singular: elu": a, name: b}), b.minus(a))


def _generalises(rows: Sequence[Row], rule: str) -> Iterator[Comparison]:
    for mine, other in _against(rows, "elu", ("tanh", "relu")):
        if not patterns(mine.spec.problem, "test"):
            return
        a, b = (mean(row, "last.test_loss") for row in (mine, other))
        name, lost = other.spec.problem.activation, [row.whole("last.test_loss.left_out") for row in (mine, other)]
        without = f"; walks left out, as not finite: {lost[0]} and {lost[1]}" if any(lost) else ""
        yield Comparison(place(mine.spec), _words(".4g", {"E_g: elu": a, name: b}) + without, b.minus(a))


def _valleys(rows: Sequence[Row], rule: str) -> Iterator[Comparison]:
    for row in rows:
        decades = Estimate(*(row.number(f"width.{end}") for end in ("value", "low", "high")))
        above = Estimate(decades.value - WIDE, decades.low - WIDE, decades.high - WIDE)
        words = _words(".2f", {f"decades: {row.spec.problem.activation}": decades})
        yield Comparison(place(row.spec), words, above)


def _saturated(rows: Sequence[Row], rule: str) -> Iterator[Comparison]:
    for row in rows:
        r, plain = (
            Estimate(*(row.number(f"valleys.{kind}.{end}") for end in ("r", "low", "high")))
            for kind in ("partial", "plain")
        )
        name = row.spec.problem.activation
        yield Comparison(place(row.spec), _words(".2f", {f"{name}: r at equal loss": r, "plain r": plain}), r)


def _settling(rows: Sequence[Row]) -> Iterator[Row]:
    """The walks whose steps are small enough to settle: micro, from ±1."""
    return (row for row in rows if pace(row.spec) == "micro" and row.spec.walking.walk_range == 1.0)


def _levels(rows: Sequence[Row], rule: str) -> Iterator[Comparison]:
    for row in _settling(rows):
        for n, level in enumerate(levels(row.spec.problem)):
            piled, ends = share(row, f"level.{n}.piled"), share(row, f"level.{n}.ends")
            above = Estimate(piled.value - CHANCE, piled.low - CHANCE, piled.high - CHANCE)
            name = f"{row.spec.problem.activation}, level {level:.4f}: piled"
            yield Comparison(place(row.spec), _words(".2f", {name: piled, "walks that end there": ends}), above)


def _minima(rows: Sequence[Row], rule: str) -> Iterator[Comparison]:
    for row in _settling(rows):
        known, name = levels(row.spec.problem), row.spec.problem.activation
        found = [share(row, f"level.{n}.minimum.{rule}") for n in range(len(known))]
        words = _words(".2f", {f"{name}, {level:.4f}": one for level, one in zip(known, found, strict=True)})
        ranked = sorted(found, key=lambda one: -1.0 if math.isnan(one.value) else one.value)
        least, second = ranked[0], ranked[1]
        yield Comparison(place(row.spec), f"{words}; the third is a minimum", second.minus(Estimate(0.5, 0.5, 0.5)))
        yield Comparison(place(row.spec), f"{words}; the fourth is none", Estimate(0.5, 0.5, 0.5).minus(least))


CLAIMS = {
    "levels": Claim(
        "XOR has four stationary levels of the loss, for every activation.",
        "Of the last fifth of each walk's points that lie within 0.03 of a level, the share within 0.01, less the "
        "third that a smooth density would give; for each of the four levels, in micro walks from ±1, whose steps are "
        "small enough to settle.",
        _levels,
        only="xor",
    ),
    "minima": Claim(
        "Three of XOR's four stationary levels are minima, one is a saddle.",
        "Of the classified points within 0.01 of a level, the share without a negative eigenvalue: that of the third "
        "level, in order of this share, less ½, and ½ less that of the fourth. These points lie near the level, not at "
        "the stationary point itself, which a walk never reaches.",
        _minima,
        by_rule=True,
        only="xor",
    ),
    "convexity": Claim(
        "ReLU is the most convex of the three.",
        "Share of convex points with ReLU less that with tanh, and with ELU.",
        _convex,
        by_rule=True,
    ),
    "flatness": Claim(
        "ELU is the least flat of the three.",
        "Share of singular points with tanh, and with ReLU, less that with ELU.",
        _flat,
        by_rule=True,
    ),
    "generalisation": Claim(
        "ELU generalises best of the three.",
        "Mean E_g at the end of the walks with tanh, and with ReLU, less that with ELU. XOR has no test part.",
        _generalises,
    ),
    "valleys": Claim(
        "There are wide and narrow valleys for every activation.",
        "Among the tenth of points with the least loss, decades from the 10th to the 90th percentile of the gradient "
        "norm, less one. That a tenfold spread counts as wide and narrow side by side is our own mark, chosen by eye: "
        "where it is missed, widths differ, but by less.",
        _valleys,
    ),
    "saturation": Claim(
        "Narrow valleys go with saturated units.",
        "Among the tenth of points with the least loss, the partial correlation of log₁₀ gradient norm with "
        "saturation, log₁₀ loss held fixed; a narrow valley has a large gradient norm at a given loss.",
        _saturated,
    ),
}
