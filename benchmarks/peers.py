"""Do the peers that `make bench` installs run on today's torch? Each on a tiny network, against the exact Hessian.

PyHessian 0.1 calls `torch.eig` in `density()`, which torch has removed: its eigenvalues and trace work, its density
does not, and what it raises is printed.
"""

import contextlib
import io
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import torch
from curvlinops import HessianLinearOperator
from hessian_eigenthings import HessianOperator, lanczos
from hessian_eigenthings.loss_fns import supervised_loss
from loss_landscapes import random_plane
from loss_landscapes.metrics import Loss as SliceLoss
from pyhessian import hessian
from torch import nn

from benchmarks.machine import describe

SIZES, PATTERNS = (4, 4, 3), 50


def tiny() -> tuple[nn.Sequential, nn.Module, torch.Tensor, torch.Tensor]:
    """A network, its loss function, inputs and targets, by seed."""
    torch.manual_seed(0)
    inputs, hidden, outputs = SIZES
    net = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, outputs))
    return net, nn.CrossEntropyLoss(), torch.randn(PATTERNS, inputs), torch.randint(outputs, (PATTERNS,))


def exact() -> np.ndarray:
    """Eigenvalues of the Hessian, ascending, float64."""
    net, loss, x, y = tiny()
    net, x = net.double(), x.double()
    names = [name for name, _ in net.named_parameters()]
    shapes = [value.shape for value in net.parameters()]
    flat = nn.utils.parameters_to_vector(net.parameters()).detach()

    def total(theta: torch.Tensor) -> torch.Tensor:
        parts = theta.split([shape.numel() for shape in shapes])
        given = {name: part.view(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
        return loss(torch.func.functional_call(net, given, (x,)), y)

    return np.linalg.eigvalsh(torch.func.hessian(total)(flat).numpy())


def slice_of_loss_landscapes() -> str:
    net, loss, x, y = tiny()
    found = random_plane(net, SliceLoss(loss, x, y), steps=5, deepcopy_model=True)
    return f"random_plane {found.shape}, {found.min():.4f} … {found.max():.4f}"


def top_of_pyhessian() -> str:
    net, loss, x, y = tiny()
    comp = hessian(net, loss, data=(x, y), cuda=False)
    (top,), _ = comp.eigenvalues(maxIter=1000, tol=1e-6)
    return f"top eigenvalue {top:.5f}, trace {np.mean(comp.trace(maxIter=1000, tol=1e-4)):.4f}"


def density_of_pyhessian() -> str:
    net, loss, x, y = tiny()
    nodes, _ = hessian(net, loss, data=(x, y), cuda=False).density(iter=10, n_v=1)
    return f"density with {len(nodes[0])} nodes"


def top_of_curvlinops() -> str:
    net, loss, x, y = tiny()
    operator = HessianLinearOperator(net, loss, list(net.parameters()), [(x, y)])
    dense = (operator @ torch.eye(operator.shape[1])).detach().numpy()
    return f"top eigenvalue {np.linalg.eigvalsh(dense)[-1]:.5f}, trace {np.trace(dense):.4f}"


def top_of_eigenthings() -> str:
    net, loss, x, y = tiny()
    # Its default of 2 k steps is far from converged for one eigenvalue.
    found = lanczos(HessianOperator(net, [(x, y)], supervised_loss(loss)), k=1, max_iter=20, seed=0)
    return f"top eigenvalue {float(found.eigenvalues[0]):.5f}"


PEERS: dict[str, tuple[tuple[str, Callable[[], str]], ...]] = {
    "loss-landscapes": (("slice", slice_of_loss_landscapes),),
    "pyhessian": (("eigenvalues, trace", top_of_pyhessian), ("density", density_of_pyhessian)),
    "curvlinops-for-pytorch": (("products", top_of_curvlinops),),
    "hessian-eigenthings": (("Lanczos", top_of_eigenthings),),
}


def attempt(run: Callable[[], str]) -> str:
    """What it found, or what it raised; a peer may raise anything, and may print what nobody asked for."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return run()
    except Exception as error:
        return f"BROKEN: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def main() -> None:
    print(describe())
    values = exact()
    print(f"{'-'.join(map(str, SIZES))}, exact: top eigenvalue {values[-1]:.5f}, trace {values.sum():.4f}")
    for name, works in PEERS.items():
        for work, run in works:
            print(f"{f'{name} {version(name)}':34}{work:20}{attempt(run)}")


if __name__ == "__main__":
    main()
