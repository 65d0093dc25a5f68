"""What is remembered of a question (what matters in it, its key, its tasks) is what would be made anew."""

import pytest

from lossatlas.compute.analyses.slices import levels, new_points
from lossatlas.compute.analyses.table import ANALYSES, canonical, key_for, levels_of, question
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.options import build, flat, options_of, relevant
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
    found = levels_of(question("slice", f"dataset=mnist&points={points}&steps=0"))
    for task, size, coarser in zip(found, levels(points), [None, *levels(points)], strict=False):
        pieces = [piece for piece in task.needs() if "-from-" in piece.key]
        assert sum(piece.units for piece in pieces) == len(new_points(size, coarser))
