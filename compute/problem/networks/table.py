"""NETWORKS: the kinds of network, as a literal table. A new one is a file beside this one and a line here."""

from lossatlas.compute.problem.networks.lenet import LENET
from lossatlas.compute.problem.networks.mlp import MLP
from lossatlas.compute.problem.networks.network import Network

NETWORKS: dict[str, Network] = {
    "mlp": MLP,
    "lenet": LENET,
}
