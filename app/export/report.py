"""The reproduction as one HTML page that needs nothing beside it: claims, clouds, tables, settings, how it was made."""

import base64
import html
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import plotly.io

from lossatlas.app.export.report_tables import TABLES, as_csv, as_html, as_latex
from lossatlas.app.export.standalone import LOAD, packed_plotly, quoted
from lossatlas.app.figures import multiples
from lossatlas.compute.analyses.table import canonical
from lossatlas.compute.numerics.classes import RULES
from lossatlas.compute.problem.sources import dataset_of
from lossatlas.compute.spec.options import to_query
from lossatlas.compute.study.claims import CLAIMS, Finding, told
from lossatlas.compute.study.design import DESIGNS, Row


@dataclass(frozen=True)
class Made:
    """How the report was made: rows of a table, as (what, which)."""

    facts: tuple[tuple[str, str], ...]


def write(rows: Sequence[Row], found: Sequence[Finding], made: Made) -> str:
    """The page."""
    datasets = list(dict.fromkeys(row.spec.problem.dataset for row in rows))
    figures = {name: _figure([row for row in rows if row.spec.problem.dataset == name]) for name in datasets}
    body = [
        _opening(),
        _verdicts(found, datasets),
        *(_claim(name, found) for name in CLAIMS if any(one.claim == name for one in found)),
        *(_dataset(name, [row for row in rows if row.spec.problem.dataset == name]) for name in datasets),
        _settings(rows),
        _made(made),
    ]
    return _PAGE.format(
        style=_STYLE,
        body="\n".join(body),
        figures=quoted(figures),
        plotly=packed_plotly(),
        script=LOAD + _SCRIPT,
    )


def _opening() -> str:
    rules = "".join(f"<dt>{html.escape(rule.label)}</dt><dd>{html.escape(rule.note)}</dd>" for rule in RULES.values())
    return f"""<h1>Loss-gradient clouds: a reproduction of arXiv 2306.16090</h1>
<p>Bosman, Engelbrecht and Helbig (2023) let progressive gradient walks visit the loss landscapes of small networks with
tanh, ReLU and ELU units, and read off what the landscapes are like. This page holds the same experiment, computed anew
by <code>lossatlas reproduce bosman2023</code>.</p>
<p><strong>The study’s own tables were not available: no number here is quoted from it, and nothing was tuned towards an
ordering.</strong> A published claim is put into comparisons, each a number that the claim says is positive, with a 95 %
interval. It <em>holds here</em> if every interval lies above 0, <em>does not hold</em> if one lies below 0, and is
<em>undecided</em> otherwise; with several comparisons at 95 % each, one in many may stray by chance. Differences are
taken as if both sides were independent.</p>
<p>Curvature is judged under two rules, which differ a great deal:</p><dl>{rules}</dl>"""


def _verdicts(found: Sequence[Finding], datasets: Sequence[str]) -> str:
    head = "".join(f"<th>{html.escape(dataset_of(name).label)}</th>" for name in datasets)
    lines = []
    for name, rule in dict.fromkeys((one.claim, one.rule) for one in found):
        by = {one.dataset: one for one in found if (one.claim, one.rule) == (name, rule)}
        cells = "".join(_verdict(by.get(dataset)) for dataset in datasets)
        under = f" <small>({html.escape(RULES[rule].label)})</small>" if rule else ""
        lines.append(f'<tr><th><a href="#{name}">{html.escape(CLAIMS[name].sentence)}</a>{under}</th>{cells}</tr>')
    return (
        "<h2>What was claimed, and what was found here</h2>"
        f'<div class="wide" tabindex="0"><table><thead><tr><th>claim</th>{head}</tr>'
        f"</thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _verdict(one: Finding | None) -> str:
    if one is None:
        return "<td>–</td>"
    above = sum(c.estimate.low > 0 for c in one.comparisons)
    below = sum(c.estimate.high < 0 for c in one.comparisons)
    counts = f"<br><small>{above} above 0, {below} below, of {len(one.comparisons)}</small>" if one.comparisons else ""
    return f'<td class="{_kind(one.verdict)}">{one.verdict}{counts}</td>'


def _kind(verdict: str) -> str:
    return verdict.replace(" ", "-")


def _claim(name: str, found: Sequence[Finding]) -> str:
    claim, mine = CLAIMS[name], [one for one in found if one.claim == name]
    parts = []
    for one in mine:
        rule = f", {RULES[one.rule].label}" if one.rule else ", where no curvature rule matters"
        summary = f"{dataset_of(one.dataset).label}{rule}: {one.verdict}"
        lines = "".join(
            f"<tr><th>{html.escape(c.place)}</th><td>{html.escape(c.measured)}</td><td>{told(c.estimate)}</td></tr>"
            for c in one.comparisons
        )
        rows = (
            f'<div class="wide" tabindex="0"><table><tbody>{lines}</tbody></table></div>'
            if lines
            else "<p>Nothing to compare.</p>"
        )
        parts.append(f'<details class="{_kind(one.verdict)}"><summary>{html.escape(summary)}</summary>{rows}</details>')
    return (
        f'<h3 id="{name}">{html.escape(claim.sentence)}</h3><p>Measured: {html.escape(claim.measure)} The last column '
        f"is the number that the claim says is positive.</p>{''.join(parts)}"
    )


def _figure(rows: list[Row]) -> dict:
    """A figure for plotly, the colours of its dots under the authors' rule in place, and those of every rule."""
    figure = multiples.figure(rows, "tensors")
    shades = {rule: [_bytes(multiples.colours(row, rule)) for row in rows] for rule in RULES}
    return {"figure": json.loads(plotly.io.to_json(figure)), "rules": shades}


def _bytes(values) -> dict:
    return {"dtype": "i1", "bdata": base64.b64encode(values.tobytes()).decode()}


def _dataset(name: str, rows: list[Row]) -> str:
    problem, design = rows[0].spec.problem, DESIGNS[name]
    colours = "".join(f'<span><i style="background:{colour}"></i>{text}</span>' for colour, text in multiples.legend())
    switch = "".join(
        f'<label><input type="radio" name="rule-{name}" value="{rule}" {"checked" if rule == "tensors" else ""}>'
        f"{html.escape(how.label)}</label>"
        for rule, how in RULES.items()
    )
    tables = "".join(_table(name, rows, table) for table in TABLES)
    return (
        f'<h2 id="data-{name}">{html.escape(dataset_of(name).label)}, {problem.architecture}</h2>'
        f"<p>{problem.parameters:,} parameters. {html.escape(design.note)}</p>"
        f'<p class="legend">{colours}</p><p class="switch">Curvature rule: {switch}</p>'
        f'<p class="switch">Axes: <label><input type="radio" name="axes-{name}" value="log" checked>logarithmic</label>'
        f'<label><input type="radio" name="axes-{name}" value="linear">linear</label></p>'
        f'<div class="wide" tabindex="0"><div class="figure" id="figure-{name}"></div></div>'
        f"<p><small>{html.escape(multiples.caption(rows))} Drag to zoom all, double click to go back.</small></p>"
        f"{tables}"
    )


def _table(name: str, rows: list[Row], table: str) -> str:
    links = " ".join(
        f'<a download="{name}-{table}.{ending}" href="{_link(mime, text)}">{ending}</a>'
        for ending, mime, text in (
            ("csv", "text/csv", as_csv(rows, table)), ("tex", "text/x-tex", as_latex(rows, table)),
        )
    )  # fmt: skip
    return f"<h3>{html.escape(TABLES[table][0])} <small>{links}</small></h3>{as_html(rows, table)}"


def _link(mime: str, text: str) -> str:
    return f"data:{mime};charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"


def _settings(rows: Sequence[Row]) -> str:
    lines = "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in rows)
    head = "".join(
        f"<th>{one}</th>"
        for one in ("question", "walks", "steps", "seed", "classified", "seconds", "parts (stored before)", "warnings")
    )
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in dict.fromkeys(n for row in rows for n in row.notes))
    return (
        "<h2>Settings</h2><p>Each line is a question: <code>lossatlas run cloud '…'</code> computes it again. Seconds "
        "are of the wall clock while its parts were computed.</p>"
        f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
        f"<details><summary>What every question says of itself</summary><ul>{notes}</ul></details>"
    )


def _cells(row: Row) -> Iterator[str]:
    walk = row.spec.walking
    yield f"<th><code>{html.escape(to_query(canonical(row.spec)))}</code></th>"
    stored = f"{row.parts} ({row.stored})" if row.stored else str(row.parts)
    texts = (
        f"{walk.walks:,}", f"{walk.walk_steps:,}", str(walk.walk_seed), f"{row.whole('classified'):,}",
        f"{row.seconds:.1f}", stored, " ".join(row.warnings),
    )  # fmt: skip
    yield from (f"<td>{html.escape(text)}</td>" for text in texts)


def _made(made: Made) -> str:
    lines = "".join(f"<tr><th>{html.escape(what)}</th><td>{html.escape(which)}</td></tr>" for what, which in made.facts)
    return f"<h2>How this was made</h2><table><tbody>{lines}</tbody></table>"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Loss-gradient clouds: a reproduction of arXiv 2306.16090</title><style>{style}</style></head>
<body><main>{body}</main>
<script type="application/json" id="figures">{figures}</script>
<script type="text/plain" id="plotly">{plotly}</script>
<script>{script}</script></body></html>
"""

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2125; --faint: #5b6670; --line: #d5dade; --paper: #fff; --row: #f3f5f7;
  --good: #00722f; --bad: #b3141c; }
@media (prefers-color-scheme: dark) { :root { --ink: #dee2e6; --faint: #a0a9b2; --line: #40464c; --paper: #1b1d20;
  --row: #25282c; --good: #4fd08a; --bad: #ff8f8f; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 Inter, system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 60px; }
p, dl, li { max-width: 75ch; }
h1 { font-size: 26px; line-height: 1.25; } h2 { margin-top: 44px; } h3:has(+ .wide) { margin-bottom: 6px; }
a { color: inherit; } small { color: var(--faint); font-weight: 400; }
dt { font-weight: 600; } dd { margin: 0 0 8px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap;
  vertical-align: top; }
th { font-weight: 500; } thead th { color: var(--faint); } tbody tr:hover { background: var(--row); }
td.holds, .holds > summary { color: var(--good); } td.does-not-hold, .does-not-hold > summary { color: var(--bad); }
summary { cursor: pointer; padding: 2px 0; }
.legend span { margin-right: 16px; } .legend i { display: inline-block; width: 10px; height: 10px; border-radius: 5px;
  margin-right: 5px; } .switch label { margin-left: 10px; }
.figure { min-width: 900px; }
code { font-size: 12px; }
"""

_SCRIPT = """
const figures = JSON.parse(read("figures"));
const dark = matchMedia("(prefers-color-scheme: dark)");
function look(layout, axes) {
  const style = getComputedStyle(document.documentElement), of = name => style.getPropertyValue(name).trim();
  const all = {...layout, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: {color: of("--ink"), size: 11}};
  for (const name of Object.keys(all).filter(name => /^[xy]axis/.test(name)))
    all[name] = {...all[name], gridcolor: of("--line"), linecolor: of("--line"), showline: true,
      ...(axes === "log" ? {} : {type: "linear", range: undefined, autorange: true, nticks: 4})};
  return all;
}
const chosen = (what, name) => document.querySelector(`input[name="${what}-${name}"]:checked`).value;
function draw(name) {
  const {figure, rules} = figures[name], colours = rules[chosen("rule", name)];
  const data = figure.data.map((trace, n) => ({...trace, marker: {...trace.marker, color: colours[n]}}));
  const layout = look(figure.layout, chosen("axes", name));
  Plotly.react(`figure-${name}`, data, layout, {displaylogo: false, responsive: true});
}
const all = () => { for (const name of Object.keys(figures)) draw(name); };
async function begin() {
  await load();
  all();
  dark.addEventListener("change", all);
  for (const name of Object.keys(figures))
    for (const input of document.querySelectorAll(`input[name$="-${name}"]`))
      input.addEventListener("change", () => draw(name));
}
begin();
"""
