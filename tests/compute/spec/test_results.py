"""What is remembered of an answer as long as it lives."""

import gc
import weakref
from dataclasses import dataclass

import numpy as np

from lossatlas.compute.spec.results import once


@dataclass(frozen=True)
class Answer:
    loss: np.ndarray


def test_a_function_of_an_answer_works_once_for_each_and_lets_it_go():
    worked = []

    @once
    def lowest(answer: Answer, scale: float = 1.0) -> float:
        worked.append(scale)
        return scale * float(answer.loss.min())

    one, other = Answer(np.array([3.0, 2.0])), Answer(np.array([5.0]))
    assert [lowest(one), lowest(one), lowest(one, 2.0), lowest(other)] == [2.0, 2.0, 4.0, 5.0]
    assert worked == [1.0, 2.0, 1.0]
    gone = weakref.ref(one)
    del one
    gc.collect()
    assert gone() is None
    again = [lowest(Answer(np.array([value]))) for value in (7.0, 8.0, 9.0)]  # at places that others may have had
    assert again == [7.0, 8.0, 9.0]
