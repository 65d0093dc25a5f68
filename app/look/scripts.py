"""The scripts, ES modules in assets/, and the styles: their addresses on the page, and their text for pages that stand
alone in a file.

Modules import one another by plain paths, so that each is one file to read and to test. On the page an import map gives
every path its file's fingerprint: a browser keeps a module for a year and asks for none again, and after an upgrade the
addresses are others, so that none is ever stale or of another version than its neighbour.
"""

import functools
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ASSETS = Path(__file__).resolve().parents[2] / "assets"
MAIN = "main.mjs"
BESIDE = "pages/beside.mjs"  # of every page but the atlas
NOT_OF_DASH = r".*"  # Dash serves the files and tags none
FOREVER = "public, max-age=31536000, immutable"

_IMPORT = re.compile(r'^import (?:\{[^}]*\} from )?"([^"]+)";\n', re.M)


@functools.cache
def address(name: str) -> str:
    """Where a module or a style is served, with its fingerprint."""
    fingerprint = hashlib.sha256((ASSETS / name).read_bytes()).hexdigest()[:12]
    return f"/assets/{name}?v={fingerprint}"


@functools.cache
def modules() -> tuple[str, ...]:
    """The paths of all modules within assets/."""
    return tuple(sorted(path.relative_to(ASSETS).as_posix() for path in ASSETS.rglob("*.mjs")))


@functools.cache
def styles() -> tuple[str, ...]:
    """The paths of all style sheets, in the order that they are laid over one another."""
    return tuple(sorted(path.relative_to(ASSETS).as_posix() for path in ASSETS.rglob("*.css")))


@functools.cache
def needed(entry: str) -> tuple[str, ...]:
    """A module and all that it imports, each after those that it needs itself."""
    found: dict[str, None] = {}
    for path in _IMPORT.findall((ASSETS / entry).read_text(encoding="utf-8")):
        inner = (ASSETS / entry).parent.joinpath(path).resolve().relative_to(ASSETS).as_posix()
        found |= dict.fromkeys(needed(inner))
    return (*found, entry)


def is_current(path: str, fingerprint: str) -> bool:
    """Whether a request for a module or a style names the fingerprint that it has."""
    name = path.removeprefix("/assets/")
    return name in (*modules(), *styles()) and address(name).endswith(f"?v={fingerprint}")


def import_map(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The addresses of modules, as a page's head tells them before anything loads one."""
    return {"imports": {f"/assets/{name}": address(name) for name in names}}


@dataclass(frozen=True)
class Head:
    """What a page's head says of its scripts. `needed` are the addresses that the browser may fetch at once, instead of
    finding them out by reading one module after another.
    """

    address: str
    imports: dict[str, dict[str, str]]
    needed: tuple[str, ...]


def head(entry: str) -> Head:
    """Of a page that runs this module. The map names all modules: tests import what no page does."""
    return Head(address(entry), import_map(modules()), tuple(map(address, needed(entry))))


def inlined(entry: str) -> str:
    """A module and all that it imports as one text, for a file that opens without a server, from which browsers import
    nothing. Lines of import are left out, the word export before what is exported, and checks of types; so no two of
    these modules may call different things by one name.
    """
    return "\n".join(map(bare, needed(entry)))


@functools.cache
def bare(name: str) -> str:
    """A module's text as it stands in such a file."""
    text = (ASSETS / name).read_text(encoding="utf-8")
    return re.sub(r"^export (?=const |let |function |async )", "", _IMPORT.sub("", text), flags=re.M)
