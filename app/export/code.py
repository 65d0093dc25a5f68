"""The Python that makes a page's pictures again: of one question, or of the whole page."""

import re

from app.gathered import Gathered
from app.links import canonical
from app.panels import PANELS
from compute.analyses import name_of
from compute.options import to_query

NOT_OF_PICTURES = ("theme", "trail", "hide", "lesson", "page", "room")  # names of the URL that no picture reads

_HEAD = '''"""{about}

Computes {what} again, saves the numbers and draws them. It needs lossatlas, in whose folder this installs it:
    pip install -c constraints.txt .
and no server. On one kind of processor the files hold the same bytes as those that the page gives.
"""

from pathlib import Path

'''

_ALONE = """from compute.jobs import ask, question
from compute.results import Failure, pack

answer = ask(question({analysis!r}, {query!r}))
if isinstance(answer, Failure):
    raise SystemExit(answer.sentence)
Path({file!r}).write_bytes(pack(answer))  # numpy.load reads it
print("wrote", {file!r})
"""

_DRAWN = """
figure = PANELS[{analysis!r}].picture.figure(answer, View(), Scale(), hue(answer.spec.problem.activation))
figure.update_layout(template=TEMPLATES["light"])
figure.write_html({page!r})
"""

_WHOLE = """from app.panels import analysis_of
from app.pictures import draw
from app.theme import TEMPLATES
from compute.jobs import ask, question
from compute.results import Failure, pack

PAGE = {state!r}
COLUMNS = {columns!r}  # as the files are called
ROWS = {{  # the question of each column; empty where it has no such picture
{rows}}}

answers = {{}}
for row, questions in ROWS.items():
    for column, query in enumerate(questions):
        if not query:
            continue
        answer = ask(question(analysis_of(row), query))
        if isinstance(answer, Failure):
            print(row, COLUMNS[column], answer.sentence)
            continue
        answers[column, row] = answer
        Path(f"{{row}}-{{COLUMNS[column]}}.npz").write_bytes(pack(answer))  # numpy.load reads it
        print(f"wrote {{row}}-{{COLUMNS[column]}}.npz")

for (column, row), figure in draw(PAGE, answers).items():
    figure.update_layout(template=TEMPLATES["light"])
    figure.write_html(f"{{row}}-{{COLUMNS[column]}}.html", include_plotlyjs="directory")
"""


def of_question(spec) -> str:
    """A script that asks one question, and draws the answer where there is a figure of it."""
    analysis = name_of(spec)
    stem = _file(f"{analysis}-{spec.problem.dataset}-{spec.problem.activation}")
    names = {"analysis": analysis, "query": to_query(spec), "file": f"{stem}.npz", "page": f"{stem}.html"}
    head = _HEAD.format(about=f"lossatlas: {analysis}.", what="the answer")
    alone = _ALONE.format(**names)
    if analysis not in PANELS:
        return head + alone
    imports = "from app.panels import PANELS\nfrom app.theme import TEMPLATES, hue\nfrom app.view import Scale, View\n"
    return head + imports + alone + _DRAWN.format(**names)


def of_page(page: Gathered) -> str:
    """A script that asks every question of a page, and draws the answers as the page does.

    The questions are those that the page came to: with the half width found for all columns.
    """
    about = page.plan["sentence"].replace("\\", "").replace('"', "")
    return _HEAD.format(about=about, what="the answers") + _WHOLE.format(
        state=_state(page.query),
        columns=_files([column["label"] for column in page.columns]),
        rows="".join(_row(page, name) for name in page.plan["panels"]),
    )


def _state(query: str) -> str:
    parts = canonical(query).split("&")
    return "&".join(part for part in parts if part.partition("=")[0] not in NOT_OF_PICTURES)


def _row(page: Gathered, name: str) -> str:
    lines = "".join(f"        {page.panels[column, name].query!r},\n" for column in range(len(page.columns)))
    return f"    {name!r}: [\n{lines}    ],\n"


def _files(labels: list[str]) -> list[str]:
    """A name for each column, fit for a file, no two alike."""
    found: list[str] = []
    for number, label in enumerate(labels, 1):
        name = _file(label)
        found.append(f"{name}-{number}" if name in found or not name else name)
    return found


def _file(label: str) -> str:
    return re.sub(r"[^\w.-]+", "-", label, flags=re.ASCII).strip("-.")
