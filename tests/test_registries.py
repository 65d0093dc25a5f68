"""Documents and controls against the registries of the program."""

import re
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

import lossatlas
from lossatlas.app.cli.main import main
from lossatlas.app.layout.controls import is_controlled
from lossatlas.app.layout.page import make_layout
from lossatlas.app.look import ids
from lossatlas.app.look.view import View
from lossatlas.app.state.comparison import Comparison
from lossatlas.app.state.page import page_options
from lossatlas.compute.analyses.table import ANALYSES, question
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import options_of
from lossatlas.compute.spec.results import to_arrays
from tests.test_imports import FOLDERS

ROOT = Path(__file__).parent.parent


def document(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_tables_in_docs_are_the_registries():
    """Made anew by `make docs`."""
    assert document("docs/registries.md") == CliRunner().invoke(main, ["list", "--markdown"]).stdout


def test_the_keys_of_an_npz_in_docs_are_those_written():
    section = document("docs/python.md").split("\n## What an .npz holds\n", 1)[1].split("\n##", 1)[0]
    told = set(re.findall(r"`(\w+)`", section))
    written = set(to_arrays(ask(question("slice", "dataset=xor&widths=2&steps=0&points=5"))))
    assert written <= told


@pytest.mark.parametrize("name", ["README.md", "docs/python.md"])
def test_the_python_in_documents_runs_and_gives_what_it_says(name):
    code = textwrap.dedent(re.split(r" *```python\n", document(name), maxsplit=1)[1].split("```", 1)[0])
    assert len([line for line in code.splitlines() if line.strip()]) == 3
    names: dict = {}
    exec(code, names)  # our own documents
    assert names["result"].loss.shape == (65, 65)


def test_the_public_names_are_those_in_docs_and_each_says_what_it_is():
    listed = re.findall(r"`(\w+)", "".join(re.findall(r"^\| (`.*?) \|", document("docs/python.md"), re.M)))
    assert sorted(listed) == sorted(lossatlas.__all__)
    for name in lossatlas.__all__:
        thing = getattr(lossatlas, name)
        assert re.search(rf"^    (\w+, )*{name}\b.*   \S", lossatlas.__doc__ or "", re.M), name
        assert isinstance(thing, dict) or thing.__doc__, name
    with pytest.raises(AttributeError, match=r"no attribute 'aks'.*ask"):
        lossatlas.aks  # noqa: B018


def test_the_door_says_what_it_cannot_draw():
    answer = lossatlas.ask(lossatlas.question("slice", "dataset=xor&widths=2&steps=0&points=5"))
    assert lossatlas.draw(answer, theme="dark").layout.template != lossatlas.draw(answer).layout.template
    for theme in ("auto", "pink"):
        with pytest.raises(ValueError, match="light or dark"):
            lossatlas.draw(answer, theme=theme)
        with pytest.raises(ValueError, match="light or dark"):
            lossatlas.draw_page("dataset=xor", {}, theme=theme)
    with pytest.raises(ValueError, match="no second derivative of its own"):
        lossatlas.draw(lossatlas.Failure("There is no second derivative of its own.", "bad question"))
    with pytest.raises(ValueError, match="extent has none"):
        lossatlas.draw(lossatlas.ask(lossatlas.question("extent", "dataset=xor&widths=2&steps=0")))


DOCUMENTS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", *(f"docs/{path.name}" for path in ROOT.glob("docs/*.md")))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_documents_link_to_and_name_is_there(name):
    text = document(name)
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    files = re.findall(r"`((?:app|compute|assets|tests|docs|benchmarks)/[\w/.]+)`", text)
    beside = (ROOT / name).parent
    assert not [link for link in links if link and not (beside / link).exists()]
    assert not [file for file in files if not (ROOT / file).exists()]


def test_the_map_draws_the_folders_as_the_import_law_has_them():
    """Each row of docs/architecture.md names the folders of a row of the law, from the lowest up."""
    for top, rows in FOLDERS.items():
        head = f"\n| `{top.removeprefix('lossatlas.')}/` |"
        table = document("docs/architecture.md").split(head, 1)[1].split("\n\n")[0]
        drawn = [tuple(re.findall(r"`(\w+)`", line.split("|")[1])) for line in table.splitlines()[2:]]
        assert drawn == list(rows)


def test_every_option_of_a_question_and_of_the_view_has_one_control_on_the_page_and_nothing_else_has():
    asked = {name for analysis in ANALYSES.values() for name in options_of(analysis.spec)}
    every = page_options()
    assert every.keys() == asked | options_of(View).keys() | options_of(Comparison).keys()
    wanted = sorted(name for name, option in every.items() if is_controlled(option))
    page = make_layout()
    names = [part.id for part in page._traverse() if isinstance(getattr(part, "id", None), str)]
    assert sorted(name for name in names if name.startswith(ids.option(""))) == [ids.option(name) for name in wanted]
