"""Verdicts follow from intervals alone, and rows hold the numbers of the summary."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lossatlas.compute.analyses.clouds import Cloud, CloudResult, merge
from lossatlas.compute.analyses.summaries import summarise
from lossatlas.compute.numerics.classes import AUTHORS, EXACT, ROUTES
from lossatlas.compute.numerics.intervals import interval, wilson
from lossatlas.compute.numerics.stationary import levels
from lossatlas.compute.service.ask import ask
from lossatlas.compute.study.claims import CLAIMS, FAILS, HOLDS, OPEN, UNKNOWN, Estimate, findings, hull, told, verdict
from lossatlas.compute.study.design import (
    ACTIVATIONS,
    DESIGNS,
    SPLITS,
    Row,
    at_level,
    numbers,
    pace,
    place,
    row_of,
    settings,
    split,
    split_of,
    spread,
)

NONE = Estimate(math.nan, math.nan, math.nan)


def around(value: float) -> Estimate:
    return Estimate(value, value - 1, value + 1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((2.0, 3.0), HOLDS),
        ((2.0, 0.5), OPEN),
        ((2.0, -2.0), FAILS),
        ((-0.5, 0.5), OPEN),
        ((-2.0, -2.0), FAILS),
        ((), UNKNOWN),
    ],
)
def test_a_verdict_is_what_the_intervals_say(values, expected):
    estimates = [around(value) for value in values]
    assert verdict(estimates) == verdict(estimates[::-1]) == expected
    if expected in (HOLDS, OPEN):
        assert verdict([*estimates, NONE]) == OPEN  # what has no interval keeps a claim from holding
    assert verdict([*estimates, around(-5.0)]) == FAILS
    assert verdict([NONE, NONE]) == UNKNOWN


def test_a_difference_has_the_interval_of_two_independent_means():
    a, b = around(5.0), Estimate(3.0, 2.0, 4.0)
    found = a.minus(b)
    assert (found.value, found.low, found.high) == pytest.approx((2.0, 2 - math.sqrt(2), 2 + math.sqrt(2)))
    turned = b.minus(a)
    assert (turned.value, turned.low, turned.high) == pytest.approx((-found.value, -found.high, -found.low))
    assert told(Estimate(0.5, 0.25, 0.75), ".2f") == "0.50 [0.25, 0.75]" and told(NONE) == "none"


def shortened(spec: Cloud, walks: int) -> Cloud:
    return replace(spec, walking=replace(spec.walking, walks=walks, walk_steps=60), classified=0.5)


@pytest.fixture(scope="module")
def clouds() -> list[CloudResult]:
    """Of XOR, with walks and steps enough for every number but not more."""
    return [ask(shortened(spec, 6)) for spec in settings(0.1, ["xor"])]


@pytest.fixture(scope="module")
def rows(clouds) -> list[Row]:
    return [row_of(cloud, 1.0, 1, 0) for cloud in clouds]


@pytest.fixture(scope="module")
def iris() -> dict[str, tuple[list[CloudResult], Row]]:
    """By activation, the clouds of all splits in one setting, and the row of them together."""
    found = {}
    for spec in settings(0.1, ["iris"])[:3]:
        clouds = [ask(one) for one in split(shortened(spec, 2))]
        found[spec.problem.activation] = (clouds, row_of(merge(shortened(spec, 2), *clouds), 1.0, SPLITS, 0))
    return found


def made_up(rows: list[Row], name: str, values: Mapping[str, tuple[float, ...]]) -> list[Row]:
    """The rows with a number of each activation, its low and its high end, changed."""
    ends = [end for end in ("share", "low", "high") if f"{name}.{end}" in rows[0].names]
    changed = []
    for row in rows:
        numbers_ = row.values.copy()
        for end, value in zip(ends, values[row.spec.problem.activation], strict=True):
            numbers_[row.names.index(f"{name}.{end}")] = value
        changed.append(replace(row, values=numbers_))
    return changed


@pytest.mark.parametrize(
    ("relu", "expected"), [((0.8, 0.7, 0.9), HOLDS), ((0.5, 0.3, 0.7), OPEN), ((0.1, 0.05, 0.2), FAILS)]
)
def test_convexity_is_judged_by_the_rows_under_the_rule_named(rows, relu, expected):
    shares = {"tanh": (0.45, 0.4, 0.5), "elu": (0.45, 0.4, 0.5), "relu": relu}
    found = findings(made_up(rows, "shares.full.convex", shares))
    [mine] = [one for one in found if one.claim == "convexity" and one.rule == "full"]
    assert mine.verdict == expected and len(mine.comparisons) == 8  # four settings, two others


WAYS = (f"shares.{AUTHORS}", *(f"routes.{route}" for route in (*ROUTES, EXACT)))


@pytest.mark.parametrize("way", WAYS)
def test_what_one_order_or_solver_turns_round_is_undecided(rows, way):
    """ReLU the most convex by three of four routes, which differ by rounding alone."""
    above, below = {"relu": (0.8, 0.7, 0.9)}, {"relu": (0.1, 0.05, 0.2)}
    others = {"tanh": (0.45, 0.4, 0.5), "elu": (0.45, 0.4, 0.5)}
    for name in WAYS:
        rows = made_up(rows, f"{name}.convex", others | above)
    assert convexity(rows) == HOLDS
    assert convexity(made_up(rows, f"{way}.convex", others | below)) == OPEN
    for name in WAYS:
        rows = made_up(rows, f"{name}.convex", others | below)
    assert convexity(rows) == FAILS


def convexity(rows: list[Row]) -> str:
    return next(one.verdict for one in findings(rows) if (one.claim, one.rule) == ("convexity", AUTHORS))


def test_a_hull_holds_every_interval_and_keeps_the_first_value():
    assert hull([around(1.0), Estimate(3.0, -2.0, 4.0)]) == Estimate(1.0, -2.0, 4.0)
    assert math.isnan(hull([NONE, NONE]).low)


def test_every_claim_is_judged_on_every_data_set_it_is_about(rows):
    found = findings(rows)
    assert [(one.claim, one.rule) for one in found] == [
        (n, rule) for n, claim in CLAIMS.items() for rule in claim.rules
    ]
    [error] = [one for one in found if one.claim == "generalisation"]
    assert error.verdict == UNKNOWN  # XOR has no test part


def test_a_row_has_every_number_of_the_summary(clouds, rows):
    for cloud, row in zip(clouds[:2], rows, strict=False):
        told_, summary = numbers(summarise(cloud)), summarise(cloud)
        assert {name: row.number(name) for name in told_} == pytest.approx(told_, nan_ok=True, abs=0)
        assert row.number("runs.authors.mean") == summary.runs["authors"].mean
        assert row.number("shares.full.saddle.low") == summary.shares["full"]["saddle"].low
        assert row.whole("points") == cloud.loss.size and math.isnan(row.number("no such number"))


def test_a_split_has_data_and_walks_of_its_own_and_the_setting_all_of_them(iris):
    for clouds, row in iris.values():
        assert len({cloud.spec.problem.data_seed for cloud in clouds}) == SPLITS == len(row.by_split("test_loss"))
        assert [int(n) for cloud in clouds for n in cloud.number] == list(range(2 * SPLITS))
        assert row.whole("walks") == 2 * SPLITS and f"{SPLITS} splits" in row.notes[0]
        for cloud, error in zip(clouds, row.by_split("test_loss"), strict=True):
            assert error == pytest.approx(cloud.test_loss[:, -1].mean(dtype=float), rel=1e-6)
        assert len({cloud.test_loss[0, 0] for cloud in clouds}) == SPLITS
        groups = split_of(row.spec)
        whole = merge(row.spec, *clouds)
        none, walks = summarise(whole, groups=groups).shares["full"]["concave"], 2 * SPLITS
        assert (none.share, none.high) == (0.0, pytest.approx(wilson(0.0, walks)[1]))  # the cases are walks
        assert row.number("shares.full.saddle.low") == summarise(whole, groups=groups).shares["full"]["saddle"].low


def test_generalisation_is_compared_split_by_split(iris):
    """Student's interval over the differences: the same walks on the same splits, but for the activation."""
    rows = [row for _, row in iris.values()]
    [mine] = [one for one in findings(rows) if one.claim == "generalisation"]
    errors = {name: row.by_split("test_loss") for name, (_, row) in iris.items()}
    for name, one in zip(("tanh", "relu"), mine.comparisons, strict=True):
        expected = interval(errors[name] - errors["elu"])
        assert one.estimate == Estimate(expected.mean, expected.low, expected.high)
        assert f"in {int((errors['elu'] < errors[name]).sum())} of {SPLITS} splits" in one.measured


def test_drawn_points_are_visited_ones_with_their_classes(clouds, rows):
    cloud, row = clouds[0], rows[0]
    known = {
        (loss, norm, full)
        for loss, norm, full in zip(
            cloud.at_looked("loss").ravel(),
            cloud.at_looked("gradient_norm").ravel(),
            cloud.classes("full").ravel(),
            strict=True,
        )
    }
    assert set(zip(row.loss, row.gradient_norm, row.full, strict=True)) == known  # fewer than are drawn: all


def made_cloud(cloud: CloudResult, **changed: np.ndarray) -> CloudResult:
    converted: dict[str, Any] = {name: values.astype(cloud.loss.dtype) for name, values in changed.items()}
    return replace(cloud, **converted)


def test_the_spread_of_valleys_is_that_of_percentiles_and_its_interval_holds_it(clouds):
    rng, cloud = np.random.default_rng(0), clouds[0]
    norm = 10 ** rng.normal(size=(200, 61))
    found = spread(made_cloud(cloud, loss=np.ones((200, 61)), gradient_norm=norm), np.arange(200))
    assert found["value"] == pytest.approx(np.ptp(np.quantile(np.log10(norm), (0.1, 0.9))), abs=0.03)  # a bin or two
    assert found["low"] < 2 * 1.2816 < found["high"] and found["high"] - found["low"] < 0.2
    lost = made_cloud(cloud, loss=np.full((2, 61), np.nan), gradient_norm=norm[:2])
    assert math.isnan(spread(lost, np.arange(2))["value"])


def test_walks_that_end_at_a_level_pile_up_there_and_a_smooth_density_does_not(clouds):
    rng, cloud, level = np.random.default_rng(0), clouds[0], 0.5
    at, off = level + 0.005 * rng.uniform(-1, 1, (6, 61)), level + 0.03 * rng.uniform(-1, 1, (6, 61))
    assert at_level(made_cloud(cloud, loss=at), level)["piled.share"] == 1.0
    smooth = at_level(made_cloud(cloud, loss=off), level)
    assert smooth["piled.low"] < 1 / 3 < smooth["piled.high"] and smooth["ends.share"] == 1.0
    assert at_level(made_cloud(cloud, loss=off + 1), level)["ends.share"] == 0.0


def test_the_settings_are_the_studys():
    specs = settings(1.0, list(DESIGNS))
    assert len(specs) == len(set(specs)) == 4 * 3 * 2 * 2
    walks = {spec.problem.dataset: [len(split(spec)), spec.walking.walks] for spec in specs}
    assert (walks["xor"], walks["iris"], walks["heart"]) == ([1, 90], [10, 35], [10, 341])
    assert all(one in split(one) for one in specs)
    assert {(pace(spec), spec.walking.walk_size, spec.walking.walk_steps) for spec in specs} == {
        ("micro", 0.01, 1000),
        ("macro", 0.1, 100),
    }
    assert {spec.problem.architecture for spec in specs} == {"2-2-1", "4-4-3", "32-10-1", "784-10-10"}
    looked = {(spec.problem.dataset, place(spec)): spec.looked for spec in specs}
    assert looked["iris", "±1 micro"] == 1001 and looked["heart", "±10 macro"] == 1 and looked["mnist", "±1 micro"] == 0
    assert list(dict.fromkeys(spec.problem.activation for spec in specs)) == list(ACTIVATIONS)
    assert len(levels(specs[0].problem)) == 4
    few = settings(1e-9, ["iris"], ("threshold",))[0]
    assert few.walking.walks == 1 and few.looked == 0
