"""Loss values of the stationary points of exclusive or in networks of two hidden units, whatever the activation.

There some patterns are right and the others, no less than two and not all of one class, share the output that is their
mean target. Bosman, Engelbrecht & Helbig 2023 (arXiv 2306.16090) name the four levels; the losses follow from the
definition: all four patterns share an output, or three, or two, or none.
"""

import math

from lossatlas.compute.problem.nets import Problem

_THREE = 0.75 * (math.log(3) - 2 / 3 * math.log(2))  # 3/4 of the entropy of (1/3, 2/3)
LEVELS = {  # by the names of problem.criteria.CRITERIA, ascending
    "sigmoid_cross_entropy": (0.0, math.log(2) / 2, _THREE, math.log(2)),
    "sigmoid_squared_error": (0.0, 1 / 8, 1 / 6, 1 / 4),
    "squared_error": (0.0, 1 / 8, 1 / 6, 1 / 4),
}


def levels(problem: Problem) -> tuple[float, ...]:
    """The losses of a problem's stationary points where they are known: XOR, two hidden units, no penalty, no noise."""
    whole = problem.dataset == "xor" and not (problem.noise or 0 < problem.max_samples < 4)
    known = whole and problem.plain and problem.hidden == (2,) and not problem.l2
    return LEVELS.get(problem.loss, ()) if known else ()
