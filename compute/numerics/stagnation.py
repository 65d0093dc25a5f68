"""How often and for how long walks stagnate: n_stag and l_stag of Bosman, Engelbrecht & Helbig 2023 (arXiv 2306.16090).

Each walk's loss is scaled to [0, 1]. For every W of SPANS it is smoothed by an exponentially weighted mean of span W;
where the smoothed loss's standard deviation over W points lies below ε, the walk stands still. ε is the standard
deviation of these deviations. Runs of more than SHORTEST such points count; the W whose runs are longest on average is
kept. n_stag is their number, l_stag their mean length, in points. Where ε is 0 to rounding, all is one run.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

SPANS = (20, 18, 16, 14, 12, 10, 8, 6)
SHORTEST = 5
STILL = 1e-8  # an ε below this means that the walk stands still throughout

Flags = list[tuple[int, np.ndarray]]  # of one walk: a span, and where it stands still


@dataclass(frozen=True)
class Counter:
    """How runs are counted; `carries`: whether a run too short to count is added to the next."""

    label: str
    carries: bool
    note: str


COUNTERS = {
    "authors": Counter(
        "as the authors count",
        True,
        "The authors' counter is set back only when a run is recorded, so that runs of up to 5 points lengthen the "
        "run after them.",
    ),
    "reset": Counter("set back after every run", False, "Every run is counted from its own beginning."),
}


@dataclass(frozen=True)
class Stagnation:
    """Of W walks. runs: n_stag, length: l_stag, 0 where there is no run; span: the W kept, 0 where there is no run.

    All are NaN for a walk whose loss is infinite or NaN somewhere: it cannot be scaled.
    """

    runs: np.ndarray
    length: np.ndarray
    span: np.ndarray


def stagnation(loss: np.ndarray, counter: str = "authors") -> Stagnation:
    """n_stag and l_stag of walks (W, n), n the points of a walk, as one of COUNTERS has them.

    A W of more than n points is left out. Computed in float64, whatever the loss's precision.
    """
    return _results([_kept(still, COUNTERS[counter].carries) for still in _still(loss)])


def both(loss: np.ndarray) -> dict[str, Stagnation]:
    """`stagnation` for all COUNTERS; what they share is computed once."""
    walks = list(_still(loss))
    return {name: _results([_kept(still, counter.carries) for still in walks]) for name, counter in COUNTERS.items()}


def _results(rows: list[tuple[float, float, float]]) -> Stagnation:
    return Stagnation(*np.array(rows, dtype=float).reshape(-1, 3).T)


def _still(loss: np.ndarray) -> Iterator[Flags | None]:
    """Of each walk, for every span, where it stands still; None if its loss is not finite."""
    scaled = scale(np.asarray(loss, dtype=np.float64))
    spans = [span for span in SPANS if span <= scaled.shape[1]]
    smooth = {span: weighted_mean(scaled, span) for span in spans}
    for walk, values in enumerate(scaled):
        finite = np.isfinite(values).all()
        yield [(span, stands_still(moving_deviation(smooth[span][walk], span))) for span in spans] if finite else None


def scale(loss: np.ndarray) -> np.ndarray:
    """Each walk (W, n) to [0, 1]; a constant one stays as it is."""
    low, high = loss.min(1, keepdims=True), loss.max(1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(high > low, (loss - low) / np.where(high > low, high - low, 1.0), loss)


def weighted_mean(values: np.ndarray, span: int) -> np.ndarray:
    """m_t = α v_t + (1 − α) m_{t−1} along the last axis, α = 2 / (span + 1), from m_0 = v_0."""
    share, series = 2 / (span + 1), np.array(np.moveaxis(values, -1, 0), dtype=np.float64)
    for t in range(1, len(series)):
        series[t] += (1 - share) * (series[t - 1] - series[t])
    return np.moveaxis(series, 0, -1)


def moving_deviation(values: np.ndarray, span: int) -> np.ndarray:
    """Population standard deviation of every `span` consecutive values of (n,): (n − span + 1,)."""
    return np.lib.stride_tricks.sliding_window_view(values, span).std(1)


def stands_still(deviation: np.ndarray) -> np.ndarray:
    """Where a series of deviations is in a run: it begins below ε, ends above, and equality changes nothing."""
    epsilon = deviation.std()
    if epsilon < STILL:
        return np.ones(len(deviation), bool)
    turns = np.flatnonzero(deviation != epsilon)
    last = np.searchsorted(turns, np.arange(len(deviation)), side="right") - 1  # the last place that was not equal
    return (last >= 0) & (deviation[turns[last]] < epsilon)


def _kept(still: Flags | None, carries: bool) -> tuple[float, float, float]:
    """n_stag, l_stag and the span, of the span whose runs are longest on average; the widest of equal ones."""
    if still is None:
        return np.nan, np.nan, np.nan
    best = (0.0, 0.0, 0.0)
    for span, flags in still:
        runs = [len(flags)] if flags.all() else _counted(_lengths(flags), carries)
        if runs and sum(runs) / len(runs) > best[1]:
            best = (float(len(runs)), sum(runs) / len(runs), float(span))
    return best


def _lengths(flags: np.ndarray) -> list[int]:
    """Of the runs of True."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return (edges[1::2] - edges[::2]).tolist()


def _counted(lengths: list[int], carries: bool) -> list[int]:
    """The runs recorded."""
    if not carries:
        return [length for length in lengths if length > SHORTEST]
    found, held = list[int](), 0
    for length in lengths:
        held += length
        if held > SHORTEST:
            found.append(held)
            held = 0
    return found
