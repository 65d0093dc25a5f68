"""The loss-gradient cloud: every point that walks visit, with loss, gradient norm, generalisation, saturation and
curvature; spec, result, and tasks from a few walks to all of them and to their curvature.

After Bosman, Engelbrecht & Helbig 2023 (arXiv 2306.16090). Points are not stored: a walk's number and step give them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch

from lossatlas.compute.numerics.activity import MEASURES, mean_saturation
from lossatlas.compute.numerics.classes import AUTHORS, EXACT, ROBUST, ROUTES, RULES, classify, curvature, point_seconds
from lossatlas.compute.numerics.cost import PIECE, patterns, walk_seconds
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths import walks
from lossatlas.compute.numerics.paths.walk_kinds import Walk, Walks
from lossatlas.compute.numerics.paths.walks import State
from lossatlas.compute.numerics.stagnation import both
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import AUTO, BadSpec, check, option
from lossatlas.compute.spec.tasks import Task

VERSIONS = (3,)
LOOKS = 2  # stream of a walk, beside its start and its steps: which of its points are classified
WEIGHTS = 140_000  # of all walks together, by default: ten walks for each of up to 118 parameters (chosen by eye)
LONGEST = 60.0  # estimated seconds on one core that the curvature takes by default (chosen by eye)
LARGEST = 2_000  # parameters up to which points are classified: a second a point
MOST_BYTES = 2**28  # of an answer's arrays
THETA_BYTES = 2**26  # of the points that a piece holds
FIRST = 1.0  # seconds on one core of the first picture
STAGNATION = ("runs", "length", "span")
MEASURED = ("loss", "gradient_norm", "accuracy", "test_loss", "test_accuracy", "saturation")


@dataclass(frozen=True)
class Cloud:
    """Walks on the training loss of a problem, and the curvature at some of their points.

    `walks` and `classified` become numbers as soon as the spec is made.
    """

    problem: Problem = Problem()
    walking: Walk = Walk()
    first_walk: int = option(
        0,
        low=0,
        high=2**31 - 1,
        label="First walk",
        help="Number of the first walk; seed and number make a walk.",
        told="from walk {} on",
    )
    classified: float | str = option(
        AUTO,
        low=0.0,
        high=1.0,
        label="Share classified",
        help="Share of each walk's points, drawn at random, whose curvature is computed; auto is all where that is "
        "quick.",
        told=((), lambda share: f"{100 * share:.3g} % of the points classified"),
        said="picture",
    )

    def __post_init__(self) -> None:
        check(self)
        if not self.walking.walks:
            P = self.problem.parameters
            object.__setattr__(self, "walking", replace(self.walking, walks=min(10 * P, max(10, WEIGHTS // P))))
        if self.classified == AUTO:
            object.__setattr__(self, "classified", self._affordable())
        elif self.classified:
            self._check_curvature()
        if (need := self.bytes) > MOST_BYTES:
            raise BadSpec(
                f"The points of a cloud must fit in {MOST_BYTES / 1e6:.0f} MB; {self.walking.walks:,} walks of "
                f"{self.walking.walk_steps:,} steps take {need / 1e6:,.0f} MB. {self._advice(MOST_BYTES, need)}"
            )

    def _advice(self, most: float, need: float) -> str:
        """What to ask for where a cloud takes `need` of something of which there is `most`."""
        fitting = int(self.walking.walks * most / need)
        if fitting:
            return f"Ask for at most {fitting:,} walks (walks={fitting}), the next with first_walk={fitting}."
        return "Not even one walk fits: ask for fewer steps (walk_steps)."

    def fewer(self, most_seconds: float, seconds: float) -> str:
        """What to ask for instead of a cloud that takes `seconds`: a number of walks that fits."""
        return self._advice(0.95 * most_seconds, seconds)

    @property
    def curved(self) -> bool:
        """Whether the loss has second derivatives that autograd sees."""
        return self.problem.unit.twice or len(self.problem.layers) == 1

    def _affordable(self) -> float:
        if not self.curved or self.problem.parameters > LARGEST:
            return 0.0
        fitting = int(LONGEST / point_seconds(self.problem) / self.walking.walks)
        return min(1.0, max(1, fitting) / self.points)

    def _check_curvature(self) -> None:
        if not self.curved:
            raise BadSpec(
                f"The loss of a network of {self.problem.unit.label} units has no curvature to "
                "speak of: every derivative of a step is 0. Choose classified=0 or another activation."
            )
        if self.problem.parameters > LARGEST:
            raise BadSpec(
                f"Points are classified up to {LARGEST:,} parameters, as the time of each grows with the cube; "
                f"{self.problem.architecture} has {self.problem.parameters:,}. Choose classified=0 or fewer units."
            )

    @property
    def points(self) -> int:
        """S, visited by each walk: its start and one a step."""
        return self.walking.walk_steps + 1

    @property
    def looked(self) -> int:
        """k, points of each walk that are classified."""
        return max(1, round(float(self.classified) * self.points)) if self.classified else 0

    @property
    def bytes(self) -> float:
        """Of an answer's arrays."""
        itemsize = 8 if self.problem.dtype == "float64" else 4
        return self.walking.walks * (
            len(MEASURED) * itemsize * self.points + (len(RULES) * 24 + len(ROUTES) + 4) * self.looked
        )

    @property
    def extra_bytes(self) -> float:
        """Memory beyond that of a loss: three answers while one is put together, and a piece with its points."""
        return 3.0 * self.bytes + 3.0 * THETA_BYTES

    @property
    def way(self) -> Walks:
        """How each of the walks goes."""
        return Walks(self.problem, replace(self.walking, walks=1))


@dataclass(frozen=True)
class CloudResult:
    """Of W walks with S = steps + 1 points each, k of which are classified.

    Measured quantities are in the problem's dtype and taken before each step, so that column 0 is the start. Of walks
    in mini-batches loss, gradient, accuracy and saturation are those of the batch that the step is taken by.

    Attributes:
        loss, gradient_norm: (W, S) total training loss and the Euclidean norm of its gradient.
        accuracy: (W, S) on the training part; NaN for a regression.
        test_loss, test_accuracy: (W, S) data term on the test part, E_g of the study; NaN without one.
        saturation: (W, S) mean over hidden units and patterns; NaN for an activation without a measure.
        measure: which of MEASURES that is.
        looked: (W, k) the steps at which points were classified, ascending; drawn for each walk by itself.
        full, tensors, tensors64: (W, k, 3) the lowest eigenvalue, the highest, and the one nearest to zero under each
            of RULES; NaN where the Hessian is not finite.
        rerouted: (W, k, 2) int8, the class under the authors' rule by each of ROUTES.
        runs, length, span: (2, W) n_stag, l_stag and the span kept, a row for each of COUNTERS; 0 where a walk does
            not stagnate, NaN where its loss is not finite.
        broken_at: (W,) first step whose loss or gradient is infinite or NaN, −1 if none is. Such walks are kept.
    """

    spec: Cloud
    loss: np.ndarray
    gradient_norm: np.ndarray
    accuracy: np.ndarray
    test_loss: np.ndarray
    test_accuracy: np.ndarray
    saturation: np.ndarray
    measure: str
    looked: np.ndarray
    full: np.ndarray
    tensors: np.ndarray
    tensors64: np.ndarray
    rerouted: np.ndarray
    runs: np.ndarray
    length: np.ndarray
    span: np.ndarray
    broken_at: np.ndarray
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    dtype: str

    @property
    def number(self) -> np.ndarray:
        """(W,) of the walks."""
        return self.spec.first_walk + np.arange(len(self.loss))

    def classes(self, rule: str, tolerance: float | None = None) -> np.ndarray:
        """Curvature class (W, k) at the steps looked at, int8, under one of RULES and its own tolerance or another."""
        return classify(getattr(self, rule), RULES[rule].tolerance if tolerance is None else tolerance)

    @property
    def routes(self) -> dict[str, np.ndarray]:
        """Curvature classes (W, k) under the authors' rule by every other route; what differs is rounding."""
        others = {name: self.rerouted[..., n] for n, name in enumerate(ROUTES)}
        return others | {EXACT: self.classes(ROBUST, RULES[AUTHORS].tolerance)}

    def at_looked(self, name: str) -> np.ndarray:
        """A measured quantity (W, k) at the points that are classified."""
        return np.take_along_axis(getattr(self, name), self.looked, 1)

    @property
    def table(self) -> dict[str, np.ndarray]:
        """A row a visited point; the classes under every rule with its own tolerance, −1 where not classified."""
        W, S = self.loss.shape
        columns = {"walk": np.repeat(self.number, S), "step": np.tile(np.arange(S), W)}
        columns |= {name: getattr(self, name).ravel() for name in MEASURED}
        for rule in RULES:
            names = np.full((W, S), -1, np.int8)
            np.put_along_axis(names, self.looked, self.classes(rule), 1)
            columns[rule] = names.ravel()
        return columns


# ---------------------------------------------------------------------------------------------- what is computed


@dataclass(frozen=True)
class Stretch:
    """Some consecutive steps of some consecutive walks.

    Attributes:
        state: where the walks stand after them; it carries no record.
        measured: (6, w, s) in the order of MEASURED.
        walk, step: (K,) of the points to be classified, walk by walk; theta: (K, P).
    """

    state: State
    measured: np.ndarray
    walk: np.ndarray
    step: np.ndarray
    theta: np.ndarray


def walk_on(spec: Cloud, first: int, count: int, until: int, before: Stretch | None) -> Stretch:
    """Walk `count` walks from number `first` on to step `until`, from their start or from the end of `before`."""
    way = spec.way
    state = walks.begin(way, first, count) if before is None else before.state
    found = walks.advance(way, state, until, points=True, held_out=True)
    measured = np.concatenate([np.moveaxis(found.record, 2, 0), _saturation(way, state.step, found.points)[None]])
    steps = range(state.step, state.step + found.points.shape[1])
    places = [(w, t) for w in range(count) for t in looked_at(spec, first + w) if t in steps]
    w, t = np.array(places, dtype=int).reshape(-1, 2).T
    return Stretch(
        replace(found, record=found.record[:, :0], points=found.points[:, :0]),
        measured.astype(spec.problem.dtype),
        first + w,
        t,
        found.points[w, t - state.step],
    )


def _saturation(way: Walks, begin: int, points: np.ndarray) -> np.ndarray:
    """(w, s) at points (w, s, P) from step `begin` on."""
    loss, thetas = make_loss(way.problem), torch.as_tensor(points)
    if way.walk.walk_batch:
        batches = [walks.of_batch(way, loss, begin + t) for t in range(points.shape[1])]
        blocks = thetas.split(walks.together(way))
        rows = [[mean_saturation(some, block[:, t]) for t, some in enumerate(batches)] for block in blocks]
        return torch.cat([torch.stack(columns, 1) for columns in rows]).numpy()
    return torch.stack([mean_saturation(loss, one) for one in thetas]).numpy()  # by walks: any number give equal bits


def looked_at(spec: Cloud, number: int) -> np.ndarray:
    """The steps (k,) at which a walk's points are classified, ascending."""
    rng = walks.stream(spec.way, number, LOOKS)
    return np.sort(rng.choice(spec.points, spec.looked, replace=False))


def point(spec: Cloud, walk: int, step: int) -> np.ndarray:
    """theta (P,) of a visited point to the last bit, by walking there again."""
    return walks.advance(spec.way, walks.begin(spec.way, walk, 1), step).theta[0]


@dataclass(frozen=True)
class Look:
    """The curvature at some points, by walk and step (K,): as `Curvature` has it."""

    walk: np.ndarray
    step: np.ndarray
    extremes: np.ndarray
    rerouted: np.ndarray


def look(spec: Cloud, begin: int, end: int, stretch: Stretch) -> Look:
    """The curvature at the points of walks `begin` to `end` of a stretch, walk by walk: equal walks, equal bits."""
    extremes, rerouted = [np.empty((0, len(RULES), 3))], [np.empty((0, len(ROUTES)), np.int8)]
    for number in range(begin, end):
        if len(thetas := stretch.theta[stretch.walk == number]):
            found = curvature(spec.problem, thetas)
            extremes.append(found.extremes)
            rerouted.append(found.rerouted)
    mine = (begin <= stretch.walk) & (stretch.walk < end)
    return Look(stretch.walk[mine], stretch.step[mine], np.concatenate(extremes), np.concatenate(rerouted))


# ---------------------------------------------------------------------------------------------- the answer


def gather(spec: Cloud, *stretches: Stretch) -> CloudResult:
    """The answer without curvature from the stretches of its walks, one after another."""
    measured = dict(zip(MEASURED, np.concatenate([s.measured for s in stretches], 2), strict=True))
    stagnation, W = both(measured["loss"]).values(), spec.walking.walks
    return _told(
        CloudResult(
            spec, **measured, measure=spec.problem.unit.saturation,
            looked=np.empty((W, 0), np.int32), **dict.fromkeys(RULES, np.empty((W, 0, 3))),
            rerouted=np.empty((W, 0, len(ROUTES)), np.int8),
            **{name: np.stack([getattr(s, name) for s in stagnation]) for name in STAGNATION},
            broken_at=walks.first_broken(measured["loss"], measured["gradient_norm"]),
            notes=(), warnings=(), dtype=spec.problem.dtype,
        )
    )  # fmt: skip


def merge(spec: Cloud, *parts: CloudResult) -> CloudResult:
    """One answer from those of consecutive walks, equally classified."""
    axes = dict.fromkeys((*MEASURED, "looked", *RULES, "rerouted", "broken_at"), 0) | dict.fromkeys(STAGNATION, 1)
    stacked: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts], axis) for name, axis in axes.items()
    }
    return _told(replace(parts[0], spec=spec, **stacked))


def with_curvature(spec: Cloud, cloud: CloudResult, *looks: Look) -> CloudResult:
    """The answer with the curvature at the points looked at."""
    found = {item.name: np.concatenate([getattr(one, item.name) for one in looks]) for item in fields(Look)}
    order, shape = np.lexsort((found["step"], found["walk"])), (spec.walking.walks, spec.looked)
    step, extremes, rerouted = (found[name][order] for name in ("step", "extremes", "rerouted"))
    rules: dict[str, Any] = {rule: extremes[:, n].reshape(*shape, 3) for n, rule in enumerate(RULES)}
    looked = step.reshape(shape).astype(np.int32)
    return _told(replace(cloud, spec=spec, looked=looked, **rules, rerouted=rerouted.reshape(*shape, len(ROUTES))))


def _told(result: CloudResult) -> CloudResult:
    return replace(
        result, notes=_notes(result.spec), warnings=walks.told_broken(result.broken_at, result.spec.first_walk)
    )


def _notes(spec: Cloud) -> tuple[str, ...]:
    problem, count = spec.problem, spec.walking.walks
    measure = MEASURES[problem.unit.saturation]
    what = f"{problem.data.label}, {problem.architecture}, data seed {problem.data_seed}."
    numbers = f"Walks {spec.first_walk} to {spec.first_walk + count - 1}." if spec.first_walk else ""
    return tuple(filter(None, (
        what, *walks.notes(spec.way, count), numbers,
        f"Saturation: {measure.note} ({measure.source}).", _curvature_note(spec),
    )))  # fmt: skip


def _curvature_note(spec: Cloud) -> str:
    problem = spec.problem
    if not spec.looked:
        reason = (
            f" {problem.unit.label} has no second derivative." if not spec.curved
            else f" {problem.parameters:,} parameters are too many." if problem.parameters > LARGEST else ""
        )  # fmt: skip
        return f"No point is classified by its curvature.{reason}"
    share = "All" if spec.looked == spec.points else f"{spec.looked} of {spec.points}, drawn at random,"
    kink = problem.unit.label if "kink" in problem.unit.smoothness else ""
    return "".join((
        f"Curvature: {share} points of each walk.",
        f" {kink} has a kink, whose second derivative counts as 0." if kink and len(problem.layers) > 1 else "",
        " It is that of the loss on all training patterns, not of a batch." if spec.walking.walk_batch else "",
        _null_note(problem),
    ))  # fmt: skip


def _null_note(problem: Problem) -> str:
    """Says so where inputs that depend on one another make the full Hessian singular at every point."""
    x = make_loss(replace(problem, dtype="float64")).parts["train"].x
    inputs = torch.cat([x.flatten(1), torch.ones_like(x[:, :1])], 1)
    rank, units = int(torch.linalg.matrix_rank(inputs)), problem.layers[0].units
    if rank == inputs.shape[1] or problem.l2 or problem.layers[0].side:
        return ""
    return (
        f" With a 1 for the bias the {inputs.shape[1]} inputs span only {rank} dimensions: "
        f"{(inputs.shape[1] - rank) * units} directions of the first layer change no output, so that every full "
        "Hessian is singular."
    )


# ---------------------------------------------------------------------------------------------- tasks


def cloud_levels(spec: Cloud) -> list[Task]:
    """A few walks, all of them, and at last their curvature."""
    groups = list(_groups(spec))
    few = max(1, int(FIRST / max(groups[0].seconds, 1e-9)))
    levels: list[Task] = []
    for end in (few, len(groups)) if few < len(groups) else (len(groups),):
        count = groups[end - 1].stop - spec.first_walk
        part = replace(spec, walking=replace(spec.walking, walks=count), classified=0.0)
        done = len(levels) and few
        args = (part, *levels, *(group.gathered for group in groups[done:end]))
        levels.append(Task(key_of("cloud", VERSIONS, part), merge, args, spec=part))
    if spec.looked:
        looks = [task for group in groups for task in _looks(spec, group)]
        levels.append(Task(key_of("cloud", VERSIONS, spec), with_curvature, (spec, levels[-1], *looks), spec=spec))
    return levels


@dataclass(frozen=True)
class _Group:
    """Walks `begin` to `stop` and the tasks that take them."""

    begin: int
    stop: int
    seconds: float
    stretches: list[Task]
    gathered: Task


def _groups(spec: Cloud) -> Iterator[_Group]:
    """Walks in groups of a quarter second or of so many as are taken together, aligned so that a larger question with
    the same walks takes the same groups; where a group takes longer, it goes in stretches of a second.
    """
    size, each = walks.together(spec.way), walk_seconds(spec.problem, spec.walking.walk_batch)
    size *= max(1, int(PIECE / (size * each * spec.points)))
    itemsize = 8 if spec.problem.dtype == "float64" else 4
    fitting = THETA_BYTES // (size * spec.problem.parameters * itemsize)
    length = max(1, min(fitting, int(4 * PIECE / (size * each)), spec.points))
    bare = replace(spec, first_walk=0, walking=replace(spec.walking, walks=1))
    key, end = key_of("cloud-walks", VERSIONS, bare), spec.first_walk + spec.walking.walks
    for start in range(spec.first_walk // size * size, end, size):
        begin, stop = max(start, spec.first_walk), min(start + size, end)
        name, stretches = f"{key}-{begin}-{stop}", list[Task]()
        for until in [*range(length, spec.walking.walk_steps, length), spec.walking.walk_steps]:
            steps = until - (length * len(stretches))
            args = (bare, begin, stop - begin, until, stretches[-1] if stretches else None)
            work = (stop - begin) * steps
            stretches.append(
                Task(f"{name}-to-{until}", walk_on, args, work * each, work, passing=True, beside=not stretches)
            )
        part = replace(spec, first_walk=begin, walking=replace(spec.walking, walks=stop - begin), classified=0.0)
        gathered = Task(name, gather, (part, *stretches), 1e-3 * (stop - begin), passing=True)
        yield _Group(begin, stop, (stop - begin) * each * spec.points, stretches, gathered)


def _looks(spec: Cloud, group: _Group) -> Iterator[Task]:
    """Of every stretch, some walks at a time."""
    each = spec.looked / len(group.stretches)  # points of a walk in a stretch, on average
    seconds = each * point_seconds(spec.problem)
    most = max(1, int(2 * PIECE / seconds))
    for stretch in group.stretches:
        for begin in range(group.begin, group.stop, most):
            end = min(begin + most, group.stop)
            args = (stretch.args[0], begin, end, stretch)
            cost, units = (end - begin) * seconds, round((end - begin) * each)
            yield Task(f"{stretch.key}-look-{begin}-{end}", look, args, cost, units, passing=True)


def parts(spec: Cloud, seconds: float = 20.0) -> list[Cloud]:
    """The question as several of about so many seconds on one core, whose answers `merge` into its own, to the bit:
    each is stored by itself, so that work that was interrupted goes on where it stopped.
    """
    each = walk_seconds(spec.problem, spec.walking.walk_batch) * spec.points + spec.looked * point_seconds(spec.problem)
    size = walks.together(spec.way)
    size *= max(1, int(seconds / (size * each)))
    begins = range(0, spec.walking.walks, size)
    return [
        replace(
            spec, first_walk=spec.first_walk + b, walking=replace(spec.walking, walks=min(size, spec.walking.walks - b))
        )
        for b in begins
    ]


def cloud_size(spec: Cloud) -> tuple[int, str]:
    """How much is asked, and of what."""
    return spec.walking.walks * spec.points * (1 + (patterns(spec.problem, "test") > 0)), "losses at points of walks"
