"""lossatlas from Python: ask a question, get an answer of numpy arrays, draw it.

    import lossatlas

    answer = lossatlas.ask(lossatlas.question("slice", "dataset=iris&widths=4&activation=tanh"))
    lossatlas.draw(answer).write_html("slice.html")

    question(analysis, query)    a question, from the name of an analysis and options as the page's address writes them
    ask(question)                its answer, computed here, or on a pool, or read from a cache
    Failure                      what `ask` gives where there is no answer: a sentence why
    pack(answer)                 the bytes of an .npz, which numpy.load reads
    draw(answer)                 its figure, as the page draws it alone
    draw_page(page, answers)     the figures of a page of answers, on the scales and beside the baseline of the page
    Pool, Cache                  where to compute, and where answers are kept
    ACTIVATIONS, DATASETS        what a question may name, by name
    ANALYSES                     what can be asked, by name

Importing it takes milliseconds: each name is loaded when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lossatlas.app.stream.pictures import draw, draw_page
    from lossatlas.compute.analyses.table import ANALYSES, question
    from lossatlas.compute.problem.activations import ACTIVATIONS
    from lossatlas.compute.problem.datasets import DATASETS
    from lossatlas.compute.service.ask import ask
    from lossatlas.compute.service.cache import Cache
    from lossatlas.compute.service.pool import Pool
    from lossatlas.compute.spec.results import Failure, pack

_HOMES = {
    "ask": "compute.service.ask",
    "question": "compute.analyses.table",
    "Failure": "compute.spec.results",
    "pack": "compute.spec.results",
    "draw": "app.stream.pictures",
    "draw_page": "app.stream.pictures",
    "Pool": "compute.service.pool",
    "Cache": "compute.service.cache",
    "ACTIVATIONS": "compute.problem.activations",
    "DATASETS": "compute.problem.datasets",
    "ANALYSES": "compute.analyses.table",
}
__all__ = [
    "ACTIVATIONS", "ANALYSES", "DATASETS", "Cache", "Failure", "Pool",
    "ask", "draw", "draw_page", "pack", "question",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lossatlas' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(f"lossatlas.{_HOMES[name]}"), name)
    globals()[name] = value  # the next use finds it at once
    return value


def __dir__() -> list[str]:
    return [*__all__, *(name for name in globals() if name.startswith("__"))]
