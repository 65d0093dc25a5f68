"""The experiment of Bosman, Engelbrecht & Helbig 2023 (arXiv 2306.16090) as questions, and what is kept of the answers.

A setting is a data set with its network, an activation, a range of starts and a step size. Its walks are shared out
over several splits of the data, a question a split: what is said of a setting, generalisation above all, may hang on
which patterns were kept for the test. Of its clouds together a row is kept: every number of their summary, what the
published claims ask for beside, and a sample of points to draw.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lossatlas.compute.analyses import clouds
from lossatlas.compute.analyses.clouds import Cloud, CloudResult
from lossatlas.compute.analyses.summaries import LOW, Summary, mean_of, summarise
from lossatlas.compute.numerics.classes import RULES
from lossatlas.compute.numerics.cost import patterns
from lossatlas.compute.numerics.intervals import share_of
from lossatlas.compute.numerics.paths import walks
from lossatlas.compute.numerics.paths.walk_kinds import Walk
from lossatlas.compute.numerics.stationary import levels
from lossatlas.compute.problem.nets import Problem

VERSIONS = (3, *clouds.VERSIONS)
ACTIVATIONS = ("tanh", "relu", "elu")
RANGES = (1.0, 10.0)
PACES = {"micro": (0.01, 1000), "macro": (0.1, 100)}  # longest step as a share of the range 2b, and number of steps
SPLITS = 10  # of a data set with a test part, by data seed: 0 to 9
FEWEST = 10  # walks of a setting, however small the scale (chosen by eye)
DRAWN = 1_500  # points of a row that a picture shows (chosen by eye)

NEAR, AROUND = 0.01, 0.03  # of a level: points at it, and points to compare them with (chosen by eye)
SETTLED = 0.2  # share of a walk, its end, that is looked at for levels (chosen by eye)
BINS, RESAMPLES = 400, 1000  # of the logarithm of gradient norms, and draws of walks or splits


@dataclass(frozen=True)
class Design:
    """How the experiment takes a data set.

    `walks` at full scale, 0 for ten a parameter; `looked` points of each walk are classified, 0 for none, None for all.
    """

    widths: tuple[int, ...]
    walks: int = 0
    batch: int = 0
    looked: int | None = None
    note: str = ""


DESIGNS = {
    "xor": Design((2,), note="Every visited point is classified. There is no test part."),
    "iris": Design((4,), note="Every visited point is classified."),
    "heart": Design((10,), looked=1, note="One point of each walk, drawn at random, is classified."),
    "mnist": Design(
        (10,),
        walks=100,
        batch=100,
        looked=0,
        note="Ten walks a parameter would be 79,600 a setting, about a day on one core; 100 are taken at full scale, "
        "in mini-batches of 100 patterns, so that loss, gradient and saturation are those of each step's batch. The "
        "network has too many parameters for a Hessian at every point: nothing is classified.",
    ),
}


def settings(
    scale: float, datasets: Sequence[str], activations: Sequence[str] = ACTIVATIONS, seed: int = 0
) -> list[Cloud]:
    """The experiment with this share of the walks, data set by data set: of each setting the question of its first
    split; see `split`.
    """
    return [
        _setting(scale, dataset, activation, bound, pace, seed)
        for dataset in datasets
        for bound in RANGES
        for pace in PACES
        for activation in activations
    ]


def _setting(scale: float, dataset: str, activation: str, bound: float, pace: str, seed: int) -> Cloud:
    design, (size, steps) = DESIGNS[dataset], PACES[pace]
    problem = Problem(dataset=dataset, widths=design.widths, activation=activation)
    walk = Walk(walk_seed=seed, walk_range=bound, walk_size=size, walk_steps=steps, walk_batch=design.batch)
    looked = steps + 1 if design.looked is None else design.looked
    classified = looked / (steps + 1) if _curved(problem) else 0.0
    whole = Cloud(problem, replace(walk, walks=design.walks), classified=classified)
    count = _count(scale, whole)
    return replace(whole, walking=replace(whole.walking, walks=count))


def _curved(problem: Problem) -> bool:
    return Cloud(problem, Walk(walks=1), classified=0.0).curved


def _count(scale: float, whole: Cloud) -> int:
    """How many walks a split; up to a whole number of those that are computed together anyway."""
    design = DESIGNS[whole.problem.dataset]
    full, size = design.walks or 10 * whole.problem.parameters, walks.together(whole.way)
    splits = splits_of(whole.problem)
    most = math.ceil(full / splits)
    return min(most, math.ceil(max(FEWEST, scale * full) / splits / size) * size)


def splits_of(problem: Problem) -> int:
    """How many splits the walks of a setting are shared out over."""
    return SPLITS if patterns(problem, "test") else 1


def split(spec: Cloud) -> list[Cloud]:
    """The questions of a setting, a split each, from that of the first; no two take the same walk."""
    return [
        replace(spec, problem=replace(spec.problem, data_seed=number), first_walk=number * spec.walking.walks)
        for number in range(splits_of(spec.problem))
    ]


def split_of(spec: Cloud) -> np.ndarray:
    """(W,) the split of each walk of a setting."""
    return np.repeat(np.arange(splits_of(spec.problem)), spec.walking.walks)


def pace(spec: Cloud) -> str:
    """micro or macro."""
    return next(name for name, (size, _) in PACES.items() if size == spec.walking.walk_size)


def place(spec: Cloud) -> str:
    """The setting in words, without its data set and activation."""
    return f"±{spec.walking.walk_range:g} {pace(spec)}"


@dataclass(frozen=True)
class Row:
    """What is kept of the clouds of one setting; `spec` is the question of its first split.

    Attributes:
        names, values: (N,) every number of `summarise`, as shares.full.convex.low; see `extra` for those beside.
        loss, gradient_norm: (K,) of the points to draw, drawn at random from those classified, or from all if none is.
        full, tensors, tensors64: (K,) their classes under each rule, −1 where not classified.
        seconds: wall clock that the walks and their curvature took; `stored` of `parts` were read from the cache.
    """

    spec: Cloud
    names: tuple[str, ...]
    values: np.ndarray
    loss: np.ndarray
    gradient_norm: np.ndarray
    full: np.ndarray
    tensors: np.ndarray
    tensors64: np.ndarray
    seconds: float
    parts: int
    stored: int
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    dtype: str

    def number(self, name: str) -> float:
        """By its name; NaN where this row has none."""
        return float(self.values[self.names.index(name)]) if name in self.names else math.nan

    def whole(self, name: str) -> int:
        """A count."""
        return round(self.number(name))

    def by_split(self, name: str) -> np.ndarray:
        """(D,) of each split; one number where the data are not split."""
        return np.array([self.number(f"split.{number}.{name}") for number in range(splits_of(self.spec.problem))])


def row_of(cloud: CloudResult, seconds: float, parts: int, stored: int) -> Row:
    """What is kept of the walks of all splits, one split after another."""
    splits = split_of(cloud.spec)
    several = splits[-1] > 0
    found = numbers(summarise(cloud, groups=splits if several else None)) | extra(cloud, splits)
    loss, norm, classes = _sample(cloud)
    return Row(
        cloud.spec, tuple(found), np.array(list(found.values())), loss, norm, **classes,
        seconds=seconds, parts=parts, stored=stored, notes=(*_split_note(cloud.spec), *cloud.notes),
        warnings=cloud.warnings, dtype=cloud.dtype,
    )  # fmt: skip


def _split_note(spec: Cloud) -> tuple[str, ...]:
    count = splits_of(spec.problem)
    if count == 1:
        return ()
    return (f"The walks are shared out over {count} splits of {spec.problem.data.label}, data seeds 0 to {count - 1}, "
            f"{spec.walking.walks} each; what follows is said of the first.",)  # fmt: skip


def numbers(summary: Summary) -> dict[str, float]:
    """Every number of a summary by its way through it, joined by dots."""
    return dict(_flat("", summary))


def _flat(name: str, value: Any) -> Iterator[tuple[str, float]]:
    if dataclasses.is_dataclass(value):
        value = {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    if not isinstance(value, dict):
        yield name, float(value)
        return
    for key, inner in value.items():
        yield from _flat(f"{name}.{key}" if name else key, inner)


def _sample(cloud: CloudResult) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    looked, whole = cloud.looked, cloud.loss.shape
    size = looked.size or cloud.loss.size
    rng = np.random.default_rng(np.random.SeedSequence(cloud.spec.walking.walk_seed))
    chosen = np.sort(rng.choice(size, min(DRAWN, size), replace=False))
    w, at = np.unravel_index(chosen, looked.shape if looked.size else whole)
    step = looked[w, at] if looked.size else at
    none = np.full(len(chosen), -1, np.int8)
    classes = {rule: cloud.classes(rule)[w, at] if looked.size else none for rule in RULES}
    return cloud.loss[w, step], cloud.gradient_norm[w, step], classes


# ---------------------------------------------------------------------------------------------- beside the summary


def extra(cloud: CloudResult, splits: np.ndarray) -> dict[str, float]:
    """`split.d.*`: means at the end of the walks of each split; `width.*`: see `spread`; and of XOR `level.n.*`: see
    `at_level`.
    """
    found = {
        f"split.{number}.{name}": mean_of(getattr(cloud, name)[splits == number, -1]).mean
        for number in range(splits[-1] + 1)
        for name in ("loss", "test_loss")
    }
    groups = splits if splits[-1] else np.arange(len(cloud.loss))
    found |= {f"width.{name}": value for name, value in spread(cloud, groups).items()}
    for n, level in enumerate(levels(cloud.spec.problem)):
        found |= {f"level.{n}.{name}": value for name, value in at_level(cloud, level).items()}
    return found


def spread(cloud: CloudResult, groups: np.ndarray) -> dict[str, float]:
    """log₁₀ of the ratio of the 90th to the 10th percentile of the gradient norm, among the share LOW of points with
    the least loss; `low` and `high` are the 2.5th and 97.5th percentile over draws of whole groups (W,) of walks with
    replacement.

    Percentiles are read from BINS bins; a gradient of 0, which has no logarithm, counts as the smallest other one.
    """
    loss, norm = cloud.loss, cloud.gradient_norm.astype(np.float64)
    finite = np.isfinite(loss) & np.isfinite(norm)
    rows = finite & (loss <= np.quantile(loss[finite], LOW)) if finite.any() else finite
    if not (rows & (norm > 0)).any():
        return dict.fromkeys(("value", "low", "high"), math.nan)
    least = norm[rows & (norm > 0)].min()
    heights, group, count = np.log10(np.maximum(norm[rows], least)), groups[np.nonzero(rows)[0]], groups[-1] + 1
    edges = np.linspace(heights.min(), heights.max() + 1e-9, BINS + 1)
    places = np.clip(np.searchsorted(edges, heights, side="right") - 1, 0, BINS - 1)
    counts = np.bincount(group * BINS + places, minlength=count * BINS).reshape(count, BINS)
    rng = np.random.default_rng(np.random.SeedSequence(0))
    weights = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES)
    drawn = _decades(weights @ counts, edges)
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    return {"value": float(_decades(counts.sum(0)[None], edges)[0]), "low": float(low), "high": float(high)}


def _decades(counts: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(R,) the 90th minus the 10th percentile of histograms (R, BINS); NaN of an empty one."""
    total = counts.sum(1, keepdims=True)
    with np.errstate(invalid="ignore"):
        below = counts.cumsum(1) / total
    tenth, ninetieth = ((below < share).sum(1).clip(0, BINS - 1) for share in (0.1, 0.9))
    return np.where(total[:, 0] > 0, edges[ninetieth] - edges[tenth], np.nan)


def at_level(cloud: CloudResult, level: float) -> dict[str, float]:
    """How walks stand to one of XOR's levels, with intervals over walks.

    `ends`: share of walks whose mean loss over the last SETTLED of their points lies within AROUND. `piled`: share of
    those last points within AROUND that lie within NEAR; a smooth density would give a third. `minimum.rule`: share of
    the classified points within NEAR whose Hessian has no eigenvalue below −tolerance times the largest |λ|.
    """
    loss, last = cloud.loss.astype(np.float64), max(1, round(SETTLED * cloud.loss.shape[1]))
    off, ones = np.abs(loss[:, -last:] - level), np.ones(len(loss))
    mean_off = np.abs(loss[:, -last:].mean(1) - level)
    shares = {"ends": share_of(mean_off < AROUND, ones), "piled": share_of((off < NEAR).sum(1), (off < AROUND).sum(1))}
    close = np.abs(cloud.at_looked("loss") - level) < NEAR
    for rule, how in RULES.items():
        lowest, highest, _ = np.moveaxis(getattr(cloud, rule), -1, 0)
        up = lowest >= -how.tolerance * np.maximum(-lowest, highest)
        known = close & np.isfinite(lowest)
        shares[f"minimum.{rule}"] = share_of((up & known).sum(1), known.sum(1))
    return {
        f"{name}.{item.name}": float(getattr(share, item.name))
        for name, share in shares.items()
        for item in dataclasses.fields(share)
    }
