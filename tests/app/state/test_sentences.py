"""What a question is, in words: nothing that was chosen is left out of them, wherever they are shown."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lossatlas.app.export.answers import FORMATS
from lossatlas.app.export.code import of_question
from lossatlas.app.look.view import View
from lossatlas.app.panels import PANELS
from lossatlas.app.state import alt_texts
from lossatlas.app.state.page import read_state
from lossatlas.app.state.sentences import (
    chosen,
    classes_missing,
    classes_told,
    data_and_question,
    own,
    question_told,
    sentence,
)
from lossatlas.app.stream.pictures import Pictures
from lossatlas.app.stream.plan import plan
from lossatlas.compute.analyses.table import ANALYSES, question
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.problem.sources import prepare
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import build, flat, options_of, parse
from lossatlas.compute.spec.settings import Settings
from lossatlas.compute.spec.words import phrase, shown
from tests.cases import CALLED_FOR, another

SHAPES = {
    "optimiser": "walk 3 at",
    "skip": "with skips",
    "norm": "BatchNorm",
    "network": "c3",
    "widths": "-7-",
    "channels": "7c3",
    "dense": "-7-",
}
MORPHED = ("morph_low", "morph_high")
BASE: dict[str, object] = {"activation": "elu", "optimiser": "momentum", "init": "uniform"}
EVERY = [(analysis, name) for analysis, entry in ANALYSES.items() for name in options_of(entry.spec)]


def pair(analysis: str, name: str) -> tuple[Any, Any]:
    """Two questions that differ in one option, which has a meaning in both."""
    kind = ANALYSES[analysis].spec
    table = options_of(kind)
    needed = {key: value for key, value in (BASE | CALLED_FOR.get(name, {})).items() if key in table}
    if name in MORPHED:
        needed["morph"] = "parameter"
    if kind is ANALYSES["spectrum"].spec and name in ("directions", "direction_seed", "turn", "weight_a", "weight_b"):
        needed["at"] = (0.5, 0.5)  # a plane has a meaning where a point of it is looked at
    if name == "limit":
        needed["method"] = "exact"
    changed = needed | {name: another(table[name], needed.get(name))}
    return build(kind, needed), build(kind, changed)


@pytest.mark.parametrize(("analysis", "name"), EVERY, ids=lambda one: str(one))
def test_every_option_of_every_analysis_is_named_where_it_is_chosen(analysis, name):
    """Or it says of itself that it decides nothing of what is seen."""
    if analysis == "morph" and name in ("mix", "mix_with"):
        return  # a morph has mixtures of its own
    plain, other = pair(analysis, name)
    option = options_of(type(other))[name]
    if analysis != "cloud" and option.many:
        assert plain == other  # a point is reached by one walk, of its own steps
        return
    if analysis == "spectrum" and name in ("extent", "statistics"):
        assert plain == other  # a point of a plane lies there however far the picture reaches
        return
    told = question_told(other)
    if option.said == "never":
        assert told == question_told(plain)
        return
    assert told != question_told(plain)
    words = chosen(other).get(name) or SHAPES.get(name) or shown(option, flat(other)[name])
    assert words and words in (told.replace(",", "") if words.isdigit() else told)


@pytest.mark.parametrize("analysis", ANALYSES)
def test_what_is_usual_is_not_said(analysis):
    spec: Any = build(ANALYSES[analysis].spec, {})
    settled = {"classified", "method", "limit"}  # `auto` stands for a number, which is said
    assert chosen(spec).keys() <= settled
    assert ";" not in sentence(spec) or chosen(spec)


def test_an_option_that_says_nothing_of_itself_is_said_by_its_label_and_value():
    option = replace(options_of(Training)["rate"], told="", label="Learning rate")
    assert phrase(option, {"rate": 0.25, "steps": 3}) == "learning rate 0.25"
    assert phrase(replace(option, label="λ"), {"rate": 1 / 3, "steps": 3}) == f"λ {1 / 3!r}"
    assert phrase(option, {"rate": 0.25, "steps": 0}).endswith("which changes nothing here") or not option.means


# ---------------------------------------------------------------------------------------------- label noise


@pytest.mark.parametrize(("query", "words"), [
    ("dataset=breast_cancer&noise=1", "labels of 100 % (455) of the training patterns changed"),
    ("dataset=xor&noise=0.1", "label noise 0.1, which changes none of 4 labels"),
    ("dataset=sine&noise=0.25", "targets of 25 % (80) of the training patterns changed"),
    ("dataset=iris&l2=0.01", "L2 penalty λ = 0.01"),
    ("dataset=iris&max_samples=60", "60 of 150 patterns taken"),
    ("dataset=iris&max_samples=1000", "at most 1,000 patterns, which are all"),
    ("dataset=iris&test_share=0.5", "75 of 150 patterns kept for testing"),
    ("dataset=iris&test_share=0", "no pattern kept for testing"),
    ("dataset=iris&batch=1000", "batches of 1,000, which hold all 120 patterns"),
    ("dataset=iris&batch=32", "batches of 32"),
    ("dataset=iris&init=he", "initial weights He"),
    ("dataset=iris&init=zero", "400 steps from all weights and biases 0."),
    ("dataset=iris&init=zero&batch=8", "from all weights and biases 0, batches by seed 3; batches of 8."),
    ("dataset=iris&init=dead&steps=0", "the point with first layer −1"),
    ("dataset=iris&steps=0&rate=0.3", "rate 0.3, which changes nothing here"),
    ("dataset=iris&activation=relu&rescale=3", "rescaled by 3"),
    ("dataset=iris&optimiser=walk&seed=7&steps=3&walk=random&walk_range=10", "walk 7 at step 3; random walk, from ±10"),
])  # fmt: skip
def test_what_decides_is_said(query, words):
    assert words in sentence(parse(Training, query))


def test_captions_count_the_labels_that_are_not_the_data_sets_own():
    spec = question("slice", "dataset=breast_cancer&noise=1&steps=2&points=5&extent=1&widths=2&l2=0.5")
    result = ask(spec)
    caption = PANELS["slice"].picture.caption(result, View())
    assert "total loss (λ = 0.5), 455 training patterns, 455 labels changed" in caption
    test = replace(result, spec=replace(spec, where=replace(spec.where, part="test")))
    assert "changed" not in PANELS["slice"].picture.caption(test, View())
    told = alt_texts.told("slice", result, View())
    assert "labels of 100 % (455) of the training patterns changed" in told and "L2 penalty λ = 0.5" in told


# ---------------------------------------------------------------------------------------------- what pictures say

QUICK = "dataset=xor&widths=2&steps=5&noise=0.5&l2=0.01&rate=0.1"
ASKED = {
    "slice": f"{QUICK}&points=5&extent=2", "line": f"{QUICK}&line_points=5", "training": QUICK, "extent": QUICK,
    "spectrum": QUICK, "evolution": QUICK, "sharpness": QUICK, "saturation": QUICK,
    "replicates": f"{QUICK}&replicates=2",
    "cloud": "dataset=xor&widths=2&walks=3&walk_steps=20&noise=0.5&l2=0.01", "boundary": f"{QUICK}&boundary_points=5",
    "weights": QUICK, "weight_slices": f"{QUICK}&weight_points=5", "morph": f"{QUICK}&morph_frames=3&morph_points=5",
}  # fmt: skip


@pytest.mark.parametrize("analysis", ANALYSES)
def test_whatever_leaves_the_program_says_what_was_asked(analysis):
    result = ask(question(analysis, ASKED[analysis]))
    words = data_and_question(result.spec)
    assert "labels of 50 % (2) of the training patterns changed" in words and "λ = 0.01" in words
    told = json.loads(FORMATS["json"].write(result))
    assert told["says"] == words and told["question"]
    first, head, *_ = FORMATS["csv"].write(result).decode().splitlines()
    assert first == f"# {words}" and not head.startswith("#")
    assert question_told(result.spec) in of_question(result.spec)
    if analysis in PANELS:
        page = FORMATS["html"].write(result).decode()
        assert "(2) of the training patterns" in page.replace("\\u003cbr\\u003e", " ").replace("<br>", " ")


OF_PICTURES = [
    (analysis, name) for analysis, name in EVERY
    if analysis in PANELS and options_of(ANALYSES[analysis].spec)[name].said == "picture"
    and (analysis == "slice" or name not in options_of(ANALYSES["extent"].spec) or name == "statistics")
    and not (analysis in ("line", "spectrum", "morph") and name == "statistics")
]  # fmt: skip
GIVEN = {
    "moments": "moments=3", "z_range": "z_range=7", "at": "at=0.5,0.5", "matrix": "matrix=gauss_newton",
    "method": "method=estimated&probes=2", "probes": "method=estimated&probes=3",
    "lanczos": "method=estimated&lanczos=3",
    "along": "along=3", "replicates": "replicates=3", "boundary_points": "boundary_points=7",
    "boundary_moments": "boundary_moments=2", "weight_range": "weight_range=3", "weight_points": "weight_points=7",
    "morph": "morph=parameter", "morph_to": "morph_to=gelu", "morph_low": "morph=parameter&morph_low=0.3",
    "morph_high": "morph=parameter&morph_high=3", "morph_frames": "morph_frames=5", "morph_points": "morph_points=7",
    "classified": "classified=0.5", "directions": "directions=gaussian", "direction_seed": "direction_seed=4",
    "extent": "extent=3", "part": "part=test", "statistics": "statistics=moved", "points": "points=7",
    "turn": "turn=30", "window": "window=0,0.5,-1,1", "line_points": "line_points=7",
}  # fmt: skip
LEAST = "dataset=moons&max_samples=40&widths=2&steps=4&activation=elu"
SMALLEST = {
    "slice": "points=5&extent=1", "line": "line_points=5&extent=1", "replicates": "replicates=2",
    "boundary": "boundary_points=5", "weight_slices": "weight_points=5",
    "morph": "morph_frames=3&morph_points=5&extent=1",
    "cloud": "walks=2&walk_steps=9", "saturation": "", "spectrum": "", "evolution": "along=2", "sharpness": "",
}  # fmt: skip


def picture_told(analysis: str, more: str) -> str:
    """All that is said with a picture, its question aside."""
    norm = "&norm=batch" if "statistics" in more else ""
    least = LEAST.replace("&steps=4", "") if analysis == "cloud" else LEAST
    result = ask(question(analysis, f"{least}{norm}&{SMALLEST[analysis]}&{more}".strip("&")))
    picture = PANELS[analysis].picture
    along = PANELS["saturation-along"].picture.size(result) if analysis == "saturation" else ""
    return " ".join([picture.caption(result, View()), picture.words(result, View()), picture.size(result), along])


@pytest.mark.parametrize(("analysis", "name"), OF_PICTURES, ids=lambda one: str(one))
def test_what_a_picture_is_declared_to_say_it_says(analysis, name):
    more, usual = GIVEN[name], ""
    if name in MORPHED:
        usual = "morph=parameter"
    if analysis == "spectrum" and name in ("directions", "direction_seed", "turn"):
        more, usual = f"at=0.5,0.5&{more}", "at=0.5,0.5"
    if name in ("probes", "lanczos"):
        usual = "method=estimated"
    if name == "statistics":
        usual = "statistics=fixed"
    assert picture_told(analysis, more) != picture_told(analysis, usual)


def test_a_pictures_own_options_stand_below_it_and_the_others_on_top_of_the_page():
    query = "dataset=xor&widths=2&steps=3&activation=tanh&place=curvature&bins=20&zero=0.1&noise=0.5&extent=1&points=5"
    state = read_state(query)
    answers = {(0, name): ask(state.question(name, state.columns[0])) for name in ("saturation", "spectrum")}
    pictures = Pictures(state, answers, {*answers})
    assert pictures.caption(0, "saturation").endswith("bins 20")
    assert pictures.caption(0, "spectrum").endswith("zero within 0.1 of the largest")
    assert own(answers[0, "saturation"].spec) == ["bins 20"]
    told, _ = plan(state, SETTINGS)
    assert "labels of 50 % (2) of the training patterns changed." in told["sentence"] and "bins" not in told["sentence"]


# ---------------------------------------------------------------------------------------------- side by side

SETTINGS = Settings(cache=None)  # type: ignore[arg-type]


def top(query: str) -> tuple[str, str]:
    """The sentence on top of a page, and what stands below it."""
    told, _ = plan(read_state(query), SETTINGS)
    return told["sentence"], f"{told['equal']} {told['data']}".strip()


def test_columns_name_what_they_are_compared_by_and_the_sentence_the_rest():
    told, _ = top("dataset=iris&compare=l2&columns=0,0.1&rate=0.1&activation=tanh")
    assert "λ" not in told and told.endswith("; rate 0.1.") and "left" not in told


def test_an_option_that_some_columns_alone_have_is_said_of_them():
    told, _ = top("dataset=iris&activation=tanh,relu,elu&alpha=2&rescale=3")
    assert told.endswith("; α = 2 (ELU), rescaled by 3 (ReLU).")


def test_what_differs_without_being_compared_is_that_of_the_left_column():
    told, _ = top("compare=dataset&columns=iris,wine&noise=0.5&activation=tanh")
    assert "labels of 50 % (60) of the training patterns changed (left column)." in told


def test_columns_that_ask_for_the_same_are_said_to():
    _, equal = top("dataset=iris&compare=batch&columns=0,32,1000&activation=tanh")
    assert "Batch size 0 and Batch size 1000 ask for the same." in equal
    _, equal = top("dataset=iris&compare=batch&columns=0,32&activation=tanh")
    assert "ask for the same" not in equal


def test_answers_with_equal_numbers_are_said_to_be_and_no_others():
    """A slope of 0 makes leaky ReLU the ReLU: another question, the same point drawn and reached."""
    state = read_state("dataset=xor&widths=2&steps=0&activation=relu,leaky_relu,tanh&slope=0&place=training")
    answers = {(n, "weights"): ask(state.question("weights", side)) for n, side in enumerate(state.columns)}
    changed = replace(answers[2, "weights"], theta=answers[2, "weights"].theta + np.float32(1e-3))
    pictures = Pictures(state, answers | {(2, "weights"): changed}, {*answers})
    told = [pictures.caption(n, "weights") for n in range(3)]
    assert [("the same numbers as ReLU, to the bit" in words) for words in told] == [False, True, False]
    assert "to the bit" not in Pictures(state, answers, set()).caption(1, "weights")  # while others may still come


# ---------------------------------------------------------------------------------------------- the data


@pytest.mark.parametrize(
    "query", ["dataset=iris", "dataset=digits&max_samples=70&noise=0.3", "dataset=moons&data_seed=4"]
)
def test_classes_are_counted_as_the_loss_sees_them(query):
    problem = parse(Training, query).problem
    data = prepare(problem.dataset, problem.data_seed, problem.test_share, problem.noise, problem.max_samples)
    classes = range(data.classes)
    train, test = ([int((y == n).sum()) for n in classes] for y in (data.y_train, data.y_test))
    told = classes_told(problem)
    assert f"for training {', '.join(map(str, train))}" in told and f"for testing {', '.join(map(str, test))}." in told
    assert ("labels as changed" in told) == (problem.noise > 0)


def test_a_class_that_a_part_lacks_is_named():
    problem = parse(Training, "dataset=iris&max_samples=9").problem
    _, test = problem.class_counts
    missing = [n for n, count in enumerate(test) if not count]
    assert missing and f"No test pattern of class {', '.join(map(str, missing))}." in classes_missing(problem)
    whole = parse(Training, "dataset=iris").problem
    assert not classes_missing(whole) and classes_told(parse(Training, "dataset=sine").problem) == ""
    assert "testing" not in classes_told(parse(Training, "dataset=xor").problem)


def test_the_page_counts_the_classes_of_data_that_all_columns_share_and_names_what_some_lack():
    _, equal = top("dataset=iris&activation=tanh")
    assert equal.startswith("Patterns by class: for training ")
    told, _ = plan(read_state("compare=max_samples&columns=0,9&dataset=iris&activation=tanh"), SETTINGS)
    assert not told["data"] and "Most patterns 9: No test pattern of class" in told["equal"]
    ((label, texts),) = [(label, texts) for name, label, texts in told["settings"]["differ"] if name == "classes"]
    assert label == "Patterns by class" and len(set(texts)) == 2
