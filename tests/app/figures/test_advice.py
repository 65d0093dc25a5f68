"""Every warning, refusal and explanation against what it advises: once the change it names is made, it is gone."""

import math
from dataclasses import dataclass, field
from typing import Any

import pytest

from lossatlas.app.figures.shared.oddities import found
from lossatlas.app.look.view import Scale, View
from lossatlas.app.panels import PANELS
from lossatlas.compute.analyses.table import ANALYSES, name_of, question
from lossatlas.compute.numerics.paths.advice import most_weighed
from lossatlas.compute.numerics.paths.reach import run_training
from lossatlas.compute.numerics.paths.start import Start, Training
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.problem.optimisers import OPTIMISERS
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.limits import check_cost
from lossatlas.compute.spec.options import BadSpec, join, parse, read_query
from lossatlas.compute.spec.results import Failure


@dataclass(frozen=True)
class Case:
    """A question whose answer, or lack of one, holds the words `cause`; what it advises -> the change that this is."""

    analysis: str
    query: str
    cause: str
    advice: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.analysis} {self.query}: {self.cause}"


QUADRATIC = "dataset=sine&loss=squared_error&activation=quadratic&widths=3"
OVERFLOWING = f"{QUADRATIC}-3&optimiser=walk&walk=random&walk_size=0.1&steps=50"
XOR = "dataset=xor&widths=2"
WARNINGS = [
    # ------------------------------------------------------------------ of trainings
    Case("training", "dataset=spirals&widths=8-8&optimiser=sgd&rate=0.3&l2=10", "diverged: by step",
         {"Lower λ (l2, now 10) below 3.33": "l2=1", "the learning rate (now 0.3) below 0.1": "rate=0.05"}),
    Case("training", f"{XOR}&optimiser=momentum&rate=0.3&l2=7", "diverged: by step",
         {"Lower λ (l2, now 7) below 6.33": "l2=5", "the learning rate (now 0.3) below 0.271": "rate=0.2"}),
    Case("training", f"{XOR}&optimiser=sgd&rate=0.3&l2=3.4&steps=30", "raised the loss",
         {"Lower λ (l2, now 3.4) below 3.33": "l2=1", "the learning rate (now 0.3) below 0.294": "rate=0.1"}),
    Case("training", f"{QUADRATIC}&optimiser=sgd&rate=50&steps=50", "diverged: by step",
         {"Lower the learning rate (now 50).": "rate=0.01"}),
    Case("training", f"{QUADRATIC}&optimiser=sgd&rate=0.05&steps=50&init_range=9", "diverged: by step",
         {"Lower the learning rate (now 0.05);": "rate=1e-6", "the initial range (init_range, now 9)": "init_range=1"}),
    Case("training", "dataset=iris&widths=4&rate=20&steps=40", "raised the loss",
         {"Lower the learning rate (now 20).": "rate=0.05"}),
    Case("training", f"{OVERFLOWING}&seed=1&walk_range=600", "The walk diverged",
         {"(walk_range, now 600)": "walk_range=1", "(walk_size, now 0.1)": "walk_size=1e-4", "(now 50)": "steps=2"}),
    Case("training", f"{OVERFLOWING}&seed=1&walk_range=900", "initial point is infinite",
         {"(walk_range, now 900)": "walk_range=1"}),
    Case("training", f"{QUADRATIC}&widths=3-3-3-3-3&init_range=1000&steps=3", "initial point is infinite",
         {"Lower the initial range (init_range, now 1000)": "init_range=1", "or the depth": "widths=3"}),
    Case("training", "dataset=iris&steps=10", "Not a minimum", {"Train longer (steps, now 10)": "steps=1500"}),
    Case("training", "dataset=iris&steps=600&batch=4&rate=0.05", "Not a minimum", {"Choose batch=0": "batch=0"}),
    Case("training", "dataset=iris&widths=8&rate=3&steps=300&activation=sine", "Not a minimum",
         {"lower the learning rate (now 3)": "rate=0.1"}),
    Case("replicates", f"{QUADRATIC}&optimiser=sgd&rate=50&steps=50&replicates=2", "2 of 2 trainings diverged",
         {"Lower the learning rate (now 50).": "rate=0.01"}),
    # ------------------------------------------------------------------ of planes
    Case("slice", f"{XOR}&steps=1&directions=trajectory&points=5", "has too few points",
         {"Train for more steps (steps)": "steps=30"}),
    Case("slice", "dataset=unit&widths=none&optimiser=sgd&rate=0.01&steps=9&directions=trajectory&points=5",
         "straight to rounding", {"directions=gaussian": "directions=gaussian"}),
    Case("slice", f"{XOR}&steps=2&directions=trajectory&turn=30&points=5&extent=1", "has too few points",
         {"Train for more steps (steps)": "steps=30", "set turn=0": "turn=0"}),
    Case("slice", f"{XOR}&steps=0&init=zero&points=5", "the weights are all 0",
         {"directions=gaussian": "directions=gaussian", "directions=weights": "directions=weights"}),
    Case("slice", f"{XOR}&steps=0&init=zero&points=5&directions=output", "weights and biases are all 0",
         {"directions=gaussian": "directions=gaussian", "directions=weights": "directions=weights"}),
    Case("slice", f"{XOR}&steps=0&points=5&directions=interpolation", "this start is not trained",
         {"Set steps above 0": "steps=5"}),
    Case("slice", f"{XOR}&steps=5&init=dead&activation=relu&points=5&directions=interpolation", "did not move",
         {"directions=gaussian": "directions=gaussian"}),
    Case("slice", f"{XOR}&steps=5&points=5&extent=1e-5", "The relief is hardly larger than rounding",
         {"larger half width": "extent=1", "dtype=float64": "dtype=float64"}),
    Case("slice", f"{XOR}&steps=5&points=5&window=1000,1000.0001,0,1", "nearly one in float32",
         {"Zoom out": "window=900,1100,0,1", "dtype=float64": "dtype=float64"}),
    Case("slice", f"{QUADRATIC}&widths=3-3&steps=5&points=5&window=1e5,2e5,1e5,2e5&l2=1", "on the whole grid",
         {"a window nearer the center": "window=1,2,1,2"}),
    # ------------------------------------------------------------------ of parts, networks, data
    *(Case(name, f"{XOR}&steps=3&part=test&{small}", "has no test part", {"Choose part=train": "part=train"})
      for name, small in (("slice", "points=5"), ("line", "line_points=5"), ("saturation", ""), ("spectrum", ""),
                          ("evolution", ""), ("sharpness", ""), ("replicates", "replicates=1"),
                          ("weight_slices", "weight_points=5"))),
    Case("evolution", f"{XOR}&steps=0", "no training to follow", {"Choose steps above 0": "steps=3"}),
    Case("evolution", f"{XOR}&steps=3&activation=threshold", "no curvature to speak of",
         {"another activation": "activation=tanh"}),
    Case("evolution", "dataset=moons&widths=2&steps=3&part=test&norm=batch", "known on these only",
         {"part=train": "part=train", "norm=none": "norm=none"}),
    Case("saturation", "dataset=xor&widths=none&steps=3", "has none", {"Choose widths, as 4": "widths=4"}),
    Case("training", "dataset=xor&widths=none&steps=3&activation=relu&rescale=2", "no hidden layer",
         {"Choose widths, as 4": "widths=4", "rescale=1": "rescale=1"}),
    Case("training", f"{XOR}&steps=3&activation=relu&rescale=2&norm=batch", "BatchNorm undoes",
         {"norm=none": "norm=none", "rescale=1": "rescale=1"}),
    Case("training", "dataset=xor&widths=2-2&skip=1&steps=3&activation=relu&rescale=2", "past the next",
         {"skip=false": "skip=false", "rescale=1": "rescale=1"}),
    Case("spectrum", "dataset=iris&widths=4&steps=3&method=exact&limit=30", "at most 30 parameters",
         {"method=estimated": "method=estimated", "limit=35": "limit=35", "a smaller network": "widths=2"}),
    Case("spectrum", "dataset=mnist&widths=20&steps=0&method=exact", "at most 5,000 parameters",
         {"or a smaller network": "widths=1"}),
    Case("boundary", "dataset=iris&widths=2&steps=3&boundary_points=5", "Iris has 4", {"dataset=xor": "dataset=xor"}),
    Case("boundary", "dataset=digits&network=lenet&steps=3&boundary_points=5", "has 64",
         {"and network=mlp": "dataset=xor&network=mlp"}),
    Case("boundary", f"{XOR}&steps=3&boundary_points=201&boundary_moments=200", "at most 4,000,000 numbers",
         {"boundary_points=201": "boundary_points=9", "boundary_moments=200": "boundary_moments=9"}),
    Case("weights", "dataset=iris&widths=40&steps=3", "at most 200 weights", {"smaller widths": "widths=4"}),
    Case("weights", "dataset=mnist&widths=4&steps=0&max_samples=40", "at most 200 weights",
         {"a data set of fewer inputs": "dataset=iris"}),
    Case("weights", "dataset=digits&network=lenet&steps=0", "weights of convolutions",
         {"network=mlp": "network=mlp&widths=1"}),
    Case("weight_slices", "dataset=iris&widths=40&steps=3&weight_points=5", "at most 200 weights",
         {"smaller widths": "widths=4"}),
    Case("training", "dataset=mnist&widths=4096-4096&steps=0", "at most 5,000,000 parameters",
         {"smaller widths": "widths=4"}),
    Case("training", "dataset=digits&network=lenet&channels=256-256&dense=4096-4096&steps=0",
         "at most 5,000,000 parameters", {"smaller channels and dense": "channels=2-2&dense=8"}),
    Case("training", "dataset=iris&network=lenet&steps=0", "has none. Choose dataset=",
         {"digits": "dataset=digits", "an MLP": "network=mlp"}),
    Case("training", "dataset=xor&widths=none&norm=batch&steps=0", "this network has none",
         {"Choose widths": "widths=2", "norm=none": "norm=none"}),
    Case("training", "dataset=sine&loss=softmax_cross_entropy&steps=0", "is a regression",
         {"squared_error": "loss=squared_error", "auto": "loss=auto"}),
    Case("training", "dataset=iris&max_samples=2&test_share=0.9&steps=0", "at least one training pattern",
         {"Lower test_share": "test_share=0.2", "raise max_samples": "max_samples=60"}),
    Case("training", "dataset=iris&widths=4&skip=1&steps=0", "needs two or more hidden layers",
         {"8-8-8": "widths=8-8-8"}),
    # ------------------------------------------------------------------ of walks and morphs
    Case("cloud", f"{XOR}&walks=1000000&walk_steps=99", "must fit in", {"(walks=": "walks=2"}),
    Case("cloud", f"{XOR}&walks=2&walk_steps=9&activation=threshold&classified=1", "no curvature to speak of",
         {"classified=0": "classified=0", "another activation": "activation=tanh"}),
    Case("cloud", "dataset=iris&widths=400&walks=1&walk_steps=1&classified=1", "Points are classified up to",
         {"classified=0": "classified=0", "fewer units": "widths=4"}),
    Case("morph", f"{XOR}&steps=2&activation=tanh&morph_to=tanh&morph_frames=3&morph_points=5", "at both ends",
         {"another morph_to": "morph_to=relu"}),
    Case("morph", f"{XOR}&steps=2&activation=tanh&morph=parameter&morph_frames=3&morph_points=5", "tanh has none",
         {"morph=activation": "morph=activation", "elu": "activation=elu"}),
]  # fmt: skip


def outcome(analysis: str, query: str) -> str:
    """All that an answer warns of, or why there is none."""
    try:
        answer = ask(question(analysis, query))
    except BadSpec as reason:
        return str(reason)
    return answer.sentence if isinstance(answer, Failure) else " ".join(answer.warnings)


def changed(query: str, change: str) -> str:
    return join(read_query(query) | read_query(change))


@pytest.mark.parametrize("case", WARNINGS, ids=str)
def test_what_a_warning_advises_mends_what_causes_it(case):
    told = outcome(case.analysis, case.query)
    assert case.cause in told and all(words in told for words in case.advice), told
    for change in case.advice.values():
        assert case.cause not in (then := outcome(case.analysis, changed(case.query, change))), (change, then)


def test_a_penalty_that_diverges_by_itself_is_not_blamed_on_the_initial_range():
    told = outcome("training", "dataset=spirals&widths=8-8&optimiser=sgd&rate=0.3&l2=10&init_range=5")
    assert "The penalty alone does it: rate · λ is 3, and steps by SGD on λ‖θ‖² grow from 1 on." in told
    assert "initial range" not in told


@pytest.mark.parametrize(("name", "momentum"), [("sgd", 0.9), ("momentum", 0.0), ("momentum", 0.5), ("momentum", 0.9)])
@pytest.mark.parametrize("side", [0.98, 1.02])
def test_steps_on_the_penalty_grow_from_the_bound_on(name, momentum, side):
    """The penalty outweighs the data term here, whose gradient is bounded: θ goes as on λ‖θ‖² alone."""
    start = Start(optimiser=name, rate=0.05, momentum=momentum, steps=120, init_range=10.0)
    problem = parse(Problem, f"{XOR}&dtype=float64&l2={side * most_weighed(start) / start.rate}")
    result = run_training(Training(problem, start))
    grew = result.diverged_at >= 0 or result.penalty[-1] > result.penalty[0]
    assert grew == (side > 1)


def test_every_optimiser_has_a_bound():
    for name, entry in OPTIMISERS.items():
        assert entry.stable(*(getattr(Start(), option) for option in entry.options)) > 0, name
    assert most_weighed(Start(optimiser="adam")) == math.inf


@pytest.mark.parametrize(("analysis", "query", "seconds", "size"), [
    ("slice", "dataset=mnist&widths=2000&points=513&steps=50", 1800.0, math.inf),
    ("slice", "dataset=mnist&widths=128&points=17&steps=90000", 600.0, math.inf),
    ("spectrum", "dataset=mnist&widths=9&method=exact&limit=9000", 60.0, math.inf),
    ("slice", "dataset=mnist&network=lenet&norm=batch&channels=60-160", math.inf, 2e9),
    ("slice", "dataset=mnist&widths=4000-400", math.inf, 1e9),
    ("replicates", "dataset=digits&widths=20&replicates=200", 60.0, math.inf),
    ("evolution", "dataset=digits&widths=40&along=100", 20.0, math.inf),
])  # fmt: skip
def test_what_is_advised_where_a_question_costs_too_much_brings_it_below_the_limit(analysis, query, seconds, size):
    with pytest.raises(BadSpec, match="Each of these would do: ") as refused:
        check_cost(question(analysis, query), seconds, size)
    changes = str(refused.value).partition("would do: ")[2].removesuffix(".").split(", ")
    assert changes
    for change in changes:
        assert check_cost(question(analysis, changed(query, change)), seconds, size) <= seconds


def test_where_no_single_change_is_enough_that_is_said():
    with pytest.raises(BadSpec, match="No single option brings it below"):
        check_cost(question("slice", "dataset=mnist&widths=4000-400&points=513&steps=90000"), 1.0)


# ---------------------------------------------------------------------------------------------- what looks odd

SEEN = [  # analysis, question, view, kind of oddity -> what it advises -> the change of the question or of the view
    ("slice", f"{XOR}&steps=5&points=5&extent=1e-5", View(), "rounding",
     {"larger half width": "extent=1", "dtype=float64": "dtype=float64"}),
    ("slice", f"{XOR}&steps=5&points=5&extent=1e-6", View(), "flat",
     {"larger half width": "extent=1", "dtype=float64": "dtype=float64"}),
    ("slice", f"{QUADRATIC}-3&steps=1&points=5&extent=1000", View(), "gaps",
     {"smaller half width": "extent=1", "dtype=float64": "dtype=float64"}),
    ("slice", "dataset=iris&steps=20&points=17&extent=1", View(), "lower", {"Train longer": "steps=400"}),
    ("slice", f"{XOR}&steps=400&points=17&extent=1", View(), "lower", {"λ above 0 (l2=0.001)": "l2=0.001"}),
    ("training", "dataset=iris&steps=10", View(), "steep", {"Train longer": "steps=1500"}),
    ("training", "dataset=iris&steps=600&batch=4", View(), "steep", {"Choose batch=0": "batch=0"}),
    ("training", "dataset=iris&widths=4&rate=20&steps=40", View(), "raised", {"Lower the": "rate=0.05"}),
    ("training", f"{QUADRATIC}&optimiser=sgd&rate=50&steps=50", View(), "diverged", {"Lower the": "rate=0.01"}),
    ("training", f"{XOR}&optimiser=sgd&rate=1e-7&steps=20", View(), "still", {"Raise the learning rate": "rate=1"}),
    ("training", f"{XOR}&optimiser=sgd&rate=1e-3&steps=20", View(), "still", {"or train longer": "steps=3000"}),
    ("training", f"{XOR}&activation=relu&optimiser=sgd&init=dead&steps=20", View(), "still",
     {"choose other initial weights (init)": "init=he&rate=1"}),
    ("training", f"{XOR}&optimiser=sgd&init_range=900&steps=20&rate=1&loss=sigmoid_squared_error", View(), "still",
     {"Lower the initial range (init_range, now 900)": "init_range=1"}),
    ("training", f"{XOR}&optimiser=sgd&activation=relu&init_range=1e-3&steps=20&rate=1", View(), "still",
     {"Raise the initial range (init_range, now 0.001)": "init_range=1"}),
    ("replicates", f"{QUADRATIC}&optimiser=sgd&rate=50&steps=50&replicates=2", View(), "lost", {"Lower": "rate=0.01"}),
    ("cloud", f"{QUADRATIC}&widths=3-3-3-3&walk_range=500&walks=3&walk_steps=9", View(), "overflowed",
     {"smaller range (walk_range)": "walk_range=1"}),
    ("cloud", f"{XOR}&walks=3&walk_steps=9&classified=0.5", View(), "unclassified", {"classified=1": "classified=1"}),
    ("cloud", f"{XOR}&walks=3&walk_steps=9&activation=threshold", View(), "unclassified",
     {"another activation": "activation=tanh"}),
    ("cloud", "dataset=iris&widths=300&walks=2&walk_steps=3", View(), "unclassified",
     {"at most 2,000 parameters": "widths=4&classified=1"}),
]  # fmt: skip


@pytest.mark.parametrize(("analysis", "query", "view", "kind", "advice"), SEEN,
                         ids=lambda one: one if isinstance(one, str) else "")  # fmt: skip
def test_what_an_explanation_advises_mends_what_looks_odd(analysis, query, view, kind, advice):
    told = {odd.kind: odd.told(result) for result in [ask(question(analysis, query))] for odd in odd_of(result, view)}
    assert kind in told and all(words in told[kind][2] for words in advice), told
    assert all(sentence.endswith(".") for _, *sentences in told.values() for sentence in sentences)
    for change in advice.values():
        assert kind not in {odd.kind for odd in odd_of(ask(question(analysis, changed(query, change))), view)}, change


def odd_of(result: Any, view: View) -> list:
    return found(PANELS[name_of(result.spec)].odd, result, view, Scale())


def test_every_analysis_that_can_warn_is_among_the_cases():
    assert {case.analysis for case in WARNINGS} >= set(ANALYSES) - {"extent"}
