"""Who feeds whom. There is no server callback: a control's only request is the stream that the page opens.

location.search ─┐                     ┌─> location.search   (the controls moved: the URL follows)
                 ├─> lossatlas.sync ───┤
every control  ──┘                     └─> every control     (the URL moved: the controls follow)
                          │
                          └─> EventSource /stream?<query> ──> pictures, texts
                                                                 │
location.search <── put <────────────────────────────────────────┘  (a rectangle dragged, a breadcrumb, a key)

The page begins without Dash: assets/main.mjs reads the URL, opens the stream, and starts Dash once pictures stand or
are waited for. The element `address` tells Dash what the URL says; the URL itself is written by assets/state/.
"""

from dash import ClientsideFunction, Dash, Input, Output

from lossatlas.app.layout.controls import is_controlled, prop
from lossatlas.app.look import ids
from lossatlas.app.state.page import page_options


def register(app: Dash) -> None:
    """Join the URL and the controls; the scripts read the rest from the document."""
    options = [option for option in page_options().values() if is_controlled(option)]
    controls = [(ids.option(option.name), prop(option)) for option in options]
    app.clientside_callback(
        ClientsideFunction("lossatlas", "sync"),
        [Output(ids.ADDRESS, "title"), *(Output(*control) for control in controls)],
        [Input(ids.ADDRESS, "title"), *(Input(*control) for control in controls)],
    )
