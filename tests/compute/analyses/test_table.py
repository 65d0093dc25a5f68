"""What is remembered of a question (what matters in it, its key, its tasks) is what would be made anew."""

import numpy as np
import pytest

from lossatlas.compute.analyses.planes.plane import point_seconds
from lossatlas.compute.analyses.slices import levels, new_points
from lossatlas.compute.analyses.table import ANALYSES, canonical, key_for, levels_of, question
from lossatlas.compute.numerics.paths.reach import run_training
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import build, flat, options_of, relevant
from lossatlas.compute.spec.results import to_arrays
from lossatlas.compute.spec.tasks import every

IDLE = "activation=tanh&alpha=2&slope=0.3&beta=4"  # which tanh does not have


@pytest.mark.parametrize("analysis", ANALYSES)
def test_tasks_are_made_once_and_nobody_can_change_them_for_others(analysis):
    query = f"dataset={'moons' if analysis == 'boundary' else 'iris'}&widths=3"
    first = levels_of(question(analysis, query))
    first.reverse()
    first.append(first[0])
    again, anew = levels_of(question(analysis, query)), ANALYSES[analysis].levels(question(analysis, query))
    assert len(first) == len(again) + 1 and again[-1].key == key_for(question(analysis, query))
    assert [(key, task.seconds, task.units) for key, task in every(again).items()] == [
        (key, task.seconds, task.units) for key, task in every(anew).items()
    ]
    assert all(one is two for one, two in zip(again, levels_of(question(analysis, query)), strict=True))


@pytest.mark.parametrize("analysis", ANALYSES)
def test_what_has_no_meaning_is_at_its_default_in_the_canonical_question(analysis):
    plain, idle = question(analysis, "activation=tanh"), question(analysis, IDLE)
    assert plain != idle and canonical(idle) == canonical(plain) == build(type(idle), relevant(idle))
    assert canonical(plain) is plain and key_for(idle) == key_for(plain)


def test_what_matters_is_each_callers_own():
    spec, table = question("slice", IDLE), options_of(ANALYSES["slice"].spec)
    found, whole = relevant(spec), flat(spec)
    assert found == {name: value for name, value in whole.items() if table[name].matters(whole)} != whole
    found.clear()
    assert relevant(spec) and key_of("slice", (1,), spec) == key_of.__wrapped__("slice", (1,), spec)


@pytest.mark.parametrize("points", [9, 17, 33, 35, 65, 129, 257])
def test_the_pieces_of_a_surface_cover_the_new_points_of_each_level(points):
    asked = question("slice", f"dataset=mnist&points={points}&steps=0")
    found, sizes = levels_of(asked), levels(points, point_seconds(asked.place))
    for task, size, coarser in zip(found, sizes, [None, *sizes], strict=False):
        pieces = [piece for piece in task.needs() if "-from-" in piece.key]
        assert sum(piece.units for piece in pieces) == len(new_points(size, coarser))


SAME = [
    ("training", "dataset=xor&noise=0.1", "dataset=xor"),
    ("training", "dataset=unit&noise=0.5", "dataset=unit"),  # one target of two, which has none to change with
    ("training", "dataset=xor&data_seed=9&test_share=0.7", "dataset=xor"),
    ("training", "dataset=iris&max_samples=150", "dataset=iris"),
    ("training", "dataset=iris&max_samples=900", "dataset=iris"),
    ("training", "dataset=iris&test_share=0.2001", "dataset=iris"),
    ("training", "dataset=iris&batch=120", "dataset=iris"),
    ("training", "dataset=iris&batch=1000", "dataset=iris"),
    ("training", "dataset=iris&optimiser=momentum&momentum=0", "dataset=iris&optimiser=sgd"),
    ("training", "dataset=iris&steps=0&rate=0.3&batch=7&optimiser=momentum&momentum=0.5", "dataset=iris&steps=0"),
    ("training", "dataset=iris&activation=relu&mix_with=tanh&rescale=2", "dataset=iris&activation=relu&mix_with=tanh"),
    ("training", "dataset=iris&optimiser=walk&walk_batch=200", "dataset=iris&optimiser=walk"),
    ("cloud", "dataset=iris&walk_batch=120", "dataset=iris"),
    ("slice", "dataset=iris&turn=360", "dataset=iris"),
]  # fmt: skip
APART = [
    ("training", "dataset=xor&noise=0.5", "dataset=xor"),
    ("training", "dataset=xor&noise=0.5&data_seed=9", "dataset=xor&noise=0.5"),
    ("training", "dataset=moons&data_seed=1", "dataset=moons"),
    ("training", "dataset=iris&batch=119", "dataset=iris"),
    ("training", "dataset=iris&max_samples=149", "dataset=iris"),
    ("training", "dataset=iris&optimiser=walk&steps=0", "dataset=iris&steps=0"),
    ("training", "dataset=iris&optimiser=momentum&momentum=0.1", "dataset=iris&optimiser=sgd"),
]  # fmt: skip


@pytest.mark.parametrize(("analysis", "one", "other"), SAME)
def test_two_spellings_of_one_question_have_one_key(analysis, one, other):
    first, second = question(analysis, one), question(analysis, other)
    assert key_for(first) == key_for(second) and canonical(first) == canonical(second) == canonical(canonical(first))


@pytest.mark.parametrize(("analysis", "one", "other"), [pair for pair in SAME if pair[0] == "training"])
def test_and_their_answers_are_equal_to_the_bit_as_they_are_spelt(analysis, one, other):
    steps = "" if "steps=0" in one else "&steps=9"
    first, second = (to_arrays(run_training(question(analysis, f"{query}&widths=3{steps}"))) for query in (one, other))
    for name, mine in first.items():
        if mine.dtype.kind in "fiub":
            np.testing.assert_array_equal(mine, second[name], err_msg=name, strict=True)


@pytest.mark.parametrize(("analysis", "one", "other"), APART)
def test_other_questions_keep_their_keys(analysis, one, other):
    assert key_for(question(analysis, one)) != key_for(question(analysis, other))
