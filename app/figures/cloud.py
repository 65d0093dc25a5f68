"""The loss-gradient cloud of walks: loss against gradient norm, every visited point, with the marginal histograms."""

import math

import numpy as np
import plotly.graph_objects as go

from lossatlas.app.figures.shared import parts
from lossatlas.app.figures.shared.dots import COLOURS, GREY, LABELS, SHADES, bars, cells, dots
from lossatlas.app.figures.shared.oddities import Oddity
from lossatlas.app.figures.shared.points import (
    DOTS,
    FLOOR,
    Points,
    decades,
    log_tint,
    reach,
    rounded,
    selected,
    tint_span,
    tolerance,
)
from lossatlas.app.look.theme import colour_scale
from lossatlas.app.look.ticks import number
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.clouds import LARGEST, CloudResult
from lossatlas.compute.analyses.summaries import LOW, Mean, mean_of, negative, relied, shares, valleys, without_gradient
from lossatlas.compute.numerics.activity import MEASURES
from lossatlas.compute.numerics.classes import NAMES, RULES
from lossatlas.compute.numerics.cost import patterns
from lossatlas.compute.numerics.intervals import Correlation, Share
from lossatlas.compute.numerics.paths.walk_kinds import KINDS
from lossatlas.compute.numerics.stationary import levels
from lossatlas.compute.spec.results import once

LEFT = 56  # px of the margin beside numbers of four characters
MAIN, SIDE = 0.86, 0.885  # where the picture ends and the histograms begin
LINE = 14  # px from one of the stationary levels' names to the next
WIDTH = 235  # px of the picture, about
PLACES = {"convex": (0, 1), "saddle": (1, 1), "singular": (0, 0), "concave": (1, 0)}  # of a class's name: column, row
_MISSING = {
    "test_loss": "no colour: there are no test patterns", "accuracy": "no colour: a regression has no accuracy",
    "saturation": "no colour: no measure of saturation fits",
}  # fmt: skip


def figure(result: CloudResult, view: View, scale: Scale, colour: str) -> go.Figure:
    """Dots in WebGL, or cells coloured by most of their points and the fainter the fewer; classes named with their
    shares; XOR's stationary levels and the global minimum marked.

    `customdata` begins with walk number, step and class, of a dot or of one point of a cell. Only what lies within the
    scale's ranges is drawn, so that a smaller window has finer cells or dots.
    """
    cloud = Points(result, view, scale)
    if not len(cloud.place):
        return parts.sentence("No point of these walks has a finite loss and gradient.")
    traces = [*(cells(cloud) if cloud.counted else dots(cloud)), *bars(cloud, colour)]
    notes, shapes = _levels(cloud)
    if view.tint == "class":
        notes += _names(result, view)
    elif np.isfinite(cloud.tint).any():
        traces.append(_bar_of_colours(cloud))
    else:
        notes.append(_above(_MISSING.get(view.tint, "no value is finite"), GREY, 0, 0))
    bare = {"showticklabels": False, "showgrid": False, "zeroline": False, "fixedrange": True, "rangemode": "tozero"}
    mixed = {"shades": SHADES} if cloud.counted and view.tint != "class" else {}  # of every tint of the palette
    up = cloud.up.layout("gradient norm", 6)
    left = LEFT + 7 * max(0, max(map(len, up["ticktext"]), default=0) - 4)  # room for the title beside long numbers
    layout = {
        "xaxis": cloud.across.layout("training loss", 4) | {"domain": [0, MAIN], "anchor": "y"},
        "yaxis": up | {"domain": [0, MAIN], "anchor": "x"},
        "xaxis2": bare | {"domain": [SIDE, 1], "anchor": "y"}, "yaxis2": bare | {"domain": [SIDE, 1], "anchor": "x"},
        "barmode": "stack", "bargap": 0, "shapes": shapes,
        "annotations": [*_shifted(notes, LEFT - left), *_minimum(cloud)],
        "margin": {"l": left, "r": 10, "t": 46, "b": 40, "autoexpand": False}, "showlegend": False,
        "dragmode": "select", "uirevision": f"cloud {view.log} {view.frame}",
        "meta": {"cloud": True, "log": view.log, "chosen": _chosen(cloud), **mixed},
    }  # fmt: skip
    return parts.bare(go.Figure({"data": traces, "layout": layout}))


@once
def span(result: CloudResult, view: View) -> tuple[float, ...]:
    """Ends in plotted units of the gradient norm, the loss and the colours: low, high, left, right, tint_low,
    tint_high of a Scale. NaN where there is nothing to draw.
    """
    cloud = Points(result, view, Scale())
    if not len(cloud.place):
        return (math.nan,) * 6
    up, across = (reach(cloud.of(name), view.log) for name in ("gradient_norm", "loss"))
    return (*up, *across, *tint_span(result, view))


def common(spans: list[tuple[float, ...]], view: View) -> tuple[float, ...]:
    """The ends of a row of panels that hold everything, from the span of each."""
    axes = [end(span[place] for span in spans) for place, end in enumerate((min, max, min, max))]
    tints = [span[4:] for span in spans if span[4] < span[5]] or [span[4:] for span in spans]
    return (*axes, min(low for low, _ in tints), max(high for _, high in tints))


def caption(result: CloudResult, view: View) -> str:
    """The walks, what colours stand for and of how many points they are known, and what is not seen as it is."""
    spec, walk = result.spec, result.spec.walking
    W, S = result.loss.shape
    kind = KINDS[walk.walk].label
    return " · ".join(
        [
            f"{W:,} walks × {S:,} points: {kind}, b = {walk.walk_range:g}, steps ≤ {spec.way.longest:g}, "
            f"seed {walk.walk_seed}, {result.dtype}",
            *([f"batches of {walk.walk_batch}, and loss, gradient those of the batch"] if _batched(result) else []),
            _coloured(result, view),
            *_valleys(result),
            *_still(result),
            *_exceptions(result, view),
        ]
    )


def _batched(result: CloudResult) -> bool:
    return 0 < result.spec.walking.walk_batch < patterns(result.spec.problem)


def size(result: CloudResult) -> str:
    """How much was computed."""
    return parts.counted(len(result.loss), "walk")


def words(result: CloudResult, view: View) -> str:
    """How many points, where they lie, and their classes by the rule in use."""
    W, S = result.loss.shape
    where = f"{parts.ranged(result.loss, 'loss')}, {parts.ranged(result.gradient_norm, 'gradient norm')}"
    ends = f"mean loss at the end of a walk {number(mean_of(result.loss[:, -1]).mean)}"
    if not result.looked.size:
        return f"{W * S:,} points of {parts.counted(W, 'walk')}, {where}; {ends}; no point is classified"
    classes = ", ".join(f"{name} {told}" for name, told in told_shares(result, view).items())
    return (
        f"{W * S:,} points of {parts.counted(W, 'walk')}, {where}; {ends}; of the classified points "
        f"{_bent_down(result, view)}; by class {classes}"
    )


def head(result: CloudResult) -> list[tuple[str, str]]:
    """Stagnation and the last point, means over walks; convex by the full Hessian at its own tolerance."""
    convex = shares(result, "full", RULES["full"].tolerance)["convex"]
    return [
        ("n stag", _mean(mean_of(result.runs[0]))),
        ("l stag", _mean(mean_of(result.length[0]))),
        ("convex, full H", _percent(convex.share)),
        ("E_t at end", _mean(mean_of(result.loss[:, -1]))),
        ("E_g at end", _mean(mean_of(result.test_loss[:, -1]))),
    ]


def _names(result: CloudResult, view: View) -> list[dict]:
    """Every class with its share of the classified points and the interval of that, above the picture."""
    if not result.looked.size:
        return [_above("no point is classified by its curvature", GREY, 0, 0)]
    found = told_shares(result, view)
    return [_above(f"■ {name} {found[name]}", COLOURS[code], *PLACES[name]) for code, name in enumerate(NAMES)]


def _shifted(notes: list[dict], by: float) -> list[dict]:
    """Those that stand above the picture, moved with its left edge."""
    return [one | {"xshift": one["xshift"] + by} if one.get("xref") == "paper" else one for one in notes]


def _above(text: str, colour: str, column: int, row: int) -> dict:
    return {
        "text": text, "name": text, "showarrow": False, "xref": "paper", "yref": "paper", "x": 0.5 * column, "y": 1,
        "xanchor": "left", "yanchor": "bottom", "xshift": -46 + 30 * column, "yshift": 3 + 17 * row,
        "font": {"size": 10, "color": colour},
    }  # fmt: skip


def told_shares(result: CloudResult, view: View) -> dict[str, str]:
    """Each class's share with its interval, as 36 % [33, 39]; where rounding decides, with the least and the largest
    by other orders of weights and solvers: 36 % [33, 39] (24–88).
    """
    found, ends = shares(result, view.rule, tolerance(view)), rounded(result, view)
    between = {name: f" ({_points(low)}–{_points(high)})" for name, (low, high) in ends.items()}
    return {name: with_interval(share) + between.get(name, "") for name, share in found.items()}


def with_interval(share: Share) -> str:
    """71 % [67, 75]."""
    if math.isnan(share.share):
        return "–"
    low, high = (_points(end) for end in (share.low, share.high))
    return f"{_points(share.share)} % [{low}, {high}]"


def correlated(pair: Correlation) -> str:
    """0.43 [0.31, 0.52]; the interval is left out where there is none."""
    if math.isnan(pair.r):
        return "–"
    ends = [pair.low, pair.high]
    told = [f"{round(value, 2) + 0.0:.2f}".replace("-", "−") for value in (pair.r, *ends)]
    return f"{told[0]} [{told[1]}, {told[2]}]" if np.isfinite(ends).all() else told[0]


def _points(share: float) -> str:
    """In percent: whole, but for a part of the first and the last."""
    value = 100 * share
    return f"{value:.1f}" if 0.05 <= value < 0.95 or 99.05 <= value < 99.95 else f"{value:.0f}"


def _bar_of_colours(cloud: Points) -> dict:
    """Above the picture, on a trace that draws nothing."""
    low, high = cloud.colours
    bar = parts.colour_bar(low, high, log_tint(cloud.view), LABELS[cloud.view.tint]) | {"len": MAIN}
    marker = {"color": [low], "colorscale": colour_scale(cloud.view.palette), "cmin": low, "cmax": high}
    return {
        "type": "scatter", "mode": "markers", "name": "colours", "x": [None], "y": [None], "hoverinfo": "skip",
        "marker": marker | {"showscale": True, "colorbar": bar},
    }  # fmt: skip


def _levels(cloud: Points) -> tuple[list[dict], list[dict]]:
    """Thin lines at the losses of stationary points, where they are known, each with its name; 0 has the mark of the
    global minimum.
    """
    left, right = cloud.across.range
    known = [level for level in levels(cloud.result.spec.problem) if level > 0]
    places = [(float(cloud.across.plotted(np.array(level))), level) for level in known]
    places = [(place, level) for place, level in places if left <= place <= right]
    lines = [
        {"type": "line", "name": f"level {level:.6f}", "x0": place, "x1": place, "y0": 0, "y1": 1, "yref": "y domain",
         "layer": "below", "line": {"width": 1, "dash": "dot"}}
        for place, level in places
    ]  # fmt: skip
    return _level_names(places, LINE / WIDTH * (right - left), right, cloud.view.log), lines


def _level_names(places: list[tuple[float, float]], gap: float, right: float, low: bool) -> list[dict]:
    """Beside each line, upright, at its lower or upper end; where lines are less than a name apart, all names stand
    beside the last, or the first.
    """
    if not places:
        return []
    gaps = np.diff([place for place, _ in places])
    groups = [[one] for one in places] if (gaps > gap).all() else [places]
    found = []
    for group in groups:
        outside = group[-1][0] + gap > right
        found.append(
            {"text": " · ".join(f"{level:.3f}" for _, level in group), "name": "levels", "showarrow": False,
             "x": group[0][0] if outside else group[-1][0], "y": 1 - low, "yref": "y domain", "textangle": -90,
             "xanchor": "center", "xshift": -8 if outside else 8, "yanchor": "bottom" if low else "top",
             "font": {"size": 11}}
        )  # fmt: skip
    return found


def _chosen(cloud: Points) -> list[float]:
    """Where the point lies that the scale names by walk and step, in plotted units; empty where there is none. The page
    marks it, as it does a point clicked.
    """
    if not cloud.scale.point:
        return []
    walk, step = (int(number) for number in cloud.scale.point)
    mine = np.flatnonzero((cloud.result.number[cloud.walk] == walk) & (cloud.step == step))
    return [float(cloud.x[mine[0]]), float(cloud.y[mine[0]])] if len(mine) else []


def _minimum(cloud: Points) -> list[dict]:
    """Where loss and gradient norm are 0: a global minimum, if the loss is no less than 0 anywhere and no penalty is
    added. On a log scale that is beyond the corner.
    """
    if cloud.result.spec.problem.l2:
        return []
    mark = {"name": "global minimum", "showarrow": False, "hovertext": "loss 0, gradient 0: a global minimum"}
    if cloud.view.log:
        corner = {"x": 0, "y": 0, "xref": "x domain", "yref": "y domain", "xanchor": "right", "yanchor": "top"}
        return [mark | corner | {"text": "↙ (0, 0)", "xshift": -4, "yshift": -18, "font": {"size": 11}}]
    if cloud.across.low > 0 or cloud.up.low > 0:
        return []
    return [mark | {"x": 0, "y": 0, "text": "◉", "font": {"size": 14}}]


# ---------------------------------------------------------------------------------------------- words


def _coloured(result: CloudResult, view: View) -> str:
    if view.tint == "saturation":
        return f"colour: saturation, {MEASURES[result.measure].label}, mean over units"
    if view.tint != "class":
        return f"colour: {LABELS[view.tint]}"
    if not result.looked.size:
        return "no point is classified"
    share = tolerance(view)
    zero = f"zero up to {number(share)} |λ|max" if share else "only exact 0 is zero"
    looked, total = result.looked.size, result.loss.size
    which = "all points" if looked == total else f"a sample of {looked:,} of {total:,} points"
    also = ["in ( ) what rounding moves"] if rounded(result, view) else []
    return " · ".join([_bent_down(result, view), f"{RULES[view.rule].label}, {zero}, {which}", *also])


def _bent_down(result: CloudResult, view: View) -> str:
    """What can be relied on, under the authors' rule too: whether an eigenvalue is negative beyond rounding."""
    rule, zero = relied(view.rule, tolerance(view))
    where = " in float64" if rule != view.rule else ""
    least = f"λ < −{number(zero)} |λ|max" if zero else "λ < 0"
    return f"{least}{where} at {with_interval(negative(result, rule, zero))}"


def _valleys(result: CloudResult) -> list[str]:
    """How the width of valleys goes with saturation; nothing without a measure of it."""
    found = valleys(result).plain
    if math.isnan(found.r):
        return []
    return [f"of the {100 * LOW:.0f} % of least loss, r of log gradient norm and saturation {correlated(found)}"]


def _still(result: CloudResult) -> list[str]:
    found = without_gradient(result)
    return [f"gradient exactly 0 in {result.dtype} at {with_interval(found)} of points"] if found.share > 0 else []


def _exceptions(result: CloudResult, view: View) -> list[str]:
    """What cannot be seen as it is."""
    cloud, found = Points(result, view, Scale()), []
    if broken := int((result.broken_at >= 0).sum()):
        found.append(f"{broken:,} walks overflowed")
    if holes := result.loss.size - len(cloud.place):
        found.append(f"{holes:,} points not finite")
    if view.log:
        found += _shelved(cloud)
    if view.multiples or len(cloud.place) > DOTS:
        found.append("counted in cells" if view.multiples else f"over {DOTS:,} points: counted in cells")
    return found


def _shelved(cloud: Points) -> list[str]:
    """How many points lie on the shelves, and how many of their gradient norms are exactly 0."""
    raw = cloud.result.gradient_norm.ravel()[cloud.place]
    zeros, low = int((raw == 0).sum()), int((raw < FLOOR).sum())
    losses = int((cloud.of("loss") < FLOOR).sum())
    told = [f"{zeros:,} gradients of 0"] * (zeros > 0) + [f"{low - zeros:,} below {decades([FLOOR])[0]}"] * (
        low > zeros
    )
    told += [f"{losses:,} losses below {decades([FLOOR])[0]}"] * (losses > 0)
    return [f"on the shelf {', '.join(told)}"] if told else []


def _mean(of: Mean) -> str:
    """Mean and standard deviation over walks."""
    if not of.count:
        return "–"
    return f"{number(of.mean)} ± {number(of.sd, 2)}"


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{_points(share)} %"


def brushed(result: CloudResult, view: View, scale: Scale) -> dict:
    """What the points of the brushed region are, as a sentence, and some of its `points` by name: walk number, step,
    and place in plotted units.
    """
    found = selected(result, view, scale, view.brush)  # type: ignore[arg-type]
    if not found["points"]:
        return {"sentence": "No point of this cloud lies in the brushed region.", "points": []}
    kinds = [f"{name} {with_interval(share)}" for name, share in found["shares"].items() if share.share > 0]
    first, last = found["steps"]
    told = [
        f"Brushed: {found['points']:,} points of {len(found['walks']):,} walks, steps {first:,} to {last:,}",
        *([f"of {found['classified']:,} classified {', '.join(kinds)}"] if found["classified"] else []),
        *([f"mean saturation {number(found['saturation'])}"] if math.isfinite(found["saturation"]) else []),
        *([f"mean test loss {number(found['test_loss'])}"] if math.isfinite(found["test_loss"]) else []),
    ]
    return {"sentence": "; ".join(told) + ".", "points": found["named"]}


# ---------------------------------------------------------------------------------------------- what may look odd


OVERFLOWED = Oddity(
    "overflowed",
    "Some walks end early",
    "Their loss or gradient became infinite or NaN. They are kept as they are and not drawn beyond that point.",
    lambda result: (
        "Choose a smaller range (walk_range)"
        + ("." if (result.broken_at == 0).any() else ", smaller steps (walk_size) or fewer of them (walk_steps).")
    ),
    lambda result, view, scale: bool((result.broken_at >= 0).any()),
)


def _classifiable(result: CloudResult) -> str:
    """What would have more points classified, if anything would."""
    if not result.spec.curved:
        return "Choose another activation, or another colour."
    if result.spec.problem.parameters > LARGEST:
        return f"Choose a network of at most {LARGEST:,} parameters, or another colour."
    return "Ask for a larger share (classified=1 is all), or another colour."


UNCLASSIFIED = Oddity(
    "unclassified",
    "Points have no curvature class",
    "Classes need the eigenvalues of a Hessian at each point, which is computed for a share of the points only, or "
    "for none in large networks and where the activation has no second derivative.",
    _classifiable,
    lambda result, view, scale: view.tint == "class" and result.looked.size < result.loss.size,
)
ODD = (OVERFLOWED, UNCLASSIFIED)
