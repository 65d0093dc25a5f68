"""The command that reproduces the study: what it writes, and that it goes on where it stopped."""

import base64
import csv
import html.parser
import io
import json
import re

import pytest
from click.testing import CliRunner

from lossatlas.app.cli.main import main
from lossatlas.app.export.report_tables import HEAD, TABLES, as_csv, as_latex, tables_of, texts
from lossatlas.compute.analyses.summaries import summarise
from lossatlas.compute.service.ask import ask
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.spec.options import to_query
from lossatlas.compute.spec.results import Failure
from lossatlas.compute.spec.settings import Settings
from lossatlas.compute.study import reproduction
from lossatlas.compute.study.claims import CLAIMS, findings
from lossatlas.compute.study.design import Row, numbers, settings
from lossatlas.compute.study.reproduction import carry_out

WORDS = ("reproduce", "bosman2023", "--dataset", "xor", "--workers", "0")
SCALE = 0.01


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Walks of a few steps: the same settings, in a second."""
    monkeypatch.setattr("lossatlas.compute.study.design.PACES", {"micro": (0.01, 24), "macro": (0.1, 12)})


@pytest.fixture
def cache(cache_folder) -> Cache:
    return Cache(cache_folder, Settings.cache_size)


@pytest.fixture
def rows(cache) -> list[Row]:
    return list(carry_out(settings(SCALE, ["xor"]), cache, None, lambda progress: None))


class Page(html.parser.HTMLParser):
    """Whether tags close in the order in which they open, the text, the scripts and the links."""

    VOID = ("meta", "link", "input", "br")

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.scripts: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.text, self._inside = "", ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "a" and "download" in found:
            self.links[found["download"]] = found["href"]
        if tag not in self.VOID:
            self.open.append(tag)
        self._inside = found.get("id", "code") if tag == "script" else ""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self._inside = ""

    def handle_data(self, data):
        if self._inside:
            self.scripts[self._inside] = self.scripts.get(self._inside, "") + data
        else:
            self.text += data


def test_the_report_holds_settings_claims_numbers_and_figures(cache, rows, tmp_path):
    out, folder = tmp_path / "report.html", tmp_path / "tables"
    ended = CliRunner().invoke(main, [*WORDS, "--scale", str(SCALE), "--out", str(out), "--tables", str(folder)])
    assert ended.exit_code == 0, ended.output
    page = Page(out.read_text())
    for row in rows:
        assert to_query(row.spec) in page.text
    for name, claim in CLAIMS.items():
        assert claim.sentence in page.text and claim.measure in page.text, name
    for finding in findings(rows):
        assert all(comparison.measured in page.text for comparison in finding.comparisons)
    assert set(tables_of(rows)) == TABLES.keys() - {"splits"}  # XOR has no test part
    for table in tables_of(rows):
        for line in texts(rows, table):
            assert all(cell in page.text for cell in line)
        link = base64.b64decode(page.links[f"xor-{table}.csv"].partition("base64,")[2]).decode()
        assert link == (folder / f"xor-{table}.csv").read_text() == as_csv(rows, table)
    drawn = json.loads(page.scripts["figures"])["xor"]
    assert len(drawn["figure"]["data"]) == len(rows) == len(drawn["rules"]["full"]) == 12
    assert "not available" in page.text and "torch" in page.text
    assert not re.search(r"(src|href)=.?https?://", out.read_text().partition('id="plotly"')[0])


def test_the_numbers_are_those_of_the_summary(rows, cache):
    for row in rows[:3]:
        [part] = reproduction.parts(row.spec)
        stored = reproduction.look_up(part, cache)
        summary = numbers(summarise(stored))
        assert {name: row.number(name) for name in summary} == pytest.approx(summary, nan_ok=True, abs=0)


def counted(monkeypatch, most: int = 1000) -> list:
    """What is asked from now on; one question more than `most` meets Ctrl-C."""
    asked: list = []

    def asking(spec, **words):
        if len(asked) == most:
            raise KeyboardInterrupt
        asked.append(spec)
        return ask(spec, **words)

    monkeypatch.setattr("lossatlas.compute.study.reproduction.ask", asking)
    return asked


def test_what_was_interrupted_goes_on_and_computes_nothing_twice(cache, monkeypatch):
    specs, asked = settings(SCALE, ["xor"]), counted(monkeypatch, most=5)
    found: list[Row] = []
    with pytest.raises(KeyboardInterrupt):
        found.extend(carry_out(specs, cache, None, lambda progress: None))
    more = counted(monkeypatch)
    shares: list[float] = []
    again = list(carry_out(specs, cache, None, lambda progress: shares.append(progress.share)))
    asked += more
    assert len(asked) == len(set(asked)) == len(again) == 12
    assert shares[0] == 0.0 and shares == sorted(shares) and shares[-1] == pytest.approx(1.0)
    more.clear()
    assert len(list(carry_out(specs, cache, None, lambda progress: None))) == 12 and not more


def test_a_pool_gives_the_same_rows(rows, pool, tmp_path):
    other = Cache(tmp_path / "other", Settings.cache_size)
    shares: list[float] = []
    found = list(carry_out(settings(SCALE, ["xor"]), other, pool, lambda progress: shares.append(progress.share)))
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0)
    by_spec = {row.spec: row for row in found}
    assert len(by_spec) == len(rows)
    for row in rows:
        mine = by_spec[row.spec]
        assert mine.values.tobytes() == row.values.tobytes() and mine.loss.tobytes() == row.loss.tobytes()
        assert mine.notes == row.notes and mine.stored == 0


def test_parts_are_stored_each_by_itself(cache, monkeypatch):
    spec = settings(0.5, ["xor"])[0]
    monkeypatch.setattr("lossatlas.compute.study.reproduction.PART", 1e-9)
    asked = counted(monkeypatch)
    [row] = carry_out([spec], cache, None, lambda progress: None)
    assert row.parts == len(asked) > 1 and row.stored == 0
    lost = [part for part in asked if part.first_walk]
    monkeypatch.setattr("lossatlas.compute.study.reproduction.stored_row", lambda *_: None)
    asked.clear()
    [again] = carry_out([spec], cache, None, lambda progress: None)
    assert not asked and again.stored == again.parts == len(lost) + 1
    assert again.values.tobytes() == row.values.tobytes()


def test_ctrl_c_says_that_what_is_done_is_stored(cache_folder, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("lossatlas.compute.study.reproduction.ask", interrupted)
    ended = CliRunner().invoke(main, [*WORDS, "--scale", str(SCALE), "--out", str(tmp_path / "report.html")])
    assert ended.exit_code == 130 and "goes on from there" in ended.stderr


def test_a_part_without_an_answer_ends_it_with_the_reason(cache_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "lossatlas.compute.study.reproduction.ask", lambda *_, **__: Failure("The worker was lost.", "worker lost")
    )
    ended = CliRunner().invoke(main, [*WORDS, "--scale", str(SCALE), "--out", str(tmp_path / "report.html")])
    assert ended.exit_code == 1 and "The worker was lost." in ended.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--dataset", "irsi"), "Did you mean 'iris'"),
        (("--activation", "rleu"), "Did you mean 'relu'"),
        (("--out", "/no/such/folder/report.html"), "does not exist"),
    ],
)
def test_bad_input_ends_with_one_sentence(cache_folder, words, sentence):
    ended = CliRunner().invoke(main, [*WORDS, *words])
    assert ended.exit_code == 2 and sentence in ended.stderr


@pytest.mark.parametrize("table", TABLES)
def test_tables_can_be_read_back(rows, table):
    lines = list(csv.DictReader(io.StringIO(as_csv(rows, table))))
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        for name, text in line.items():
            if name not in ("dataset", *HEAD):
                assert row.number(name) == pytest.approx(float(text or "nan"), nan_ok=True, abs=0)
    head, *body = [line for line in as_latex(rows, table).splitlines() if line.endswith(r" \\")]
    plain = [[cell.replace(r"$\pm$", "±").replace("--", "–") for cell in line[:-3].split(" & ")] for line in body]
    assert plain == texts(rows, table)[1:] and len(head.split(" & ")) == len(plain[0])
