"""The table across activations: two rows each, values to sort by, texts to read, ends of intervals for the file."""

import json
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lossatlas.app.figures import cloud_table as clouds
from lossatlas.app.figures import replicates_table as seeds
from lossatlas.app.figures.replicates_table import COLUMNS, HIDDEN
from lossatlas.app.look.columns import Column
from lossatlas.app.look.ticks import digits, percent
from lossatlas.app.look.view import View
from lossatlas.compute.analyses.summaries import summarise
from lossatlas.compute.analyses.table import question
from lossatlas.compute.numerics.classes import NAMES
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.service.ask import ask


@pytest.fixture(scope="module")
def result():
    return ask(question("replicates", "dataset=iris&widths=3&activation=relu&steps=30&replicates=3"))


def made_up(**values) -> SimpleNamespace:
    spec = SimpleNamespace(problem=Problem())
    zeros = {name: np.zeros(2) for name in [*COLUMNS, "trace_error"]}
    return SimpleNamespace(spec=spec, seed=np.array([3, 4]), method="exact", **(zeros | values))


def alone(result) -> list[tuple[Column, Any]]:
    """A page of one column."""
    name = result.spec.problem.activation
    return [(Column(name, ACTIVATIONS[name].label, {"activation": name}, "#123456"), result)]


def test_an_activation_has_its_own_seed_and_the_mean_of_all(result):
    one, mean = seeds.rows(alone(result), View())
    assert (one["activation"], one["seeds"], mean["seeds"]) == ("ReLU", "seed 3", "3 seeds")
    assert one["id"] != mean["id"] and one["hue"] == mean["hue"]
    for name in COLUMNS:
        values = getattr(result, name)
        assert one[name] == pytest.approx(values[0]) and mean[name] == pytest.approx(values.mean())
        assert mean[f"{name}_low"] <= mean[name] <= mean[f"{name}_high"]
    json.dumps([one, mean], allow_nan=False)


def test_what_is_missing_is_a_dash_and_sorts_as_nothing():
    one, mean = seeds.rows(alone(made_up(test_loss=np.array([np.nan, 0.5]))), View())
    assert one["test_loss"] is None and one["texts"]["test_loss"] == "–"
    assert mean["test_loss"] == 0.5 and mean["texts"]["test_loss"] == "0.5"  # one seed has no interval
    json.dumps([one, mean], allow_nan=False)


def test_an_estimated_trace_carries_its_error():
    one, _ = seeds.rows(alone(made_up(trace=np.array([2.0, 3.0]), trace_error=np.array([0.25, 0.1]))), View())
    assert one["texts"]["trace"] == "2 ± 0.25"


def test_what_is_estimated_or_left_out_is_told():
    (one, mean), half = seeds.rows(alone(made_up()), View()), np.array([0.5, np.nan])
    assert one["texts"]["zero"] == "0.0 %" and mean["seeds"] == "2 seeds"
    rough = made_up(train_loss=half, zero=half)
    rough.method = "estimated"
    one, mean = seeds.rows(alone(rough), View())
    assert one["texts"]["zero"] == "≈ 50.0 %" and mean["seeds"] == "1 of 2 seeds" and one["texts"]["largest"] == "0"


def test_an_interval_ends_where_the_quantity_does():
    values = np.array([0.9, 1.0])  # half the interval is 0.64
    _, mean = seeds.rows(alone(made_up(train_accuracy=values, train_loss=values - 0.9, largest=values)), View())
    assert (mean["train_accuracy_high"], mean["train_loss_low"]) == (1.0, 0.0) and mean["largest_high"] > 1.5
    assert mean["texts"]["train_accuracy"].startswith("95.0 % [") and mean["texts"]["train_accuracy"].endswith("100.0]")


def test_the_grid_knows_every_field(result):
    fields = [column["field"] for column in seeds.columns()]
    assert len(fields) == len(set(fields))
    assert set(fields) == {"activation", "seeds", *COLUMNS, *HIDDEN}
    one, mean = seeds.rows(alone(result), View())
    assert set(fields) <= one.keys() | mean.keys()


@pytest.mark.parametrize(("value", "text"), [
    (0.0, "0"), (1.2345, "1.23"), (-0.00123, "−0.00123"), (1.2e-7, "1.2×10⁻⁷"), (12345.6, "12,346"), (1e12, "10¹²"),
    (np.nan, "–"), (np.inf, "–"),
])  # fmt: skip
def test_digits_of_a_number(value, text):
    assert digits(value) == text


def test_percent():
    assert (percent(0.12345), percent(np.nan)) == ("12.3 %", "–")


@pytest.mark.parametrize("rule", ["full", "tensors"])
def test_a_cloud_is_a_row_of_its_summary(rule):
    cloud = ask(question("cloud", "dataset=xor&widths=2&walks=9&walk_steps=40&walk_range=2"))
    (row,), found = clouds.rows(alone(cloud), View(place="clouds", rule=rule)), summarise(cloud)
    assert row["runs_authors"] == found.runs["authors"].mean and row["length_reset"] == found.length["reset"].mean
    assert row["loss"] == found.last["loss"].mean and row["saturation"] == found.whole["saturation"].mean
    assert {name: row[name] for name in NAMES} == {name: found.shares[rule][name].share for name in NAMES}
    assert row["test_loss"] is None and row["broken"] == 0  # XOR has no test part
    for name, pair in (("valleys", found.valleys.plain), ("valleys_partial", found.valleys.partial)):
        told = [row[name], row[f"{name}_low"], row[f"{name}_high"]]
        assert told == [None if math.isnan(one) else one for one in (pair.r, pair.low, pair.high)]
    assert row["still"] == (cloud.gradient_norm == 0).mean() and row["dtype"] == "float32"
    assert {column["field"] for column in clouds.columns()} <= row.keys() and clouds.COLUMNS.keys() <= row[
        "texts"
    ].keys()
    json.dumps(row, allow_nan=False)
