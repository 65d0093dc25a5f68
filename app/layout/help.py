"""What the dialog Help says: what is shown, and every key."""

from dash import html
from dash.development.base_component import Component

from lossatlas.app.layout import lesson
from lossatlas.app.layout.player import PLAYER_KEYS
from lossatlas.app.look import ids
from lossatlas.app.look.places import PLACES

ABOUT = (
    *(paragraph for place in PLACES.values() for paragraph in place.about),
    "Colours: the palettes of values, named in the view, are perceptually uniform and rise in lightness, so that no "
    "hue need be seen. Each column has a hue of its own (green, mauve, blue, red, sky blue, orange, magenta or pine), "
    "chosen to differ with deuteranopia and protanopia. Curves of one picture differ in their dashes or markers too, "
    "and every column bears its name.",
    "Every picture has its numbers in words for screen readers, and as a table under data. Where one looks odd, a line "
    "below it explains why and says what to do.",
    "Drag a rectangle on a contour map, and every column computes that window of its plane at full resolution; "
    "Zoom in does it on surfaces, around the point last clicked. Breadcrumbs above the pictures, Back out and a "
    "double click on a map lead back. Turn tilts the plane about its first direction.",
)
PAGE_KEYS = (
    ("/", "to the data set"),
    ("s · c", "3-D surface · contour map"),
    (
        " · ".join(place.key for place in PLACES.values()),
        f"to {' · '.join(f'the {place.label.lower()}' for place in PLACES.values())}",
    ),
    ("i · o", "zoom into the plane · back out"),
    ("l", "log scale on and off"),
    ("t", "theme: as the system, light, dark"),
    ("p", "presenter's type size"),
    ("Esc", "cancel what is being computed"),
    ("?", "this help"),
)
SURFACE_KEYS = (("← · → · ↑ · ↓", "turn it"), ("+ · −", "closer · away"), ("Home", "back to the first view"))
KEYS = {
    "Keys": PAGE_KEYS,
    "Keys of the surface in focus": SURFACE_KEYS,
    "Keys while a training or a morph is watched": PLAYER_KEYS,
    "Keys while a lesson is presented": lesson.STAGE_KEYS,
}


def dialog() -> Component:
    return html.Dialog(
        [
            html.H2("What is shown"),
            *(html.P(paragraph) for paragraph in ABOUT),
            *(part for heading, keys in KEYS.items() for part in (html.H2(heading), _keys(keys))),
            html.Form(html.Button("Close", className="button", autoFocus="autofocus"), method="dialog"),
        ],
        id=ids.HELP,
        **ids.aria(label="Help"),
    )


def _keys(keys: tuple[tuple[str, str], ...]) -> Component:
    rows = [(html.Dt([html.Kbd(key) for key in names.split(" · ")]), html.Dd(does)) for names, does in keys]
    return html.Dl([part for row in rows for part in row], className="keys")
