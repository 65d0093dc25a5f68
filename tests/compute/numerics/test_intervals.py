"""Intervals of shares and correlations: known numbers, and that they cover as often as they say."""

import math

import numpy as np
import pytest

from lossatlas.compute.numerics.intervals import correlation, grouped_correlation, share_of, wilson


def test_wilsons_interval_on_known_cases():
    assert wilson(0.5, 10) == pytest.approx((0.2365931, 0.7634069), abs=1e-7)
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.2775328), abs=1e-7)
    z = 1.959963984540054
    for low_or_high in wilson(0.3, 50):  # the shares whose own standard error puts them z away from the one seen
        assert abs(low_or_high - 0.3) == pytest.approx(z * math.sqrt(low_or_high * (1 - low_or_high) / 50), rel=1e-9)
    assert np.isnan(wilson(0.5, 0)).all()


def test_groups_that_differ_widely_widen_the_interval_and_independent_cases_do_not():
    rng, counts = np.random.default_rng(0), np.full(200, 50)
    alike = share_of(rng.binomial(50, 0.3, 200), counts)
    assert alike.high - alike.low == pytest.approx(np.diff(wilson(alike.share, 10_000))[0], rel=0.15)
    split = share_of(50 * rng.binomial(1, 0.3, 200), counts)  # each group all or nothing
    assert split.high - split.low == pytest.approx(np.diff(wilson(split.share, 200))[0], rel=0.01)
    never = share_of(np.zeros(20), np.full(20, 50))
    assert (never.share, never.high) == (0.0, pytest.approx(wilson(0.0, 20)[1])) and never.count == 1000


def test_the_interval_of_grouped_cases_covers_as_often_as_it_says():
    rng, inside = np.random.default_rng(1), 0
    for _ in range(1000):
        own = rng.beta(1, 2, 60)  # the groups' shares: a third on average
        found = share_of(rng.binomial(20, own), np.full(60, 20))
        inside += found.low <= 1 / 3 <= found.high
    assert 925 <= inside <= 975


def test_with_few_groups_too_it_covers_as_often_as_it_says():
    """Ten groups that differ, as the splits of a data set: normal quantiles would cover nine times in ten."""
    rng, inside = np.random.default_rng(2), 0
    for _ in range(1000):
        own = rng.beta(10, 20, 10)
        found = share_of(rng.binomial(200, own), np.full(10, 200))
        inside += found.low <= 1 / 3 <= found.high
    assert 930 <= inside <= 980


def test_groups_without_cases_say_nothing():
    assert share_of(np.array([3, 0]), np.array([6, 0])).share == 0.5
    assert math.isnan(share_of(np.zeros(2), np.zeros(2)).share)


def pairs(seed: int, groups: int = 40, each: int = 25) -> tuple[np.ndarray, ...]:
    """x, y, a cause of both, and the group of each; half of y's own part is the group's."""
    rng, place = np.random.default_rng(seed), np.repeat(np.arange(groups), each)
    cause, own = rng.normal(size=groups)[place] + rng.normal(size=len(place)), rng.normal(size=(2, len(place)))
    return cause + own[0], cause + own[1] + rng.normal(size=groups)[place], cause, place


def test_a_grouped_correlation_is_pearsons_and_its_partial_one_that_of_residuals():
    x, y, cause, place = pairs(0)
    plain, partial = grouped_correlation(x, y, cause, place)
    assert plain.r == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-12)
    left, right = (v - np.polyval(np.polyfit(cause, v, 1), cause) for v in (x, y))
    assert partial.r == pytest.approx(np.corrcoef(left, right)[0, 1], abs=1e-10)
    assert plain.r > 0.4 > abs(partial.r)
    assert plain.low < plain.r < plain.high and plain.count == 1000
    scaled = grouped_correlation(1e6 * x + 5, y / 7, cause, place)[0]
    assert (scaled.r, scaled.low) == pytest.approx((plain.r, plain.low), rel=1e-9)


def test_whole_groups_are_drawn_so_that_copies_of_a_case_narrow_nothing():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 50))
    y += x
    once = grouped_correlation(x, y, np.zeros(50), np.arange(50))[0]
    xs, ys, none, place = (np.repeat(v, 30) for v in (x, y, np.zeros(50), np.arange(50)))
    often = grouped_correlation(xs, ys, none, place)[0]
    assert (often.low, often.high) == pytest.approx((once.low, once.high), abs=1e-9)
    fisher = correlation(x, y)
    assert (once.low, once.high) == pytest.approx((fisher.low, fisher.high), abs=0.06)


def test_nothing_to_correlate_gives_none():
    x = np.arange(5.0)
    assert math.isnan(grouped_correlation(x, np.ones(5), x, x)[0].r)
    alone = grouped_correlation(x, x**2, np.ones(5), np.zeros(5))[0]
    assert alone.r > 0.9 and math.isnan(alone.low)
    gaps = grouped_correlation(np.append(x, np.nan), np.append(x**2, 1.0), np.ones(6), np.arange(6))[0]
    assert gaps.count == 5


def test_fishers_interval_on_a_known_case():
    x = np.repeat([-1.0, 1.0], 14)
    y = x * np.tile([1.0] * 5 + [0.0] * 2, 4) + 0.0
    found = correlation(x, y)
    r = np.corrcoef(x, y)[0, 1]
    assert found.r == pytest.approx(r, abs=1e-14) and found.count == 28
    half = 1.959963984540054 / 5  # √(28 − 3)
    assert (found.low, found.high) == pytest.approx((math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)))


def test_the_interval_covers_as_often_as_it_says():
    rng, rho, inside = np.random.default_rng(0), 0.6, 0
    for _ in range(1000):
        x = rng.normal(size=15)
        found = correlation(x, rho * x + math.sqrt(1 - rho**2) * rng.normal(size=15))
        inside += found.low <= rho <= found.high
    assert 930 <= inside <= 970  # 950 ± 3 standard errors


def test_correlation_ignores_scale_and_gaps_and_turns_with_sign():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 12))
    found = correlation(x, y)
    scaled = correlation(np.append(3 * x - 7, np.nan), np.append(y / 5, 1.0))
    assert (scaled.r, scaled.low, scaled.high) == pytest.approx((found.r, found.low, found.high))
    turned = correlation(-x, y)
    assert (turned.r, turned.low, turned.high) == pytest.approx((-found.r, -found.high, -found.low))
    wider = correlation(x, y, 0.99)
    assert wider.low < found.low and wider.high > found.high


def test_too_little_for_a_correlation_gives_none():
    assert math.isnan(correlation(np.ones(5), np.arange(5.0)).r) and math.isnan(correlation(np.ones(1), np.ones(1)).r)
    three = correlation(np.array([0, 1, 2.0]), np.array([0, 1, 1.0]))
    assert three.r == pytest.approx(math.sqrt(0.75)) and math.isnan(three.low)
    line = correlation(np.arange(5.0), 2 * np.arange(5.0))
    assert (line.r, line.low, line.high) == pytest.approx((1, 1, 1))
