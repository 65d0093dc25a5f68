"""What pages need that stand alone in one file and open without a network: plotly's script, packed, and their data."""

import base64
import functools

from markupsafe import Markup

from lossatlas.app.look import plotly_script, scripts
from lossatlas.app.look.templating import verbatim


def packed_plotly() -> str:
    """Plotly's script, packed, for a script element of type text/plain, in base64."""
    return base64.b64encode(plotly_script.packed()).decode()


@functools.cache
def asset(name: str) -> Markup:
    """A style sheet of the page's own."""
    return verbatim((scripts.ASSETS / "css" / name).read_text(encoding="utf-8"))


@functools.cache
def script(entry: str) -> Markup:
    """A script of the page's own, with all that it needs."""
    return verbatim(scripts.inlined(entry))
