"""Who may import whom, read from the syntax trees. A new analysis needs no word here."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Downhill only: a folder imports from the rows above its own, never from its own row.
FOLDERS = {
    "lossatlas.compute": (("spec",), ("problem",), ("numerics",), ("analyses",), ("service",), ("study",)),
    "lossatlas.app": (
        ("look",), ("figures",), ("panels",), ("state",), ("stream", "layout"), ("export",), ("routes",), ("cli",),
    ),
}  # fmt: skip

# And inside the folders of compute; what is not named stands in the row "*". Analyses never import one another.
INSIDE = {
    "spec": (("names",), ("options", "settings", "tasks"), ("results", "keys", "words")),
    "problem": (
        ("activations", "criteria", "datasets", "layers", "optimisers", "schedules"),
        ("sources", "networks.network"),
        ("networks.mlp", "networks.lenet"),
        ("networks.table",),  # which knows the kinds
        ("nets",),
        ("initial",),
    ),
    "numerics": (
        ("kernels.folder", "kernels.products", "intervals", "stagnation", "lanczos"),
        ("cost", "loss", "stationary"),
        ("kernels.batches", "kernels.scalars", "kernels.agreement"),
        ("kernels.strips",),
        ("kernels.training.tiles",),
        ("kernels.training.pointwise", "kernels.training.loop"),
        (
            "kernels.affine",
            "kernels.fused",
            "kernels.plain",
            "kernels.hessians",
            "kernels.gradients",
            "kernels.training.trainer",
        ),
        ("kernels.images", "kernels.curvature"),
        ("kernels.plan",),  # which knows the others
        ("paths.walk_kinds",),
        ("paths.walks",),
        ("paths.start",),
        ("paths.advice",),
        ("paths.train", "directions", "classes", "curvature", "activity", "ascents"),
        ("paths.rescaling", "paths.visits"),
        ("paths.reach",),
        ("eigenvectors",),
    ),
    "analyses": (
        ("planes.extent",),
        ("planes.directions",),
        ("planes.where",),
        ("planes.plane",),
        ("planes.turns",),
        ("spectra.question",),
        ("spectra.pieces",),
        ("*",),
        ("morphs",),
        ("table", "summaries"),
    ),
    "service": (
        ("cache", "kept", "limits", "parent", "pool", "running"),
        ("stored", "links", "rooms", "listing"),
        ("watch", "warm"),
        ("ask", "host"),
    ),
    "study": (("design",), ("claims",), ("reproduction",)),
}

MOST_SIBLINGS = 15  # modules of a folder
MORE_SIBLINGS = {"lossatlas.app.figures": 20}

# Who alone may import these; everybody else may not.
RESERVED = {
    "distributed": (
        "lossatlas.compute.service.pool",
        "lossatlas.compute.service.watch",
        "lossatlas.compute.service.host",
    ),
    "dask": ("lossatlas.compute.service.host",),
    "diskcache": ("lossatlas.compute.service.cache",),
    "sqlite3": (
        "lossatlas.compute.service.cache",
        "lossatlas.compute.service.links",
        "lossatlas.compute.service.rooms",
    ),
    "sklearn": ("lossatlas.compute.problem.datasets",),
    "numba": ("lossatlas.compute.numerics.kernels.*",),
    "llvmlite": ("lossatlas.compute.numerics.kernels.*",),
    "torch.autograd": (
        "lossatlas.compute.numerics.loss",
        "lossatlas.compute.numerics.kernels.*",
        "lossatlas.compute.problem.activations",
    ),
    "torch.func": (
        "lossatlas.compute.numerics.loss",
        "lossatlas.compute.numerics.kernels.*",
        "lossatlas.compute.problem.activations",
    ),
    "pickle": (),
    "importlib.import_module": (
        "lossatlas",
        "lossatlas.app.cli.main",
        "lossatlas.app.cli.gunicorn_conf",
    ),  # loaded when it is called for
    "lossatlas.app": ("lossatlas.__main__", "lossatlas.app", "lossatlas.app.*"),
    "dash": ("lossatlas.app.*",),
    "dash_mantine_components": ("lossatlas.app.*",),
    "plotly": ("lossatlas.app.*",),
    "flask": ("lossatlas.app.*",),
    "gunicorn": (),
    "jinja2": ("lossatlas.app.look.templating",),
    "markupsafe": (
        "lossatlas.app.look.templating",
        "lossatlas.app.look.markup",
        "lossatlas.app.export.standalone",
        "lossatlas.app.export.file",
    ),
    "lossatlas.app.look.templating.verbatim": (
        "lossatlas.app.look.markup",
        "lossatlas.app.export.standalone",
        "lossatlas.app.export.file",
        "lossatlas.app.export.report",
    ),  # what is not escaped
    "html.escape": (),  # templates do
}

# Figures draw answers: beside the standard library they know arrays, plotly, the look and the results' types.
FIGURES_MAY = (
    "numpy", "plotly", *(f"lossatlas.{name}" for name in (
        "app.look", "app.figures", "compute.spec.options", "compute.spec.results", "compute.spec.words",
        "compute.problem.criteria",
        "compute.problem.nets", "compute.numerics.activity", "compute.numerics.classes",
        "compute.numerics.cost", "compute.numerics.intervals", "compute.numerics.kernels.curvature",
        "compute.numerics.stationary", "compute.numerics.paths", "compute.analyses", "compute.study.design",
    )),
)  # fmt: skip

# A call of one of these differentiates, whatever it is imported from.
DIFFERENTIATES = ("backward", "requires_grad_")

HEAVY = {"torch", "dask", "distributed", "dash", "plotly", "pandas", "sklearn", "scipy"}
LIGHT = {  # what starts at once, because it loads nothing heavy
    "the supervisor": "import lossatlas.app.cli.serve",
    "gunicorn's master": "import lossatlas.app.cli.gunicorn_conf",
    "lossatlas --help": "import lossatlas.app.cli.main; lossatlas.app.cli.main.main(['--help'], standalone_mode=False)",
    "the door": "import lossatlas; dir(lossatlas)",
    "the cache": "import lossatlas.compute.service.cache",
}


def name_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    f"lossatlas.{name_of(file)}": file for top in ("app", "compute") for file in sorted((ROOT / top).rglob("*.py"))
}
BARE = ("app", "compute", "assets")  # somebody else's may lie beside a notebook: ours have one name in front


def imports(tree: ast.AST) -> Iterator[str]:
    """Every name imported, in full: lossatlas.compute.analyses.lines of `from compute import lines`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def uses(tree: ast.AST) -> Iterator[str]:
    """Names reached by dots, such as torch.func.vmap, which need no import of their own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def placed(module: str) -> tuple[str, int] | None:
    """The top folder of a module and the row of its own folder; None if it stands in none."""
    for top, rows in FOLDERS.items():
        inner = module.removeprefix(f"{top}.").split(".")[0]
        if under(module, top) and (found := [row for row, names in enumerate(rows) if inner in names]):
            return top, found[0]
    return None


def inside(module: str) -> tuple[str, int] | None:
    """The folder of a module of compute and its row in there. An imported name counts for its module."""
    folder, _, inner = module.removeprefix("lossatlas.compute.").partition(".")
    if not under(module, "lossatlas.compute") or folder not in INSIDE or not inner:
        return None
    rows = INSIDE[folder]
    named = [row for row, names in enumerate(rows) if any(name != "*" and under(inner, name) for name in names)]
    others = [row for row, names in enumerate(rows) if "*" in names]
    return (folder, (named or others)[0]) if named or others else None


def under(name: str, pattern: str) -> bool:
    return fnmatch(name, pattern) or fnmatch(name, f"{pattern}.*")


def offences(module: str, source: str) -> list[str]:
    """What a module does that the tables forbid."""
    tree = ast.parse(source)
    found = [f"{name} is imported relatively" for name in imports(tree) if name.startswith(".")]
    found += [f"{name} is imported by a bare name" for name in imports(tree) if name.split(".")[0] in BARE]
    found += [f"{name} is reserved" for name in {*imports(tree), *uses(tree)} if not allowed(module, name)]
    found += _hidden(tree)
    found += _uphill(module, tree)
    if under(module, "lossatlas.compute") and not allowed(module, "torch.autograd"):
        found += [f"{name} differentiates" for name in uses(tree) if name.rpartition(".")[2] in DIFFERENTIATES]
    if under(module, "lossatlas.app.figures"):
        found += [f"{name} is none of a figure's business" for name in imports(tree) if not _for_figures(name)]
    return found


def allowed(module: str, name: str) -> bool:
    return all(
        any(fnmatch(module, who) for who in users) for reserved, users in RESERVED.items() if under(name, reserved)
    )


def _hidden(tree: ast.AST) -> list[str]:
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    ]
    return [f"{name} is imported inside a function" for function in functions for name in imports(function)]


def _uphill(module: str, tree: ast.AST) -> Iterator[str]:
    own, place = placed(module), inside(module)
    if FILES.get(module, ROOT).name == "__init__.py":
        return
    if own is None or (under(module, "lossatlas.compute") and place is None):
        yield f"{module} stands in no row"
        return
    for name in imports(tree):
        there, theirs = placed(name), inside(name)
        if theirs and place and theirs[0] == place[0]:
            if theirs[1] >= place[1]:
                yield f"{name} is not below {module}"
        elif there and there[0] == own[0] and _folder(name) != _folder(module) and there[1] >= own[1]:
            yield f"{name} is not below {module}"
        elif under(name, "lossatlas.compute") and theirs is None:
            yield f"{name} stands in no row"


def _folder(module: str) -> str:
    return ".".join(module.split(".")[:3])


def _for_figures(name: str) -> bool:
    return name.split(".")[0] in sys.stdlib_module_names or any(under(name, pattern) for pattern in FIGURES_MAY)


@pytest.mark.parametrize("module", FILES)
def test_every_module_keeps_to_the_tables(module):
    source = FILES[module].read_text()
    assert offences(module, source) == []
    if module.count(".") == 0 or FILES[module].name == "__init__.py":
        assert not list(imports(ast.parse(source))), "a package's __init__ imports nothing, so that it costs nothing"


def test_every_row_names_modules_that_exist():
    named = [f"{top}.{name}" for top, rows in FOLDERS.items() for names in rows for name in names]
    named += [
        f"lossatlas.compute.{folder}.{name}"
        for folder, rows in INSIDE.items() for names in rows for name in names if name != "*"
    ]  # fmt: skip
    assert not [name for name in named if not any(under(module, name) for module in FILES)]
    assert len(named) == len(set(named))


def test_a_folder_holds_few_modules():
    """So many that one look takes them in."""
    folders = Counter(module.rpartition(".")[0] for module, file in FILES.items() if file.name != "__init__.py")
    assert {name for name, count in folders.items() if count > MORE_SIBLINGS.get(name, MOST_SIBLINGS)} == set()


def test_no_modules_import_one_another_in_a_circle():
    modules = {module: file for module, file in FILES.items() if file.name != "__init__.py"}
    graph = {module: set(imports(ast.parse(file.read_text()))) for module, file in modules.items()}
    whole = {module: names | {name.rpartition(".")[0] for name in names} for module, names in graph.items()}
    order = tuple(TopologicalSorter({module: names & modules.keys() for module, names in whole.items()}).static_order())
    assert len(order) == len(modules)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("lossatlas.compute.spec.options", "from lossatlas.compute.spec.results import pack"),
        ("lossatlas.compute.spec.options", "from lossatlas.compute.spec import results"),
        ("lossatlas.compute.analyses.slices", "from lossatlas.compute.analyses.lines import Line"),
        ("lossatlas.compute.numerics.loss", "import lossatlas.compute.numerics.kernels.affine"),
        ("lossatlas.compute.numerics.kernels.affine", "from lossatlas.compute.numerics.kernels import fused"),
        ("lossatlas.compute.problem.nets", "from lossatlas.compute import *"),
        ("lossatlas.compute.problem.nets", "from compute.spec.options import text"),
        ("lossatlas.app.routes.main", "import app.look.view"),
        ("lossatlas.compute.surprise", ""),
        ("lossatlas.compute.numerics.surprise", ""),
        ("lossatlas.app.surprise", ""),
        ("lossatlas.app.look.view", "from lossatlas.app.panels import PANELS"),
        ("lossatlas.app.stream.plan", "from lossatlas.app.layout.page import make_layout"),
        ("lossatlas.app.export.code", "from lossatlas.app.routes.links import add_routes"),
        ("lossatlas.compute.analyses.slices", "from lossatlas.compute.service.cache import Cache"),
        ("lossatlas.compute.problem.nets", "from . import options"),
        ("lossatlas.compute.problem.nets", "from lossatlas.app.look.view import View"),
        ("lossatlas.compute.problem.nets", "import dash"),
        ("lossatlas.compute.problem.nets", "import plotly.graph_objects as go"),
        ("lossatlas.compute.analyses.slices", "from distributed import Client"),
        ("lossatlas.compute.service.links", "import diskcache"),
        ("lossatlas.compute.service.ask", "import distributed"),
        ("lossatlas.compute.service.stored", "from lossatlas.compute.service.watch import Watch"),
        ("lossatlas.app.routes.main", "import dask.config"),
        ("lossatlas.app.routes.main", "import sklearn.datasets"),
        ("lossatlas.compute.service.cache", "import pickle"),
        ("lossatlas.compute.numerics.paths.train", "import torch\ntorch.func.grad(f)"),
        ("lossatlas.compute.numerics.paths.train", "from torch import autograd"),
        ("lossatlas.compute.numerics.paths.train", "from torch.func import vmap"),
        ("lossatlas.compute.numerics.paths.train", "def step(loss):\n    loss.sum().backward()"),
        ("lossatlas.compute.problem.nets", "def late():\n    import numpy"),
        ("lossatlas.app.routes.main", "def late():\n    from lossatlas.compute.service.ask import ask"),
        ("lossatlas.app.routes.main", "import importlib\nimportlib.import_module('torch')"),
        ("lossatlas.app.routes.main", "from importlib import import_module"),
        ("lossatlas.app.routes.main", "import html\nhtml.escape('<')"),
        ("lossatlas.app.routes.gallery", "from html import escape"),
        ("lossatlas.app.routes.gallery", "from lossatlas.app.look.templating import verbatim"),
        ("lossatlas.app.figures.slice", "import torch"),
        ("lossatlas.app.figures.slice", "import dash"),
        ("lossatlas.app.figures.slice", "from lossatlas.compute.service.ask import ask"),
        ("lossatlas.app.figures.slice", "from lossatlas.app.state.page import read_state"),
    ],
)
def test_an_offence_is_noticed(module, source):
    assert offences(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "lossatlas.compute.analyses.slices",
            "import math\nimport numpy as np\nfrom lossatlas.compute.analyses.planes.plane import Plane",
        ),
        ("lossatlas.compute.numerics.loss", "import torch\ntorch.func.grad(f)"),
        (
            "lossatlas.app.figures.slice",
            "import math\nimport plotly.graph_objects as go\nfrom lossatlas.app.figures.shared import parts",
        ),
    ],
)
def test_what_is_allowed_passes(module, source):
    assert offences(module, source) == []


def defined(statement: ast.stmt) -> set[str]:
    """The names that a statement of a module gives it, in any of its branches; none that are for type checkers only."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        overloaded = any(ast.unparse(name).endswith("overload") for name in statement.decorator_list)
        return set() if overloaded else {statement.name}
    if isinstance(statement, ast.If) and ast.unparse(statement.test).endswith("TYPE_CHECKING"):
        return set()
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in statement.names}
    if isinstance(statement, ast.AugAssign):
        return set()  # it changes a name that is there
    return _assigned(statement).union(*map(defined, _inside(statement)))


def _inside(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a compound one's branches."""
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.stmt):
            yield part
        else:
            yield from _inside(part)


def _assigned(statement: ast.stmt) -> set[str]:
    """The names on the left of a statement itself."""
    left = [*getattr(statement, "targets", []), getattr(statement, "target", None)]
    left += [item.optional_vars for item in getattr(statement, "items", [])]
    names = [name for part in left if part is not None for name in ast.walk(part)]
    return {name.id for name in names if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}


def twice(source: str) -> list[str]:
    """Names that two statements of a module define: the later one hides the other."""
    names = [name for statement in ast.parse(source).body for name in defined(statement)]
    return sorted({name for name in names if names.count(name) > 1})


@pytest.mark.parametrize("module", FILES)
def test_no_name_of_a_module_is_defined_twice(module):
    assert twice(FILES[module].read_text()) == []


@pytest.mark.parametrize(("source", "names"), [
    ("a = 1\n\ndef f():\n    pass\n\na = 2", ["a"]), ("def f(): ...\ndef f(): ...", ["f"]),
    ("import os\nfrom x import y as os", ["os"]), ("class A: ...\nA: int = 1", ["A"]),
    ("a, (b, *c) = x\nfor c in a:\n    pass", ["c"]), ("if x:\n    a = 1\na = 2", ["a"]),
    ("try:\n    import a\nexcept ImportError:\n    a = None", []), ("if x:\n    a = 1\nelse:\n    a = 2", []),
    ("if TYPE_CHECKING:\n    import a\na = 1", []), ("import a.b\nimport a.c", []),
    ("a = 1\na.b = a[0] = 2\na += 1", []),
    ("@overload\ndef f(x: int): ...\n@typing.overload\ndef f(x: str): ...\ndef f(x): ...", []),
    ("a = [b for b in x]\nc = [b for b in y]\ndef f():\n    a = 1", []), ("with x as a:\n    pass\na = 1", ["a"]),
    ("if x:\n    def f():\n        a = 1\na = 2", []),
])  # fmt: skip
def test_a_name_defined_twice_is_noticed(source, names):
    assert twice(source) == names


@pytest.mark.parametrize("code", LIGHT.values(), ids=LIGHT)
def test_light_ones_load_nothing_heavy(code):
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print(*sys.modules, file=sys.stderr)"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert not HEAVY & set(ended.stderr.split())
