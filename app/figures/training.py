"""How a training went: loss, or accuracy, against the step on training and test patterns."""

import math

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures.shared import frames, parts
from lossatlas.app.figures.shared.oddities import NO_MINIMUM, Oddity
from lossatlas.app.look.ticks import digits, number, percent
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.numerics.cost import patterns
from lossatlas.compute.numerics.paths.advice import other_start, smaller_start, smaller_steps
from lossatlas.compute.numerics.paths.start import Start, TrainingResult
from lossatlas.compute.spec.options import options_of
from lossatlas.compute.spec.words import differing

LINE = 0.2  # of a panel's height, of a line of the legend
WIDE = (0.2, 0.8)  # where the legend begins on the right and ends on the left, in a column of three
_STEERING = ("seed", "optimiser", "steps", "rate", "batch")  # what a caption always tells of a Start, or the axis
_NOT_TRAINED = "A random point: 0 training steps, so there is no history to draw."


def figure(result: TrainingResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """Training curve solid, test curve dotted; last values in the legend, the gradient norm in the hover."""
    train, test = _curves(result, view)
    both = np.stack([train, test])
    if why := _nothing(result, both, view):
        return parts.sentence(why)
    drawn = go.Figure()
    raised = parts.raised(both, view, scale)
    for row, (name, dash) in enumerate((("training", "solid"), ("test", "dot"))):
        if np.isfinite(both[row]).any():
            drawn.add_scatter(
                x=result.step.astype(np.int32), y=raised[row].astype(np.float32), mode="lines",
                name=f"{name} {_last(result, both, row, view)}",
                line={"color": colour, "width": 2.4, "dash": dash},
                customdata=np.stack([both[row], result.gradient_norm], axis=1).astype(np.float32),
                hovertemplate=f"step %{{x}} · {name} <b>%{{customdata[0]:.4g}}</b><br>"
                "gradient norm %{customdata[1]:.3g}<extra></extra>",
            )  # fmt: skip
    _add_divergence(drawn, result)
    free = _free_corner(result.step, parts.plotted(raised, view), parts.window(both, view, scale))
    drawn.update_layout(
        xaxis={"title": {"text": "training step"}, "range": _steps(result), "nticks": 6},
        yaxis={**parts.value_axis(both, view, scale, 4), "title": {"text": parts.title(view)}},
        legend={**free, "itemwidth": 30},
        margin={"l": 56, "r": 10, "t": 8, "b": 40},
        showlegend=True,
        uirevision="training",
    )
    for note in parts.cut_note(both, view, scale):
        drawn.add_annotation(note)
    frames.add_cursor(drawn, result.step, view)
    return parts.bare(drawn)


def _free_corner(step: np.ndarray, heights: np.ndarray, ends: tuple[float, float]) -> dict:
    """Where the legend hides least of the curves (2, T): above on the right, or, where they are still high there and
    fall late if at all, below on the left.
    """
    shown = heights[np.isfinite(heights).any(1)]
    shares = (shown - ends[0]) / (ends[1] - ends[0])
    late, early = step >= WIDE[0] * step[-1], step <= WIDE[1] * step[-1]
    highest = np.nan_to_num(shares[:, late], nan=0.0).max(initial=0.0)
    lowest = np.nan_to_num(shares[:, early], nan=1.0).min(initial=1.0)
    below = highest > 1 - LINE * len(shown) and lowest > LINE * len(shown)
    side = ("left", "bottom") if below else ("right", "top")
    return {"x": float(not below), "y": float(not below), "xanchor": side[0], "yanchor": side[1]}


def span(result: TrainingResult, view: View) -> tuple[float, float]:
    """Lowest and highest plotted value; parts.common makes the range of a row from these."""
    both = np.stack(_curves(result, view))
    return (math.nan, math.nan) if _nothing(result, both, view) else parts.reach(both, view, Scale())


def curve(result: TrainingResult, view: View) -> tuple[np.ndarray, np.ndarray]:
    """(T,) twice: the recorded steps and what is shown of the training patterns."""
    return result.step, _curves(result, view)[0]


def caption(result: TrainingResult, view: View) -> str:
    """The optimiser and its numbers, patterns, number format, and where it ended."""
    start, problem = result.spec.start, result.spec.problem
    if not start.steps:
        return ""
    test = f", test on {patterns(problem, 'test'):,}" if np.isfinite(result.test_loss).any() else ""
    on = f"{'measured ' if start.way.walks else ''}on {parts.told_patterns(problem)}{test}"
    how = f"walk {start.seed} of seed {start.walking.walk_seed}" if start.way.walks else _steered(result)
    text = [*parts.mixed(result), how, on, problem.dtype]
    if len(result.gradient_norm):
        text.append(f"gradient norm {number(result.gradient_norm[-1], 2)} {parts.ended(result)}")
    return " · ".join([*text, *stopped(result)])


def _steered(result: TrainingResult) -> str:
    """What guides the steps, from where."""
    start = result.spec.start
    batch = f"batches of {start.batch:,}" if start.batch else "full batch"
    told = differing(result.spec)
    more = [told[name] for name in options_of(Start) if name in told and name not in _STEERING]
    return ", ".join([start.label, f"rate {start.rate:g}", batch, f"seed {start.seed}", *more])


def stopped(result: TrainingResult) -> list[str]:
    """Where a training broke off, and why; nothing of one that went all the way."""
    if result.diverged_at < 0:
        return []
    return [f"stopped by step {result.diverged_at:,} of {result.spec.start.steps:,}: a loss or a weight was not finite"]


def size(result: TrainingResult) -> str:
    """How much was computed."""
    if result.diverged_at >= 0:
        return f"{result.diverged_at:,} of {parts.counted(result.spec.start.steps, 'step')}"
    return parts.counted(result.spec.start.steps, "step")


def words(result: TrainingResult, view: View) -> str:
    """Where the training began and ended, on both parts."""
    broken = ", ".join(stopped(result))
    if not len(result.step):
        return f"nothing was recorded{f', {broken}' if broken else ''}"
    curves = (("training loss", result.train_loss), ("test loss", result.test_loss))
    parts_told = [
        f"{name} from {number(float(curve[0]))} to {number(float(curve[-1]))}"
        for name, curve in curves
        if np.isfinite(curve[[0, -1]]).all()
    ]
    end = f"gradient norm {number(float(result.gradient_norm[-1]))} {parts.ended(result)}"
    first = f"over {parts.counted(int(result.step[-1]), 'step')}"
    return ", ".join([first, *parts_told, end, *([broken] if broken else [])])


def head(result: TrainingResult) -> list[tuple[str, str]]:
    """Where the training ended; of one that broke off when it did, and the numbers of the last recorded step."""
    broken = [("diverged", f"by step {result.diverged_at:,}")] if result.diverged_at >= 0 else []
    if broken and len(result.step):
        broken.append(("numbers of", f"step {int(result.step[-1]):,}"))

    def last(values: np.ndarray) -> float:
        return float(values[-1]) if len(values) else math.nan

    return [
        *broken,
        ("train loss", digits(last(result.train_loss))),
        ("test loss", digits(last(result.test_loss))),
        ("train acc.", percent(last(result.train_accuracy))),
        ("test acc.", percent(last(result.test_accuracy))),
        ("grad. norm", digits(last(result.gradient_norm))),
    ]


def _curves(result: TrainingResult, view: View) -> tuple[np.ndarray, np.ndarray]:
    """(T,) training and test values of what the view shows, in its own units."""
    if view.show == "accuracy":
        return 100 * result.train_accuracy, 100 * result.test_accuracy
    if view.show == "penalty":
        return parts.finite(result.penalty), np.full(len(result.step), np.nan)
    added = result.penalty if view.show == "total" else 0.0
    return parts.finite(result.train_loss + added), parts.finite(result.test_loss + added)


def _nothing(result: TrainingResult, both: np.ndarray, view: View) -> str:
    if not result.spec.start.steps:
        return _NOT_TRAINED
    if not len(result.step):
        return f"Training diverged at step {result.diverged_at}, before anything was recorded."
    if view.show == "accuracy" and np.isnan(both).all():
        return "A regression has no accuracy."
    return parts.nothing(both, view)


def _steps(result: TrainingResult) -> list[float]:
    last = max(int(result.step[-1]), result.diverged_at, 1)
    return [-0.02 * last, 1.02 * last]


def _last(result: TrainingResult, both: np.ndarray, row: int, view: View) -> str:
    """The value a curve ends at, with the accuracy beside a loss."""
    if view.show == "accuracy":
        return f"{number(both[row, -1])} %"
    accuracy = (result.train_accuracy, result.test_accuracy)[row][-1]
    loss = number(both[row, -1]) if np.isfinite(both[row, -1]) else "not finite"
    return loss + (f" · {number(100 * accuracy)} %" if np.isfinite(accuracy) else "")


def _add_divergence(drawn: go.Figure, result: TrainingResult) -> None:
    if result.diverged_at >= 0:
        drawn.add_vline(x=result.diverged_at, line={"width": 1.5, "dash": "dash"})
        drawn.add_annotation(
            x=result.diverged_at, y=0, yref="y domain", yanchor="bottom", xanchor="right", xshift=-4,
            showarrow=False, text=f"diverged at step {result.diverged_at}",
        )  # fmt: skip


# ---------------------------------------------------------------------------------------------- what may look odd


def _went(result: TrainingResult) -> np.ndarray:
    """The total training loss along a training, (T,)."""
    return result.train_loss + result.penalty


def _raised(result: TrainingResult, view: View, scale: Scale) -> bool:
    total = _went(result)
    return result.spec.start.way.trained and len(total) > 1 and bool(total[-1] > total[0])


def _still(result: TrainingResult, view: View, scale: Scale) -> bool:
    total = _went(result)
    return len(total) > 1 and bool(np.ptp(total) <= 1e-3 * np.abs(total).max())


RAISED = Oddity(
    "raised",
    "Training raised the loss",
    "Its steps are longer than the valley is wide, so that they climb the walls.",
    lambda result: smaller_steps(result.spec),
    _raised,
)
DIVERGED = Oddity(
    "diverged",
    "Training diverged",
    "A loss or a weight became infinite or NaN; the curve ends before that step.",
    lambda result: smaller_steps(result.spec) if result.diverged_at else smaller_start(result.spec),
    lambda result, view, scale: result.diverged_at >= 0,
)
STILL = Oddity(
    "still",
    "The training is a straight line",
    "The loss did not change by more than a part in a thousand: the start lies on a plateau, as with saturated or "
    "dead units, or the steps are too short.",
    lambda result: other_start(result.spec, result.gradient_norm),
    _still,
)
ODD = (NO_MINIMUM, RAISED, DIVERGED, STILL)
