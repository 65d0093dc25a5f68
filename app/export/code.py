"""The Python that makes a page's pictures again: of one question, or of the whole page."""

import re
from typing import Any

from lossatlas.app.panels import PANELS
from lossatlas.app.state.page import page_options, written
from lossatlas.app.state.sentences import question_told
from lossatlas.app.stream.snapshot import Gathered
from lossatlas.compute.analyses.table import name_of
from lossatlas.compute.spec.options import to_query

_HEAD = '''"""{about}

Computes {what} again, saves the numbers and draws them. It needs lossatlas, in whose folder this installs it:
    pip install -c constraints.txt .
and no server. On one kind of processor the files hold the same bytes as those that the page gives.
"""

from pathlib import Path

import lossatlas

'''

_ALONE = """answer = lossatlas.ask(lossatlas.question({analysis!r}, {query!r}))
if isinstance(answer, lossatlas.Failure):
    raise SystemExit(answer.sentence)
Path({file!r}).write_bytes(lossatlas.pack(answer))  # numpy.load reads it
print("wrote", {file!r})
"""

_DRAWN = """lossatlas.draw(answer).write_html({page!r})
"""

_WHOLE = """PAGE = {state!r}
COLUMNS = {columns!r}  # as the files are called
ROWS = {{  # of what analysis, and the question of each column; empty where it has no such picture
{rows}}}

answers = {{}}
for row, (analysis, questions) in ROWS.items():
    for column, query in enumerate(questions):
        if not query:
            continue
        answer = lossatlas.ask(lossatlas.question(analysis, query))
        if isinstance(answer, lossatlas.Failure):
            print(row, COLUMNS[column], answer.sentence)
            continue
        answers[column, row] = answer
        Path(f"{{row}}-{{COLUMNS[column]}}.npz").write_bytes(lossatlas.pack(answer))  # numpy.load reads it
        print(f"wrote {{row}}-{{COLUMNS[column]}}.npz")

for (column, row), figure in lossatlas.draw_page(PAGE, answers).items():
    figure.write_html(f"{{row}}-{{COLUMNS[column]}}.html", include_plotlyjs="directory")
"""


def of_question(spec: Any) -> str:
    """A script that asks one question, and draws the answer where there is a figure of it."""
    analysis = name_of(spec)
    stem = _file(f"{analysis}-{spec.problem.dataset}-{spec.problem.activation}")
    names = {"analysis": analysis, "query": to_query(spec), "file": f"{stem}.npz", "page": f"{stem}.html"}
    head = _HEAD.format(about=_quotable(question_told(spec)), what="the answer")
    alone = head + _ALONE.format(**names)
    return alone + _DRAWN.format(**names) if analysis in PANELS else alone


def of_page(page: Gathered) -> str:
    """A script that asks every question of a page, and draws the answers as the page does.

    The questions are those that the page came to: with the half width found for all columns.
    """
    return _HEAD.format(about=_quotable(page.plan["sentence"]), what="the answers") + _WHOLE.format(
        state=_state(page.query),
        columns=_files([column["label"] for column in page.columns]),
        rows="".join(_row(page, name) for name in page.plan["panels"]),
    )


def _quotable(text: str) -> str:
    """What can stand in a docstring."""
    return text.replace("\\", "").replace('"', "")


def _state(query: str) -> str:
    """The query without the names that no picture reads."""
    options = page_options()
    kept = [
        part for part in written(query).split("&") if part and options[part.partition("=")[0]].belongs in ("", "header")
    ]
    return "&".join(kept)


def _row(page: Gathered, name: str) -> str:
    lines = "".join(f"        {page.panels[column, name].query!r},\n" for column in range(len(page.columns)))
    return f"    {name!r}: ({PANELS[name].analysis!r}, [\n{lines}    ]),\n"


def _files(labels: list[str]) -> list[str]:
    """A name for each column, fit for a file, no two alike."""
    found: list[str] = []
    for number, label in enumerate(labels, 1):
        name = _file(label)
        found.append(f"{name}-{number}" if name in found or not name else name)
    return found


def _file(label: str) -> str:
    return re.sub(r"[^\w.-]+", "-", label, flags=re.ASCII).strip("-.")
