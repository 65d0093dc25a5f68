"""What a walk is: its kinds, and the question that walks answer."""

from dataclasses import dataclass

from lossatlas.compute.problem.nets import PARTED, Problem, told_batch, whole_or
from lossatlas.compute.problem.optimisers import OPTIMISERS
from lossatlas.compute.spec.options import BadSpec, check, option

MOST_BYTES = 2**28  # of one answer (chosen by eye)


@dataclass(frozen=True)
class Kind:
    """`sense`: what gives a coordinate's step its sign. `edge`: what becomes of a step that would leave [−b, b]."""

    label: str
    sense: str  # "gradient": against its sign, up where it is 0 or NaN; "random"; "heading": one kept by the coordinate
    edge: str  # "none": it leaves; "negated": the step is taken the other way; "turned": and the heading turns
    note: str
    source: str


KINDS = {
    "gradient": Kind(
        "progressive gradient",
        "gradient",
        "none",
        "Each weight moves against the sign of its own slope, by U(0, s); a slope of exactly 0 moves it up.",
        "Bosman, Engelbrecht, Helbig 2018, doi 10.1145/3205651.3208247; 2023, arXiv 2306.16090",
    ),
    "bounded_gradient": Kind(
        "progressive gradient, bounded",
        "gradient",
        "negated",
        "As the progressive gradient walk, but a step that would leave [−b, b] is taken the other way.",
        "Bosman, Engelbrecht, Helbig 2018, doi 10.1145/3205651.3208247",
    ),
    "random": Kind(
        "random",
        "random",
        "negated",
        "Each weight moves by U(−s, s); a step that would leave [−b, b] is taken the other way.",
        "Bosman, Engelbrecht, Helbig 2018, doi 10.1145/3205651.3208247",
    ),
    "progressive_random": Kind(
        "progressive random",
        "heading",
        "turned",
        "From a random corner's zone each weight keeps a heading, away from its side of the corner, and moves by "
        "U(0, s) along it; where a step would leave [−b, b] the heading turns and the step is taken along it.",
        "Malan & Engelbrecht 2014, doi 10.1109/CEC.2014.6900576; Bosman, Engelbrecht, Helbig 2018, "
        "doi 10.1145/3205651.3208247",
    ),
}


WALKING = ("optimiser", lambda name: name not in OPTIMISERS)  # when they belong to a Start: it may be trained instead


@dataclass(frozen=True)
class Walk:
    """How points are visited: so many walks, each of so many steps, of one kind."""

    walk: str = option(
        "gradient",
        choices=KINDS,
        when=WALKING,
        label="Walk",
        help="What gives a step its direction.",
        first=True,
        decides=("walks",),
        said="walks",
        told="{} walk",
    )
    walk_seed: int = option(
        0,
        low=0,
        high=2**31 - 1,
        when=WALKING,
        label="Seed of the walks",
        help="Seed of starts and steps; equal seeds draw equally for every activation.",
        decides=("walks",),
        told="seed of the walks {}",
    )
    walks: int = option(
        0,
        low=0,
        high=1_000_000,
        when=WALKING,
        label="Walks",
        help="How many; 0 means ten for each parameter, in a cloud fewer of large networks.",
        first=True,
        offers="20,100",
        said="walks",
        many=True,
    )
    walk_range: float = option(
        1.0,
        low=1e-6,
        high=1e3,
        when=WALKING,
        label="Range of the walks",
        help="Walks start uniformly in [−b, b]; the study takes b of 1 and 10.",
        first=True,
        offers="1.0,10.0",
        decides=("walks",),
        said="walks",
        leaves=("region",),
        told="from ±{}",
    )
    walk_size: float = option(
        0.01,
        low=1e-6,
        high=0.5,  # a longer step could leave on the other side when taken the other way
        when=WALKING,
        label="Longest step",
        help="As a share of the range 2b: 0.01 in the study's micro walks, 0.1 in its macro walks.",
        first=True,
        offers="0.01,0.1",
        decides=("walks",),
        told=((), lambda size: f"steps of at most {100 * size:g} % of the range"),
    )
    walk_steps: int = option(
        1000,
        low=0,
        high=100_000,
        when=WALKING,
        label="Steps of a walk",
        help="1000 in the study's micro walks, 100 in its macro walks.",
        first=True,
        offers="100,1000",
        decides=("walks",),
        said="walks",
        many=True,
    )
    walk_batch: int = option(
        0,
        low=0,
        high=1_000_000,
        when=WALKING,
        label="Batch of a walk",
        help="Patterns a step; 0 means all of them.",
        offers="0,32",
        means=(PARTED, whole_or),
        told=(PARTED, told_batch),
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Walks:
    """Walks on the training loss of a problem."""

    problem: Problem = Problem()
    walk: Walk = Walk()

    def __post_init__(self) -> None:
        need = self.count * (
            (self.walk.walk_steps + 1) * 5 * 8 + self.problem.parameters * 12
        )  # what is recorded, and points
        if need > MOST_BYTES:
            raise BadSpec(
                f"What walks record and where they stand must fit in {MOST_BYTES / 1e6:.0f} MB; {self.count:,} walks "
                f"of {self.walk.walk_steps:,} steps take {need / 1e6:,.0f} MB. Ask for fewer walks or steps."
            )

    @property
    def count(self) -> int:
        """W."""
        return self.walk.walks or 10 * self.problem.parameters

    @property
    def longest(self) -> float:
        """s, the longest step of a coordinate."""
        return self.walk.walk_size * 2 * self.walk.walk_range
