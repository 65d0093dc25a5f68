"""How far a picture should reach: the half width that `extent=auto` stands for, as an answer of its own.

Compared pictures share one half width; the page asks this for each of them first and takes one for all.
"""

from dataclasses import dataclass

import numpy as np

from lossatlas.compute.analyses.planes.plane import VERSIONS as PLANE_VERSIONS
from lossatlas.compute.analyses.planes.plane import Plane, plane_task
from lossatlas.compute.analyses.planes.where import Place
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.tasks import Task

VERSIONS = (1, *PLANE_VERSIONS)


@dataclass(frozen=True)
class ExtentResult:
    """`extent`: half width in units of the directions' length; `notes`: how it was chosen."""

    spec: Place
    extent: float
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def extent_levels(spec: Place) -> list[Task]:
    """One task on top of the plane's own."""
    return [Task(key_of("extent", VERSIONS, spec), run_extent, (spec, plane_task(spec)), spec=spec)]


def run_extent(spec: Place, plane: Plane) -> ExtentResult:
    return ExtentResult(spec, plane.extent, plane.notes, ())


def common_extent(results: list[ExtentResult]) -> float:
    """One half width for several pictures: the largest if each holds a path, else the middle one (the lower of two)."""
    extents = np.sort([result.extent for result in results])
    if results[0].spec.where.direction.holds_path:
        return float(extents[-1])
    return float(extents[(len(extents) - 1) // 2])


def extent_size(spec: Place) -> tuple[int, str]:
    """How much is asked, and of what."""
    return 200, "losses"
