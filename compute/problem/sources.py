"""The one door to data: what a name stands for, and its training and test parts.

Whoever wants to know something of a data set asks here, so that another source of data has one place to stand.
"""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lossatlas.compute.problem.datasets import DATASETS, Arrays, Dataset
from lossatlas.compute.spec.names import nearest
from lossatlas.compute.spec.options import BadSpec, show

_FILE = re.compile(r"[/\\~]|\.\w+$")  # a path, or an ending
SPLIT, NOISE = 1, 2  # streams of the data seed; a generator takes the seed alone, which is stream 0


def datasets() -> Mapping[str, Dataset]:
    """All data sets that there are, by name."""
    return DATASETS


def dataset_of(name: str) -> Dataset:
    """The data set that a name stands for.

    Raises:
        BadSpec: there is none.
    """
    known = datasets()
    if name not in known:
        said = own_data(name) or nearest(name, known)
        raise BadSpec(f"dataset must be one of the names known here; got {show(name)}.{said}")
    return known[name]


def own_data(name: str) -> str:
    """What to say of a name that looks like a file's; empty of any other."""
    if not _FILE.search(name):
        return ""
    return (
        f" That looks like a file, and this version reads none: it has {', '.join(datasets())}. Data of your own are "
        "to be read from files by a later version, as CHANGELOG.md will say; until then a set is added in the source, "
        "as CONTRIBUTING.md tells."
    )


def names_of(fits: Callable[[Dataset], bool]) -> str:
    """The names of the data sets that fit, as a sentence lists them."""
    return ", ".join(name for name, dataset in datasets().items() if fits(dataset))


@dataclass(frozen=True, eq=False)
class Data:
    """Scaled patterns, read-only. Inputs are float64; the test part may be empty."""

    x_train: np.ndarray  # (N, D)
    y_train: np.ndarray  # (N,) class numbers int64, or (N, 1) targets float64
    x_test: np.ndarray  # (T, D)
    y_test: np.ndarray  # (T,) or (T, 1)
    classes: int


def sizes(name: str, test_share: float, max_samples: int) -> tuple[int, int]:
    """How many patterns the training part has, and the test part."""
    dataset = dataset_of(name)
    total = min(dataset.size, max_samples or dataset.size)
    test = round(test_share * total) if dataset.split else 0
    return total - test, test


def disturbed(name: str, test_share: float, max_samples: int, noise: float) -> int:
    """How many training labels are replaced, or targets dealt round, of which a single one has none to change with."""
    count = round(noise * sizes(name, test_share, max_samples)[0])
    return count if dataset_of(name).classes or count > 1 else 0


@functools.lru_cache(maxsize=4)  # 63 MB each for all of MNIST
def prepare(name: str, seed: int, test_share: float, noise: float, max_samples: int) -> Data:
    """The training and test parts of one data set; equal arguments give equal bytes.

    The patterns are permuted by the seed, without stratification; the first `max_samples` are taken
    (0 = all), and `test_share` of those, rounded, is the test part. Missing values and scaling are fitted on
    the training part. `noise` is the share of training labels replaced by another class, drawn uniformly; in
    regression, the share of training targets dealt round among themselves. More noise under one seed disturbs
    the same patterns and others besides.

    Raises:
        BadSpec: no such data set, a value out of bounds, or no pattern left for training.
    """
    _refuse(test_share, noise, max_samples)
    dataset = dataset_of(name)
    x, y = dataset.load(seed)
    train, test = _dealt(name, seed, test_share, max_samples)
    y_train = _disturbed_labels(name, seed, y[train], test_share, noise, max_samples)
    x_train, x_test = _scale(*_impute(x[train], x[test]), dataset.scaling)
    arrays = (x_train, y_train, x_test, y[test])
    for array in arrays:
        array.setflags(write=False)
    return Data(*arrays, classes=dataset.classes)


@functools.lru_cache(maxsize=200)
def class_counts(
    name: str, seed: int, test_share: float, noise: float, max_samples: int
) -> tuple[tuple[int, ...], ...]:
    """How many patterns each class has in the training part, as its labels are after noise, and in the test part;
    empty for a regression. Arguments and errors as `prepare`, which keeps all patterns where this keeps numbers.
    """
    _refuse(test_share, noise, max_samples)
    dataset = dataset_of(name)
    if not dataset.classes:
        return (), ()
    _, y = dataset.load(seed)
    train, test = _dealt(name, seed, test_share, max_samples)
    parts = _disturbed_labels(name, seed, y[train], test_share, noise, max_samples), y[test]
    return tuple(tuple(np.bincount(part, minlength=dataset.classes).tolist()) for part in parts)


def _dealt(name: str, seed: int, test_share: float, max_samples: int) -> Arrays:
    """Places of the patterns of both parts, in their order.

    Raises:
        BadSpec: no pattern is left for training.
    """
    dataset, (kept, held) = dataset_of(name), sizes(name, test_share, max_samples)
    if kept < 1:
        raise BadSpec(
            f"A loss needs at least one training pattern; test_share {test_share:g} of {kept + held} patterns "
            f"of {dataset.label} leaves none. Lower test_share or raise max_samples."
        )
    whole = np.arange(dataset.size)
    order = np.random.default_rng([seed, SPLIT]).permutation(dataset.size) if dataset.split else whole
    return order[:kept], order[kept : kept + held]


def _disturbed_labels(
    name: str, seed: int, y: np.ndarray, test_share: float, noise: float, max_samples: int
) -> np.ndarray:
    count = disturbed(name, test_share, max_samples, noise)
    return _disturb(y, dataset_of(name).classes, count, np.random.default_rng([seed, NOISE]))


def _refuse(test_share: float, noise: float, max_samples: int) -> None:
    if not 0 <= test_share < 1:
        raise BadSpec(f"test_share must be at least 0 and below 1; got {show(test_share)}.")
    if not 0 <= noise <= 1:
        raise BadSpec(f"noise must lie between 0 and 1; got {show(noise)}.")
    if max_samples < 0:
        raise BadSpec(f"max_samples must be 0 (all patterns) or more; got {show(max_samples)}.")


def _impute(train: np.ndarray, test: np.ndarray) -> Arrays:
    """Missing inputs become the column's training mean, or 0 where no training pattern has a value."""
    known = ~np.isnan(train)
    if known.all() and not np.isnan(test).any():
        return train, test
    mean = np.where(known, train, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)  # (D,)
    return np.where(known, train, mean), np.where(np.isnan(test), mean, test)


def _scale(train: np.ndarray, test: np.ndarray, scaling: str) -> Arrays:
    """Both parts, shifted and scaled by columns of the training part; a constant column is only shifted."""
    low, high = train.min(axis=0), train.max(axis=0)  # (D,)
    constant = low == high  # the standard deviation of equal numbers is not always exactly zero
    if scaling == "z-score":
        shift, unit = np.where(constant, low, train.mean(axis=0)), np.where(constant, 1.0, train.std(axis=0))
    elif scaling == "min-max":
        unit = np.where(constant, 1.0, (high - low) / 2)
        shift = low + unit  # the lowest training value becomes −1
    else:
        return train, test
    return (train - shift) / unit, (test - shift) / unit


def _disturb(y: np.ndarray, classes: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Labels or targets with so many of them made wrong."""
    chosen, step = rng.permutation(len(y))[:count], rng.integers(1, max(classes, 2), len(y))
    wrong = y.copy()
    wrong[chosen] = (y[chosen] + step[chosen]) % classes if classes else np.roll(y[chosen], 1, axis=0)
    return wrong
