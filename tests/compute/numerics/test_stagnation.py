"""n_stag and l_stag against a plain loop written from the definition, the authors' own numbers, and laws."""

import numpy as np
import pytest

from lossatlas.compute.numerics.paths.walk_kinds import Walks
from lossatlas.compute.numerics.paths.walks import run_walks
from lossatlas.compute.numerics.stagnation import (
    COUNTERS,
    SPANS,
    both,
    moving_deviation,
    stagnation,
    stands_still,
    weighted_mean,
)
from lossatlas.compute.spec.options import parse


def by_loops(walk: np.ndarray, carries: bool) -> tuple[float, float, float]:
    """As the definition reads, point by point."""
    low, high = walk.min(), walk.max()
    values = (walk - low) / (high - low) if high > low else walk
    best = (0.0, 0.0, 0.0)
    for span in SPANS:
        smooth = [values[0]]
        for value in values[1:]:
            smooth.append(2 / (span + 1) * value + (1 - 2 / (span + 1)) * smooth[-1])
        deviation = [np.std(smooth[i : i + span]) for i in range(len(smooth) - span + 1)]
        runs = recorded(deviation, float(np.std(deviation)), carries)
        if runs and np.mean(runs) > best[1]:
            best = (float(len(runs)), float(np.mean(runs)), float(span))
    return best


def recorded(deviation, epsilon: float, carries: bool) -> list[int]:
    if epsilon < 1e-8:
        return [len(deviation)]
    stuck, length, runs = False, 0, []
    for value in deviation:
        if stuck and value > epsilon:
            stuck = False
            if length > 5:
                runs.append(length)
            if length > 5 or not carries:
                length = 0
        elif stuck or value < epsilon:
            stuck, length = True, length + 1
    return [*runs, length] if length > 5 else runs


def one(walk, counter: str = "authors") -> tuple[float, float, float]:
    found = stagnation(np.asarray(walk, float)[None], counter)
    return found.runs[0], found.length[0], found.span[0]


@pytest.mark.parametrize(("walk", "expected"), [
    (np.repeat([3, 2, 1], 33), (3, 26, 6)), (np.ones(100), (1, 95, 6)), (np.linspace(1, 0, 100), (0, 0, 0)),
], ids=["steps", "constant", "straight"])  # fmt: skip
def test_the_numbers_of_the_authors_code(walk, expected):
    assert one(walk) == expected


def test_the_weighted_mean_begins_at_the_first_value():
    assert weighted_mean(np.array([1.0, 2, 3, 4]), 3).tolist() == [1, 1.5, 2.25, 3.125]
    several = np.random.default_rng(0).normal(size=(3, 50))
    assert np.array_equal(weighted_mean(several, 8)[1], weighted_mean(several[1], 8))


def test_the_moving_deviation_is_the_populations():
    assert moving_deviation(np.array([0.0, 2, 4, 0]), 2).tolist() == [1, 1, 2]


@pytest.mark.parametrize("counter", COUNTERS)
def test_runs_equal_a_plain_loop(counter):
    rng = np.random.default_rng(1)
    falls = np.cumsum(rng.exponential(size=(25, 150)) * (rng.random((25, 150)) < 0.05), axis=1)
    walks = np.concatenate([rng.normal(size=(25, 150)), 0.05 * rng.normal(size=(25, 150)) - falls])
    found = stagnation(walks, counter)
    expected = np.array([by_loops(walk, COUNTERS[counter].carries) for walk in walks]).T
    np.testing.assert_array_equal([found.runs, found.span], expected[[0, 2]])
    np.testing.assert_allclose(found.length, expected[1], rtol=1e-12)
    assert len(set(found.runs)) > 4 and len(set(found.span)) > 4  # they differ enough to be told apart


def test_equality_with_epsilon_neither_begins_nor_ends_a_run():
    values = np.array([1.0, 1, 0, 1, 2, 1, 1])  # mean 1, and its own deviation is √(2/7)
    values = 1 + (values - 1) * np.sqrt(7 / 2)  # so that it is 1
    assert values.std() == pytest.approx(1, abs=1e-15)
    values[values == 1] = values.std()
    assert values.std() == values[0]
    assert stands_still(values).tolist() == [False, False, True, True, False, False, False]


def test_the_carried_counter_lengthens_runs_and_the_one_set_back_does_not():
    walks = np.random.default_rng(2).normal(size=(40, 200))
    found = both(walks)
    for name in COUNTERS:
        alone = stagnation(walks, name)
        assert all(np.array_equal(getattr(found[name], field), getattr(alone, field)) for field in ("runs", "length"))
    assert (found["authors"].runs > found["reset"].runs).any()
    assert found["authors"].length.max() > found["reset"].length.max()


@pytest.mark.parametrize(
    "query", ["dataset=xor&widths=2&walks=6&walk_steps=300", "dataset=iris&walks=4&walk_steps=100&walk_size=0.1"]
)
def test_a_scaled_and_shifted_loss_stagnates_equally(query):
    loss = run_walks(parse(Walks, f"{query}&dtype=float64")).loss
    for counter in COUNTERS:
        found, other = stagnation(loss, counter), stagnation(8.0 * loss + 2.0, counter)
        assert found.runs.tolist() == other.runs.tolist() and found.span.tolist() == other.span.tolist()
        assert found.length.tolist() == other.length.tolist()


def test_a_walk_with_an_infinite_loss_has_no_numbers_and_spoils_no_other():
    walks = np.random.default_rng(3).normal(size=(3, 100))
    clean = stagnation(walks)
    walks[1, 40] = np.inf
    found = stagnation(walks)
    assert np.isnan([found.runs[1], found.length[1], found.span[1]]).all()
    assert found.length[[0, 2]].tolist() == clean.length[[0, 2]].tolist()


def test_walks_shorter_than_a_span_are_measured_by_the_others():
    assert one(np.ones(8)) == (1, 3, 6)  # a walk that never moves is one run, however short
    assert one(np.linspace(0, 1, 8)) == (1, 1, 8)  # a single deviation has no spread of its own: it counts as a run
    assert stagnation(np.ones((2, 1))).runs.tolist() == [0, 0]
