"""Lanczos' method on a symmetric matrix known by its products: quadrature for a spectral density, and the eigenvalues
at both ends.

A matrix is a function from vectors (K, P) to their products (K, P).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lossatlas.compute.spec.tasks import CannotAnswer

CHECKED = 10  # steps between two looks at whether the ends have converged
FEW = 10.0  # a step is a breakdown below FEW √P eps of the largest entry so far: it is rounding then


@dataclass(frozen=True)
class Quadrature:
    """Rules of Gauss for K start vectors of length 1: Σ weights f(nodes) stands for vᵀ f(A) v, exactly for polynomials
    of degree below 2 M (Golub & Meurant 1994).

    Attributes:
        nodes, weights: (K, M) ascending; a rule that is exact before M steps is filled up with weights of 0.
        moment, square: (K,) vᵀ A v and ‖A v‖².
        broken_at: (K,) steps after which a rule is exact, as the vector's Krylov space is exhausted; −1 if none is.
    """

    nodes: np.ndarray
    weights: np.ndarray
    moment: np.ndarray
    square: np.ndarray
    broken_at: np.ndarray


def quadrature(product: Callable[[Tensor], Tensor], starts: Tensor, steps: int) -> Quadrature:
    """Lanczos for all starts (K, P) at once, without reorthogonalisation.

    Rounding then finds eigenvalues again ("ghosts"), which share the weight of the first: harmless to a density.

    Args:
        steps: M, at most P of them are taken.

    Raises:
        CannotAnswer: a product is not finite.
    """
    M, K = min(steps, starts.shape[1]), len(starts)
    alphas, betas = torch.zeros(M, K, dtype=torch.float64), torch.zeros(M, K, dtype=torch.float64)
    now, before = starts / _norm(starts).to(starts)[:, None], torch.zeros_like(starts)
    broken_at = torch.full((K,), -1)
    for step in range(M):
        moved = product(now)
        alphas[step] = _dot(moved, now)
        moved -= alphas[step].to(moved)[:, None] * now
        if step:
            moved -= betas[step - 1].to(moved)[:, None] * before
        length = _norm(moved)
        check_finite(moved.dtype, alphas[step], length)
        stop = length <= _rounding(starts, torch.maximum(alphas[: step + 1].abs().amax(0), betas.amax(0)))
        broken_at = torch.where(stop & (broken_at < 0), step + 1, broken_at)
        betas[step] = torch.where(stop, 0.0, length)
        before, now = now, torch.where(stop[:, None], 0.0, moved / length.clamp_min(1e-300).to(moved)[:, None])
        if stop.all():
            alphas, betas = alphas[: step + 1], betas[: step + 1]
            break
    values, vectors = np.linalg.eigh(_tridiagonal(alphas.T.numpy(), betas.T.numpy()[:, :-1]))
    square = alphas[0] ** 2 + betas[0] ** 2
    return Quadrature(values, vectors[:, 0] ** 2, alphas[0].numpy(), square.numpy(), broken_at.numpy())


def _dot(one: Tensor, other: Tensor) -> Tensor:
    """Of each row, summed in float64."""
    return (one * other).sum(-1, dtype=torch.float64)


def _norm(rows: Tensor) -> Tensor:
    return _dot(rows, rows).sqrt()


def _rounding(vectors: Tensor, scale: Tensor) -> Tensor:
    return FEW * vectors.shape[-1] ** 0.5 * torch.finfo(vectors.dtype).eps * scale


def check_finite(dtype: torch.dtype, *numbers: Tensor) -> None:
    """Raises CannotAnswer for infinite numbers and NaN, found in a number format."""
    if not all(bool(torch.isfinite(values).all()) for values in numbers):
        further = "dtype=float64, which overflows later, or " if dtype == torch.float32 else ""
        raise CannotAnswer(
            "The second derivatives of the loss are infinite or NaN at this point. "
            f"Choose {further}a point of smaller weights: a smaller initial range, a lower learning rate.",
            "diverged",
        )


def _tridiagonal(alphas: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """(..., M, M) from the diagonal (..., M) and the side diagonal (..., M − 1)."""
    found = np.zeros((*alphas.shape, alphas.shape[-1]))
    place = np.arange(alphas.shape[-1])
    found[..., place, place] = alphas
    found[..., place[1:], place[:-1]] = found[..., place[:-1], place[1:]] = betas
    return found


@dataclass(frozen=True)
class Ends:
    """The algebraically largest and smallest eigenvalues.

    Attributes:
        largest: (k,) descending; smallest: (k,) ascending.
        top, bottom: (k, P) their vectors, of length 1.
        top_residual, bottom_residual: (k,) ‖A v − λ v‖: within this distance of each there is an eigenvalue.
        steps: products taken one after another.
        converged: whether every residual is within the tolerance.
    """

    largest: np.ndarray
    smallest: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    top_residual: np.ndarray
    bottom_residual: np.ndarray
    steps: int
    converged: bool


def ends(
    product: Callable[[Tensor], Tensor], P: int, k: int, most: int, tolerance: float, dtype: torch.dtype,
    seed: int | np.random.SeedSequence,
) -> Ends:  # fmt: skip
    """Lanczos from one random vector, each step made orthogonal twice to all before it (Parlett 1998, section 13).

    Where the space of the start is exhausted a new random vector begins another, so that multiple eigenvalues are
    found as often as they occur once all P steps are taken; before that, some may be missed.

    Args:
        most: steps at most. tolerance: of the residuals, relative to the largest |λ|. seed: as default_rng takes it.

    Raises:
        CannotAnswer: a product is not finite.
        ValueError: k is not within 1 and P.
    """
    if not 1 <= k <= P:
        raise ValueError(f"k must lie within 1 and {P}; got {k}.")
    most, rng = max(min(most, P), k), np.random.default_rng(seed)
    basis, alphas, betas = _steps(product, torch.zeros(most, P, dtype=dtype), k, tolerance, rng)
    values, inner = np.linalg.eigh(_tridiagonal(alphas, betas))
    chosen = np.r_[np.arange(len(values))[::-1][:k], np.arange(k)]
    vectors = torch.as_tensor(inner[:, chosen].T).to(dtype) @ basis
    off = _norm(product(vectors) - torch.as_tensor(values[chosen]).to(dtype)[:, None] * vectors).numpy()
    within = bool((off <= tolerance * max(np.abs(values).max(), np.finfo(float).tiny)).all())
    top, bottom = vectors.numpy()[:k], vectors.numpy()[k:]
    return Ends(values[chosen[:k]], values[:k], top, bottom, off[:k], off[k:], len(values), within or not values.any())


def _steps(
    product: Callable[[Tensor], Tensor], basis: Tensor, k: int, tolerance: float, rng: np.random.Generator
) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """The orthonormal basis (m, P), written into the one given, and the tridiagonal matrix in it: diagonal (m,) and
    beside it (m − 1,). Ends before the basis is full where k eigenvalues at both ends have settled.
    """
    most = len(basis)
    alphas, betas = np.zeros(most), np.zeros(most)
    now, step = _fresh(rng, basis[:0]), 0
    for step in range(1, most + 1):
        basis[step - 1] = now
        moved = product(now[None])[0]
        alphas[step - 1] = float(_dot(moved, now))
        moved = _orthogonal(moved, basis[:step])
        length = _norm(moved)
        check_finite(moved.dtype, length)
        scale = torch.tensor(max(np.abs(alphas[:step]).max(), betas.max(), 0.0))
        if length > _rounding(now, scale):
            betas[step - 1], now = float(length), moved / length.to(moved)
        elif step < most:
            now = _fresh(rng, basis[:step])
        if step % CHECKED == 0 and step >= 2 * k and _settled(alphas[:step], betas[:step], k, tolerance):
            break
    return basis[:step], alphas[:step], betas[: step - 1]


def _fresh(rng: np.random.Generator, basis: Tensor) -> Tensor:
    """A random vector of length 1, orthogonal to a basis."""
    vector = _orthogonal(torch.as_tensor(rng.standard_normal(basis.shape[1])).to(basis.dtype), basis)
    return vector / _norm(vector).to(vector)


def _orthogonal(vector: Tensor, basis: Tensor) -> Tensor:
    for _ in range(2):
        vector = vector - basis.T @ (basis @ vector)
    return vector


def _settled(alphas: np.ndarray, betas: np.ndarray, k: int, tolerance: float) -> bool:
    """Whether the residuals at both ends, known from the last components, are within the tolerance."""
    if betas[-1] == 0:  # a space is exhausted: whether another holds more extreme values is not known
        return False
    values, inner = np.linalg.eigh(_tridiagonal(alphas, betas[:-1]))
    off = betas[-1] * np.abs(inner[-1])
    return bool(max(off[:k].max(), off[-k:].max()) <= 0.5 * tolerance * np.abs(values).max())
