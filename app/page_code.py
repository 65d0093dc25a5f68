"""The Python that makes a page's pictures again: of one question, or of the whole page."""

import re
from dataclasses import fields, replace

from app.gathered import Gathered
from app.panels import PANELS
from app.view import Scale, View
from compute.analyses import name_of
from compute.options import to_query

NOT_OF_PICTURES = ("theme", "trail", "brush", "hide", "lesson", "page", "room")  # View's options that no figure reads

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

_WHOLE = """from app.panels import PANELS, analysis_of
from app.theme import TEMPLATES
from app.view import Scale, View
from compute.jobs import ask, question
from compute.options import parse
from compute.results import Failure, pack

VIEW = parse(View, {view!r})
COLUMNS = [  # name of the files, colour
{columns}]
ROWS = {{  # the scale that a row's columns share, and the question of each
{rows}}}

for row, (scale, questions) in ROWS.items():
    for (column, colour), query in zip(COLUMNS, questions, strict=True):
        if not query:
            continue  # this column has no such picture
        answer = ask(question(analysis_of(row), query))
        if isinstance(answer, Failure):
            print(row, column, answer.sentence)
            continue
        Path(f"{{row}}-{{column}}.npz").write_bytes(pack(answer))  # numpy.load reads it
        figure = PANELS[row].picture.figure(answer, VIEW, scale, colour)
        figure.update_layout(template=TEMPLATES["light"])
        figure.write_html(f"{{row}}-{{column}}.html", include_plotlyjs="directory")
        print(f"wrote {{row}}-{{column}}.npz")
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
    """A script that asks every question of a page, and draws each answer in the view and on the scale of the page.

    The questions are those that the page came to: with the half width found for all columns.
    """
    names = _files([column["label"] for column in page.columns])
    columns = "".join(f"    ({name!r}, {column['hue']!r}),\n" for name, column in zip(names, page.columns, strict=True))
    about = page.plan["sentence"].replace("\\", "").replace('"', "")
    return _HEAD.format(about=about, what="the answers") + _WHOLE.format(
        view=_view(page.view), columns=columns, rows="".join(_row(page, name) for name in page.plan["panels"])
    )


def _view(view: View) -> str:
    usual = {item.name: item.default for item in fields(View) if item.name in NOT_OF_PICTURES}
    return to_query(replace(view, **usual))


def _row(page: Gathered, name: str) -> str:
    shown = [page.panels[column, name] for column in range(len(page.columns))]
    scale = next((one.scale for one in shown if one.figure), Scale())
    questions = "".join(f"        {one.query!r},\n" for one in shown)
    return f"    {name!r}: ({scale!r}, [\n{questions}    ]),\n"


def _files(labels: list[str]) -> list[str]:
    """A name for each column, fit for a file, no two alike."""
    found: list[str] = []
    for number, label in enumerate(labels, 1):
        name = _file(label)
        found.append(f"{name}-{number}" if name in found or not name else name)
    return found


def _file(label: str) -> str:
    return re.sub(r"[^\w.-]+", "-", label, flags=re.ASCII).strip("-.")
