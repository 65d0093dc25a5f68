import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lossatlas.app.cli.main import main
from lossatlas.compute.analyses.table import ANALYSES
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.datasets import DATASETS

QUERY = "dataset=iris&widths=4&activation=tanh&seed=0&steps=20&points=9"


def lossatlas(*words: str):
    return CliRunner().invoke(main, words)


def test_a_slice_is_written_with_its_documented_keys(cache_folder, tmp_path):
    out = tmp_path / "slice.npz"
    found = lossatlas("run", "slice", QUERY, "--out", str(out))
    assert found.exit_code == 0 and "about 0.1 s" in found.stderr and "center_loss" in found.stdout
    with np.load(out, allow_pickle=False) as stored:
        assert stored["loss"].shape == (9, 9) and stored["theta"].shape == stored["u"].shape == stored["v"].shape == (
            35,
        )
        assert stored["loss"][4, 4] == stored["center_loss"] and stored["a"][4] == stored["b"][4] == 0
    again = tmp_path / "again.npz"
    assert lossatlas("run", "slice", QUERY, "--out", str(again)).exit_code == 0
    fresh = tmp_path / "fresh.npz"
    assert lossatlas("run", "slice", QUERY, "--out", str(fresh), "--no-cache").exit_code == 0
    assert out.read_bytes() == again.read_bytes() == fresh.read_bytes()


def test_a_window_of_a_turned_plane_is_written(cache_folder, tmp_path):
    out = tmp_path / "slice.csv"
    query = f"{QUERY}&window=-0.4,0.2,0.1,0.5&turn=30"
    found = lossatlas("run", "slice", query, "--out", str(out))
    assert found.exit_code == 0 and "A window of the plane" in found.stdout and "Turned by 30°" in found.stdout
    rows = np.loadtxt(out, delimiter=",", skiprows=2)  # what was asked, and the names
    assert len(rows) == 81 and (rows[0, :2] == [-0.4, 0.1]).all() and (rows[-1, :2] == [0.2, 0.5]).all()


@pytest.mark.parametrize("ending", ["csv", "json", "html"])
def test_the_other_formats_are_written(ending, cache_folder, tmp_path):
    out = tmp_path / f"line.{ending}"
    assert lossatlas("run", "line", "dataset=xor&widths=2&steps=5&line_points=21", "--out", str(out)).exit_code == 0
    assert len(out.read_bytes()) > 500
    if ending == "json":
        assert json.loads(out.read_text())["analysis"] == "line"


@pytest.mark.parametrize(("words", "said"), [
    (["run", "slice", "dataset=irs"], "Did you mean 'iris'"), (["run", "slyce", ""], "Did you mean 'slice'"),
    (["run", "slice", "window=1,0,0,0"], "lower end below"), (["run", "slice", "turn=x"], "must be a number"),
    (["run", "slice", "widths=0"], "between 1"), (["run", "slice", "widths=1000000000"], "between 1"),
    (["run", "slice", "activation=tanh,relu"], "one of the names"), (["run", "slice", "", "--out", "x.pkl"], "npz"),
    (["run", "slice", "", "--out", "/nowhere/x.npz"], "does not exist"),
            (["run", "extent", "", "--out", "x.html"], "no figure"),
    (["run", "slice", "dataset=mnist&widths=1000&points=513"], "limit is 30 min"),
    (["run", "slice", QUERY, "--scheduler", "nonsense"], "No dask scheduler"),
])  # fmt: skip
def test_bad_input_is_one_sentence_and_exit_code_2(words, said, cache_folder, monkeypatch):
    monkeypatch.setattr("lossatlas.compute.service.pool.PATIENCE", 0.5)
    found = lossatlas(*words)
    last = found.stderr.strip().splitlines()[-1]
    assert found.exit_code == 2 and said in last and "Traceback" not in found.output


def test_an_answer_that_cannot_be_had_is_a_sentence_and_exit_code_1(cache_folder):
    found = lossatlas("run", "slice", "dataset=xor&widths=2&part=test&steps=0")
    assert found.exit_code == 1 and "no test part" in found.stderr


def test_an_unusable_cache_folder_is_a_sentence_and_exit_code_2(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("LOSSATLAS_CACHE", str(blocked / "cache"))
    for words in (["run", "line", "steps=0"], ["cache", "info"], ["cache", "clear"]):
        found = lossatlas(*words)
        assert found.exit_code == 2 and "LOSSATLAS_CACHE" in found.stderr


def test_the_cache_can_be_looked_at_and_cleared(cache_folder):
    lossatlas("run", "line", "dataset=xor&widths=2&steps=0&line_points=5")
    assert "answers 1" in lossatlas("cache", "info").stdout
    assert "Forgot 1" in lossatlas("cache", "clear").stdout
    assert "answers 0" in lossatlas("cache", "info").stdout


def test_the_list_holds_every_registry():
    listed = lossatlas("list").stdout
    for table in (ACTIVATIONS, DATASETS, CRITERIA, ANALYSES):
        for name in table:
            assert f"  {name} " in listed
    assert "tanh" not in lossatlas("list", "datasets").stdout


def test_help_names_every_option_and_the_version_is_the_packages():
    found = lossatlas("run", "--help").stdout
    assert all(name in found for name in ("dataset", "widths", "extent", "line_points"))
    assert "lossatlas" in lossatlas("--version").stdout


def test_gpus_without_cuda_are_a_sentence_and_exit_code_2():
    words = [sys.executable, "-m", "lossatlas.compute.service.host", "--port", "1", "--gpus"]
    found = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[3],
        env={"PATH": "", "CUDA_VISIBLE_DEVICES": ""},
    )
    assert found.returncode == 2 and "needs a CUDA device" in found.stderr and "Traceback" not in found.stderr
