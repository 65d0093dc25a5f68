"""tests/vocabulary.json, which tests/js/vocabulary.test.mjs runs too: texts of the URL mean one thing on both sides."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from lossatlas.app.figures.shared.frames import GAP
from lossatlas.app.look.view import THEMES
from lossatlas.compute.spec.options import BadSpec, Option, read_query, text

TABLE = json.loads((Path(__file__).parents[2] / "vocabulary.json").read_text(encoding="utf-8"))
KINDS: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str, "choice": str}


def option_of(kind: str) -> Option:
    choices = {name: name for name in TABLE["choices"]} if kind == "choice" else None
    return Option("x", KINDS[kind], None, "x", "x", None, None, None, choices, None, "")


@pytest.mark.parametrize("entry", TABLE["values"], ids=lambda entry: f"{entry['kind']} {entry['text']!r}")
def test_a_text_is_its_value_and_is_written_again_in_one_way(entry):
    option = option_of(entry["kind"])
    value = option.coerce(entry["text"])
    assert value == entry["value"] and type(value) is KINDS[entry["kind"]]
    assert text(value) == entry["written"] and option.coerce(entry["written"]) == value


@pytest.mark.parametrize("entry", TABLE["refused"], ids=lambda entry: f"{entry['kind']} {entry['text']!r}")
def test_what_is_no_value_is_refused(entry):
    with pytest.raises(BadSpec):
        option_of(entry["kind"]).coerce(entry["text"])


@pytest.mark.parametrize("entry", TABLE["queries"], ids=lambda entry: entry["text"])
def test_a_query_is_read_into_pairs(entry):
    assert read_query(entry["text"]) == entry["pairs"]


@pytest.mark.parametrize("entry", TABLE["encoded"], ids=lambda entry: entry["text"])
def test_a_text_is_quoted_as_a_link_has_it(entry):
    assert quote(entry["text"], safe=",") == entry["written"]


def test_what_both_sides_know_by_heart():
    assert list(THEMES) == TABLE["themes"] and TABLE["gap"] == GAP
