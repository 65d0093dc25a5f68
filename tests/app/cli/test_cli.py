import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lossatlas.app.cli.main import main
from lossatlas.app.look.ticks import number
from lossatlas.app.panels import PANELS
from lossatlas.app.state.page import read_state
from lossatlas.compute.analyses.planes.directions import UNMOVED, UNTRAINED
from lossatlas.compute.analyses.table import ANALYSES, question
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.datasets import DATASETS
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.results import UNASKABLE
from tests.test_imports import FILES

QUERY = "dataset=iris&widths=4&activation=tanh&seed=0&steps=20&points=9"


def lossatlas(*words: str):
    return CliRunner().invoke(main, words)


def test_a_slice_is_written_with_its_documented_keys(cache_folder, tmp_path):
    out = tmp_path / "slice.npz"
    found = lossatlas("run", "slice", QUERY, "--out", str(out))
    assert found.exit_code == 0 and "about 0.1 s" in found.stderr and "at the center" in found.stdout
    with np.load(out, allow_pickle=False) as stored:
        assert stored["loss"].shape == (9, 9) and stored["theta"].shape == stored["u"].shape == stored["v"].shape == (
            35,
        )
        assert stored["loss"][4, 4] == stored["center_loss"] and stored["a"][4] == stored["b"][4] == 0
    again = tmp_path / "again.npz"
    assert lossatlas("run", "slice", QUERY, "--out", str(again)).exit_code == 0
    fresh = tmp_path / "fresh.npz"
    assert lossatlas("run", "slice", QUERY, "--out", str(fresh), "--no-cache").exit_code == 0
    assert out.read_bytes() == again.read_bytes() == fresh.read_bytes()


def test_a_window_of_a_turned_plane_is_written(cache_folder, tmp_path):
    out = tmp_path / "slice.csv"
    query = f"{QUERY}&window=-0.4,0.2,0.1,0.5&turn=30"
    found = lossatlas("run", "slice", query, "--out", str(out))
    assert found.exit_code == 0 and "A window of the plane" in found.stdout and "Turned by 30°" in found.stdout
    rows = np.loadtxt(out, delimiter=",", skiprows=2)  # what was asked, and the names
    assert len(rows) == 81 and (rows[0, :2] == [-0.4, 0.1]).all() and (rows[-1, :2] == [0.2, 0.5]).all()


@pytest.mark.parametrize("ending", ["csv", "json", "html"])
def test_the_other_formats_are_written(ending, cache_folder, tmp_path):
    out = tmp_path / f"line.{ending}"
    assert lossatlas("run", "line", "dataset=xor&widths=2&steps=5&line_points=21", "--out", str(out)).exit_code == 0
    assert len(out.read_bytes()) > 500
    if ending == "json":
        assert json.loads(out.read_text())["analysis"] == "line"


@pytest.mark.parametrize(("words", "said"), [
    (["run", "slice", "dataset=irs"], "Did you mean 'iris'"), (["run", "slyce", ""], "Did you mean 'slice'"),
    (["run", "slice", "window=1,0,0,0"], "lower end below"), (["run", "slice", "turn=x"], "must be a number"),
    (["run", "slice", "widths=0"], "between 1"), (["run", "slice", "widths=1000000000"], "between 1"),
    (["run", "slice", "activation=tanh,relu"], "one of the names"), (["run", "slice", "", "--out", "x.pkl"], "npz"),
    (["run", "slice", "", "--out", "/nowhere/x.npz"], "does not exist"),
            (["run", "extent", "", "--out", "x.html"], "no figure"),
    (["run", "slice", "dataset=mnist&widths=1000&points=513"], "limit is 30 min"),
    (["run", "slice", QUERY, "--scheduler", "nonsense"], "No dask scheduler"),
])  # fmt: skip
def test_bad_input_is_one_sentence_and_exit_code_2(words, said, cache_folder, monkeypatch):
    monkeypatch.setattr("lossatlas.compute.service.pool.PATIENCE", 0.5)
    found = lossatlas(*words)
    last = found.stderr.strip().splitlines()[-1]
    assert found.exit_code == 2 and said in last and "Traceback" not in found.output


@pytest.mark.parametrize(("analysis", "query", "said"), [
    ("slice", "dataset=iris&max_samples=2&test_share=0.9", "leaves none"),
    ("training", "dataset=iris&max_samples=1&test_share=0.9", "leaves none"),
    ("slice", "part=test&steps=0", "no test part"), ("line", "part=test&steps=0", "no test part"),
    ("saturation", "part=test&steps=0", "no test part"), ("spectrum", "part=test&steps=0", "no test part"),
    ("weight_slices", "part=test&steps=0", "no test part"), ("spectrum", "activation=threshold", "no curvature"),
    ("saturation", "widths=none&steps=0", "has none"), ("evolution", "steps=0", "no training to follow"),
    ("boundary", "dataset=iris&steps=0", "one or two inputs"), ("weight_slices", "widths=400&steps=0", "at most"),
    ("line", "directions=interpolation&steps=0", "two points"), ("slice", "widths=none&steps=0&turn=9", "turn=0"),
    ("training", "activation=relu&rescale=2&widths=none", "no hidden layer"),
])  # fmt: skip
def test_what_only_another_question_mends_is_bad_input_however_late_it_is_found(analysis, query, said, cache_folder):
    found = lossatlas("run", analysis, f"dataset=xor&widths=2&{query}")
    assert found.exit_code == 2 and said in found.stderr.splitlines()[-1]


def test_an_answer_that_cannot_be_had_is_a_sentence_and_exit_code_1(cache_folder):
    found = lossatlas("run", "slice", "dataset=xor&widths=2&optimiser=sgd&rate=1e4&l2=1&steps=50&points=5")
    assert found.exit_code == 1 and "diverged" in found.stderr


NO_ANSWER = {"diverged", "fault", "memory", "no plane", "worker lost"}  # kinds of what turned out in computing


def kinds(tree: ast.AST) -> Iterator[str]:
    """What a module calls the reasons why there is no answer."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("CannotAnswer", "Failure"):
            yield from (str(part.value) for part in node.args[1:] if isinstance(part, ast.Constant))


def test_every_reason_why_there_is_no_answer_is_one_of_the_two():
    known = {kind for file in FILES.values() for kind in kinds(ast.parse(file.read_text()))}
    assert (
        {"diverged", "bad question"} <= known | {kind for _, kind in (UNTRAINED, UNMOVED)} <= NO_ANSWER | {*UNASKABLE}
    )
    assert not NO_ANSWER & {*UNASKABLE}


# Of every analysis a question, and numbers of its answer that stand at the column's head or in its picture's words.
QUICK = "dataset=xor&widths=2&steps=10"
NUMBERS = {
    "training": (QUICK, lambda r: [r.train_loss[0], r.train_loss[-1], r.gradient_norm[-1]]),
    "slice": (f"{QUICK}&points=9&extent=2", lambda r: [r.center_loss, r.loss.min(), r.loss.max()]),
    "line": (f"{QUICK}&line_points=21", lambda r: [r.center_loss, r.loss.min(), r.loss[0], r.loss[-1]]),
    "extent": (QUICK, lambda r: [r.extent]),
    "saturation": (QUICK, lambda r: [r.layer_saturation[-1, 0], 100 * r.layer_flat[-1, 0]]),
    "spectrum": (QUICK, lambda r: [r.largest[0], r.smallest[0], r.trace, r.loss]),
    "evolution": (QUICK, lambda r: [r.largest[0, 0], r.largest[-1, 0]]),
    "replicates": (f"{QUICK}&replicates=3", lambda r: [
        end for values in (r.train_loss, r.largest, r.saturation) for end in (values.min(), values.max())
    ]),
    "sharpness": (QUICK, lambda r: [r.sam[0], r.sam[-1], r.keskar[0], r.keskar[-1], r.largest]),
    "cloud": ("dataset=xor&widths=2&walks=3&walk_steps=20", lambda r: [
        r.loss.min(), r.loss.max(), r.gradient_norm.max(), r.loss[:, -1].astype(float).mean()
    ]),
    "boundary": (f"{QUICK}&boundary_points=9", lambda r: [100 * r.accuracy[0], 100 * r.accuracy[-1]]),
    "weights": (QUICK, lambda r: [r.theta[-1][np.abs(r.theta[-1]).argmax()]]),
    "weight_slices": (f"{QUICK}&weight_points=9", lambda r: [r.loss[0, 4]]),
    "morph": (f"{QUICK}&morph_frames=3&morph_points=9&extent=1", lambda r: [r.center_loss[0], r.train_loss[-1]]),
}  # fmt: skip


@pytest.mark.parametrize("name", ANALYSES)
def test_what_is_printed_holds_the_numbers_of_the_pages_head_and_words(name, cache_folder):
    query, numbers = NUMBERS[name]
    printed, answer = lossatlas("run", name, query).stdout, ask(question(name, query))
    assert [number(float(value)) for value in numbers(answer) if number(float(value)) not in printed] == []
    assert all(note in printed.splitlines() for note in answer.notes)
    head = PANELS[name].head if name in PANELS else None
    for label, value in head(answer) if head else []:
        assert re.search(rf"^{re.escape(label)} +{re.escape(value)}$", printed, re.M), label


def test_what_is_printed_of_several_seeds_is_said_of_all(cache_folder):
    """The last seed's numbers are not the answer's."""
    printed, answer = (
        lossatlas("run", "replicates", NUMBERS["replicates"][0]).stdout,
        ask(question("replicates", NUMBERS["replicates"][0])),
    )
    assert "3 seeds" in printed and str(answer.gradient_norm[-1]) not in printed and "gradient_norm" not in printed


@pytest.mark.parametrize("name", ANALYSES)
def test_nothing_that_was_computed_breaks_the_words_for_it(name, cache_folder):
    """A diverged training, none, no test part, a flat activation: a sentence or numbers, and never a traceback."""
    quick = NUMBERS[name][0]
    for more in ("optimiser=sgd&rate=1e4&l2=1&steps=50", "steps=0", "activation=threshold", "init=zero&widths=none"):
        found = lossatlas("run", name, f"{quick}&{more}&walks=2&walk_steps=4")
        assert found.exit_code in (0, 1, 2) and (found.exit_code or found.stdout), (more, found.exception)
        assert found.exception is None or isinstance(found.exception, SystemExit), (more, found.exception)


@pytest.mark.parametrize("name", ["my.csv", "data/my.parquet", "~/heart", "C:\\iris.xlsx", "iris.csv", "https://a.b/c"])
def test_a_file_is_answered_with_how_own_data_come(name, cache_folder):
    found = lossatlas("run", "slice", f"dataset={name}")
    last = found.stderr.splitlines()[-1]
    assert found.exit_code == 2 and all(words in last for words in ("looks like a file", "xor, iris", "CHANGELOG.md"))
    assert "Did you mean" not in last
    for query in (f"dataset={name}", f"compare=dataset&columns=iris,{name}"):
        with pytest.raises(BadSpec, match="looks like a file"):
            read_state(query)


@pytest.mark.parametrize("query", ["rate=1e+1&steps=1e+0", "rate=1e%2B1&steps=1", "rate=10&steps=1.0"])
def test_a_plus_in_a_number_is_a_plus(query, cache_folder):
    found = lossatlas("run", "training", f"dataset=xor&widths=2&{query}")
    assert found.exit_code == 0 and "rate 10," in found.stdout


def test_an_unusable_cache_folder_is_a_sentence_and_exit_code_2(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("LOSSATLAS_CACHE", str(blocked / "cache"))
    for words in (["run", "line", "steps=0"], ["cache", "info"], ["cache", "clear"]):
        found = lossatlas(*words)
        assert found.exit_code == 2 and "LOSSATLAS_CACHE" in found.stderr


def test_the_cache_can_be_looked_at_and_cleared(cache_folder):
    lossatlas("run", "line", "dataset=xor&widths=2&steps=0&line_points=5")
    assert "answers 1" in lossatlas("cache", "info").stdout
    assert "Forgot 1" in lossatlas("cache", "clear").stdout
    assert "answers 0" in lossatlas("cache", "info").stdout


def test_the_list_holds_every_registry():
    listed = lossatlas("list").stdout
    for table in (ACTIVATIONS, DATASETS, CRITERIA, ANALYSES):
        for name in table:
            assert f"  {name} " in listed
    assert "tanh" not in lossatlas("list", "datasets").stdout


def test_help_names_every_option_and_the_version_is_the_packages():
    found = lossatlas("run", "--help").stdout
    assert all(name in found for name in ("dataset", "widths", "extent", "line_points"))
    assert "lossatlas" in lossatlas("--version").stdout


def test_gpus_without_cuda_are_a_sentence_and_exit_code_2():
    words = [sys.executable, "-m", "lossatlas.compute.service.host", "--port", "1", "--gpus"]
    found = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[3],
        env={"PATH": "", "CUDA_VISIBLE_DEVICES": ""},
    )
    assert found.returncode == 2 and "needs a CUDA device" in found.stderr and "Traceback" not in found.stderr
