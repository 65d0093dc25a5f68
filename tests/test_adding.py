"""What adding takes: one of each kind is added to a copy of the program, and the files that this touches are counted.

What is counted is what a contributor edits: files that were there before. New files are listed beside them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT

TOPS = ("lossatlas", "app", "compute", "assets")
LONGEST = 300  # seconds for the copy to answer; on a busy machine importing torch alone takes ten


@dataclass(frozen=True)
class Addition:
    """`lines`: (existing file, the line that is there, what is put before it). `files`: new ones, with their text."""

    lines: tuple[tuple[str, str, str], ...]
    files: dict[str, str] = field(default_factory=dict)


ARCTAN = """\
def arctan(x: Tensor, _: float) -> Tensor:
    return torch.atan(x)


"""
ARCTAN_LINE = """\
    "arctan": Activation(
        "arctan", arctan, low=-math.pi / 2, high=math.pi / 2, left="−π/2", right="π/2",
        flat="towards both ends", smoothness="C∞",
        note="Like tanh, but it approaches its ends as 1/x.",
        source="this test", init="xavier", saturation="bounded",
    ),
"""
CROSS = '''\
def cross(seed: int) -> Arrays:
    """Points of [−1, 1]²; the class is whether they are near an axis."""
    x = np.random.default_rng(seed).uniform(-1, 1, (60, 2))
    return x, (np.abs(x).min(1) < 0.3).astype(np.int64)


'''
CROSS_LINE = """\
    "cross": Dataset(
        "Cross", cross, size=60, inputs=2, classes=2, scaling="none", note="Near an axis or not.",
        source="this test", licence=OURS,
    ),
"""
LOG_COSH = """\
def log_cosh(z: Tensor, y: Tensor) -> Tensor:
    return torch.log(torch.cosh(z - y)).mean(-1)


"""
LOG_COSH_LINE = """\
    "log_cosh": Criterion("log cosh of the error", log_cosh, OUTPUT, "Nearly linear far away.", "this test", cut=0.5),
"""
NESTEROV_LINE = """\
    "nesterov": Optimiser(
        "Nesterov", lambda theta, rate: SGD([theta], lr=rate, momentum=0.9, nesterov=True)
    ),
"""
HOURGLASS = '''\
"""Dense layers whose widths come back in reverse order."""

from lossatlas.compute.problem.layers import Layer
from lossatlas.compute.problem.networks.network import Ends, Network, dense


def _layers(ends: Ends, normed: bool, widths: tuple[int, ...]) -> tuple[Layer, ...]:
    return dense((ends.inputs, *widths, *widths[-2::-1], ends.outputs), normed)


def _refused(widths: tuple[int, ...]) -> str:
    return "" if widths else "An hourglass needs a hidden layer; got none."


HOURGLASS = Network("Hourglass", ("widths",), _layers, _refused)
'''
SIGNS = """\
def _signs(given: Given) -> Axes:
    u, v = np.sign(given.drawn(0)), np.sign(given.drawn(1))
    return _unexplained(u, _beside(v, u, turn=True))


"""
NORMS = '''\
"""Length of every weight matrix and bias vector at the point reached."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lossatlas.compute.numerics.paths.reach import reach
from lossatlas.compute.numerics.paths.start import Start, TrainingResult
from lossatlas.compute.numerics.paths.train import VERSIONS as TRAIN_VERSIONS
from lossatlas.compute.problem.nets import Problem, offsets
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.tasks import Task

VERSIONS = (1, *TRAIN_VERSIONS)


@dataclass(frozen=True)
class Norms:
    problem: Problem = Problem()
    start: Start = Start()


@dataclass(frozen=True)
class Lengths:
    """`norm`: (M,) Euclidean norms of the tensors in theta."""

    spec: Norms
    norm: np.ndarray
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def table(self) -> dict[str, np.ndarray]:
        return {"tensor": np.array(self.spec.problem.tensor_names), "norm": self.norm}


def levels(spec: Norms) -> list[Task]:
    reached = reach(spec.problem, spec.start)
    return [Task(key_of("norms", VERSIONS, spec), measure, (spec, reached), 1e-4, 1, spec=spec)]


def size(spec: Norms) -> tuple[int, str]:
    return len(spec.problem.shapes), "tensors"


def measure(spec: Norms, reached: TrainingResult) -> Lengths:
    theta = reached.reached().astype(np.float64)
    cuts = pairwise(offsets(spec.problem.shapes))
    norm = np.array([np.linalg.norm(theta[begin:end]) for begin, end in cuts])
    return Lengths(spec, norm, (f"Lengths in {spec.problem.architecture}.",), reached.warnings)
'''
NORMS_LINE = """\
    "norms": Analysis("Norms", norms.Norms, norms.Lengths, norms.levels, norms.size, norms.VERSIONS, "Lengths."),
"""
NORMS_FIGURE = '''\
"""Length of every weight matrix and bias vector, as a dot each."""

import plotly.graph_objects as go

from lossatlas.app.figures.shared import parts
from lossatlas.app.look.view import Scale, View
from lossatlas.compute.analyses.norms import Lengths


def figure(result: Lengths, view: View, scale: Scale, colour: str) -> go.Figure:
    dots = {"size": view.dot, "color": colour}
    names = result.spec.problem.tensor_names
    return parts.bare(go.Figure(go.Scatter(x=names, y=result.norm, mode="markers", marker=dots)))


def span(result: Lengths, view: View) -> tuple[float, float]:
    return 0.0, float(result.norm.max())


def caption(result: Lengths, view: View) -> str:
    return "Euclidean norms"


def words(result: Lengths, view: View) -> str:
    return f"the longest tensor has length {result.norm.max():.3g}"


def size(result: Lengths) -> str:
    return parts.counted(len(result.norm), "tensor")
'''
SIZES_LINE = """\
    "sizes": Place(
        "Sizes", "6", ("The sixth place, Sizes, shows how long tensors are.",), head="training",
        borrows=("slice", "training", "norms"),
    ),
"""
DOT = """\
    dot: int = option(
        9, low=1, high=40, label="Dots", help="How wide the dots of lengths are.", pictures=("norms",)
    )
"""

ADDITIONS = {
    "activation": Addition((
        ("compute/problem/activations.py", "# fmt: off", ARCTAN),
        ("compute/problem/activations.py", '    "threshold": Activation(', ARCTAN_LINE),
    )),
    "data set": Addition((
        ("compute/problem/datasets.py", "def unit(_: int) -> Arrays:", CROSS),
        ("compute/problem/datasets.py", '    "unit": Dataset(', CROSS_LINE),
    )),
    "loss": Addition((
        ("compute/problem/criteria.py", "CRITERIA: dict[str, Criterion] = {", LOG_COSH),
        ("compute/problem/criteria.py", '    "sigmoid_squared_error": Criterion(', LOG_COSH_LINE),
    )),
    "optimiser": Addition((
        ("compute/problem/optimisers.py", '    "momentum": Optimiser(', NESTEROV_LINE),
    )),
    "network kind": Addition((
        ("compute/problem/networks/table.py", "from lossatlas.compute.problem.networks.lenet import LENET",
         "from lossatlas.compute.problem.networks.hourglass import HOURGLASS\n"),
        ("compute/problem/networks/table.py", '    "lenet": LENET,', '    "hourglass": HOURGLASS,\n'),
    ), {"compute/problem/networks/hourglass.py": HOURGLASS}),
    "direction": Addition((
        ("compute/analyses/planes/directions.py", "# fmt: off", SIGNS),
        ("compute/analyses/planes/directions.py", '    "output": Direction(',
         '    "signs": Direction("random signs", _signs),\n'),
    )),
    "analysis": Addition((
        ("compute/analyses/table.py", "    replicates,", "    norms,\n"),
        ("compute/analyses/table.py", '    "morph": Analysis(', NORMS_LINE),
        ("app/panels.py", "    replicates,", "    norms,\n"),
        ("app/panels.py", '    "weights": Panel("Weights", "weights", weights, "training", picks=True),',
         '    "norms": Panel("Norms", "norms", norms, "training"),\n'),
    ), {"compute/analyses/norms.py": NORMS, "app/figures/norms.py": NORMS_FIGURE}),
    "place": Addition((("app/look/places.py", '    "morph": Place(', SIZES_LINE),)),
    "name of the address": Addition((("app/look/view.py", "    spectrum: str = option(", DOT),)),
}  # fmt: skip
TOUCHED = {
    "activation": 1, "data set": 1, "loss": 1, "optimiser": 1, "network kind": 1, "direction": 1, "analysis": 2,
    "place": 1, "name of the address": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Grown:
    """A copy with all additions; by addition, the lines that each existing file got and lost."""

    folder: Path
    got: dict[str, dict[str, list[str]]]
    lost: dict[str, dict[str, list[str]]]


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    folder = copied(tmp_path_factory.mktemp("grown"))
    result, before = Grown(folder, {}, {}), contents(folder)
    for name, addition in ADDITIONS.items():
        add(addition, folder)
        after = contents(folder)
        changed = [file for file, data in before.items() if after[file] != data]
        result.got[name] = {file: beyond(after[file], before[file]) for file in changed}
        result.lost[name] = {file: beyond(before[file], after[file]) for file in changed}
        before = after
    return result


def copied(folder: Path) -> Path:
    """What git would hand out of the program, links as links."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *TOPS]
    files = subprocess.run(words, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, files.split("\0")):
        if os.path.lexists(ROOT / name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of the program by its path; links lead to files that are there already."""
    found = (path for top in TOPS for path in (folder / top).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def add(addition: Addition, folder: Path) -> None:
    for name, text in addition.files.items():
        assert not (folder / name).exists()
        (folder / name).write_text(text, encoding="utf-8")
    for name, anchor, text in addition.lines:
        lines = (folder / name).read_text(encoding="utf-8").splitlines(keepends=True)
        assert lines.count(f"{anchor}\n") == 1, f"{name} has not one line {anchor!r}: choose another for this test."
        lines.insert(lines.index(f"{anchor}\n"), text)
        (folder / name).write_text("".join(lines), encoding="utf-8")


def beyond(one: bytes, other: bytes) -> list[str]:
    """The lines that one text has more than another."""
    more = Counter(one.decode().splitlines())
    more.subtract(other.decode().splitlines())
    return list(more.elements())


@pytest.fixture(scope="module")
def facts(grown: Grown, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What the copy says of itself, in a process of its own that sees no other lossatlas."""
    environment = os.environ | {
        "PYTHONPATH": str(grown.folder), "LOSSATLAS_CACHE": str(tmp_path_factory.mktemp("grown") / "cache"),
    }  # fmt: skip
    words = [sys.executable, "-P", str(Path(__file__).with_name("grown.py"))]
    done = subprocess.run(
        words, cwd=grown.folder, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


pytestmark = pytest.mark.timeout(LONGEST + 60)


def test_each_touches_as_few_files_as_promised_and_takes_nothing_away(grown):
    assert {name: len(files) for name, files in grown.got.items()} == TOUCHED
    assert not any(lost for files in grown.lost.values() for lost in files.values())


def test_an_analysis_is_two_lines_in_two_files_beside_its_name_among_what_they_import(grown):
    files = grown.got["analysis"]
    imported = {file: [line for line in lines if re.fullmatch(r"    \w+,", line)] for file, lines in files.items()}
    assert {file: len(lines) - len(imported[file]) for file, lines in files.items()} == {
        "compute/analyses/table.py": 1, "app/panels.py": 1,
    }  # fmt: skip
    assert all(names == ["    norms,"] for names in imported.values())


def test_the_command_line_answers_with_them(grown, facts):
    assert Path(facts["file"]).is_relative_to(grown.folder)
    (status, told), (other, lengths) = facts["run"], facts["run norms"]
    assert status == 0 and "Cross, 2-3-2-3-1" in told and "random signs" in told
    assert other == 0 and "Lengths in 2-3-2-3-1." in lengths
    assert all(f"  {name} " in facts["list"][1] for name in ("arctan", "cross", "log_cosh", "norms"))


def test_python_answers_with_them(facts):
    assert np.shape(facts["loss"]) == (5, 5) and np.ptp(facts["loss"]) > 0 and np.isfinite(facts["loss"]).all()
    assert len(facts["norms"]) == 8 and min(facts["norms"]) > 0  # a matrix and a vector of each of four layers


def test_the_page_offers_them(facts):
    wanted = {
        "activation": ("arctan", "arctan"), "mix_with": ("arctan", "arctan"), "dataset": ("cross", "Cross"),
        "loss": ("log_cosh", "log cosh of the error"), "optimiser": ("nesterov", "Nesterov"),
        "network": ("hourglass", "Hourglass"), "directions": ("signs", "random signs"), "place": ("sizes", "Sizes"),
    }  # fmt: skip
    offered = facts["controls"]
    assert {name: (choice, offered[name].get(choice)) for name, (choice, _) in wanted.items()} == wanted
    assert "dot" in offered and facts["columns"] == ["arctan", "tanh"]


def test_the_address_of_the_page_keeps_them(facts):
    pairs = dict(pair.split("=") for pair in facts["written"].split("&"))
    assert pairs == {
        "dataset": "cross", "network": "hourglass", "widths": "3-2", "activation": "arctan", "loss": "log_cosh",
        "optimiser": "nesterov", "steps": "5", "directions": "signs", "extent": "1.0", "points": "5",
        "place": "sizes", "dot": "17",
    }  # fmt: skip


def test_the_page_draws_them(facts):
    drawn = {panel: trace for name, panel, state, trace in facts["events"] if state == "done"}
    assert drawn.keys() == {"slice", "training", "norms"} and all(drawn.values())
    assert drawn["norms"]["marker"]["size"] == 17  # as the address says
    assert drawn["norms"]["x"] == [f"{letter}{layer}" for layer in range(1, 5) for letter in "Wb"]
