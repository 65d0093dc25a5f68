"""Pages made from templates: one bar on all of them, refusals in the form that was asked for, and nothing that a reader
or a file sends becomes markup or is evaluated.
"""

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import UndefinedError

from lossatlas.app.export.file import page_html
from lossatlas.app.export.report import Made, content, write
from lossatlas.app.layout import frame
from lossatlas.app.layout.bar import ENTRIES, TOOLS, page
from lossatlas.app.layout.page import INDEX
from lossatlas.app.look.templating import ENVIRONMENT, render
from lossatlas.app.look.view import PLACES, View
from lossatlas.app.panels import PANELS
from lossatlas.app.routes import gallery, lessons, links, main, rooms
from lossatlas.app.state.lesson import read_lesson
from lossatlas.app.state.page import read_state
from lossatlas.app.stream.snapshot import Gathered, Shown
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.spec.settings import Settings
from lossatlas.compute.study.claims import findings
from lossatlas.compute.study.design import Row, settings
from lossatlas.compute.study.reproduction import carry_out

ROOT = Path(__file__).parents[3]
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
VOID = ("meta", "link", "img", "input", "br", "hr")
CURRENT = {  # which entry of the bar a page is
    "/gallery": "Gallery", "/gallery?dataset=irs": "Gallery", "/lessons": "Lessons", "/study": "Study", "/room": "",
    "/room?code=x": "", "/s/nothing": "", "/nonsense": "", "/export/slice.npz?dataset=irs": "",
    "/lessons/none.json": "", "/thumbnail/none.png": "",
}  # fmt: skip


class Markup(HTMLParser):
    """Elements with their attributes, in order, the words in them, and what encloses each."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.bar: list[tuple[str, str, bool]] = []  # label, address, current
        self.tools: list[tuple[str | None, str]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)
        last = self.elements[-1][1] if self.elements else {}
        if self.open[-2:] == ["nav", "a"] or self.open[-3:] == ["nav", "span", "a"]:
            self.bar.append((data, last.get("href") or "", last.get("aria-current") == "page"))
        if self.open[-1:] == ["button"] and "header" in self.open:
            self.tools.append((last.get("id"), data))

    @property
    def skeleton(self) -> list:
        """Without words and values."""
        return [(tag, sorted(attributes)) for tag, attributes in self.elements]

    @property
    def said(self) -> str:
        """Every word and value."""
        return "\n".join([*self.words, *(value or "" for _, found in self.elements for value in found.values())])


@pytest.fixture
def site(cache_folder, monkeypatch):
    """All routes but Dash's, over an empty cache."""
    cache, server = Cache(cache_folder, 10**8), Flask(__name__)
    monkeypatch.setattr("lossatlas.app.routes.main.cache", lambda: cache)
    main.add_guards(server)
    main.add_routes(server)
    lessons.add_routes(server, lambda: cache, Settings(cache_folder))
    rooms.add_routes(server, cache_folder)
    gallery.add_routes(server, lambda: cache)
    links.add_routes(server, Settings(cache_folder))
    yield server.test_client()
    cache.close()


@pytest.fixture
def rows(tmp_path, monkeypatch) -> list[Row]:
    monkeypatch.setattr("lossatlas.compute.study.design.PACES", {"macro": (0.1, 6)})
    specs = settings(0.01, ["xor"])[:2]
    return list(carry_out(specs, Cache(tmp_path / "rows", 10**8), None, lambda progress: None))


# ---------------------------------------------------------------------------------------------- the bar


SCRIPTLESS = INDEX.split("<noscript>")[1].split("</noscript>")[0]


def of_the_atlas() -> list[tuple[str, str]]:
    """The bar's words and where they lead, as the atlas's own elements have them; a place by its name."""
    nav = next(part.children for part in frame.above()[0]._traverse() if type(part).__name__ == "Nav")
    (switch,) = (part for part in nav if getattr(part, "id", "") == "places")
    radios = [(label.children[1], label.children[0].attributes) for label in switch.children]
    assert switch.className == "places" and [one["value"] for _, one in radios if "checked" in one] == [View.place]
    after = nav[nav.index(switch) + 1 :]
    assert {part.className for part in after} == {"study"}
    return [(label, one["value"]) for label, one in radios] + [(part.children, part.href) for part in after]


def of_a_page(found: Markup) -> list[tuple[str, str]]:
    """The same of another page: what the atlas would make of the address of a place is its name."""
    is_place = re.compile(r"/(\?.*)?")
    return [
        (label, read_state(href[2:]).view.place if is_place.fullmatch(href) else href) for label, href, _ in found.bar
    ]


@pytest.mark.parametrize("path", CURRENT)
def test_every_page_has_the_bar_of_the_atlas_and_says_which_entry_it_is(site, path):
    found = Markup(site.get(path, headers=BROWSER).text)
    assert of_a_page(found) == of_the_atlas() == [(one.label, one.place or one.href) for one in ENTRIES]
    assert [label for label, _, current in found.bar if current] == ([CURRENT[path]] if CURRENT[path] else [])
    assert found.tools == [(tool.name, tool.words) for tool in TOOLS]
    styles = [value["href"] for tag, value in found.elements if tag == "link" and value["rel"] == "stylesheet"]
    assert "/assets/css/style.css" in styles and "/assets/css/pages.css" in styles


def test_the_study_has_the_bar_too_and_a_page_without_scripts_has_its_places(rows):
    study = Markup(page("study.html", **content(rows, findings(rows), Made(()))))
    assert of_a_page(study) == of_the_atlas() == of_a_page(Markup(SCRIPTLESS))
    assert [label for label, _, current in study.bar if current] == ["Study"] and not Markup(SCRIPTLESS).tools


def test_a_file_has_no_bar_and_fetches_nothing(rows):
    found = Markup(write(rows, findings(rows), Made(())))
    addresses = [value for _, given in found.elements for name, value in given.items() if name in ("href", "src")]
    assert not found.bar and all((address or "").startswith(("data:", "#")) for address in addresses)


def test_the_tools_of_the_atlas_hold_those_of_every_page_in_their_order():
    buttons = [part for part in frame.above()[0]._traverse() if type(part).__name__ == "Button"]
    mine = [(part.id, part.children) for part in buttons if getattr(part, "id", "") in {tool.name for tool in TOOLS}]
    assert mine == [(tool.name, tool.words) for tool in TOOLS]


def test_every_place_is_an_entry():
    assert [entry.place for entry in ENTRIES if entry.place] == list(PLACES)


# ---------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/nonsense", 404), ("POST", "/gallery", 405), ("GET", "/export/slice.npz?dataset=irs", 400),
    ("GET", "/lessons/none.json", 404), ("GET", "/thumbnail/none.png", 404), ("GET", "/rooms/none/qr.svg", 404),
    ("POST", "/links", 413),
])  # fmt: skip
def test_a_window_gets_a_page_and_everybody_else_a_sentence(site, method, path, status):
    sent = {"state": "a" * 100_000} if status == 413 else None
    plain = site.open(path, method=method, json=sent, headers={"Accept": "*/*"})
    shown = site.open(path, method=method, json=sent, headers=BROWSER)
    assert (plain.status_code, plain.mimetype, shown.status_code, shown.mimetype) == (
        status, "text/plain", status, "text/html",
    )  # fmt: skip
    assert plain.text.strip() in Markup(shown.text).said and plain.text.count("\n") == 1
    assert plain.headers["Vary"] == shown.headers["Vary"] == "Accept"
    assert ("Allow" in shown.headers) == (status == 405)


# ---------------------------------------------------------------------------------------------- what others send

HOSTILE = "\"'><script>{{7*7}}{%</script>&lt;"  # as long as a network's name may be
PLAIN = "quiet"


def _gallery(text: str, site, rows) -> str:
    return site.get("/gallery", query_string={"network": text}).text


def _refused_gallery(text: str, site, rows) -> str:
    return site.get("/gallery", query_string={"dataset": text}).text


def _refused_question(text: str, site, rows) -> str:
    return site.get("/export/slice.npz", query_string={"dataset": text}, headers=BROWSER).text


def _room(text: str, site, rows) -> str:
    return site.get("/room", query_string={"code": text}).text


def _lessons(text: str, site, rows) -> str:
    sample = read_lesson("sample", (ROOT / "tests" / "lessons" / "sample.toml").read_text(encoding="utf-8"))
    return lessons.list_page([replace(sample, name=text, title=text, about=text)])


def _report(text: str, site, rows) -> str:
    mine = [replace(row, warnings=(text,), notes=(text,)) for row in rows]
    return write(mine, findings(rows), Made(((text, text),)))


def _study(text: str, site, rows) -> str:
    mine = [replace(row, warnings=(text,), notes=(text,)) for row in rows]
    return page("study.html", **content(mine, findings(rows), Made(((text, text),))))


def _saved(text: str, site, rows) -> str:
    column = {"label": text, "hue": text, "curve": text}
    settings = {"differ": [("a", text, [text])], "equal": [("b", text, text)]}
    plan = {"sentence": text, "equal": text, "place": text, "columns": [column], "panels": ["slice", "line"]}
    figure = {"data": [], "layout": {"title": text}}
    panels = {(0, "slice"): Shown("failed", text, text, (text,)), (0, "line"): Shown("done", text, text, (), figure)}
    bar = {"title": text, "ticks": [(0.0, text)], "gradient": text}
    name, table = next((name, panel.table) for name, panel in PANELS.items() if panel.table)
    line: dict = {"texts": {}} | {part["field"]: text for part in table.columns()}
    return page_html(
        Gathered(text, 1.0, View(), plan | {"settings": settings}, panels, {0: [(text, text)]}, bar, (name, [line]))
    )


SENT = (_gallery, _refused_gallery, _refused_question, _room, _lessons, _report, _study, _saved)


@pytest.mark.parametrize("made", SENT, ids=lambda made: made.__name__[1:])
def test_what_is_sent_is_shown_as_it_is_and_adds_no_element(made: Callable, site, rows):
    plain, hostile = (Markup(made(text, site, rows)) for text in (PLAIN, HOSTILE))
    assert hostile.skeleton == plain.skeleton
    assert "<script>{{7*7}}{%</script>&lt;" in hostile.said


def test_a_path_is_not_repeated(site):
    for path in ("/{}", "/s/{}", "/lessons/{}.json", "/thumbnail/{}.png", "/rooms/{}/qr.svg", "/assets/{}"):
        plain, hostile = (site.get(path.format(text), headers=BROWSER) for text in (PLAIN, HOSTILE.replace("/", "")))
        assert hostile.data == plain.data and hostile.status_code == plain.status_code == 404, path


def test_what_a_file_holds_as_data_cannot_end_its_element(site, rows):
    found = Markup(_saved(HOSTILE, site, rows))
    (told,) = (words for words in found.words if words.startswith('{"figures"'))
    assert "<" not in told and "\\u003c/script>" in told


# ---------------------------------------------------------------------------------------------- templates


@pytest.mark.parametrize("name", ENVIRONMENT.list_templates())
def test_every_template_can_be_read_and_is_read_once(name):
    assert ENVIRONMENT.get_template(name) is ENVIRONMENT.get_template(name)
    source = (ROOT / "app" / "templates" / name).read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe\b|autoescape", source), (
        "lossatlas.app.look.templating.verbatim is the one way past the escape"
    )


def test_what_a_template_is_not_given_is_an_error():
    with pytest.raises(UndefinedError, match="sentence"):
        page("refusal.html", title="Lost")
    assert "&lt;b&gt;" in render("curve.svg", points="<b>", colour="")


MARKUP = re.compile(r"</\w+>|<\w+ [\w-]+=|<!doctype", re.IGNORECASE)
PLOTLYS = re.compile(r"</?(b|br|extra)>")  # its own few tags, in texts of pictures


def strings(source: str) -> list[str]:
    """The texts of a module, without those that nobody reads as such: docstrings."""
    nodes = list(ast.walk(ast.parse(source)))
    alone = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    texts = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [str(node.value) for node in texts if id(node) not in alone]


def marked_up(source: str) -> list[str]:
    return [text for text in strings(source) if MARKUP.search(PLOTLYS.sub("", text))]


@pytest.mark.parametrize("file", sorted((ROOT / "app").rglob("*.py")), ids=lambda file: file.stem)
def test_no_markup_stands_in_python(file):
    assert marked_up(file.read_text(encoding="utf-8")) == []


def test_markup_in_python_would_be_noticed():
    for source in ("x = '<p class=\"a\">'", "x = f'<b>{y}</i>'", "x = '<!DOCTYPE html>'", "x = f'<a href={y}>'"):
        assert marked_up(source)
    assert not marked_up("'<p>a</p>'\nx = '<b>a</b><br>'\ny = '/rooms/<code>/close'")


def test_the_dark_theme_is_the_same_by_choice_and_by_the_system():
    sheet = (ROOT / "assets" / "css" / "colours.css").read_text(encoding="utf-8")
    blocks = [set(re.findall(r"(--[\w-]+): ([^;]+);", block)) for block in re.findall(r"\{[^{}]*--[^{}]*\}", sheet)]
    light, chosen, by_system = blocks
    assert chosen == by_system and {name for name, _ in chosen} == {name for name, _ in light}
