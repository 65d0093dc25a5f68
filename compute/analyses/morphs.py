"""From one activation to another, or over an activation's own parameter: a slice at each of some frames.

Every frame is a network of its own, trained from the same draw of initial weights and looked at along the same draw of
directions, with one half width for all. A frame is the slice of its own question, to the bit.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from lossatlas.compute.analyses.extents import ExtentResult, common_extent, extent_levels
from lossatlas.compute.analyses.planes.plane import Plane
from lossatlas.compute.analyses.planes.turns import turn_option, turned_task
from lossatlas.compute.analyses.planes.where import Where, describe
from lossatlas.compute.analyses.slices import VERSIONS as SLICE_VERSIONS
from lossatlas.compute.analyses.slices import Slice, SliceResult, slice_levels
from lossatlas.compute.numerics.paths.reach import reach
from lossatlas.compute.numerics.paths.start import Start, TrainingResult
from lossatlas.compute.problem.activations import ACTIVATIONS, share_text
from lossatlas.compute.problem.nets import UNMIXED, Problem, activation_of
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import AUTO, BadSpec, build, check, option, options_of, relevant
from lossatlas.compute.spec.results import Failure
from lossatlas.compute.spec.tasks import CannotAnswer, Task

VERSIONS = (1, *SLICE_VERSIONS)
MORPHS = {"activation": "to another", "parameter": "its parameter"}
LETTERS = {"alpha": "α", "slope": "slope", "beta": "β"}
SPANS = {"alpha": (0.25, 4.0), "slope": (0.0, 1.0), "beta": (0.5, 8.0)}  # what `auto` stands for (chosen by eye)
LINEAR = ("slope",)  # it may be 0 or below; the others are scales, and go by equal factors
REACH, CURVE = 3.0, 121  # the activation's own curve: as far as on the page, and so many points
ENDED = ("train_loss", "test_loss", "train_accuracy", "test_accuracy", "gradient_norm")


@dataclass(frozen=True)
class Morph:
    """Slices at frames between two activations, or between two values of an activation's own parameter."""

    problem: Problem = Problem()
    start: Start = Start()
    where: Where = Where()
    turn: float = turn_option()
    accuracy: bool = option(
        False, group="Slice", label="Accuracy", help="Compute the accuracy on the grid as well.", said="never"
    )
    morph: str = option(
        "activation",
        choices=MORPHS,
        label="Morph",
        help="From the activation to another one, or over its own parameter (α, slope or β).",
        first=True,
        said="picture",
    )
    morph_to: str = option(
        "relu",
        choices=ACTIVATIONS,
        when=("morph", lambda name: name == "activation"),
        label="To",
        help="The activation at t = 1: every hidden unit computes (1 − t) times its own and t times this one.",
        first=True,
        wide=True,
        compared=True,
        offers="relu,gelu,sine",
        said="picture",
    )
    morph_low: float | str = option(
        AUTO,
        low=-1.0,
        high=100.0,
        when=("morph", lambda name: name == "parameter"),
        label="Parameter from",
        help="Its value in the first frame; auto is 0.25 for α, 0 for a slope, 0.5 for β.",
        said="picture",
    )
    morph_high: float | str = option(
        AUTO,
        low=-1.0,
        high=100.0,
        when=("morph", lambda name: name == "parameter"),
        label="Parameter to",
        help="Its value in the last frame; auto is 4 for α, 1 for a slope, 8 for β.",
        said="picture",
    )
    morph_frames: int = option(
        11,
        low=3,
        high=101,
        label="Frames",
        help="Odd, so that the middle is one; each trains its own network.",
        first=True,
        said="picture",
        told="{} frames",
    )
    morph_points: int = option(
        33,
        low=5,
        high=129,
        label="Points per axis of a frame",
        help="Odd, so that the start lies on the grid.",
        said="picture",
    )

    def __post_init__(self) -> None:
        check(self)
        for name in ("morph_frames", "morph_points"):
            if getattr(self, name) % 2 == 0:
                raise BadSpec(f"{name} must be odd so that the middle is one of them; got {getattr(self, name)}.")
        object.__setattr__(self, "problem", replace(self.problem, mix_with=UNMIXED))
        if self.morph == "parameter":
            self._settle_parameter()
        elif not (ACTIVATIONS[self.problem.activation].homogeneous and ACTIVATIONS[self.morph_to].homogeneous):
            object.__setattr__(self, "start", replace(self.start, rescale=1.0))  # the frames between could not be
        for k in (0, self.morph_frames - 1):
            _ = self.question(k)  # its own checks

    def _settle_parameter(self) -> None:
        """The ends as numbers, and nothing else that could make one question two."""
        entry = ACTIVATIONS[self.problem.activation]
        if not entry.parameter:
            having = ", ".join(name for name, other in ACTIVATIONS.items() if other.parameter)
            raise BadSpec(
                f"morph=parameter goes over an activation's own parameter, and {entry.label} has none. "
                f"Choose morph=activation, or one of {having}."
            )
        declared = options_of(Problem)[entry.parameter]
        for name, usual in zip(("morph_low", "morph_high"), SPANS[entry.parameter], strict=True):
            value = getattr(self, name)
            object.__setattr__(self, name, declared.coerce(usual if value == AUTO else value))
        low, high = float(self.morph_low), float(self.morph_high)
        if low >= high:
            raise BadSpec(f"morph_low must be below morph_high; got {low:g} and {high:g} for {entry.label}.")
        usual_one: dict[str, Any] = {entry.parameter: declared.default}
        object.__setattr__(self, "problem", replace(self.problem, **usual_one))
        object.__setattr__(self, "morph_to", Morph.morph_to)

    @property
    def letter(self) -> str:
        """What changes from frame to frame: t, α, slope or β."""
        return "t" if self.morph == "activation" else LETTERS[ACTIVATIONS[self.problem.activation].parameter]

    @property
    def evenly(self) -> bool:
        """Whether the values go by equal steps, and not by equal factors."""
        return self.morph == "activation" or ACTIVATIONS[self.problem.activation].parameter in LINEAR

    @property
    def label(self) -> str:
        """From what to what, as tanh → ReLU or softplus, β 0.5 → 8."""
        own = ACTIVATIONS[self.problem.activation].label
        if self.morph == "activation":
            return f"{own} → {ACTIVATIONS[self.morph_to].label}"
        return f"{own}, {self.letter} {self.morph_low:g} → {self.morph_high:g}"

    @property
    def values(self) -> tuple[float, ...]:
        """(F,) t, evenly from 0 to 1; or the parameter, evenly or by equal factors, its ends exact."""
        shares = [k / (self.morph_frames - 1) for k in range(self.morph_frames)]
        if self.morph == "activation":
            return tuple(shares)
        low, high = float(self.morph_low), float(self.morph_high)
        if self.evenly:
            return tuple((1 - share) * low + share * high for share in shares)
        return (low, *(low * (high / low) ** share for share in shares[1:-1]), high)

    def question(self, k: int) -> Slice:
        """The slice that frame k is, but for the half width, with what has no meaning in it at its default."""
        changed: dict[str, Any] = {"mix_with": self.morph_to, "mix": self.values[k]}
        if self.morph == "parameter":
            changed = {ACTIVATIONS[self.problem.activation].parameter: self.values[k]}
        problem = replace(self.problem, **changed)
        found = Slice(problem, self.start, self.where, self.accuracy, self.morph_points, self.turn)
        return build(Slice, relevant(found))

    def told(self, k: int) -> str:
        """The value of frame k, as t = 0.30."""
        value = self.values[k]
        return f"{self.letter} = {share_text(value) if self.morph == 'activation' else f'{value:.3g}'}"

    @property
    def extra_bytes(self) -> float:
        """Memory beyond that of a training: the frames' grids, put together and packed, and what a plane needs."""
        return 12 * 8 * self.morph_frames * self.morph_points**2 + self.question(0).extra_bytes


@dataclass(frozen=True)
class MorphResult:
    """F frames, S × S points each, rows along u and columns along v. A frame without an answer is NaN throughout.

    Attributes:
        values: (F,) t, or the parameter. a, b: (S,) coordinates, the same in every frame.
        loss, data, penalty: (F, S, S) total, data term and λ‖θ‖²; accuracy: (F, S, S), or (0, 0, 0) when not asked for.
        center_loss: (F,) total loss at the point reached, on the patterns of the picture.
        train_loss, test_loss: (F,) data term where the training ended; train_accuracy, test_accuracy, gradient_norm.
        z, curve: (Z,) and (F, Z) the hidden units' own function in each frame.
        extent: half width of every frame.
    """

    spec: Morph
    values: np.ndarray
    a: np.ndarray
    b: np.ndarray
    loss: np.ndarray
    data: np.ndarray
    penalty: np.ndarray
    accuracy: np.ndarray
    center_loss: np.ndarray
    train_loss: np.ndarray
    test_loss: np.ndarray
    train_accuracy: np.ndarray
    test_accuracy: np.ndarray
    gradient_norm: np.ndarray
    z: np.ndarray
    curve: np.ndarray
    extent: float
    names: tuple[str, ...]
    units: str
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    dtype: str

    @property
    def table(self) -> dict[str, np.ndarray]:
        """A row a point of a frame."""
        value, a, b = (axis.ravel() for axis in np.meshgrid(self.values, self.a, self.b, indexing="ij"))
        grids = {name: getattr(self, name).ravel() for name in ("loss", "data", "penalty", "accuracy")}
        each = {name: np.repeat(getattr(self, name), len(self.a) * len(self.b)) for name in ("center_loss", *ENDED)}
        grids = {name: grid for name, grid in grids.items() if len(grid)}
        return {"value": value, "a": a, "b": b} | grids | each


@dataclass(frozen=True)
class Frame:
    """What the answer keeps of one frame: `grids` (3 or 4, S, S) of loss, data, penalty, accuracy; `ended` as ENDED."""

    grids: np.ndarray
    a: np.ndarray
    b: np.ndarray
    center_loss: float
    ended: np.ndarray
    extent: float
    names: tuple[str, ...]
    kind: str
    warnings: tuple[str, ...]


# ---------------------------------------------------------------------------------------------- tasks


def strides(frames: int) -> list[int]:
    """Numbers of frames, coarse to fine, each among the next: both ends and the middle first, then ever more."""
    intervals, found, factor = frames - 1, [2], 2
    while found[-1] < intervals:
        while (intervals // found[-1]) % factor:
            factor += 1
        found.append(found[-1] * factor)
    return [count + 1 for count in found]


def morph_levels(spec: Morph) -> list[Task]:
    """One task a number of frames, each the whole answer to the question with so many; the last is the answer."""
    width = _common_width(spec)
    frames = {k: _frame_task(spec, k, width) for k in range(spec.morph_frames)}
    found = []
    for count in strides(spec.morph_frames):
        fewer = replace(spec, morph_frames=count)
        chosen = [frames[k] for k in range(0, spec.morph_frames, (spec.morph_frames - 1) // (count - 1))]
        found.append(Task(key_of("morph", VERSIONS, fewer), gather, (fewer, *chosen), spec=fewer, gaps=True))
    return found


def _common_width(spec: Morph) -> Task | None:
    """The task whose result is the half width of all frames: that of pictures compared side by side, from the first,
    the middle and the last; None where one is asked for.
    """
    if spec.where.extent != AUTO:
        return None
    each = {
        task.key: task
        for k in (0, spec.morph_frames // 2, spec.morph_frames - 1)
        for task in extent_levels(spec.question(k).place)
    }
    key = key_of("morph-width", VERSIONS, replace(spec, morph_frames=3, morph_points=5))
    return Task(key, common_width, tuple(each.values()), gaps=True)


def common_width(*each: ExtentResult | Failure) -> float | Failure:
    """One half width for all frames; the reason why there is none where no frame has one."""
    found = [one for one in each if isinstance(one, ExtentResult)]
    return common_extent(found) if found else next(one for one in each if isinstance(one, Failure))


def _frame_task(spec: Morph, k: int, width: Task | None) -> Task:
    question, plane = spec.question(k), None
    if width is not None:
        own = turned_task(question.place, question.turn)
        plane = Task(f"{own.key}-within-{width.key}", widened, (own, width))
    picture = slice_levels(question, plane)[-1]
    return Task(f"{picture.key}-frame", keep_frame, (picture, reach(question.problem, question.start)))


def widened(plane: Plane, width: float) -> Plane:
    """The plane with another half width."""
    return replace(plane, extent=width)


def keep_frame(picture: SliceResult, reached: TrainingResult) -> Frame:
    grids = [picture.loss, picture.data, picture.penalty, *([picture.accuracy] if picture.accuracy.size else [])]
    return Frame(
        np.stack(grids), picture.a, picture.b, picture.center_loss,
        np.array([getattr(reached, name)[-1] for name in ENDED]), picture.extent, picture.names,
        picture.notes[1], picture.warnings,
    )  # fmt: skip


def gather(spec: Morph, *frames: Frame | Failure) -> MorphResult:
    """The answer; frames that could not be had are left as gaps, and said.

    Raises:
        CannotAnswer: no frame could be had.
    """
    there = [frame for frame in frames if isinstance(frame, Frame)]
    if not there:
        failure = next(frame for frame in frames if isinstance(frame, Failure))
        raise CannotAnswer(failure.sentence, failure.kind)
    first = there[0]
    empty = replace(first, grids=np.full_like(first.grids, np.nan), center_loss=np.nan, ended=np.full(5, np.nan))
    whole = [frame if isinstance(frame, Frame) else empty for frame in frames]
    grids = np.stack([frame.grids for frame in whole], 1)  # (3 or 4, F, S, S)
    ended: dict[str, Any] = dict(zip(ENDED, np.stack([frame.ended for frame in whole], 1), strict=True))
    z, curve = _curves(spec)
    return MorphResult(
        spec, np.array(spec.values), first.a, first.b, grids[0], grids[1], grids[2],
        accuracy=grids[3] if len(grids) > 3 else np.empty((0, 0, 0)),
        center_loss=np.array([frame.center_loss for frame in whole]), **ended, z=z, curve=curve, extent=first.extent,
        names=("v1", "v2") if spec.where.direction.sharpest else first.names, units=spec.where.direction.unit,
        notes=_notes(spec, first), warnings=_warnings(spec, frames), dtype=spec.problem.dtype,
    )  # fmt: skip


def _curves(spec: Morph) -> tuple[np.ndarray, np.ndarray]:
    """z (Z,) and the hidden units' function there in each frame (F, Z), float64."""
    z = torch.linspace(-REACH, REACH, CURVE, dtype=torch.float64)
    return z.numpy(), np.stack([activation_of(spec.question(k).problem)(z).numpy() for k in range(spec.morph_frames)])


def _notes(spec: Morph, first: Frame) -> tuple[str, ...]:
    own = " as asked" if spec.where.extent != AUTO else (
        ", the largest of the first, middle and last frame's own" if spec.where.direction.holds_path
        else ", the middle one of the first, middle and last frame's own"
    )  # fmt: skip
    trained = "trains its own network" if spec.start.steps else "has its own network"
    return (
        describe(spec.question(0).place),
        f"{_way(spec)} Each of {spec.morph_frames} frames {trained}, from the same draw of initial weights.",
        f"{first.kind} Each frame has its own, and their order may change from one to the next."
        if spec.where.direction.sharpest else f"{first.kind} The draw is the same in every frame.",
        f"Half width {first.extent:g} in every frame{own}.",
        *_drawn(spec),
    )  # fmt: skip


def _way(spec: Morph) -> str:
    """What changes from frame to frame."""
    entry = ACTIVATIONS[spec.problem.activation]
    if spec.morph == "activation":
        return f"Every hidden unit computes (1 − t) {entry.label} + t {ACTIVATIONS[spec.morph_to].label}."
    evenly = "in equal steps" if spec.evenly else "by equal factors"
    return f"{spec.letter} of {entry.label} goes from {spec.morph_low:g} to {spec.morph_high:g} {evenly}."


def _drawn(spec: Morph) -> tuple[str, ...]:
    inits = {
        ACTIVATIONS[name].init for k in (0, spec.morph_frames - 1) for name, _, _ in spec.question(k).problem.blend
    }
    if spec.start.init != AUTO or not spec.start.way.trained or len(inits) == 1:
        return ()
    return (f"Initial weights have the weighted mean of the variances of {' and '.join(sorted(inits))}.",)


def _warnings(spec: Morph, frames: tuple[Frame | Failure, ...]) -> tuple[str, ...]:
    """What the frames warn of, each kind once, with how many or which frames it is true of."""
    where: dict[str, list[int]] = {}
    first: dict[str, str] = {}
    for k, frame in enumerate(frames):
        for warning in (frame.sentence,) if isinstance(frame, Failure) else frame.warnings:
            kind = warning.split(":")[0].split(".")[0].lstrip("0123456789")
            where.setdefault(kind, []).append(k)
            first.setdefault(kind, warning)
    found = [f"{_which(spec, where[kind])}: {warning}" for kind, warning in first.items()]
    if spec.morph == "activation" and spec.morph_to == spec.problem.activation:
        label = ACTIVATIONS[spec.morph_to].label
        found.append(f"{label} is at both ends: every frame is the same. Choose another morph_to for a change.")
    return tuple(found)


def _which(spec: Morph, places: list[int]) -> str:
    """The frames that a warning is true of; its numbers are those of the first."""
    if len(places) > 3:
        return f"In {len(places)} of {spec.morph_frames} frames, as at {spec.told(places[0])}"
    return f"At {', '.join(spec.told(k) for k in places)}"


def morph_size(spec: Morph) -> tuple[int, str]:
    """How much is asked, and of what."""
    return spec.morph_frames * spec.morph_points**2, "losses"
