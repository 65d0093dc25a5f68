"""Every loss, its gradient and its curvature keep their digits however small they are, by every formula there is."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import grad, vmap

from lossatlas.compute.numerics.kernels.curvature import coupled
from lossatlas.compute.problem.criteria import CRITERIA
from tests.oracles import exact_criterion

# Of a number made in about ten operations on positive numbers, each within an ulp or two of what it is given: that of a
# power e^d too, as the differences d of the outputs here are exact.
ULPS = 16

# How far outputs lie on the right side, or the wrong one: losses of about 1, 1e-3, 1e-7 and 1e-12, and up to 1e-24.
MARGINS = (0.0, 2.0, 3.5, 6.875, 8.0, 13.75, 16.125, 27.625)
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def outputs_of(name: str, K: int, own: int) -> tuple[np.ndarray, np.ndarray]:
    """z (N, K) and y (K,): class `own` by every margin and more, the outputs a little apart, and all 0;
    exact in float32."""
    y = np.eye(K)[own] if K > 1 else np.array([float(own)])
    apart = np.arange(K) / 8
    if name == "squared_error":
        return y + np.array([[2.0**-n] for n in (2, 5, 12, 20)]) * (1 + np.arange(K)), y
    right = np.array(MARGINS)[:, None]
    return np.concatenate([(2 * y - 1) * np.concatenate([right, -right]) + apart, np.zeros((1, K))]), y


CASES = [
    (name, K, own)
    for name, criterion in CRITERIA.items()
    for K in ((2, 3) if criterion.coupled else (1, 2, 3))
    for own in (0, K - 1 if K > 1 else 1)
]


def exact(name: str, z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Losses (N,), gradients (N, K) and curvatures (N, K, K)."""
    return tuple(np.array(one) for one in zip(*(exact_criterion(name, row, y) for row in z), strict=True))  # type: ignore[return-value]


def assert_exact(found: Tensor, expected: np.ndarray, dtype: torch.dtype) -> None:
    """To a few units in the last place, and to the smallest number that has all digits."""
    assert found.dtype == dtype
    most = torch.finfo(dtype)
    np.testing.assert_allclose(found.double().numpy(), expected, rtol=ULPS * most.eps, atol=most.tiny)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize(("name", "K", "own"), CASES)
def test_losses_gradients_and_curvatures_keep_their_digits(name, K, own, dtype):
    criterion, (outputs, targets) = CRITERIA[name], outputs_of(name, K, own)
    values, slopes, bends = exact(name, outputs, targets)
    z, y = torch.as_tensor(outputs, dtype=dtype), torch.as_tensor(targets, dtype=dtype)
    for function in (criterion.function, criterion.values):
        assert_exact(function(z, y.expand_as(z)), values, dtype)
    assert criterion.slope is not None and criterion.curvature is not None
    assert_exact(criterion.slope(z, y.expand_as(z)), slopes, dtype)
    slope, diagonal, beside = criterion.curvature(z.T[None], y[:, None].expand_as(z.T))
    r, c, q = slope[0], diagonal[0], None if beside is None else beside[0]
    assert_exact(r.T, slopes, dtype)
    assert_exact(c.T, bends.diagonal(axis1=1, axis2=2), dtype)
    if q is not None:
        unit = torch.eye(K, dtype=dtype)[:, :, None].expand(K, K, len(z))  # of C e_k, for every k
        assert_exact(coupled(q[:, None], unit).permute(2, 0, 1), bends, dtype)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize(("name", "K", "own"), CASES)
def test_autodiff_keeps_them_too(name, K, own, dtype):
    outputs, targets = outputs_of(name, K, own)
    _, slopes, bends = exact(name, outputs, targets)
    y = torch.as_tensor(targets, dtype=dtype)[None]

    def of_one(z: Tensor) -> Tensor:
        return CRITERIA[name].function(z[None], y)[0]

    z = torch.as_tensor(outputs, dtype=dtype)
    assert_exact(vmap(grad(of_one))(z), slopes, dtype)
    rows = [vmap(grad(lambda z, k=k: grad(of_one)(z)[k]))(z) for k in range(K)]
    assert_exact(torch.stack(rows, 1), bends, dtype)
