"""README's tables against the registries, and what adding to a registry takes: one function and one line."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from app import ids
from app.cli import main
from app.columns import Comparison
from app.controls import ELSEWHERE
from app.layout import make_layout
from app.panels import PANELS
from app.state import read_state
from app.view import View
from compute.activations import ACTIVATIONS, Activation
from compute.analyses import ANALYSES, question
from compute.criteria import CRITERIA
from compute.datasets import DATASETS, Dataset
from compute.jobs import ask
from compute.options import options_of
from compute.results import to_arrays

README = (Path(__file__).parent.parent / "README.md").read_text()


def rows(heading: str) -> dict[str, str]:
    """The rows of the table under a heading of README, by the name in their first cell."""
    section = README.split(f"\n### {heading}\n", 1)[1].split("\n##", 1)[0]
    return {name: row for row in section.splitlines() if (name := "".join(re.findall(r"^\| `(\w+)` \|", row)))}


@pytest.mark.parametrize(
    ("heading", "table"),
    [("Activations", ACTIVATIONS), ("Data sets", DATASETS), ("Losses", CRITERIA), ("Analyses", ANALYSES)],
)
def test_readmes_tables_are_the_registries(heading, table):
    found = rows(heading)
    assert list(found) == list(table)
    for name, row in found.items():
        assert f"| {table[name].label} |" in row


def test_readmes_facts_of_data_sets_and_activations_are_the_registries():
    for name, row in rows("Data sets").items():
        entry = DATASETS[name]
        assert f"| {entry.size:,} × {entry.inputs} |" in row and f"| {entry.classes or 'regression'} |" in row
        assert entry.licence in row
    for name, row in rows("Activations").items():
        assert ACTIVATIONS[name].smoothness in row


def test_readmes_keys_of_an_npz_are_those_written():
    section = README.split("\n### What an .npz holds\n", 1)[1].split("\n##", 1)[0]
    told = set(re.findall(r"`(\w+)`", section))
    written = set(to_arrays(ask(question("slice", "dataset=xor&widths=2&steps=0&points=5"))))
    assert written <= told


def test_readmes_python_runs_and_gives_what_it_says():
    code = README.split("```python\n", 1)[1].split("```", 1)[0]
    assert len([line for line in code.splitlines() if line]) == 3
    names: dict = {}
    exec(code, names)  # our own README
    assert names["result"].loss.shape == (65, 65)


def cubic(x: torch.Tensor, _: float) -> torch.Tensor:
    return x**3 / 3


def stripes(seed: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(seed).uniform(-1, 1, (60, 2))
    return x, (np.floor(4 * x[:, 0]) % 2).astype(np.int64)


def test_a_new_activation_and_a_new_data_set_are_one_function_and_one_line(monkeypatch):
    line = Activation("cubic", cubic, -9e9, 9e9, "−x³", "x³", "at 0", "C∞", "A cube.", "here", "lecun", "none")
    monkeypatch.setitem(ACTIVATIONS, "cubic", line)
    monkeypatch.setitem(
        DATASETS, "stripes", Dataset("Stripes", stripes, 60, 2, 2, "z-score", "Stripes.", "here", "MIT")
    )
    result = ask(question("slice", "dataset=stripes&activation=cubic&steps=10&points=9"))
    assert np.isfinite(result.loss).all() and result.spec.problem.architecture == "2-4-1"
    page = str(make_layout([(name, panel.title) for name, panel in PANELS.items()]))
    assert "cubic" in page and "Stripes" in page
    assert [column.name for column in read_state("activation=cubic,tanh&dataset=stripes").columns] == ["cubic", "tanh"]
    listed = CliRunner().invoke(main, ["list"]).stdout
    assert "  cubic " in listed and "  stripes " in listed


def test_every_option_of_a_question_and_of_the_view_has_one_control_on_the_page_and_nothing_else_has():
    asked = {name for analysis in ANALYSES.values() for name in options_of(analysis.spec)}
    wanted = sorted((asked | options_of(View).keys() | options_of(Comparison).keys()) - ELSEWHERE)
    page = make_layout([(name, panel.title) for name, panel in PANELS.items()])
    names = [part.id for part in page._traverse() if isinstance(getattr(part, "id", None), str)]
    assert sorted(name for name in names if name.startswith(ids.option(""))) == [ids.option(name) for name in wanted]
