"""A stored answer is given for as long as its key is: what changes an answer must change a version."""

import json

import pytest

from lossatlas.compute.analyses.table import ANALYSES
from tests.test_imports import FILES, under
from tests.versions import RECORD, State, below, state, substance, unraised

NOW, THEN = state(), json.loads(RECORD.read_text())
ADVICE = (
    "If answers change, raise VERSIONS of the analysis (or NUMERICS in compute/spec/keys.py for what all are made of). "
    "Then python -m tests.versions, --same-answers if they do not (python -m benchmarks.answers, before and after)."
)


@pytest.mark.parametrize("name", ANALYSES)
def test_an_analysis_whose_sources_changed_has_another_version(name):
    assert name in THEN, f"{name} is new here. Run python -m tests.versions."
    assert name not in unraised(NOW, THEN), f"The sources of {name} changed. {ADVICE}"
    assert NOW[name] == THEN[name], (
        f"A version of {name} was raised: run python -m tests.versions."
    )  # or it hides the next


def test_what_an_analysis_is_made_of_is_found():
    slices = below("lossatlas.compute.analyses.slices")
    assert {"lossatlas.compute.numerics.loss", "lossatlas.compute.problem.activations"} <= slices
    assert not any(name.startswith("lossatlas.compute.service") for name in slices) and len(slices) > 20
    assert not any(under(name, "lossatlas.compute.analyses.spectra") for name in slices)


def test_a_change_is_noticed_and_a_rewording_is_not():
    source = FILES["lossatlas.compute.numerics.directions"].read_text()
    reworded = "# a comment\nimport os\n" + source.replace('"""', '"""Reworded. ', 1)
    untyped = source.replace("count: int", "count").replace(" -> np.ndarray:", ":")
    assert untyped != source and substance(reworded) == substance(untyped) == substance(source)
    assert substance(source) != substance(source.replace("return", "return -", 1))


def test_the_type_of_a_field_is_no_rewording():
    assert substance("class Spec:\n    steps: int = 1") != substance("class Spec:\n    steps: float = 1")


def test_a_version_stands_for_the_sources_that_it_was_recorded_with():
    then: State = {"slice": {"versions": [2, 1], "sources": "a"}}
    assert unraised(then, then) == []
    assert unraised({"slice": {"versions": [2, 1], "sources": "b"}}, then) == ["slice"]
    assert unraised({"slice": {"versions": [2, 2], "sources": "b"}}, then) == []
    assert unraised({"line": {"versions": [1], "sources": "b"}}, then) == []  # new
