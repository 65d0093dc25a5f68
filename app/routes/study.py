"""The report of the reproduced study, made of what is stored: what `lossatlas reproduce` has computed here so far."""

import functools

from lossatlas.app.export.report import Made, content
from lossatlas.app.layout.bar import page
from lossatlas.compute.analyses.clouds import Cloud
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.limits import duration
from lossatlas.compute.study.claims import findings
from lossatlas.compute.study.design import ACTIVATIONS, DESIGNS, settings
from lossatlas.compute.study.reproduction import stored_row

SCALES = (1.0, 0.1)  # of which the one with most stored settings is shown


def study_page(cache: Cache) -> str:
    """The report as a page of its own, or how to have it computed."""
    found = [(scale, *_stored(scale, cache)) for scale in SCALES]
    scale, stored, count = max(found, key=lambda one: len(one[1]))
    return _report(stored, count, scale, cache) if stored else page("no_study.html")


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
    return page("study.html", **content(rows, findings(rows), Made(facts)))
