"""The directions in which the loss curves most: eigenvectors of its Hessian at the point that a Start reaches.

Of the total training loss, penalty included (it adds 2λ to every eigenvalue), and in float64 whatever the problem's
precision: a slice's curvature along them is then the eigenvalue, to the slice's own rounding. A float64 product costs
up to six times a float32 one: one or two seconds in all for 784-10-10 on 8,000 patterns (measured).
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from lossatlas.compute.numerics.cost import patterns
from lossatlas.compute.numerics.curvature import USUAL, check_curved, in_float64, most_steps, product_seconds
from lossatlas.compute.numerics.kernels.curvature import operator
from lossatlas.compute.numerics.lanczos import ends
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.reach import reach
from lossatlas.compute.numerics.paths.start import Start, Training, TrainingResult
from lossatlas.compute.numerics.paths.train import VERSIONS as TRAIN_VERSIONS
from lossatlas.compute.problem.nets import Problem
from lossatlas.compute.spec.keys import key_of
from lossatlas.compute.spec.tasks import Task

VERSIONS = (1, *TRAIN_VERSIONS)
COUNT = 3  # a plane's two, and the one toward which it is turned
DENSE = 500  # parameters up to which all eigenvectors are found: a twentieth of a second (measured)
TOLERANCE = 1e-6  # of a residual, relative to the largest |λ|: an eigenvector's error is that over its gap


@dataclass(frozen=True)
class Sharpest:
    """The algebraically largest eigenvalues, K of them: 3, or P where that is less.

    Attributes:
        values: (K,) descending. vectors: (K, P) of length 1, their entry of largest magnitude positive.
        residuals: (K,) ‖H v − λ v‖, 0 where all eigenvectors were found.
        steps: Lanczos steps taken, 0 where all were found; then a multiple eigenvalue stands as often as it occurs.
        largest: the largest |λ| met, to which the tolerance is relative.
    """

    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray
    steps: int
    largest: float

    @property
    def converged(self) -> bool:
        return bool((self.residuals <= TOLERANCE * self.largest).all())


def sharpest_task(problem: Problem, start: Start) -> Task:
    """The task whose result is the Sharpest."""
    spec = Training(problem, start)
    seconds = 4 * USUAL * product_seconds(replace(problem, dtype="float64"))
    return Task(
        key_of("sharpest", VERSIONS, spec),
        find_sharpest,
        (problem, reach(problem, start)),
        seconds,
        USUAL,
        passing=True,
    )


def sharpest_bytes(problem: Problem) -> float:
    """Memory beyond that of a training: matrix and vectors, or the basis of the ends; and the data in float64."""
    P = problem.parameters
    return 8.0 * (5 * P**2 if P <= DENSE else most_steps(P, COUNT, 8) * P + patterns(problem) * problem.sizes[0])


def find_sharpest(problem: Problem, reached: TrainingResult) -> Sharpest:
    """All eigenvectors of the dense matrix where it is small, else Lanczos toward both ends.

    Raises:
        CannotAnswer: the training diverged, or the loss has no second derivative, or not a finite one.
    """
    center = torch.as_tensor(reached.reached()).double()
    check_curved(problem, "train")
    loss, P = make_loss(replace(problem, dtype="float64")), len(center)
    if P <= DENSE:
        values, vectors = (found.numpy() for found in torch.linalg.eigh(in_float64(loss, center, "train")))
        best = np.arange(P)[::-1][:COUNT]
        return Sharpest(
            values[best], _signed(vectors[:, best].T), np.zeros(len(best)), 0, float(np.abs(values[[0, -1]]).max())
        )
    found = ends(operator(loss, center), P, COUNT, most_steps(P, COUNT, 8), TOLERANCE, torch.float64, seed=0)
    largest = max(abs(found.largest[0]), abs(found.smallest[0]))
    return Sharpest(found.largest, _signed(found.top), found.top_residual, found.steps, float(largest))


def _signed(vectors: np.ndarray) -> np.ndarray:
    """The same (K, P), each with its entry of largest magnitude positive, as −v is as good an eigenvector as v."""
    chosen = np.take_along_axis(vectors, np.abs(vectors).argmax(1)[:, None], 1)
    return vectors * np.where(chosen < 0, -1.0, 1.0)
