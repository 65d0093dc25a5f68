"""Lessons: what a file may hold, what an address stands for, the page that lists them, and computing them ahead."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from lossatlas.app.cli.main import main
from lossatlas.app.routes import lessons
from lossatlas.app.routes.lessons import list_page, paragraphs, words
from lossatlas.app.routes.main import make_app
from lossatlas.app.state import lesson as module
from lossatlas.app.state.lesson import LESSONS, BadLesson, Fact, expand, read_lesson, read_lessons, states
from lossatlas.app.state.page import read_state
from lossatlas.app.stream.lesson_answers import Progress, check, facts, stored, survey, warm
from lossatlas.app.stream.page import Page
from lossatlas.app.stream.serving import made
from lossatlas.compute.analyses.table import question
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.spec.settings import Settings

FOLDER = Path(__file__).parents[2] / "lessons"
SAMPLE = (FOLDER / "sample.toml").read_text(encoding="utf-8")
SETTINGS = Settings(Path())


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache", 10**8)


@pytest.fixture
def sample(monkeypatch):
    """The sample among the lessons."""
    monkeypatch.setitem(LESSONS, "sample", found := read_lesson("sample", SAMPLE))
    return found


def panels_of(query: str, pool, cache: Cache) -> dict[tuple[int, str], str]:
    """The last state of each panel as the page's stream tells it."""
    told = [
        event.data for event in made(Page(read_state(query)), pool, cache, SETTINGS) if event and event.name == "panel"
    ]
    return {(data["column"], data["panel"]): data["state"] for data in told}


@pytest.mark.parametrize("name", LESSONS)
def test_every_lesson_can_be_asked_and_shows_what_its_facts_speak_of(name):
    check(LESSONS[name])
    assert LESSONS[name].order < module.LAST, "a lesson of the program names its place in the order"


def test_a_file_becomes_a_lesson():
    lesson = read_lesson("sample", SAMPLE)
    assert (lesson.name, lesson.minutes, lesson.order, len(lesson.steps)) == ("sample", 3, 7, 3)
    first, second, _ = lesson.steps
    assert first.ask is None and second.ask is not None and second.ask.choices[second.ask.answer] == "in the center"
    assert paragraphs(first.text) == [
        "The network has nine weights, and none has moved yet.", "Every column starts from the same draw.",
    ]  # fmt: skip
    assert (first.facts[0].low, first.facts[0].high) == (0.5, 1.5)


@pytest.mark.parametrize(("fact", "expected", "inside", "outside"), [
    (Fact("slice", 0, "center_loss", 0.5, 0.7, "", 0.6, 0.1), "0.6 ± 0.1", 0.69, 0.71),
    (Fact("slice", 0, "center_loss", 2.0, 2.0, "", 2.0, 0.0), "2", 2.0, 2.1),
    (Fact("slice", 0, "center_loss", -1.0, 0.7, ""), "−1 to 0.7", -1.0, -1.1),
    (Fact("slice", 0, "center_loss", float("-inf"), 3.0, ""), "at most 3", -9e9, 3.1),
    (Fact("slice", 0, "center_loss", 3.0, float("inf"), ""), "at least 3", 9e9, 2.9),
])  # fmt: skip
def test_a_fact_says_what_it_expects_and_notices_when_it_does_not_hold(fact, expected, inside, outside):
    assert fact.expected == expected
    assert fact.holds(inside) and not fact.holds(outside) and not fact.holds(float("nan"))


@pytest.mark.parametrize(("old", "new", "words"), [
    ('title = "A sample', 'titel = "A sample', "has no title"),
    ("minutes = 3", "minutes = 3\nlevel = 2", "no key called 'level'"),
    ("minutes = 3", "minutes = 0", "whole number from 1 to 600"),
    ("minutes = 3", "minutes = true", "whole number from 1 to 600"),
    ("minutes = 3", 'minutes = "3"', "whole number from 1 to 600"),
    ('look = "The gap."', 'look = "  "', "steps 3: look must be a text"),
    ('look = "The gap."', 'looks = "The gap."', "steps 3 has no look"),
    ('look = "The gap."', 'look = "The gap."\nnots = "x"', "Did you mean 'notes'"),
    ("dataset=xor&widths=2&steps=0", "dataset&steps=0", "without '='"),
    ("dataset=xor&widths=2&steps=0", "room=abc&dataset=xor", "may not hold room"),
    ("answer = 1", "answer = 3", "from 0 to 2"), ("answer = 1", "answer = 1.0", "whole number"),
    ('"nowhere"]', '"in the center"]', "differ from one another"),
    ('choices = ["at the rim", "in the center", "nowhere"]', 'choices = ["one"]', "list of 2 to 8 texts"),
    ('panel = "training"', 'panel = "trainig"', "Did you mean 'training'"),
    ('measure = "final_loss"', 'measure = "center_los"', "Did you mean 'center_loss'"),
    ("is = 99.0", "is = nan", "finite number"), ("within = 0.5", "within = -0.5", "not be negative"),
    ("is = 99.0\nwithin = 0.5", "", "either `is`"), ("high = 5", "within = 5", "either `is`"),
    ("within = 0.5", "low = 1", "either `is`"), ("low = 0.5\nhigh = 1.5", "low = 2\nhigh = 1", "above high"),
    ("column = 1", "column = 6", "from 0 to 5"),
    ("[[steps]]", "[steps]", "is no TOML"), ("minutes = 3", "minutes = ", "is no TOML"),
    ("[steps.ask]", "[[steps.ask]]", "table of keys and values"),
])  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_in_one_sentence(old, new, words):
    assert old in SAMPLE
    with pytest.raises(BadLesson, match=re.escape(words)) as refused:
        read_lesson("sample", SAMPLE.replace(old, new, 1))
    assert str(refused.value).startswith("sample.toml") and "\n" not in str(refused.value)


@pytest.mark.parametrize(("old", "new", "words"), [
    ("steps=0&", "stepps=0&", "steps 1: the state cannot be asked. There is no option called 'stepps'"),
    ("activation=tanh,relu", "activation=tanh", "column 1; there are 1, from 0"),
    ('panel = "training"', 'panel = "spectrum"', "steps 2: a fact speaks of spectrum"),
])  # fmt: skip
def test_a_step_that_cannot_be_shown_is_found_before_a_reader_opens_it(old, new, words):
    check(read_lesson("sample", SAMPLE))
    with pytest.raises(BadLesson, match=re.escape(words)):
        check(read_lesson("sample", SAMPLE.replace(old, new, 1)))


def test_lessons_of_a_folder_stand_in_their_order_and_a_readers_own_bad_one_is_left_out(tmp_path, caplog):
    for name, order in (("a", 3), ("b", 1), ("c", 2)):
        (tmp_path / f"{name}.toml").write_text(SAMPLE.replace("order = 7", f"order = {order}"), encoding="utf-8")
    assert list(read_lessons(tmp_path)) == ["b", "c", "a"]
    (tmp_path / "Bad Name.toml").write_text(SAMPLE, encoding="utf-8")
    with pytest.raises(BadLesson, match="small letters"):
        read_lessons(tmp_path)
    assert {"a", "b", "c"} <= module._all({module.OWN: str(tmp_path)}).keys()
    assert "small letters" in caplog.text


def test_a_short_address_is_the_steps_state_and_any_other_the_readers_own(sample):
    whole = read_state(sample.steps[1].state)
    for short in ("lesson=sample&page=2", "page=2&lesson=sample&theme=dark"):
        found = read_state(short)
        assert (found.values, found.columns, found.view.place) == (whole.values, whole.columns, whole.view.place)
        assert (found.view.lesson, found.view.page) == ("sample", 2)
    assert read_state("lesson=sample").values == read_state(sample.steps[0].state).values
    own = read_state("dataset=iris&lesson=sample&page=2")
    assert own.values == {"dataset": "iris"} and own.view.lesson == "sample"
    looked = read_state("place=curvature&lesson=sample&page=2")
    assert looked.values == {} and looked.view.place == "curvature"


@pytest.mark.parametrize("query", [
    "lesson=nothing", "lesson=sample&page=4", "lesson=sample&page=99", "lesson=sample.toml&page=1",
])  # fmt: skip
def test_an_unknown_step_is_the_default_page(query, sample):
    given = dict(part.split("=") for part in query.split("&"))
    assert expand(given) == given
    assert read_state(query).values == read_state("").values


@pytest.mark.parametrize("page", ["0", "-1", "1.5", "²", "", "x", "1e1", "00000001"])
def test_a_page_that_is_no_number_of_a_step_expands_to_nothing(page, sample):
    given = {"lesson": "sample", "page": page}
    assert expand(given) == given


def test_after_warming_a_step_the_page_finds_every_answer(sample, pool, cache):
    found = survey([sample], cache, SETTINGS)
    assert [n for _, n in found.waiting] == [1, 2, 3]
    shares: list[float] = []
    assert list(warm(found, cache, pool, SETTINGS, lambda progress: shares.append(progress.share))) == []
    assert shares == sorted(shares) and shares[0] == 0.0 and shares[-1] == pytest.approx(1.0)
    for number in (1, 2, 3):
        told = panels_of(f"lesson=sample&page={number}", pool, cache)
        assert told and set(told.values()) == {"cached"}
    assert not survey([sample], cache, SETTINGS).waiting  # a second time there is nothing to do


def test_warming_in_this_process_stores_the_same_answers_and_goes_on_where_it_stopped(sample, pool, cache, monkeypatch):
    asked: list = []
    most = 5

    def counting(spec, **words):
        if len(asked) == most:
            raise KeyboardInterrupt
        asked.append(spec)
        return ask(spec, **words)

    monkeypatch.setattr("lossatlas.app.stream.lesson_answers.ask", counting)
    with pytest.raises(KeyboardInterrupt):
        list(warm(survey([sample], cache, SETTINGS), cache, None, SETTINGS, lambda progress: None))
    most = 1000
    list(warm(survey([sample], cache, SETTINGS), cache, None, SETTINGS, lambda progress: None))
    assert len(asked) == len(set(asked))
    assert set(panels_of("lesson=sample&page=2", pool, cache).values()) == {"cached"}


def test_a_panel_without_an_answer_is_named_and_the_rest_is_computed(cache):
    failing = read_lesson("failing", SAMPLE.replace("steps=20&points=17&line", "steps=20&part=test&points=17&line"))
    sentences = list(warm(survey([failing], cache, SETTINGS), cache, None, SETTINGS, lambda progress: None))
    assert any("failing, step 2, slice of column 1" in one and "no test part" in one for one in sentences)
    known = stored(read_state(failing.steps[1].state), cache, SETTINGS)
    assert (0, "training") in known.answers and (0, "slice") not in known.answers


def test_facts_come_from_stored_answers_alone(sample, cache):
    step = sample.steps[1]
    assert [fact["here"] for fact in facts(step, cache, SETTINGS)] == ["", ""]
    list(warm(survey([sample], cache, SETTINGS), cache, None, SETTINGS, lambda progress: None))
    first, second = facts(step, cache, SETTINGS)
    query = "dataset=xor&widths=2&steps=20&activation=tanh"
    assert float(first["here"]) == pytest.approx(ask(question("slice", f"{query}&points=17")).center_loss, rel=1e-5)
    assert first["holds"] and first["expected"] == "at most 5"
    last = float(ask(question("training", query)).train_loss[-1])
    assert float(second["here"]) == pytest.approx(last, rel=1e-5) and not second["holds"]


def test_time_left_follows_the_share_that_is_done():
    progress = Progress({("a", 0, "slice"): 3.0, ("b", 0, "slice"): 1.0})
    progress.note("a", 0, "slice")
    progress.note("a", 0, "extent")  # no panel of its own
    assert progress.share == 0.75
    progress.began -= 30
    assert progress.left == pytest.approx(10, rel=0.01)


class Tags(HTMLParser):
    """Whether tags close in the order in which they open, and the links."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_of_lessons_has_a_card_for_each(sample):
    page = list_page([sample])
    assert "/?lesson=sample" in Tags(page).links and "3 min · 3 steps" in page
    assert "&lt;of each kind&gt;" in page and "<of each" not in page and "<script>" not in page
    assert "No lesson" in list_page([])


def test_the_server_answers_for_lessons_and_for_what_is_none(sample):
    client = make_app().server.test_client()
    assert b"A sample: XOR" in client.get("/lessons").data
    assert client.get("/lessons/sample.json").get_json() == json.loads(json.dumps(words(sample)))
    assert states()["sample"][2].startswith("dataset=xor")
    told = client.get("/lessons/sample/2/facts").get_json()
    assert [fact["expected"] for fact in told] == ["at most 5", "99 ± 0.5"]
    for path in ("nothing.json", "sample/4/facts", "sample/x/facts", "%2e%2e/1/facts", "..%2fsample.json"):
        assert client.get(f"/lessons/{path}").status_code == 404


def test_facts_are_measured_once_all_their_answers_are_there(sample, monkeypatch):
    here, measured = ["", "3.1"], []

    def measure(step, *_):
        measured.append(step)
        return [{"here": here[0]}, {"here": "2"}]

    monkeypatch.setattr(lessons, "facts", measure)
    client = make_app().server.test_client()
    for _ in range(2):
        client.get("/lessons/sample/2/facts")
    assert len(measured) == 2  # one answer was still missing
    del here[0]
    told = [client.get("/lessons/sample/2/facts").get_json() for _ in range(3)]
    assert len(measured) == 3 and told[0] == told[1] == told[2] == [{"here": "3.1"}, {"here": "2"}]


def test_the_command_computes_and_says_what_it_did(sample, cache_folder):
    words = ["warm", "lessons", "--lesson", "sample", "--workers", "0"]
    ended = CliRunner().invoke(main, words)
    assert ended.exit_code == 0 and "1 lessons, 3 steps" in ended.stdout, ended.output
    assert not survey([sample], Cache(cache_folder, Settings.cache_size), SETTINGS).waiting
    unknown = CliRunner().invoke(main, ["warm", "lessons", "--lesson", "smaple"])
    assert unknown.exit_code == 2 and "Did you mean 'sample'" in unknown.stderr
