from typing import Any

import pytest

from lossatlas.compute.analyses.slices import Slice
from lossatlas.compute.analyses.table import ANALYSES, key_for, question
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.options import LONGEST_QUERY, BadSpec, build, flat, options_of, parse, to_query
from tests.cases import CALLED_FOR, another


@pytest.mark.parametrize("query", [
    "", "dataset=iris&widths=4&activation=tanh&seed=0", "widths=128-64&alpha=2.5&activation=elu&extent=0.25",
    "widths=none&dtype=float64&accuracy=1&points=129&l2=1e-3", "?dataset=heart&noise=.25",
])  # fmt: skip
def test_the_written_form_gives_the_same_spec_again(query):
    spec = parse(Slice, query)
    assert parse(Slice, to_query(spec)) == spec
    assert build(Slice, flat(spec)) == spec


@pytest.mark.parametrize(("one", "other"), [
    ("l2=1&points=65", "l2=1.0&points=65.0"), ("widths=128-64", "widths=128,64"), ("widths=128-64", "widths=128x64"),
    ("accuracy=1", "accuracy=true"), ("extent=1", "extent=1.00"), ("extent=auto", ""), ("l2=-0.0", "l2=0"),
    ("activation=tanh&alpha=3", "activation=tanh"), ("optimiser=adam&momentum=.5", "optimiser=adam"),
    ("directions=trajectory&direction_seed=4", "directions=trajectory"),
])  # fmt: skip
def test_equal_questions_have_one_key(one, other):
    assert key_for(parse(Slice, one)) == key_for(parse(Slice, other))


def test_every_option_that_matters_is_in_the_key():
    base = {"activation": "elu", "optimiser": "momentum", "init": "uniform"}
    keys = {key_for(build(Slice, base))}
    of_clouds = {"walks", "walk_steps"}  # a Start goes one walk, as far as its own steps say
    for name, option in options_of(Slice).items():
        if name in of_clouds:
            continue
        changed = another(option, base.get(name))
        key = key_for(build(Slice, base | CALLED_FOR.get(name, {}) | {name: changed}))
        assert key not in keys, name
        keys.add(key)
    assert len(keys) == len(options_of(Slice).keys() - of_clouds) + 1


@pytest.mark.parametrize(("query", "words"), [
    ("dataset=irs", "Did you mean 'iris'"), ("datset=iris", "Did you mean 'dataset'"), ("seed=one", "whole number"),
    ("seed=1.5", "whole number"), ("points=64", "must be odd"), ("points=1e9", "between 5 and 513"),
            ("widths=0", "between 1"),
    ("widths=1000000000", "between 1 and 4096"), ("widths=" + "-".join(["2"] * 40), "at most 16 layers"),
    ("l2=nan", "finite"), ("l2=inf", "finite"), ("l2=-1", "between 0"), ("log=1", "no option called"),
    ("dataset", "without '='"), ("accuracy=maybe", "true or false"), ("extent=-1", "between"),
            ("extent=wide", "a number"),
    ("directions=weights&weight_a=0&weight_b=99", "must be below 35"), ("directions=weights&weight_b=0", "must differ"),
    ("seed=" + "9" * 3000, "whole number"), ("seed=-1", "between 0 and 2147483647"),
            ("points=" + "1" * 5000, "at most 4000 characters"), ("widths=4-", "whole number"),
])  # fmt: skip
def test_a_bad_question_is_one_sentence_that_says_what_to_do(query, words):
    with pytest.raises(BadSpec) as caught:
        parse(Slice, query)
    message = str(caught.value)
    assert words in message and message.endswith((".", "?")) and len(message) < 900


def test_an_url_of_100_kb_is_refused_before_it_is_read():
    with pytest.raises(BadSpec, match=str(LONGEST_QUERY)):
        parse(Slice, "dataset=" + "a" * 100_000)


def test_unknown_analyses_are_named_with_the_nearest():
    with pytest.raises(BadSpec, match="Did you mean 'slice'"):
        question("slize", "")


@pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES)
def test_every_option_is_declared_whole_and_its_default_is_allowed(analysis):
    for option in options_of(analysis.spec).values():
        assert option.label and option.help.endswith(".")
        assert option.coerce(option.default) == option.default
        if option.kind in (int, float, "widths", "numbers", "float or auto"):
            assert option.low is not None and option.high is not None
    assert analysis.note.endswith(".")


def test_a_spec_built_in_python_is_checked_at_the_door():
    with pytest.raises(BadSpec, match="activation"):
        Problem(activation="tahn")
    given: Any = [8, 4]
    assert Problem(widths=given).widths == (8, 4) and Problem(l2=1).l2 == 1.0
