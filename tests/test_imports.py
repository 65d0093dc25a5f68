"""Who may import whom, read from the syntax trees. A new file in compute/ takes one word in LAYERS."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Downhill only: a module of compute imports from the rows above its own, never from its own row.
LAYERS = (
    ("options", "settings", "parent", "tasks", "products", "intervals", "stagnation"),
    ("results", "keys", "lanczos"),
    ("activations", "criteria", "datasets", "layers"),
    ("nets",),
    ("cost", "loss", "stationary"),
    ("kernels.batches", "kernels.scalars", "kernels.agreement"),
    ("kernels.strips",),
    ("kernels.affine", "kernels.fused", "kernels.plain", "kernels.hessians", "kernels.gradients"),
    ("kernels.images", "kernels.curvature"),
    ("kernels",),  # the plan, which knows the others
    ("walks",),
    ("train", "directions", "classes", "curvature", "activity", "sharpness"),
    ("sharpest",),
    ("planes",),
    ("turns",),
    # the analyses
    (
        "slices",
        "lines",
        "extents",
        "spectra",
        "saturation",
        "evolution",
        "replicates",
        "rises",
        "clouds",
        "boundaries",
        "weights",
        "weight_slices",
    ),
    ("morphs",),  # made of slices
    ("analyses", "summaries"),
    ("study",),
    ("claims",),
    ("cache", "limits"),
    ("jobs", "rooms", "listing"),
    ("warm", "reproduction"),
    ("host",),
)

# Who alone may import these; everybody else may not.
RESERVED = {
    "distributed": ("compute.jobs", "compute.host"),
    "dask": ("compute.jobs", "compute.host"),
    "diskcache": ("compute.cache",),
    "sqlite3": ("compute.cache", "compute.rooms"),
    "sklearn": ("compute.datasets",),
    "numba": ("compute.kernels.*",),
    "llvmlite": ("compute.kernels.*",),
    "torch.autograd": ("compute.loss", "compute.kernels.*", "compute.activations"),
    "torch.func": ("compute.loss", "compute.kernels.*", "compute.activations"),
    "pickle": (),
    "importlib.import_module": ("app.cli", "app.gunicorn_conf"),  # loaded when it is called for
    "app": ("app", "app.*"),
    "dash": ("app.*",),
    "dash_mantine_components": ("app.*",),
    "plotly": ("app.*",),
    "flask": ("app.*",),
    "gunicorn": (),
}

# Figures draw answers: beside the standard library they know arrays, plotly, the look and the results' types.
FIGURES_MAY = (
    "numpy", "plotly", "app.theme", "app.view", "app.figures", "compute.options", "compute.results",
    "compute.cost", "compute.criteria", "compute.train", "compute.planes", "compute.slices", "compute.lines",
    "compute.saturation", "compute.activity", "compute.evolution", "compute.replicates", "compute.rises",
    "compute.intervals", "compute.kernels.curvature", "compute.clouds", "compute.classes", "compute.stationary",
    "compute.study", "compute.summaries", "compute.walks", "compute.boundaries", "compute.weights",
    "compute.weight_slices", "compute.nets", "compute.datasets",
)  # fmt: skip

# A call of one of these differentiates, whatever it is imported from.
DIFFERENTIATES = ("backward", "requires_grad_")

HEAVY = {"torch", "dask", "distributed", "dash", "plotly", "pandas", "sklearn", "scipy"}
LIGHT = {  # what starts at once, because it loads nothing heavy
    "the supervisor": "import app.serve",
    "gunicorn's master": "import app.gunicorn_conf",
    "lossatlas --help": "import app.cli; app.cli.main(['--help'], standalone_mode=False)",
    "the cache": "import compute.cache",
}


def name_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(file): file for top in ("app", "compute") for file in sorted((ROOT / top).rglob("*.py"))}


def imports(tree: ast.AST) -> Iterator[str]:
    """Every name imported, in full: compute.lines of `from compute import lines`."""
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


def layer(module: str) -> int | None:
    """The row of a module of compute; None if it stands in none. An imported name counts for its module."""
    inner = module.removeprefix("compute.")
    return next((row for row, names in enumerate(LAYERS) if any(under(inner, name) for name in names)), None)


def under(name: str, pattern: str) -> bool:
    return fnmatch(name, pattern) or fnmatch(name, f"{pattern}.*")


def offences(module: str, source: str) -> list[str]:
    """What a module does that the tables forbid."""
    tree = ast.parse(source)
    found = [f"{name} is imported relatively" for name in imports(tree) if name.startswith(".")]
    found += [f"{name} is reserved" for name in {*imports(tree), *uses(tree)} if not allowed(module, name)]
    found += _hidden(tree)
    if module.startswith("compute."):
        found += _uphill(module, tree)
        if not allowed(module, "torch.autograd"):
            found += [f"{name} differentiates" for name in uses(tree) if name.rpartition(".")[2] in DIFFERENTIATES]
    if module.startswith("app.figures."):
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


def _uphill(module: str, tree: ast.AST) -> list[str]:
    own = layer(module)
    if own is None:
        return [f"{module} stands in no row of LAYERS"]
    inner = [name for name in imports(tree) if under(name, "compute")]
    return [f"{name} is not below {module}" for name in inner if (row := layer(name)) is None or row >= own]


def _for_figures(name: str) -> bool:
    return name.split(".")[0] in sys.stdlib_module_names or any(under(name, pattern) for pattern in FIGURES_MAY)


@pytest.mark.parametrize("module", FILES)
def test_every_module_keeps_to_the_tables(module):
    source = FILES[module].read_text()
    assert offences(module, source) == []
    if module.count(".") == 0 or FILES[module].name == "__init__.py":
        assert not list(imports(ast.parse(source))), "a package's __init__ imports nothing, so that it costs nothing"


def test_every_row_names_modules_that_exist():
    named = [name for names in LAYERS for name in names]
    assert all(any(under(module, f"compute.{name}") for module in FILES) for name in named)
    assert len(named) == len(set(named))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("compute.options", "from compute.results import pack"),
        ("compute.options", "from compute import results"),
        ("compute.slices", "from compute.lines import Line"),
        ("compute.loss", "import compute.kernels.affine"),
        ("compute.kernels.affine", "from compute.kernels import fused"),
        ("compute.nets", "from compute import *"),
        ("compute.surprise", ""),
        ("compute.nets", "from . import options"),
        ("compute.nets", "from app.view import View"),
        ("compute.nets", "import dash"),
        ("compute.nets", "import plotly.graph_objects as go"),
        ("compute.slices", "from distributed import Client"),
        ("compute.jobs", "import diskcache"),
        ("app.main", "import dask.config"),
        ("app.main", "import sklearn.datasets"),
        ("compute.cache", "import pickle"),
        ("compute.train", "import torch\ntorch.func.grad(f)"),
        ("compute.train", "from torch import autograd"),
        ("compute.train", "from torch.func import vmap"),
        ("compute.train", "def step(loss):\n    loss.sum().backward()"),
        ("compute.nets", "def late():\n    import numpy"),
        ("app.main", "def late():\n    from compute.jobs import ask"),
        ("app.main", "import importlib\nimportlib.import_module('torch')"),
        ("app.main", "from importlib import import_module"),
        ("app.figures.slice", "import torch"),
        ("app.figures.slice", "import dash"),
        ("app.figures.slice", "from compute.jobs import ask"),
        ("app.figures.slice", "from app.state import read_state"),
    ],
)
def test_an_offence_is_noticed(module, source):
    assert offences(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "compute.slices",
            "import math\nimport numpy as np\nfrom compute.planes import Plane\nfrom compute import train",
        ),
        ("compute.loss", "import torch\ntorch.func.grad(f)"),
        (
            "app.figures.slice",
            "import math\nimport plotly.graph_objects as go\nfrom app.figures import parts",
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
