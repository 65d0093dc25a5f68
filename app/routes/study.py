"""The report of the reproduced study, made of what is stored: what `lossatlas reproduce` has computed here so far."""

import functools

from lossatlas.app.export.report import Made, write
from lossatlas.compute.analyses.clouds import Cloud
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.limits import duration
from lossatlas.compute.study.claims import findings
from lossatlas.compute.study.design import ACTIVATIONS, DESIGNS, settings
from lossatlas.compute.study.reproduction import stored_row

SCALES = (1.0, 0.1)  # of which the one with most stored settings is shown
WAY_BACK = '<nav style="padding: 0.6rem 1rem 0"><a href="/?place=clouds">lossatlas: back to the clouds</a></nav>'
NONE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,"><title>lossatlas: the study reproduced</title></head>
<body style="font-family: system-ui; margin: 2rem; max-width: 40rem; background: Canvas; color: CanvasText"><main>
<h1>Nothing is stored yet</h1>
<p>No setting of the study, of all walks or a tenth, has been computed on this machine with seed 0. In a terminal, the
quick look is made by</p>
<pre>lossatlas reproduce bosman2023 --scale 0.1</pre>
<p>and all of it without <code>--scale</code>. What is done shows here as it is stored.
<a href="/?place=clouds" style="color: LinkText">Back to the clouds</a></p></main></body></html>"""


def study_page(cache: Cache) -> str:
    """The report as a page of its own, or how to have it computed."""
    found = [(scale, *_stored(scale, cache)) for scale in SCALES]
    scale, stored, count = max(found, key=lambda one: len(one[1]))
    return _report(stored, count, scale, cache) if stored else NONE


def _stored(scale: float, cache: Cache) -> tuple[tuple[Cloud, ...], int]:
    """The settings whose rows are stored, and how many there are in all."""
    specs = settings(scale, list(DESIGNS), ACTIVATIONS, 0)
    return tuple(spec for spec in specs if stored_row(spec, cache) is not None), len(specs)


@functools.lru_cache(maxsize=1)
def _report(stored: tuple[Cloud, ...], count: int, scale: float, cache: Cache) -> str:
    """Made once for the same settings: equal questions have equal answers."""
    rows = [row for spec in stored if (row := stored_row(spec, cache)) is not None]
    facts = (
        ("scale", f"{scale:g} of the study's ten walks a parameter; at least ten walks a setting"),
        ("settings", f"{len(rows)} of {count}, as stored on this machine"),
        ("time of the settings", duration(sum(row.seconds for row in rows))),
    )
    return write(rows, findings(rows), Made(facts)).replace("<body>", f"<body>{WAY_BACK}", 1)
