"""Who feeds whom. There is no server callback: a control's only request is the stream that the page opens.

location.search ─┐                     ┌─> location.search   (the controls moved: the URL follows)
                 ├─> lossatlas.sync ───┤
every control  ──┘                     └─> every control     (the URL moved: the controls follow)
                          │
                          └─> EventSource /stream?<query> ──> pictures, texts
                                                                 │
location.search <── put <────────────────────────────────────────┘  (a rectangle dragged, a breadcrumb, a key)

assets/boot.js says to dash where `sync` is; assets/main.mjs has it, and a drawing of all scripts.
"""

from dash import ClientsideFunction, Dash, Input, Output, State

from lossatlas.app.layout.controls import is_controlled, prop
from lossatlas.app.look import ids
from lossatlas.app.state.page import page_options


def register(app: Dash) -> None:
    """Join the URL and the controls; the scripts read the rest from the `declared` store."""
    options = [option for option in page_options().values() if is_controlled(option)]
    controls = [(ids.option(option.name), prop(option)) for option in options]
    app.clientside_callback(
        ClientsideFunction("lossatlas", "sync"),
        [Output(ids.LOCATION, "search"), *(Output(*control) for control in controls)],
        [Input(ids.LOCATION, "search"), *(Input(*control) for control in controls)],
        State(ids.DECLARED, "data"),
    )
