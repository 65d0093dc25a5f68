"""The numbers of a cloud against plain numpy on its arrays."""

import math

import numpy as np
import pytest

from lossatlas.compute.analyses.clouds import Cloud, CloudResult
from lossatlas.compute.analyses.summaries import Summary, mean_of, summarise, valleys
from lossatlas.compute.numerics.classes import NAMES, RULES
from lossatlas.compute.numerics.intervals import grouped_correlation
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import parse


@pytest.fixture(scope="module")
def cloud() -> CloudResult:
    return ask(parse(Cloud, "dataset=iris&widths=4&activation=tanh&walks=12&walk_steps=200&walk_size=0.05"))


@pytest.fixture(scope="module")
def summary(cloud: CloudResult) -> Summary:
    return summarise(cloud)


def test_means_and_deviations_are_over_walks(cloud, summary):
    assert (summary.walks, summary.points, summary.broken) == (12, 12 * 201, 0)
    for row, counter in enumerate(("authors", "reset")):
        assert summary.runs[counter].mean == pytest.approx(cloud.runs[row].mean())
        assert summary.length[counter].sd == pytest.approx(cloud.length[row].std())
    assert summary.last["test_loss"].mean == pytest.approx(cloud.test_loss[:, -1].mean(), rel=1e-6)
    assert summary.first["accuracy"].sd == pytest.approx(cloud.accuracy[:, 0].std(), rel=1e-5)
    assert summary.whole["saturation"].sd == pytest.approx(cloud.saturation.mean(1).std(), rel=1e-5)


def test_shares_are_of_the_classified_points_and_sum_to_one(cloud, summary):
    assert summary.classified == 12 * 201 and summary.unclassified == dict.fromkeys(RULES, 0)
    for rule, found in summary.shares.items():
        assert list(found) == list(NAMES) and sum(share.share for share in found.values()) == pytest.approx(1)
        for code, share in enumerate(found.values()):
            assert share.share == pytest.approx((cloud.classes(rule) == code).mean())
            assert share.low <= share.share <= share.high and share.count == summary.classified
    assert summary.negative["full"].share == pytest.approx(
        (cloud.full[..., 0] < -1e-8 * np.abs(cloud.full).max(-1)).mean()
    )


def test_the_tolerance_of_the_full_hessian_can_be_another(cloud, summary):
    other = summarise(cloud, tolerance=1e-2)
    assert other.shares["full"]["singular"].share > summary.shares["full"]["singular"].share
    assert other.shares["tensors"] == summary.shares["tensors"]
    assert other.tolerance == {name: rule.tolerance for name, rule in RULES.items()} | {"full": 1e-2}


def test_valleys_are_the_points_of_least_loss(cloud, summary):
    rows = cloud.loss <= np.quantile(cloud.loss, 0.1)
    walk = np.repeat(np.arange(12), 201).reshape(12, 201)[rows]
    narrow, deep = (np.log10(values[rows].astype(float)) for values in (cloud.gradient_norm, cloud.loss))
    plain, partial = grouped_correlation(narrow, cloud.saturation[rows], deep, walk)
    found = valleys(cloud)
    assert found == summary.valleys and (found.plain, found.partial) == (plain, partial)
    assert found.plain.r == pytest.approx(np.corrcoef(narrow, cloud.saturation[rows])[0, 1], abs=1e-6)
    assert found.plain.low < found.plain.r < found.plain.high
    assert found.below == pytest.approx(cloud.loss[rows].max(), rel=0.01) and found.plain.count == rows.sum()


def test_walks_that_overflow_are_counted_and_spoil_no_mean():
    query = (
        "dataset=wine&widths=6-6-6-6&activation=quadratic&walk_range=5&walks=8&walk_steps=30&walk=random&classified=0.1"
    )
    cloud = ask(parse(Cloud, query))
    found = summarise(cloud)
    finite = np.isfinite(cloud.loss[:, -1])
    assert found.broken == (cloud.broken_at >= 0).sum() > 0
    assert found.last["loss"].left_out == (~finite).sum() and found.last["loss"].count == finite.sum()
    if finite.any():
        assert found.last["loss"].mean == pytest.approx(cloud.loss[finite, -1].mean(dtype=float), rel=1e-6)
    assert found.runs["authors"].left_out == (~np.isfinite(cloud.loss).all(1)).sum()
    assert found.unclassified["full"] == np.isnan(cloud.full[..., 0]).sum()


def test_what_was_not_measured_has_no_numbers():
    cloud = ask(parse(Cloud, "dataset=xor&widths=2&activation=leaky_relu&walks=5&walk_steps=20&classified=0"))
    found = summarise(cloud)
    assert math.isnan(found.last["test_loss"].mean) and found.last["test_loss"].left_out == 5
    assert math.isnan(found.shares["full"]["convex"].share) and found.classified == 0
    assert math.isnan(found.valleys.plain.r) and found.valleys.left_out > 0
    assert mean_of(np.array([1.0, math.nan, 3.0])).mean == 2.0
