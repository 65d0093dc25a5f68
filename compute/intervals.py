"""What several runs of one question say together: a mean with its interval, and a correlation with its own."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.special import stdtrit


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
