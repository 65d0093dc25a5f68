import gzip
import json
import math
import time
import zlib
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from lossatlas.app.figures import training as training_figure
from lossatlas.app.look.columns import DEFAULT_ACTIVATIONS
from lossatlas.app.look.view import Scale
from lossatlas.app.panels import PANELS, panels_of, question_options
from lossatlas.app.state.page import read_state
from lossatlas.app.state.sentences import sentence
from lossatlas.app.stream import memo, serving
from lossatlas.app.stream.memo import Pages, Texts
from lossatlas.app.stream.page import Page
from lossatlas.app.stream.pictures import Pictures, draw_page
from lossatlas.app.stream.serving import made, stream
from lossatlas.app.stream.sse import Event, encoded, gzipped
from lossatlas.compute.analyses.clouds import CloudResult
from lossatlas.compute.analyses.table import question
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.pool import Pool
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.settings import Settings

QUICK = "dataset=xor&widths=2&steps=20&points=17&line_points=21"
CURVED = f"{QUICK}&place=curvature&replicates=3&along=3"
ROWS = panels_of("landscape")


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache", 10**8)


def events(query: str, pool: Pool, cache: Cache | None, max_seconds: float = 1800.0) -> list[tuple[str, Any]]:
    """The events of a page by name, each with what a browser makes of it."""
    told = made(Page(read_state(query)), pool, cache, Settings(Path(), max_seconds=max_seconds))
    return [(event.name, data_of(event)) for event in told if event is not None]


def data_of(event: Event) -> Any:
    return event.data | {"figure": json.loads(event.figure_json)} if event.figure_json else event.data


def sent(query: str, pool: Pool, cache: Cache | None = None) -> list[tuple[str, Any]]:
    """The events of a page as a browser reads them."""
    chunks = "".join(stream(query, pool, cache, Settings(Path()))).split("\n\n")
    parts = [chunk.removeprefix("event: ").split("\ndata: ") for chunk in chunks if chunk.startswith("event: ")]
    return [(name, json.loads(data)) for name, data in parts]


def last_panels(found) -> dict[tuple[int, str], dict]:
    return {(data["column"], data["panel"]): data for name, data in found if name == "panel"}


def test_a_page_comes_as_plan_pictures_numbers_bar_and_done(pool, cache):
    found = events(QUICK, pool, cache)
    names = [name for name, _ in found]
    assert names[0] == "plan" and names[-1] == "done" and "bar" in names
    plan = found[0][1]
    assert [column["name"] for column in plan["columns"]] == list(DEFAULT_ACTIVATIONS)
    assert "XOR, network 2-2-1" in plan["sentence"] and plan["cost"].startswith("930 losses")
    ends = last_panels(found)
    assert set(ends) == {(column, panel) for column in range(3) for panel in ROWS}
    assert {end["state"] for end in ends.values()} == {"done"} and all(end["figure"]["data"] for end in ends.values())
    again = events(QUICK, pool, cache)
    assert {end["state"] for end in last_panels(again).values()} == {"cached"}
    for place, end in last_panels(again).items():
        assert end["figure"] == ends[place]["figure"]


def test_compared_panels_share_half_width_and_range_unless_asked_otherwise(pool, cache):
    def look(query):
        ends = last_panels(events(query, pool, cache))
        layouts = [ends[column, "slice"]["figure"]["layout"] for column in range(3)]
        return [layout["scene"]["xaxis"]["range"] for layout in layouts], [
            layout["coloraxis"]["cmin"] for layout in layouts
        ]

    widths, lows = look(QUICK)
    assert len({tuple(width) for width in widths}) == 1 and len(set(lows)) == 1
    widths, lows = look(f"{QUICK}&shared=0")
    assert len({tuple(width) for width in widths}) == 1 and len(set(lows)) == 3


def test_the_data_link_of_a_panel_is_the_question_it_shows(pool, cache):
    ends = last_panels(events(QUICK, pool, cache))
    assert {column for column, _ in ends} == set(range(len(DEFAULT_ACTIVATIONS)))
    for (column, panel), end in ends.items():
        spec = question(panel, end["query"])
        assert spec.problem.activation == DEFAULT_ACTIVATIONS[column]
        assert getattr(getattr(spec, "where", None), "extent", 0) != "auto"


@pytest.mark.parametrize(("query", "words"), [
    ("activation=tahn", "Did you mean 'tanh'"), ("dataset=irs", "Did you mean 'iris'"), ("points=64", "odd"),
    ("activation=tanh,relu,elu,selu,celu,gelu,silu", "1 to 6"), ("activation=,", "1 to 6"), ("colour=red", "no option"),
    ("mode=sphere", "one of the names"), ("dataset=sine&loss=softmax_cross_entropy", "squared_error or auto"),
            ("a" * 9000, "at most 4000"),
    ("dataset=mnist&widths=1000&points=513", "limit is 30 min"), ("%ff%00=1", "no option"),
            ("seed=%F0%9F", "whole number"),
    ("window=1,0,0,0", "lower end below"), ("window=inf,1,0,1", "finite"), ("window=1,2,3,4,5", "at most 4 numbers"),
    ("window=1,2", "takes four numbers"), ("turn=abc", "must be a number"), ("turn=-5", "between 0.0 and 360.0"),
    ("window=0,1,0,1&trail=7,8,7,8", "lead inward"), ("window=0,1,0,1&trail=0,2,0,2,0,1,0,0.5", "lead inward"),
    ("place=clouds&brush=1,0,0,1", "as left,right,low,high"),
    ("place=clouds&frame=1,2", "numbers, left,right,low,high"),
    ("trail=0,1,0,1", "has none"), ("window=0,1,0,1&trail=x", "must be a number"),
    ("window=0,1,0,1&trail=1,2", "four numbers for each"), ("window=0,1,0,1&trail=0,2,2,0", "lower end below"),
    ("place=nowhere", "one of the names"), ("place=curvature&at=1,2,3", "at most 2"),
    ("place=curvature&at=nan,1", "finite"), ("place=curvature&probes=x", "whole number"),
    ("window=0,1,0,1&trail=" + ",".join(["0,1"] * 26), "at most 48 numbers"),
])  # fmt: skip
def test_what_cannot_be_asked_is_refused_with_one_sentence(query, words, pool):
    found = sent(query, pool)
    assert [name for name, _ in found] == ["refused"] and words in found[0][1]["sentence"]


@pytest.mark.parametrize("query", [QUICK, CURVED, f"{QUICK}&place=clouds&walks=4&walk_steps=30&tint=test_loss"])
def test_what_is_sent_is_what_was_told(query, pool, cache):
    events(query, pool, cache)  # now all of it is stored
    told = [(name, json.loads(json.dumps(data))) for name, data in events(query, pool, cache)]
    assert sent(query, pool, cache) == told and {"plan", "panel", "numbers", "twin", "done"} <= {
        name for name, _ in told
    }


@pytest.mark.parametrize(("event", "text"), [
    (Event("plan", {"a": [1, 0.5]}), 'event: plan\ndata: {"a": [1, 0.5]}\n\n'),
    (Event("bar", None), "event: bar\ndata: null\n\n"),
    (Event("panel", {"b": "é"}, '{"data":[]}'), 'event: panel\ndata: {"b": "\\u00e9", "figure": {"data":[]}}\n\n'),
    (None, ": beat\n\n"),
])  # fmt: skip
def test_an_event_is_two_lines_and_silence_a_comment(event, text):
    assert encoded(event) == text


def test_a_number_that_json_does_not_know_is_not_sent():
    with pytest.raises(ValueError, match="not JSON compliant"):
        encoded(Event("numbers", {"column": 0, "rows": [("loss", math.nan)]}))


def test_a_panel_that_fails_says_why_and_the_others_finish(pool, cache):
    ends = last_panels(events(f"{QUICK}&part=test&activation=relu", pool, cache))
    assert ends[0, "slice"]["state"] == "failed" and "no test part" in ends[0, "slice"]["text"]
    assert ends[0, "training"]["state"] == "done"


def test_beyond_the_most_streams_a_reader_is_told_to_wait(pool, monkeypatch):
    monkeypatch.setattr(serving, "_places", serving.Places(1))
    first = cast(Generator, stream(QUICK, pool, None, Settings(Path())))
    next(first), next(first)
    assert [name for name, _ in sent(QUICK, pool)] == ["busy"]
    first.close()
    assert sent(QUICK, pool)[-1][0] == "done"


def test_a_window_asks_for_the_surfaces_alone_and_marks_equal_pictures(pool, cache):
    window = f"{QUICK}&window=-0.4,0.2,0.1,0.5"
    whole, found = events(QUICK, pool, cache), events(window, pool, cache)
    first, second = (dict(plan["columns"][0]["asked"]) for plan in (whole[0][1], found[0][1]))
    assert first.pop("slice") != second.pop("slice") and first == second
    before, after = last_panels(whole), last_panels(found)
    for place, end in after.items():
        assert (end["mark"] == before[place]["mark"]) == (place[1] != "slice")
    for column in range(3):
        end = after[column, "slice"]
        assert end["figure"]["layout"]["meta"]["box"] == [-0.4, 0.2, 0.1, 0.5]
        assert "window [−0.4, 0.2] × [0.1, 0.5]" in end["caption"] and "window=-0.4,0.2,0.1,0.5" in end["query"]
    wandered = last_panels(events(f"{window}&trail=-1,1,-1,1", pool, cache))
    assert {end["state"] for end in wandered.values()} == {"cached"}  # the way there is no part of the question
    assert all(end["mark"] == after[place]["mark"] for place, end in wandered.items())


def test_a_turn_asks_for_the_surfaces_alone(pool, cache):
    plain, turned = (last_panels(events(f"{QUICK}{more}", pool, cache)) for more in ("", "&turn=30"))
    for place, end in turned.items():
        assert (end["mark"] == plain[place]["mark"]) == (place[1] != "slice")
    assert "turned 30°" in turned[0, "slice"]["caption"]
    boxes = [{tuple(end["figure"]["layout"]["meta"]["box"]) for place, end in ends.items() if place[1] == "slice"}
             for ends in (plain, turned)]  # fmt: skip
    assert boxes[0] == boxes[1]


def test_the_curvature_comes_as_rows_of_its_own_with_a_table(pool, cache):
    found = events(CURVED, pool, cache)
    plan, ends = found[0][1], last_panels(found)
    assert plan["panels"] == list(panels_of("curvature")) and plan["place"] == "curvature"
    assert set(ends) == {(column, panel) for column in range(3) for panel in plan["panels"]}
    assert {end["state"] for end in ends.values()} == {"done"} and all(end["figure"]["data"] for end in ends.values())
    heads = {data["column"]: dict(data["rows"]) for name, data in found if name == "numbers"}
    spectrum = ask(question("spectrum", "dataset=xor&widths=2&steps=20"))
    assert float(heads[0]["λ max"]) == pytest.approx(spectrum.largest[0], rel=5e-3)
    table = [data["rows"] for name, data in found if name == "table" and data["name"] == "replicates"][-1]
    assert [(row["activation"], row["seeds"]) for row in table] == [
        (name, seeds) for name in ("tanh", "ReLU", "ELU") for seeds in ("seed 3", "3 seeds")
    ]
    again = events(CURVED, pool, cache)
    assert {end["state"] for end in last_panels(again).values()} == {"cached"} and again[-1][0] == "done"


def test_histograms_of_compared_columns_reach_equally_far_unless_asked_otherwise(pool, cache):
    def ranges(query):
        ends = last_panels(events(query, pool, cache))
        return [question("saturation", ends[column, "saturation"]["query"]) for column in range(3)], [
            tuple(ends[column, "saturation"]["figure"]["layout"]["xaxis"]["range"]) for column in range(3)
        ]

    _, apart = ranges(f"{CURVED}&shared=0&seed=8&steps=200")
    specs, drawn = ranges(f"{CURVED}&seed=8&steps=200")
    widest = max(high for _, high in apart)
    assert len(set(apart)) > 1 and set(drawn) == {(-widest, widest)}
    assert {spec.z_range for spec in specs} == {"auto", widest}


def test_a_point_of_the_plane_moves_the_spectra_alone(pool, cache):
    whole, found = events(CURVED, pool, cache), events(f"{CURVED}&at=0.3,-0.2", pool, cache)
    first, second = (dict(plan["columns"][0]["asked"]) for plan in (whole[0][1], found[0][1]))
    assert first.pop("spectrum") != second.pop("spectrum") and first == second
    marks = last_panels(found)[0, "slice"]["figure"]["layout"]["scene"]["annotations"]
    assert [mark["x"] for mark in marks] == [0, 0, 0.3, 0.3]
    away = last_panels(events(f"{QUICK}&at=0.3,-0.2", pool, cache))
    assert len(away[0, "slice"]["figure"]["layout"]["scene"]["annotations"]) == 2  # the landscape shows no spectrum


def test_small_multiples_of_clouds_share_their_axes(pool, cache):
    walks = "dataset=xor&widths=2&place=clouds&walks=3&walk_steps=30&activation=tanh,relu&log=0"
    alone = last_panels(events(walks, pool, cache))
    assert {panel for _, panel in alone} == {"cloud"}
    found = last_panels(events(f"{walks}&multiples=1", pool, cache))
    assert {panel for _, panel in found} == set(panels_of("clouds"))
    ranges = {tuple(end["figure"]["layout"][axis]["range"]) for end in found.values() for axis in ("xaxis",)}
    assert len(ranges) == 1 != len(alone)
    specs = [question("cloud", found[0, f"cloud-{name}"]["query"]) for name in ("1-micro", "10-macro")]
    assert [(spec.walking.walk_range, spec.walking.walk_size, spec.walking.walk_steps) for spec in specs] == [
        (1.0, 0.01, 1000), (10.0, 0.1, 100),
    ]  # fmt: skip


def test_a_cloud_marks_the_point_of_its_own_walks_from_which_others_start(pool, cache):
    walks = "dataset=xor&widths=2&place=clouds&walks=3&walk_steps=30&activation=tanh&optimiser=walk&seed=2&steps=11"
    end = last_panels(events(walks, pool, cache))[0, "cloud"]["figure"]
    found = cast(CloudResult, ask(question("cloud", "dataset=xor&widths=2&walks=3&walk_steps=30&activation=tanh")))
    place = [math.log10(one[2, 11]) for one in (found.loss, found.gradient_norm)]
    assert end["layout"]["meta"]["chosen"] == pytest.approx(place)
    assert draw_page(walks, {(0, "cloud"): found})[0, "cloud"].layout.meta["chosen"] == pytest.approx(place)
    multiples = last_panels(events(f"{walks}&multiples=1", pool, cache))
    assert multiples[0, "cloud-10-macro"]["figure"]["layout"]["meta"]["chosen"] == []  # its walks are others


@pytest.mark.parametrize(("query", "panel", "state", "words"), [
    ("method=exact&limit=5", "spectrum", "failed", "at most 5 parameters"),
    ("at=1", "spectrum", "failed", "two numbers"),
    ("activation=threshold", "evolution", "none", "no curvature"), ("steps=0", "evolution", "none", "no training"),
])  # fmt: skip
def test_a_panel_whose_question_cannot_be_asked_or_answered_says_so_alone(query, panel, state, words, pool, cache):
    found = events(f"{CURVED}&activation=tanh&{query}", pool, cache)
    ends = last_panels(found)
    assert ends[0, panel]["state"] == state and words in ends[0, panel]["text"]
    assert ends[0, "slice"]["state"] == ends[0, "replicates"]["state"] == "done" and found[-1][0] == "done"


def test_of_four_inputs_no_boundary_is_drawn(pool, cache):
    ends = last_panels(events("place=training&activation=tanh&dataset=iris&steps=10&points=9", pool, cache))
    boundary = ends.pop((0, "boundary"))
    assert boundary["state"] == "none" and "Iris has 4" in boundary["text"]
    assert {end["state"] for end in ends.values()} == {"done"}


def test_a_panel_that_would_take_too_long_says_so_and_leaves_the_others(pool, cache):
    ends = last_panels(events(f"{CURVED}&replicates=200&rate=0.01", pool, cache, max_seconds=2.0))
    assert {end["state"] for place, end in ends.items() if place[1] == "replicates"} == {"failed"}
    assert "limit is 2.0 s" in ends[0, "replicates"]["text"]
    assert {end["state"] for place, end in ends.items() if place[1] != "replicates"} == {"done"}


def test_a_view_never_changes_the_questions(pool):
    plain, looked = read_state(QUICK), read_state(f"{QUICK}&mode=contour&log=0&palette=cividis&theme=dark")
    for panel in PANELS.values():
        assert plain.spec(panel.spec, plain.columns[0]) == looked.spec(panel.spec, looked.columns[0])
    assert not question_options().keys() & set(vars(plain.view))


def test_showing_accuracy_computes_it():
    state = read_state(f"{QUICK}&show=accuracy")
    assert state.spec(PANELS["slice"].spec, state.columns[0]).accuracy


def test_an_unknown_option_is_named_with_the_nearest():
    with pytest.raises(BadSpec, match="Did you mean 'palette'"):
        read_state("pallete=cividis")


def test_the_text_used_longest_ago_goes_first():
    texts = Texts(3)
    for key in "abc":
        texts.put(key, key)
    assert texts.get("a") == "a"
    texts.put("d", "d")
    assert [texts.get(key) for key in "abcd"] == ["a", None, "c", "d"]
    texts.put("a", "")  # its room is free
    texts.put("e", "e")
    assert [texts.get(key) for key in "acde"] == ["", "c", "d", "e"]


def test_an_equal_picture_is_not_drawn_again(monkeypatch):
    state = read_state(f"{QUICK}&activation=tanh")
    answers = {(0, "training"): ask(state.question("training", state.columns[0]))}
    place, pictures = (0, "training"), Pictures(state, answers, {(0, "training")})
    once = pictures.json(*place, pictures.scale(*place))
    monkeypatch.setattr(Pictures, "figure", None)
    assert Pictures(state, answers, set()).json(*place, pictures.scale(*place)) == once
    with pytest.raises(TypeError):
        pictures.json(*place, Scale(0.0, 3.0))


def test_the_head_of_a_column_holds_the_trainings_last_numbers():
    result = ask(question("training", QUICK.replace("&points=17&line_points=21", "")))
    rows = dict(training_figure.head(result))
    assert float(rows["train loss"]) == pytest.approx(result.train_loss[-1], rel=5e-3)
    assert rows["test loss"] == rows["test acc."] == "–"  # XOR has no test part
    assert sentence(result.spec).endswith("on 4 training patterns, Adam, 20 steps from seed 3.")


def test_a_page_from_the_cache_is_sent_again_as_it_was_and_a_computed_one_is_not(pool, cache, monkeypatch):
    pages = Pages(10**7)
    monkeypatch.setattr(serving, "_pages", pages)
    computed = list(stream(QUICK, pool, cache, Settings(Path())))
    cached = "".join(list(stream(QUICK, pool, cache, Settings(Path())))[1:])
    assert cached != "".join(computed[1:])  # that one was not kept
    monkeypatch.setattr(serving, "made", None)  # nothing is made any more
    assert "".join(list(stream(QUICK, pool, cache, Settings(Path())))[1:]) == cached
    with pytest.raises(TypeError):
        list(stream(QUICK, pool, cache, Settings(Path(), max_seconds=1.0)))  # another question


def test_readers_of_one_page_wait_for_each_other_but_not_for_long():
    pages, made = Pages(10), list[int]()

    def make(number: int) -> Iterator[str]:
        made.append(number)
        yield "page"

    slow = pages.serve("key", lambda: make(1), lambda: False, lambda: False)
    assert next(slow) == "page"  # it must be computed, and its reader has not taken the rest
    assert list(pages.serve("key", lambda: make(2), lambda: True, lambda: True)) == ["page"]
    assert list(slow) == [] and list(pages.serve("key", lambda: make(3), lambda: True, lambda: True)) == ["page"]
    assert made == [1, 2]  # the second was kept
    list(pages.serve("long", lambda: iter(["x" * 8]), lambda: True, lambda: True))
    assert list(pages.serve("long", lambda: make(4), lambda: True, lambda: True)) == ["x" * 8]
    list(pages.serve("key", lambda: make(5), lambda: True, lambda: True))
    assert made == [1, 2, 5]  # the bound


def test_of_readers_who_wait_in_vain_one_takes_over(monkeypatch):
    monkeypatch.setattr(memo, "PATIENCE", 0.3)
    pages, made = Pages(100), list[int]()

    def make(number: int) -> Iterator[str]:
        made.append(number)
        time.sleep(0.1)
        yield "page"

    def read(number: int) -> str:
        return "".join(pages.serve("key", lambda: make(number), lambda: True, lambda: True))

    stalled = pages.serve("key", lambda: make(0), lambda: True, lambda: True)
    assert next(stalled) == "page"  # its reader takes no more
    with ThreadPoolExecutor(6) as readers:
        assert list(readers.map(read, range(1, 7))) == ["page"] * 6
    assert len(made) == 2  # the stalled one's, and that of one of six


def test_a_page_on_which_a_question_has_no_answer_is_kept(pool, cache, monkeypatch):
    pages = Pages(10**7)
    monkeypatch.setattr(serving, "_pages", pages)
    query = "place=training&activation=tanh&dataset=wine&steps=5&points=9"
    for _ in range(2):
        sent = "".join(list(stream(query, pool, cache, Settings(Path())))[1:])
    monkeypatch.setattr(serving, "made", None)  # nothing is made any more
    assert '"state": "none"' in sent and "".join(list(stream(query, pool, cache, Settings(Path())))[1:]) == sent


def test_a_stream_is_packed_event_by_event():
    told = iter(["first", "second"])
    packed, unpack = gzipped(text for text in told), zlib.decompressobj(31)
    assert unpack.decompress(next(packed)) == b"first" and list(told) == ["second"]
    assert list(packed) and gzip.decompress(b"".join(gzipped(text for text in ["a", "ä"]))).decode() == "aä"
