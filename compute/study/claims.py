"""What the study claims, as numbers that each claim says are positive, and what the intervals of these numbers say.

Each claim is put into comparisons. It holds where the interval of every comparison lies above 0, does not hold where
one lies below 0, and is undecided otherwise. Where the authors' curvature rule is used, a comparison's interval is the
hull of those by every order of weights and solver: what rounding can turn round is not decided.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lossatlas.compute.numerics.classes import AUTHORS, EXACT, ROBUST, ROUTES
from lossatlas.compute.numerics.cost import patterns
from lossatlas.compute.numerics.intervals import interval
from lossatlas.compute.numerics.stationary import levels
from lossatlas.compute.study.design import Row, pace, place

HOLDS, FAILS, OPEN, UNKNOWN = "holds", "does not hold", "undecided", "not measured"
CHANCE = 1 / 3  # of points around a level, the share at it that a smooth density would give: NEAR / AROUND
WIDE = 1.0  # decades of gradient norm at low loss from which valleys count as wide and narrow (chosen by eye)


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval, over walks, or over splits where the data are split; NaN where there is none."""

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
    """`compare(rows of one data set, rule)`. `rules`: the curvature rules that it is judged by, "" where none matters.
    `only`: its data set.
    """

    sentence: str
    measure: str
    compare: Callable[[Sequence[Row], str], Iterator[Comparison]]
    rules: tuple[str, ...] = ("",)
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
    """Of every claim, on every data set that it is about, under each of its curvature rules."""
    datasets = list(dict.fromkeys(row.spec.problem.dataset for row in rows))
    found = []
    for name, claim in CLAIMS.items():
        for dataset in datasets if not claim.only else [d for d in datasets if d == claim.only]:
            mine = [row for row in rows if row.spec.problem.dataset == dataset]
            for rule in claim.rules:
                comparisons = tuple(claim.compare(mine, rule))
                decided = verdict([one.estimate for one in comparisons])
                found.append(Finding(name, dataset, rule, comparisons, decided))
    return found


# ---------------------------------------------------------------------------------------------- the comparisons


def share(row: Row, name: str) -> Estimate:
    return Estimate(*(row.number(f"{name}.{end}") for end in ("share", "low", "high")))


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


def _by_class(name: str, of: str, first: str, others: Sequence[str], sign: int) -> Callable:
    """Comparisons of the share of a class with the activation `first` and with each of the others, times the sign."""

    def compare(rows: Sequence[Row], rule: str) -> Iterator[Comparison]:
        for mine, other in _against(rows, first, others):
            ways = [f"shares.{rule}", *(f"routes.{route}" for route in (*ROUTES, EXACT) if rule == AUTHORS)]
            pairs = [(share(mine, f"{way}.{name}"), share(other, f"{way}.{name}")) for way in ways]
            apart = hull([a.minus(b) if sign > 0 else b.minus(a) for a, b in pairs])
            words = {f"{of}: {first}": pairs[0][0], other.spec.problem.activation: pairs[0][1]}
            yield Comparison(place(mine.spec), _words(".3f", words) + _rounding(pairs), apart)

    return compare


def hull(found: Sequence[Estimate]) -> Estimate:
    """The first, with an interval that holds those of all."""
    return Estimate(found[0].value, min(one.low for one in found), max(one.high for one in found))


def _rounding(pairs: Sequence[tuple[Estimate, Estimate]]) -> str:
    if len(pairs) == 1 or math.isnan(pairs[0][0].value):
        return ""
    ends = [
        f"{min(s.value for s in side):.3f} to {max(s.value for s in side):.3f}" for side in zip(*pairs, strict=True)
    ]
    return f"; by other orders and solvers {' and '.join(ends)}"


def _bent_down(rows: Sequence[Row], rule: str) -> Iterator[Comparison]:
    for mine, other in _against(rows, "relu", ("tanh", "elu")):
        a, b = (share(row, f"negative.{rule}") for row in (mine, other))
        words = {"with a negative eigenvalue: relu": a, other.spec.problem.activation: b}
        yield Comparison(place(mine.spec), _words(".3f", words), b.minus(a))


def _generalises(rows: Sequence[Row], rule: str) -> Iterator[Comparison]:
    for mine, other in _against(rows, "elu", ("tanh", "relu")):
        if not patterns(mine.spec.problem, "test"):
            return
        a, b = (row.by_split("test_loss") for row in (mine, other))
        apart, own, its = (interval(values) for values in (b - a, a, b))
        lower = f"; elu's is the lower in {int((a < b).sum())} of {len(a)} splits"
        name, lost = other.spec.problem.activation, [row.whole("last.test_loss.left_out") for row in (mine, other)]
        without = f"; walks left out, as not finite: {lost[0]} and {lost[1]}" if any(lost) else ""
        words = {f"E_g: {n}": Estimate(v.mean, v.low, v.high) for n, v in (("elu", own), (name, its))}
        where, value = place(mine.spec), Estimate(apart.mean, apart.low, apart.high)
        yield Comparison(where, _words(".4g", words) + lower + without, value)


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


HULL = (
    "Under the authors' rule the interval holds those by every order of weights and solver, which differ by rounding "
    "alone."
)
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
        rules=("full", ROBUST),
        only="xor",
    ),
    "upward": Claim(
        "ReLU is the most convex of the three: the fewest points with a negative eigenvalue.",
        "Share of points with an eigenvalue below −tolerance times the largest with tanh, and with ELU, less that with "
        "ReLU. This form of the claim is our own; rounding does not decide it.",
        _bent_down,
        rules=("full", ROBUST),
    ),
    "convexity": Claim(
        "ReLU is the most convex of the three: the most points of the class convex.",
        "Share of convex points with ReLU less that with tanh, and with ELU. " + HULL,
        _by_class("convex", "convex", "relu", ("tanh", "elu"), 1),
        rules=("full", AUTHORS),
    ),
    "flatness": Claim(
        "ELU is the least flat of the three.",
        "Share of singular points with tanh, and with ReLU, less that with ELU. " + HULL,
        _by_class("singular", "singular", "elu", ("tanh", "relu"), -1),
        rules=("full", AUTHORS),
    ),
    "generalisation": Claim(
        "ELU generalises best of the three.",
        "Mean E_g at the end of the walks with tanh, and with ReLU, less that with ELU, split by split: the "
        "interval is Student's over the differences of the splits, and covers split and walks alike. XOR has no test "
        "part.",
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
