"""Words for pictures, their numbers as rows, and what makes a picture odd: all from the answer's own numbers."""

import io
import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lossatlas.app.export.answers import FORMATS, MOST_ROWS
from lossatlas.app.figures.shared import oddities, parts
from lossatlas.app.look.ticks import number
from lossatlas.app.look.view import Scale, View
from lossatlas.app.panels import PANELS
from lossatlas.app.routes.main import server
from lossatlas.app.state import alt_texts
from lossatlas.compute.analyses.table import name_of, question
from lossatlas.compute.service.ask import ask

QUICK = "dataset=xor&widths=2&steps=10"
ASKED = {
    "slice": f"{QUICK}&points=9&extent=2", "line": f"{QUICK}&line_points=21", "training": QUICK, "spectrum": QUICK,
    "evolution": QUICK, "sharpness": QUICK, "saturation": QUICK, "replicates": f"{QUICK}&replicates=2",
    "cloud": "dataset=xor&widths=2&walks=3&walk_steps=20", "boundary": f"{QUICK}&boundary_points=9", "weights": QUICK,
    "weight_slices": f"{QUICK}&weight_points=9", "morph": f"{QUICK}&morph_frames=3&morph_points=9&extent=1",
}  # fmt: skip
VIEW = View()


@pytest.fixture(scope="module")
def answers():
    return {name: ask(question(name, query)) for name, query in ASKED.items()}


def test_every_panel_has_words():
    assert {panel.analysis for panel in PANELS.values()} == set(ASKED)


@pytest.mark.parametrize("name", ASKED)
def test_the_words_hold_the_numbers_of_the_answer(answers, name):
    result = answers[name]
    key = {
        "slice": lambda: [result.center_loss, result.loss.min(), result.loss.max()],
        "line": lambda: [result.center_loss, result.loss.min(), result.loss[0], result.loss[-1]],
        "training": lambda: [result.train_loss[0], result.train_loss[-1], result.gradient_norm[-1]],
        "spectrum": lambda: [result.largest[0], result.smallest[0], result.trace],
        "evolution": lambda: [result.largest[0, 0], result.largest[-1, 0]],
        "sharpness": lambda: [result.sam[0], result.sam[-1], result.keskar[-1], result.largest],
        "saturation": lambda: [result.layer_saturation[-1, 0]],
        "replicates": lambda: [result.train_loss.min(), result.saturation.max()],
        "cloud": lambda: [result.loss.min(), result.loss.max(), result.gradient_norm.max()],
        "boundary": lambda: [len(result.step), 100 * result.accuracy[0], 100 * result.accuracy[-1]],
        "weights": lambda: [result.theta[-1][np.abs(result.theta[-1]).argmax()]],
        "weight_slices": lambda: [result.loss[0, 4], (result.loss.max(1) - result.loss[:, 4]).max()],
        "morph": lambda: [result.center_loss[0], result.center_loss[-1], result.loss.min(), result.loss.max()],
    }[name]()
    words = alt_texts.told(name, result, VIEW)
    assert [number(float(value)) for value in key if number(float(value)) not in words] == []
    assert 40 < len(words) <= alt_texts.MOST_LETTERS and "nan" not in words.lower().replace("finan", "")
    assert words[0].isupper() or not words[0].isalpha()


def test_the_lowest_point_is_told_where_it_is(answers):
    result = answers["slice"]
    loss = np.full((9, 9), 2.0)
    loss[6, 1] = 0.25
    words = alt_texts.told("slice", replace(result, loss=loss), VIEW)
    assert f"lowest value 0.25 at ({number(result.a[6])}, {number(result.b[1])})" in words


@pytest.mark.parametrize("name", ASKED)
def test_rows_are_the_head_of_the_csv(answers, name):
    result = answers[name]
    told = json.loads(FORMATS["rows"].write(result))
    whole = pd.read_csv(io.BytesIO(FORMATS["csv"].write(result)), comment="#")
    assert told["columns"] == list(whole.columns) and told["count"] == len(whole)
    assert len(told["rows"]) == min(MOST_ROWS, len(whole))
    for place, column in enumerate(told["columns"]):
        mine = np.array([math.nan if row[place] is None else row[place] for row in told["rows"]])
        np.testing.assert_array_equal(mine, whole[column].to_numpy()[: len(mine)])


def test_rows_of_a_large_answer_stop_and_say_so():
    result = ask(question("slice", f"{QUICK}&points=17"))
    told = json.loads(FORMATS["rows"].write(replace(result, loss=np.full((17, 17), np.inf))))
    assert len(told["rows"]) == MOST_ROWS and told["count"] == 289
    assert told["rows"][0][told["columns"].index("loss")] is None


def test_rows_are_exported_and_refused_like_the_files(answers, cache_folder, monkeypatch):
    monkeypatch.setattr("lossatlas.app.routes.main.ask", lambda spec, **_: answers["line"])
    found = server.test_client().get(f"/export/line.rows?{ASKED['line']}")
    assert found.mimetype == "application/json" and json.loads(found.text)["count"] == 21
    assert server.test_client().get("/export/line.rows?points=9").status_code == 400


def kinds(result, view: View = VIEW, scale: Scale = Scale()) -> set[str]:  # noqa: B008
    return {odd.kind for odd in oddities.found(PANELS[name_of(result.spec)].odd, result, view, scale)}


def test_every_oddity_is_explained_and_has_one_name():
    known = {odd for panel in PANELS.values() for odd in panel.odd}
    assert len({odd.kind for odd in known}) == len({odd.title for odd in known}) == len(known)
    assert {odd.kind for odd in known} >= {"flat", "steep", "raised", "loose", "unclassified", "lost"}
    for odd in known:
        assert odd.title and odd.why.endswith(".") and (callable(odd.do) or odd.do.endswith("."))


def test_a_slices_oddities_come_from_its_numbers(answers):
    calm = replace(
        answers["slice"], gradient_norm=0.0, loss=1 + np.add.outer(np.arange(9.0), np.arange(9.0)), center_loss=1.0
    )
    assert kinds(calm) == set()
    assert kinds(replace(calm, gradient_norm=0.02)) == {"steep"}
    assert kinds(replace(calm, loss=np.full((9, 9), 0.7))) >= {"flat"}
    assert kinds(replace(calm, loss=1e4 + 0.02 * calm.loss)) >= {"rounding"}
    assert kinds(replace(calm, center_loss=1.5)) == {"lower"}
    assert kinds(replace(calm, center_loss=1.5), View(show="penalty")) == set()
    holed = calm.loss.copy()
    holed[0, 0] = np.nan
    assert kinds(replace(calm, loss=holed)) == {"gaps"}
    assert kinds(replace(calm, loss=calm.loss - 1, center_loss=0.0)) == {"shelf"}
    assert kinds(replace(calm, loss=calm.loss - 1, center_loss=0.0), View(log=False)) == set()
    assert kinds(calm, View(log=False), Scale(1.0, 4.0)) == {"clipped"}


def test_the_kinds_are_those_of_the_stored_warnings(answers):
    """The sentences that `warnings_of` stored are those of the kinds found now."""
    for name in ("slice", "line"):
        result = answers[name]
        assert set(parts.oddities_of(result).values()) <= set(result.warnings)
    window = ask(question("slice", f"{QUICK}&points=9&window=0.5,1,0.5,1"))
    assert set(parts.oddities_of(window).values()) <= set(window.warnings)
    (lower,) = parts.oddities_of(replace(window, center_loss=1e9)).values()
    assert "window" in lower


def test_a_trainings_oddities(answers):
    fine = replace(
        answers["training"], gradient_norm=np.array([1.0, 1e-3]), train_loss=np.array([1.0, 0.1]), penalty=np.zeros(2)
    )
    assert kinds(fine) == set()
    assert kinds(replace(fine, train_loss=np.array([0.1, 1.0]))) == {"raised"}
    assert kinds(replace(fine, train_loss=np.array([1.0, 0.9995]))) == {"still"}
    assert kinds(replace(fine, diverged_at=3)) == {"diverged"}
    assert kinds(replace(fine, gradient_norm=np.array([1.0, 0.5]))) == {"steep"}


def test_other_oddities(answers):
    spectrum, cloud, seeds = (answers[name] for name in ("spectrum", "cloud", "replicates"))
    assert "zeros" in kinds(replace(spectrum, counts=np.array([0.0, spectrum.parameters, 0.0])))
    assert "zeros" not in kinds(replace(spectrum, counts=np.array([0.0, 0.0, spectrum.parameters])))
    assert "loose" in kinds(replace(spectrum, largest_residual=spectrum.largest[:1]))
    assert "loose" not in kinds(replace(spectrum, largest_residual=np.zeros(1), smallest_residual=np.zeros(1)))
    assert "overflowed" in kinds(replace(cloud, broken_at=np.array([-1, 4, -1])))
    assert "overflowed" not in kinds(replace(cloud, broken_at=np.full(3, -1)))
    assert "lost" in kinds(replace(seeds, train_loss=np.array([0.1, np.nan]))) and "lost" not in kinds(seeds)
