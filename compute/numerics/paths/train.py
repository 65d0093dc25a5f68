"""From a Start to the point reached: initial draw, training, and the recorded trajectory."""

import copy
import functools
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.numerics.cost import PIECE, loss_seconds, patterns, step_seconds, walk_seconds
from lossatlas.compute.numerics.loss import Loss, make_joint_loss, make_loss
from lossatlas.compute.numerics.paths.walks import KINDS, Walk, Walks, advance, begin
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.nets import FIXED, INITS, UNMIXED, Problem, initial, rescaled, torch_dtype
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import check, option
from lossatlas.compute.spec.tasks import CannotAnswer, Task

VERSIONS = (1,)
ORDER = 3  # number of the stream of random numbers
MOST_POINTS = 200  # recorded points of a trajectory
MOST_BYTES = 64e6  # of a recorded trajectory; a larger network keeps fewer points
OPTIMISERS = {"sgd": "SGD", "momentum": "SGD with momentum", "adam": "Adam", "walk": "a walk"}
STEEP = 1e-2  # norm of the gradient above which an end is called no minimum (chosen by eye)
TRAINED = ("optimiser", lambda name: name != "walk")  # when what guides an optimiser matters


@dataclass(frozen=True)
class Start:
    """How a point is reached: an initial draw by seed, then optional training."""

    seed: int = option(
        3,
        low=0,
        high=2**31 - 1,
        label="Seed",
        help="Seed of the initial weights and of the batches; equal seeds draw equally for every activation. Of a "
        "walk, its number.",
        first=True,
        offers="3,4,5",
        decides=("draw",),
        said="always",
    )
    init: str = option(
        "uniform",
        choices=INITS,
        when=TRAINED,
        label="Initial weights",
        help="How the first point is drawn.",
        decides=("draw",),
    )
    init_range: float = option(
        1.0,
        low=1e-6,
        high=1e3,
        when=("init", lambda name: name == "uniform"),
        label="Range b",
        help="Initial weights and biases are uniform in [−b, b].",
        offers="0.1,1.0,5.0",
        decides=("draw",),
    )
    optimiser: str = option(
        "adam", choices=OPTIMISERS, label="Optimiser", help="How the point is trained.", first=True, said="always"
    )
    steps: int = option(
        400,
        low=0,
        high=100_000,
        label="Steps",
        help="Training steps; 0 leaves the initial, random point.",
        first=True,
        offers="0,100,400",
        said="always",
    )
    rate: float = option(
        0.05,
        low=1e-8,
        high=1e4,
        when=TRAINED,
        label="Learning rate",
        help="Step size of the optimiser.",
        offers="0.01,0.05,0.2",
    )
    momentum: float = option(
        0.9,
        low=0.0,
        high=0.9999,
        when=("optimiser", lambda name: name == "momentum"),
        label="Momentum",
        help="Share of the last step that is kept.",
        offers="0.0,0.9",
    )
    batch: int = option(
        0,
        low=0,
        high=1_000_000,
        when=TRAINED,
        label="Batch size",
        help="Patterns a step; 0 means all of them.",
        offers="0,32",
    )
    walking: Walk = Walk()
    rescale: float = option(
        1.0,
        low=1e-3,
        high=1e3,
        when=("activation", lambda name: ACTIVATIONS[name].homogeneous),
        label="Rescale factor",
        help="After training, the first hidden layer's weights and biases times α, the next layer's weights divided by "
        "α: the same function, at a point of other sharpness (Dinh et al. 2017).",
        first=True,
        offers="1.0,2.0,4.0",
    )

    def __post_init__(self):
        check(self)
        if self.walks:
            # How many walks and how long they are is a cloud's affair; init_range hangs on init, which has no meaning.
            alone = replace(self.walking, walks=Walk.walks, walk_steps=Walk.walk_steps)
            object.__setattr__(self, "walking", alone)
            object.__setattr__(self, "init_range", Start.init_range)

    @property
    def walks(self) -> bool:
        """Whether the point is one that a walk visits: that of number `seed` after `steps` steps."""
        return self.optimiser == "walk"


@dataclass(frozen=True)
class Training:
    """The point a Start reaches on a Problem, and the way there."""

    problem: Problem = Problem()
    start: Start = Start()

    @property
    def factor(self) -> float:
        """α, by which the first layer is rescaled after training; 1 where that has no meaning."""
        return self.start.rescale if self.problem.unit.homogeneous else 1.0

    @property
    def plain(self) -> "Training":
        """The same training, not rescaled."""
        return replace(self, start=replace(self.start, rescale=1.0))


@dataclass(frozen=True)
class TrainingResult:
    """Recorded at T ≤ 200 steps, the first and the last among them, each before the update that follows.

    Attributes:
        step: (T,) training steps done.
        train_loss, test_loss: (T,) data term, without the penalty; NaN where there is no test part.
        train_accuracy, test_accuracy: (T,) in [0, 1]; NaN for a regression.
        gradient_norm: (T,) Euclidean norm of the gradient of the total training loss over all patterns.
        penalty: (T,) λ‖θ‖².
        theta: (T, P) in the problem's dtype.
        diverged_at: the step that made the loss or a parameter infinite or NaN; −1 if none did. Nothing is recorded
            from there on, and the step may be found late, at the next recorded one, where only the loss is infinite.

    Where the Start rescales, every recorded point is rescaled, and all but the step is measured there.
    """

    spec: Training
    step: np.ndarray
    train_loss: np.ndarray
    test_loss: np.ndarray
    train_accuracy: np.ndarray
    test_accuracy: np.ndarray
    gradient_norm: np.ndarray
    penalty: np.ndarray
    theta: np.ndarray
    diverged_at: int
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def reached(self) -> np.ndarray:
        """The last point, (P,).

        Raises:
            CannotAnswer: the training diverged.
        """
        if self.diverged_at >= 0:
            raise CannotAnswer(self.warnings[0], "diverged")
        return self.theta[-1]


@dataclass(frozen=True)
class _State:
    """Where B trainings stand: points (B, P), optimiser, and what was recorded so far."""

    step: int
    theta: Tensor
    optimiser: dict
    rows: tuple[tuple[np.ndarray, ...], ...]  # per recorded step: step, six measures (B,) each, theta (B, P)
    diverged_at: tuple[int, ...]


def run_training(spec: Training) -> TrainingResult:
    """Draw the initial point and train; full batch or mini-batches in a new order each epoch."""
    return train_many([spec])[0]


def train_many(specs: list[Training]) -> list[TrainingResult]:
    """Several trainings as one batch, for replicates over seeds and activations; each equals the same training alone
    to rounding, not to the bit: batched matrix products round differently. A stored answer is always trained alone.

    Raises:
        ValueError: the trainings differ in more than activation, its parameter, seed, initial draw and rescaling.
        CannotAnswer: a network that cannot be rescaled.
    """
    if len({batchable(spec) for spec in specs}) > 1:
        raise ValueError("Trainings in one batch may differ in activation, its parameter, seed, init and rescale only.")
    for spec in specs:
        check_rescaling(spec)
    if specs[0].start.walks:
        return [walk_there(spec) if spec.factor == 1 else _rescaled_walk(spec) for spec in specs]
    state = _begin(specs)
    state = _advance(specs, state, specs[0].start.steps)
    found = [_finish(spec if spec.factor == 1 else spec.plain, state, index) for index, spec in enumerate(specs)]
    return [
        result if spec.factor == 1 else rescale(spec, result, measure_rescaled(spec, 0, len(result.step), result))
        for spec, result in zip(specs, found, strict=True)
    ]


def batchable(spec: Training):
    """What trainings in one batch must have in common: two with equal `batchable` may share one."""
    # Batches are drawn from the seed, so that trainings in mini-batches share it.
    start = replace(spec.start, init="uniform", init_range=1.0, rescale=1.0)
    return (
        replace(spec.problem, activation="identity", alpha=1.0, slope=0.01, beta=1.0, mix_with=UNMIXED),
        start if start.batch else replace(start, seed=0),
    )


def _begin(specs: list[Training]) -> _State:
    start = specs[0].start
    draws = [initial(s.problem, s.start.seed, s.start.init, s.start.init_range) for s in specs]
    theta = torch.as_tensor(np.stack(draws)).to(torch_dtype(specs[0].problem))
    return _State(0, theta, _optimiser(start, theta).state_dict(), (), (-1,) * len(specs))


def _optimiser(start: Start, theta: Tensor) -> torch.optim.Optimizer:
    if start.optimiser == "adam":
        return torch.optim.Adam([theta], lr=start.rate, fused=True)
    return torch.optim.SGD([theta], lr=start.rate, momentum=start.momentum if start.optimiser == "momentum" else 0.0)


def recorded_steps(spec: Training) -> np.ndarray:
    """The steps recorded: evenly spaced, first and last included."""
    itemsize = 8 if spec.problem.dtype == "float64" else 4
    fitting = int(MOST_BYTES / (spec.problem.parameters * itemsize))
    count = min(spec.start.steps + 1, MOST_POINTS, max(2, fitting))
    return np.unique(np.linspace(0, spec.start.steps, count).round().astype(int))


def _advance(specs: list[Training], state: _State, until: int) -> _State:
    """Train to step `until`, recording on the way; at the last step the final point is recorded too."""
    start = specs[0].start
    loss = make_joint_loss([spec.problem for spec in specs])
    theta = state.theta.clone()
    optimiser = _optimiser(start, theta)
    optimiser.load_state_dict(copy.deepcopy(state.optimiser))  # it keeps the tensors, and steps change them
    wanted, rows, diverged = set(recorded_steps(specs[0]).tolist()), list(state.rows), np.array(state.diverged_at)
    last = until == start.steps
    for step in range(state.step, until + last):
        chosen, gradient = _batch(start, len(loss.parts["train"]), step), None
        if step in wanted:
            gradient, *measures = loss.with_gradient(theta)
            rows.append(_record(loss, step, theta, gradient, *measures))
            diverged = np.where((diverged < 0) & ~np.isfinite(rows[-1][1]), step, diverged)
        if step == start.steps or (diverged >= 0).all():
            break
        theta.grad = gradient if chosen is None and gradient is not None else loss.gradient(theta, chosen)
        optimiser.step()
        broken = ~torch.isfinite(theta).all(-1).numpy()
        diverged = np.where((diverged < 0) & broken, step + 1, diverged)
    return _State(until, theta.detach(), optimiser.state_dict(), tuple(rows), tuple(diverged.tolist()))


def _record(loss: Loss, step: int, theta: Tensor, gradient: Tensor, train: Tensor, accuracy: Tensor):
    """The step, six measures (B,) in the order of TrainingResult, and theta (B, P)."""
    point = theta.detach()
    test, test_accuracy = loss.measure(point, "test")
    norm = torch.linalg.vector_norm(gradient.double(), dim=-1)
    measures = (train, test, accuracy, test_accuracy, norm, loss.penalty(point))
    return (np.array(step), *(measure.numpy() for measure in measures), point.numpy().copy())


def _batch(start: Start, count: int, step: int) -> Tensor | None:
    """The patterns of a step, or None for all of them: each epoch is a new permutation by seed."""
    if start.batch == 0 or start.batch >= count:
        return None
    epoch, place = divmod(step, math.ceil(count / start.batch))
    return _permutation(start.seed, epoch, count)[place * start.batch : (place + 1) * start.batch]


@functools.lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, count: int) -> Tensor:
    stream = np.random.SeedSequence(seed, spawn_key=(ORDER, epoch))
    return torch.as_tensor(np.random.default_rng(stream).permutation(count))


def _finish(spec: Training, state: _State, index: int) -> TrainingResult:
    diverged = state.diverged_at[index]
    kept = [row for row in state.rows if diverged < 0 or row[0] < diverged]
    measures = [np.array([row[place][index] for row in kept]) for place in range(1, 7)]
    train_loss, test_loss, train_accuracy, test_accuracy, gradient_norm, penalty = measures
    return TrainingResult(
        spec,
        np.array([row[0] for row in kept]),
        train_loss,
        test_loss,
        train_accuracy,
        test_accuracy,
        gradient_norm,
        penalty,
        theta=np.stack([row[7][index] for row in kept])
        if kept
        else np.empty((0, spec.problem.parameters), dtype=spec.problem.dtype),
        diverged_at=int(diverged),
        notes=_notes(spec),
        warnings=_warnings(spec, int(diverged), train_loss + penalty, gradient_norm),
    )


def walk_there(spec: Training) -> TrainingResult:
    """The way of a walk to the point it visits, measured on all patterns at the recorded steps; the points are the
    walk's own to the last bit.
    """
    start, loss, rows = spec.start, make_joint_loss([spec.problem]), []
    way = Walks(spec.problem, replace(start.walking, walks=1, walk_steps=start.steps))
    state = begin(way, start.seed, 1)
    for step in recorded_steps(spec).tolist():
        state = advance(way, state, step) if step > state.step else state
        theta = torch.as_tensor(state.theta)
        gradient, *measures = loss.with_gradient(theta)
        rows.append(_record(loss, step, theta, gradient, *measures))
        if not np.isfinite(rows[-1][1]).all():
            break
    diverged = -1 if np.isfinite(rows[-1][1]).all() else int(rows[-1][0])
    return _finish(spec, _State(start.steps, torch.as_tensor(state.theta), {}, tuple(rows), (diverged,)), 0)


def _rescaled_walk(spec: Training) -> TrainingResult:
    plain = walk_there(spec.plain)
    return rescale(spec, plain, measure_rescaled(spec, 0, len(plain.step), plain))


def _notes(spec: Training) -> tuple[str, ...]:
    start, factor = spec.start, spec.factor
    if start.walks:
        return (told_walk(start), *_rescaled_note(factor))
    batch = f"batches of {start.batch}" if start.batch else "full batch"
    fixed = INITS[start.init] if start.init in FIXED else ""
    drawn = f"from {fixed}" if fixed else f"from seed {start.seed}"
    how = f"{OPTIMISERS[start.optimiser]}, rate {start.rate:g}, {batch}, {start.steps} steps {drawn}."
    untrained = f"Not trained: {fixed}." if fixed else f"Random point, seed {start.seed}, not trained."
    first = how if start.steps else untrained
    return (first, *_rescaled_note(factor))


def told_walk(start: Start) -> str:
    """Which walk, and how far it has gone."""
    walking = start.walking
    return (
        f"Walk {start.seed} of seed {walking.walk_seed}, {KINDS[walking.walk].label}, from a point in "
        f"[−{walking.walk_range:g}, {walking.walk_range:g}], {start.steps:,} steps of at most "
        f"{100 * walking.walk_size:g} % of the range."
    )


def _rescaled_note(factor: float) -> tuple[str, ...]:
    told = f"First hidden layer times {factor:g}, next layer divided by {factor:g}: the same function."
    return () if factor == 1 else (told,)


def _warnings(spec: Training, diverged: int, total: np.ndarray, gradient_norm: np.ndarray) -> tuple[str, ...]:
    if diverged == 0:
        return ("The loss of the initial point is infinite or NaN. Lower the initial range or the depth.",)
    if diverged > 0:
        return (
            f"Training diverged: by step {diverged} the loss or a weight had become infinite or NaN. "
            f"Lower the learning rate (now {spec.start.rate:g}) or the initial range.",
        )
    if spec.start.walks:
        return ()  # a walk seeks no minimum
    if not total[-1] <= total[0]:
        return (
            f"Training raised the loss from {total[0]:.3g} to {total[-1]:.3g}. "
            f"Lower the learning rate (now {spec.start.rate:g}).",
        )
    if spec.start.steps and gradient_norm[-1] > STEEP:
        return (f"Not a minimum: the gradient norm at the end is {gradient_norm[-1]:.3g}. Train longer to get closer.",)
    return ()


# ---------------------------------------------------------------------------------------------- rescaling


def check_rescaling(spec: Training) -> None:
    """Raises CannotAnswer where the Start rescales and the network would not compute the same function."""
    if sentence := rescaling_refused(spec):
        raise CannotAnswer(sentence, "rescale")


def rescaling_refused(spec: Training) -> str:
    """Why the network cannot be rescaled as asked; empty if it can or nothing is rescaled."""
    problem, rule = spec.problem, f"rescale={spec.factor:g} multiplies the first hidden layer and divides the next one"
    if spec.factor == 1:
        return ""
    if len(problem.layers) == 1:
        return f"{rule}, and {problem.architecture} has no hidden layer. Choose widths, as 4, or rescale=1."
    if problem.norm == "batch":
        return f"{rule}; BatchNorm undoes the first, so the function would change. Choose norm=none or rescale=1."
    if any(layer.skip for layer in problem.layers):
        return (
            f"{rule}; skip connections carry the first layer past the next, so the function would change. "
            "Choose skip=false or rescale=1."
        )
    return ""


def measure_rescaled(spec: Training, begin: int, end: int, plain: TrainingResult) -> tuple[tuple[np.ndarray, ...], ...]:
    """Some recorded points of the training that is not rescaled, rescaled and measured: rows as _State keeps them."""
    loss = make_loss(spec.problem)
    points = torch.as_tensor(rescaled(spec.problem, plain.theta[begin:end], spec.factor))[:, None]
    steps = plain.step[begin:end]
    return tuple(
        _record(loss, int(step), theta, *loss.with_gradient(theta)) for step, theta in zip(steps, points, strict=True)
    )


def rescale(spec: Training, plain: TrainingResult, *pieces: tuple[tuple[np.ndarray, ...], ...]) -> TrainingResult:
    """The answer from the training that is not rescaled and what was measured; whether the loss rose is told of that
    training.
    """
    rows = tuple(row for piece in pieces for row in piece)
    found = _finish(spec, _State(spec.start.steps, torch.empty(0), {}, rows, (plain.diverged_at,)), 0)
    went = plain.train_loss + plain.penalty
    return replace(found, warnings=_warnings(spec, plain.diverged_at, went, plain.gradient_norm))


def _rescaled_level(spec: Training) -> Task:
    key, plain = key_of("training", VERSIONS, spec), training_levels(spec.plain)[-1]
    if rescaling_refused(spec):
        return Task(key, check_rescaling, (spec,), spec=spec)  # says so at once, without training
    per_point, points = step_seconds(spec.problem, 0) + loss_seconds(spec.problem, "test"), len(recorded_steps(spec))
    most = max(1, int(PIECE / per_point))
    pieces = [
        Task(f"{key}-from-{begin}", measure_rescaled, (spec, begin, stop := min(begin + most, points), plain),
             (stop - begin) * per_point, passing=True, beside=True)
        for begin in range(0, points, most)
    ]  # fmt: skip
    return Task(key, rescale, (spec, plain, *pieces), spec=spec)


# ---------------------------------------------------------------------------------------------- tasks


def training_levels(spec: Training) -> list[Task]:
    """The training as a chain of segments of about a quarter second, each ending in the answer so far."""
    if spec.factor != 1:
        return [_rescaled_level(spec)]
    key = key_of("training", VERSIONS, spec)
    if spec.start.walks:
        seconds = spec.start.steps * walk_seconds(spec.problem, spec.start.walking.walk_batch)
        seconds += len(recorded_steps(spec)) * step_seconds(spec.problem, 0)
        return [Task(key, walk_there, (spec,), seconds, spec.start.steps, spec=spec)]
    points = len(recorded_steps(spec))
    per_step = step_seconds(spec.problem, spec.start.batch)
    per_step += loss_seconds(spec.problem) * points / (spec.start.steps + 1)
    length = max(1, int(PIECE / per_step), math.ceil(spec.start.steps / 400))
    state = Task(f"{key}-begin", _begin_task, (spec,), passing=True)
    for until in [*range(length, spec.start.steps, length), spec.start.steps]:
        count = min(length, until) if spec.start.steps else 0
        state = Task(f"{key}-to-{until}", _advance_task, (spec, state, until), count * per_step, count, passing=True)
    return [Task(key, _finish_task, (spec, state), spec=spec)]


def _begin_task(spec: Training) -> _State:
    return _begin([spec])


def _advance_task(spec: Training, state: _State, until: int) -> _State:
    return _advance([spec], state, until)


def _finish_task(spec: Training, state: _State) -> TrainingResult:
    return _finish(spec, state, 0)


def reach(problem: Problem, start: Start) -> Task:
    """The task whose result is the TrainingResult that a point comes from."""
    return training_levels(Training(problem, start))[-1]


def training_size(spec: Training) -> tuple[int, str]:
    """How much is asked, and of what."""
    return spec.start.steps * patterns(spec.problem), "pattern gradients"
