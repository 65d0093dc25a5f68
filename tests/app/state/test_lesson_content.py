"""Every fact that a lesson states, asked anew in this process, and what the lessons' files must hold."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lossatlas.app.panels import PANELS
from lossatlas.app.state.facts import MEASURES
from lossatlas.app.state.page import read_state
from lossatlas.compute.analyses.table import key_for, levels_of
from lossatlas.compute.numerics.paths.start import Training
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.results import Failure
from lossatlas.compute.spec.tasks import Task, every

FOLDER = Path(__file__).parents[3] / "app" / "lessons"
LESSONS = {file.stem: tomllib.loads(file.read_text("utf-8")) for file in sorted(FOLDER.glob("*.toml"))}
STEPS = {f"{name} {n}": step for name, lesson in LESSONS.items() for n, step in enumerate(lesson["steps"], 1)}
FACTS = [(at, n) for at, step in STEPS.items() for n in range(len(step["facts"]))]
MOST_SECONDS = 40.0  # estimated on one core for all that a lesson shows: 20 s on two


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cache]:
    found = Cache(tmp_path_factory.mktemp("lessons") / "cache", 10**9)
    yield found
    found.close()


def question_of(state: str, panel: str, column: int):
    page = read_state(state)
    assert panel in page.panels, f"{panel} does not stand in the place of {state}"
    return page.spec(PANELS[panel].spec, page.columns[column], preset=PANELS[panel].preset)


def answer(spec, cache: Cache) -> Any:
    """The answer to a question; its training is asked first, so that questions of one point share it."""
    if hasattr(spec, "start"):
        ask(Training(spec.problem, spec.start), cache=cache)
    found = ask(spec, cache=cache)
    assert not isinstance(found, Failure), found.sentence
    return found


def measured(state: str, fact: dict, cache: Cache) -> float:
    return MEASURES[fact["measure"]](answer(question_of(state, fact["panel"], fact.get("column", 0)), cache))


def holds(fact: dict, value: float) -> bool:
    if "is" in fact:
        return abs(value - fact["is"]) <= fact.get("within", 0.0)
    return fact.get("low", -float("inf")) <= value <= fact.get("high", float("inf"))


@pytest.mark.parametrize(("at", "number"), FACTS, ids=[f"{at} fact {n + 1}" for at, n in FACTS])
def test_a_fact_holds(at, number, cache):
    step = STEPS[at]
    fact = step["facts"][number]
    value = measured(step["state"], fact, cache)
    assert holds(fact, value), f"{fact['says']}: {fact['measure']} is {value!r}"


# Each fact here is a lesson's own, asked of a page on which it is not true.
@pytest.mark.parametrize(("at", "number", "changed"), [
    ("xor 1", 0, ("loss=auto", "loss=squared_error&init_range=2")),
    ("xor 3", 2, ("columns=1,0,10", "columns=1,0,5")),
    ("dead 1", 1, ("init=dead", "init=uniform")),
    ("dead 3", 2, ("activation=relu", "activation=elu")),
    ("infinity 2", 0, ("steps=300", "steps=20")),
    ("linear 4", 1, ("columns=1,1-1,1-1-1", "columns=1-1,1,1-1-1")),
    ("rescaling 4", 2, ("directions=filter", "directions=gaussian")),
    ("width 4", 3, ("columns=2,3,4,10", "columns=10,3,4,2")),
], ids=str)  # fmt: skip
def test_a_fact_can_fail(at, number, changed, cache):
    step = STEPS[at]
    state = f"loss=auto&{step['state']}"
    told, wrong = changed
    assert told in state
    fact = step["facts"][number]
    assert not holds(fact, measured(state.replace(told, wrong, 1), fact, cache))


def test_every_measure_is_of_use_and_known():
    assert {fact["measure"] for step in STEPS.values() for fact in step["facts"]} == set(MEASURES)


@pytest.mark.parametrize("at", STEPS)
def test_a_step_is_a_state_of_the_page_that_can_be_asked(at):
    step = STEPS[at]
    page = read_state(step["state"])
    for fact in step["facts"]:
        assert set(fact) <= {"panel", "column", "measure", "is", "within", "low", "high", "says"}
        assert ("is" in fact) != bool({"low", "high"} & set(fact)) and fact["says"]
        question_of(step["state"], fact["panel"], fact.get("column", 0))
    for panel in page.panels:
        for column in page.columns:
            levels_of(page.spec(PANELS[panel].spec, column, preset=PANELS[panel].preset))
    if asked := step.get("ask"):
        assert 0 <= asked["answer"] < len(asked["choices"]) and asked["question"] and asked["why"]


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_short_cheap_and_says_what_not_to_conclude(name):
    lesson = LESSONS[name]
    assert 4 <= len(lesson["steps"]) <= 6 and lesson["about"].endswith(".") and 1 <= lesson["minutes"] <= 15
    assert lesson["steps"][-1]["title"] == "What not to conclude"
    assert any("ask" in step for step in lesson["steps"])
    for step in lesson["steps"]:
        assert step["facts"] and step["look"] and len(step["text"].split()) <= 110
    tasks: dict[str, Task] = {}
    for step in lesson["steps"]:
        page = read_state(step["state"])
        for panel in page.panels:
            for column in page.columns:
                tasks |= every(levels_of(page.spec(PANELS[panel].spec, column)))
    assert sum(task.seconds for task in tasks.values()) < MOST_SECONDS


def test_lessons_come_in_one_order():
    assert sorted(lesson["order"] for lesson in LESSONS.values()) == list(range(1, len(LESSONS) + 1))
    assert len(LESSONS) == 10


def test_a_state_with_a_wrong_name_would_be_noticed():
    with pytest.raises(BadSpec, match="activation"):
        read_state(STEPS["xor 1"]["state"].replace("activation", "activatoin"))
    two, ten = (question_of(STEPS["width 4"]["state"], "cloud", column) for column in (0, 3))
    assert key_for(two) != key_for(ten)
