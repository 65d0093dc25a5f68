"""What a point is asked for by: how it is reached, on which Problem; and the answer, the point and the way there."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lossatlas.compute.numerics.paths.walk_kinds import Walk
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.initial import FIXED, INITS
from lossatlas.compute.problem.nets import PARTED, UNMIXED, Problem, told_batch, whole_or
from lossatlas.compute.problem.optimisers import OPTIMISERS
from lossatlas.compute.problem.schedules import CONSTANT, SCHEDULES
from lossatlas.compute.spec.options import check, option
from lossatlas.compute.spec.tasks import CannotAnswer

MOST_POINTS = 200  # recorded points of a trajectory
MOST_BYTES = 64e6  # of a recorded trajectory; a larger network keeps fewer points


@dataclass(frozen=True)
class Way:
    """A way to reach a point. What it takes to go there stands in reach.ROUTES.

    Attributes:
        trained: an optimiser goes towards a minimum, from initial weights that `init` draws.
        walks: the options of a walk say how; the seed is the walk's number.
    """

    label: str
    trained: bool = False
    walks: bool = False


TRAINING = Way("a training", trained=True)
WALKING = Way("a walk", walks=True)
WAYS = {"walk": WALKING}  # other than by an optimiser, by the names of `optimiser`


def way_of(name: str) -> Way:
    """The way that a name of `optimiser` stands for."""
    return WAYS.get(name, TRAINING)


def _steers(field: str) -> tuple[str, Callable[[str], bool]]:
    return ("optimiser", lambda name: name in OPTIMISERS and field in OPTIMISERS[name].options)


STEERING = ("momentum", "decay", "smoothing")  # what may guide an optimiser beside the learning rate
TRAINED = ("optimiser", lambda name: way_of(name).trained)  # when what guides an optimiser matters


RATE, MOMENTUM, DECAY, SMOOTHING = 0.05, 0.9, 0.01, 0.99  # unless asked otherwise; the last two are torch's


def _or_usual(usual: float) -> Callable[[float, int], float]:
    """Of what guides steps, where none is taken."""
    return lambda value, steps: value if steps else usual


def _batch_or_all(batch: int, steps: int, *parted: Any) -> int:
    return whole_or(batch, *parted) if steps else 0


def _optimiser_or_plainest(name: str, steps: int, *values: float) -> str:
    """Where no step is taken any, and where what it takes is 0 the one that it then is."""
    if not steps and way_of(name).trained:
        return "adam"
    if name not in OPTIMISERS:
        return name
    entry, given = OPTIMISERS[name], dict(zip(STEERING, values, strict=True))
    return entry.plain if entry.plain and not any(given[option] for option in entry.options) else name


def _schedule_or_none(name: str, steps: int, optimiser: str) -> str:
    return name if steps and way_of(optimiser).trained else CONSTANT


def _rescale_or_not(factor: float, activation: str, mix_with: str) -> float:
    """Only where the hidden units' function can be rescaled."""
    both = [activation] if mix_with == UNMIXED else [activation, mix_with]
    return factor if all(ACTIVATIONS[name].homogeneous for name in both) else 1.0


def _told_init(init: str) -> str:
    """Weights that are not drawn are told where others tell their seed."""
    return "" if init in FIXED else f"initial weights {INITS[init].label}"


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
        also=("random_state", "random_seed", "rng_seed", "manual_seed", "rng", "key"),
    )
    init: str = option(
        "uniform",
        choices=INITS,
        when=TRAINED,
        label="Initial weights",
        help="How the first point is drawn.",
        decides=("draw",),
        also=("initialization", "initializer", "kernel_initializer", "kernel_init", "weight_init"),
        told=((), _told_init),
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
        also=("init_scale",),
        told="initial range ±{}",
    )
    optimiser: str = option(
        "adam",
        choices=lambda: OPTIMISERS | WAYS,
        label="Optimiser",
        help="How the point is trained.",
        first=True,
        said="always",
        also=("optimizer", "opt", "solver"),
        means=(("steps", *STEERING), _optimiser_or_plainest),
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
        also=(
            "epochs",
            "n_epochs",
            "num_epochs",
            "max_epochs",
            "iterations",
            "iters",
            "n_iter",
            "max_iter",
            "num_steps",
            "train_steps",
            "max_steps",
        ),
    )
    rate: float = option(
        RATE,
        low=1e-8,
        high=1e4,
        when=TRAINED,
        label="Learning rate",
        help="Step size of the optimiser.",
        offers="0.01,0.05,0.2",
        also=("lr", "learning_rate", "learning_rate_init", "eta", "eta0", "step_size"),
        means=(("steps",), _or_usual(RATE)),
        told="rate {}",
    )
    momentum: float = option(
        MOMENTUM,
        low=0.0,
        high=0.9999,
        when=_steers("momentum"),
        label="Momentum",
        help="Share of the last step that is kept.",
        offers="0.0,0.9",
        means=(("steps",), _or_usual(MOMENTUM)),
        told="momentum {}",
    )
    decay: float = option(
        DECAY,
        low=0.0,
        high=1.0,
        when=_steers("decay"),
        label="Weight decay",
        help="Each step also takes the learning rate times this share off every weight, apart from the gradient; the "
        "L2 penalty is part of the loss instead.",
        offers="0.0,0.01,0.1",
        also=("weight_decay", "wd", "decoupled_weight_decay"),
        means=(("steps",), _or_usual(DECAY)),
        told="weight decay {}",
    )
    smoothing: float = option(
        SMOOTHING,
        low=0.0,
        high=0.9999,
        when=_steers("smoothing"),
        label="Smoothing",
        help="Share of the mean of squared gradients that is kept at each step.",
        offers="0.5,0.9,0.99",
        also=("smoothing_constant", "discounting_factor"),
        means=(("steps",), _or_usual(SMOOTHING)),
        told="smoothing {}",
    )
    schedule: str = option(
        CONSTANT,
        choices=SCHEDULES,
        when=("schedule", lambda name: name != CONSTANT),
        label="Schedule",
        help="How the learning rate changes from the first step to the last.",
        offers="constant,cosine,warmup",
        also=("lr_schedule", "lr_scheduler", "scheduler", "learning_rate_schedule"),
        means=(("steps", "optimiser"), _schedule_or_none),
        told="learning rate {}",
    )
    batch: int = option(
        0,
        low=0,
        high=1_000_000,
        when=TRAINED,
        label="Batch size",
        help="Patterns a step; 0 means all of them.",
        offers="0,32",
        also=("batch_size", "minibatch", "minibatch_size", "bs"),
        means=(("steps", *PARTED), _batch_or_all),
        told=(PARTED, told_batch),
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
        means=(("activation", "mix_with"), _rescale_or_not),
        told="rescaled by {}",
    )

    def __post_init__(self) -> None:
        check(self)
        # How many walks and how long they are is a cloud's affair.
        alone = replace(self.walking, walks=Walk.walks, walk_steps=Walk.walk_steps)
        object.__setattr__(self, "walking", alone)
        if self.way.walks:  # init_range hangs on init, which has no meaning
            object.__setattr__(self, "init_range", Start.init_range)

    @property
    def way(self) -> Way:
        """How the point is reached."""
        return way_of(self.optimiser)

    @property
    def label(self) -> str:
        """What it is reached by."""
        return (OPTIMISERS | WAYS)[self.optimiser].label

    @property
    def values(self) -> tuple[float, ...]:
        """Of the optimiser's options, in their order."""
        return tuple(getattr(self, name) for name in OPTIMISERS[self.optimiser].options)

    def rates(self, begin: int, end: int) -> np.ndarray:
        """The learning rates of some steps, (end − begin,)."""
        return self.rate * SCHEDULES[self.schedule].share(np.arange(begin, end), self.steps)


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


def recorded_steps(spec: Training) -> np.ndarray:
    """The steps recorded: evenly spaced, first and last included."""
    itemsize = 8 if spec.problem.dtype == "float64" else 4
    fitting = int(MOST_BYTES / (spec.problem.parameters * itemsize))
    count = min(spec.start.steps + 1, MOST_POINTS, max(2, fitting))
    return np.unique(np.linspace(0, spec.start.steps, count).round().astype(int))
