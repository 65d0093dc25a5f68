"""The other scale of a picture, linear for logarithmic, made of what differs."""

import copy

import pytest

from lossatlas.app.panels import PANELS
from lossatlas.app.stream.json_diff import differences
from tests.app.stream.test_stream import QUICK, cache, events, last_panels  # noqa: F401 - a fixture

CLOUDS = f"{QUICK}&place=clouds&walks=4&walk_steps=30"


def changed(figure, changes):
    """As the browser makes it."""
    made = copy.deepcopy(figure)
    for path, *value in changes:
        part = made
        for name in path[:-1]:
            part = part[name]
        if value:
            part[path[-1]] = value[0]
        else:
            del part[path[-1]]
    return made


@pytest.mark.parametrize(("one", "other"), [
    ({"a": 1, "b": [1, 2]}, {"a": 1, "b": [1, 3]}), ({"a": {"b": 1, "c": 2}}, {"a": {"c": 2, "d": None}}),
    ({"a": [1, 2]}, {"a": [1, 2, 3]}), ({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"c": 2}]}),
    ({"a": 1}, {"a": True}), ({"a": 1}, {"a": 1}), ({}, {"a": {"b": []}}), ({"a": {"b": 1}}, {"a": [1]}),
])  # fmt: skip
def test_differences_make_the_one_the_other(one, other):
    found = list(differences(one, other))
    again = changed(one, found)
    assert (
        again == other
        and repr(again) == repr({name: again[name] for name in other})
        and bool(found) == (repr(one) != repr(other))
    )


@pytest.mark.parametrize("query", [
    QUICK, f"{QUICK}&mode=contour&shared=0", f"{QUICK}&show=accuracy", f"{QUICK}&show=penalty&l2=0.01&activation=tanh",
    f"{QUICK}&place=curvature&replicates=3&along=3&activation=relu&at=0.1,0.1",
    CLOUDS, f"{CLOUDS}&tint=test_loss&rule=tensors", f"{CLOUDS}&multiples=1",
])  # fmt: skip
def test_a_twin_is_the_picture_that_the_server_sends_for_the_other_scale(query, pool, cache):  # noqa: F811
    found, theirs = events(query, pool, cache), events(f"{query}&log=0", pool, cache)
    ends, others = last_panels(found), last_panels(theirs)
    twins = [data for name, data in found if name == "twin"]
    pictures = {(one["column"], one["panel"]): one for one in twins if "panel" in one}
    assert set(pictures) == set(ends)
    for place, twin in pictures.items():
        assert twin["of"] == ends[place]["mark"] and twin["mark"] == others[place]["mark"]
        assert changed(ends[place]["figure"], twin["changes"]) == others[place]["figure"]
        assert all(others[place][name] == told for name, told in twin["words"].items())
    differing = {place for place, twin in pictures.items() if twin["changes"]}
    rows = {"slice", "line", "training", "cloud"} if "accuracy" not in query else set()
    assert {PANELS[panel].analysis for _, panel in differing} == rows & {PANELS[panel].analysis for _, panel in ends}
    assert [one["bar"] for one in twins if "bar" in one] == [data for name, data in theirs if name == "bar"][-1:]


@pytest.mark.parametrize("region", ["frame", "brush"])
def test_a_region_of_a_cloud_is_one_of_its_own_scale(region, pool, cache):  # noqa: F811
    found = events(f"{CLOUDS}&{region}=-2,0,-2,0", pool, cache)
    assert "cloud" not in {data.get("panel") for name, data in found if name == "twin"}
