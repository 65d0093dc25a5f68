"""What many cases say together, with confidence intervals: means, shares and correlations."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.special import stdtrit

RESAMPLES = 2000
PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))  # of three quantities


@dataclass(frozen=True)
class Interval:
    """Mean of `count` numbers and its confidence interval; NaN where there is none."""

    mean: float
    low: float
    high: float
    count: int


def interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """Mean of a quantity over runs (S,), and Student's interval (1908): mean ± t(S − 1) sd / √S.

    Exact for normal numbers. What is not finite is left out; the mean is NaN below one number, the interval below two.
    """
    kept = np.asarray(values, np.float64)
    kept = kept[np.isfinite(kept)]
    count, mean = len(kept), float(kept.mean()) if len(kept) else math.nan
    if count < 2:
        return Interval(mean, math.nan, math.nan, count)
    half = float(stdtrit(count - 1, (1 + confidence) / 2) * kept.std(ddof=1) / math.sqrt(count))
    return Interval(mean, mean - half, mean + half, count)


@dataclass(frozen=True)
class Share:
    """A share and its confidence interval, from `count` cases; NaN where there are none."""

    share: float
    low: float
    high: float
    count: int


def wilson(share: float, count: float, confidence: float = 0.95) -> tuple[float, float]:
    """Both ends of Wilson's score interval (1927, J. Am. Stat. Assoc. 22:209) of a share seen in `count` independent
    cases, which need not be a whole number.
    """
    if not count > 0:
        return math.nan, math.nan
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle, half = share + z * z / (2 * count), z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    scale = 1 + z * z / count
    low, high = (middle - half) / scale, (middle + half) / scale
    return (float(low) if share > 0 else 0.0), (float(high) if share < 1 else 1.0)


def share_of(hits: np.ndarray, counts: np.ndarray, confidence: float = 0.95) -> Share:
    """The share of hits among cases that come in groups, as the points of walks do: hits (G,) of counts (G,).

    The interval is Wilson's for as many independent cases as would give the spread seen between groups (Kish 1965,
    Survey Sampling, section 8.2): never more than the cases, and the number of groups where all groups agree. That a
    spread seen between few groups is itself uncertain is heeded by fewer cases yet, as Student's quantiles are to each
    other (Korn & Graubard 1998, Survey Methodology 24:193).
    """
    hits, counts = (np.asarray(v, dtype=float)[np.asarray(counts) > 0] for v in (hits, counts))
    total, groups = counts.sum(), len(counts)
    if not groups:
        return Share(math.nan, math.nan, math.nan, 0)
    share = float(hits.sum() / total)
    cases = float(groups)
    if groups > 1 and (spread := ((hits - share * counts) ** 2).sum() * groups / (groups - 1)) > 0:
        cases = min(share * (1 - share) * total**2 / spread, total)
        cases *= (stdtrit(total - 1, (1 + confidence) / 2) / stdtrit(groups - 1, (1 + confidence) / 2)) ** 2
    return Share(share, *wilson(share, cases, confidence), int(total))


@dataclass(frozen=True)
class Correlation:
    """Pearson's r of `count` pairs and its confidence interval; NaN where there is none."""

    r: float
    low: float
    high: float
    count: int


def constant(values: np.ndarray) -> bool:
    """Whether numbers differ by no more than rounding."""
    return bool(np.ptp(values) <= 1e-12 * np.abs(values).max())


def correlation(x: np.ndarray, y: np.ndarray, confidence: float = 0.95) -> Correlation:
    """How two quantities of the same runs go together, as saturation and flatness over seeds (S,).

    The interval is Fisher's (1921, Metron 1): artanh r ± quantile / √(S − 3), exact in the limit for a normal pair and
    approximate otherwise. Pairs that are not finite are left out; r is NaN below two pairs or where one quantity is
    constant, the interval below four.
    """
    kept = np.isfinite(x) & np.isfinite(y)
    a, b = (values[kept].astype(np.float64) for values in (x, y))
    count, nothing = int(kept.sum()), math.nan
    if count < 2 or constant(a) or constant(b):
        return Correlation(nothing, nothing, nothing, count)
    r = float(np.clip(np.corrcoef(a, b)[0, 1], -1.0, 1.0))
    if count < 4:
        return Correlation(r, nothing, nothing, count)
    if abs(r) == 1.0:
        return Correlation(r, r, r, count)
    half = NormalDist().inv_cdf((1 + confidence) / 2) / math.sqrt(count - 3)
    return Correlation(r, math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half), count)


def grouped_correlation(
    x: np.ndarray, y: np.ndarray, held: np.ndarray, groups: np.ndarray, seed: int = 0, confidence: float = 0.95
) -> tuple[Correlation, Correlation]:
    """Pearson's r of pairs (N,) that come in groups, as the points of walks do, and the partial r with a third
    quantity `held` fixed.

    The intervals are percentiles over RESAMPLES draws of whole groups with replacement (Field & Welsh 2007, doi
    10.1111/j.1467-9868.2007.00593.x). Pairs that are not finite are left out; NaN where there is nothing to correlate.
    """
    kept = np.isfinite(x) & np.isfinite(y) & np.isfinite(held)
    values = np.stack([v[kept].astype(np.float64) for v in (x, y, held)])
    numbers, place = np.unique(groups[kept], return_inverse=True)
    count, nothing = values.shape[1], Correlation(math.nan, math.nan, math.nan, int(kept.sum()))
    if count < 3 or not np.ptp(values[:2], axis=1).all():
        return nothing, nothing
    values = values - values.mean(1, keepdims=True)
    values /= np.where(np.ptp(values, axis=1) > 0, values.std(1), 1.0)[:, None]
    sums = _group_sums(values, place, len(numbers))
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    weights = rng.multinomial(len(numbers), np.full(len(numbers), 1 / len(numbers)), RESAMPLES)
    drawn, ends = _correlations(weights @ sums), [50 * (1 - confidence), 50 * (1 + confidence)]
    (plain, partial), spread = _correlations(sums.sum(0)[None])[0], len(numbers) > 1
    lows, highs = np.nanpercentile(drawn, ends, axis=0) if spread else np.full((2, 2), np.nan)
    return tuple(
        Correlation(float(r), float(low), float(high), count)
        for r, low, high in zip((plain, partial), lows, highs, strict=True)
    )  # type: ignore[return-value]


def _group_sums(values: np.ndarray, place: np.ndarray, groups: int) -> np.ndarray:
    """(G, 10) of each group: the number of cases, sums of three quantities, and of their six products."""
    rows = [np.ones(values.shape[1]), *values, *(values[i] * values[j] for i, j in PAIRS)]
    return np.stack([np.bincount(place, row, groups) for row in rows], 1)


def _correlations(sums: np.ndarray) -> np.ndarray:
    """(R, 2) r of the first two quantities, and the partial one, from sums (R, 10); NaN where one is constant."""
    means, products = sums[:, 1:4] / sums[:, :1], sums[:, 4:] / sums[:, :1]
    covariance = products - np.stack([means[:, i] * means[:, j] for i, j in PAIRS], 1)
    spread = np.sqrt(np.where(covariance[:, :3] > 1e-12 * products[:, :3], covariance[:, :3], np.nan))
    xy, xh, yh = (covariance[:, k] / (spread[:, i] * spread[:, j]) for k, (i, j) in enumerate(PAIRS[3:], 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        partial = (xy - xh * yh) / np.sqrt((1 - xh**2) * (1 - yh**2))
    partial = np.where(np.isnan(spread[:, 2]), xy, partial)  # a constant one is fixed anyway
    return np.clip(np.stack([xy, partial], 1), -1.0, 1.0)
