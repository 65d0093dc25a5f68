"""Dense layers, one after another, with connections that skip a layer where asked."""

from lossatlas.compute.problem.layers import Layer
from lossatlas.compute.problem.networks.network import Ends, Network, dense


def _layers(ends: Ends, normed: bool, widths: tuple[int, ...], skip: bool) -> tuple[Layer, ...]:
    return dense((ends.inputs, *widths, ends.outputs), normed, skip)


def _refused(widths: tuple[int, ...], skip: bool) -> str:
    if skip and (len(widths) < 2 or len(set(widths)) > 1):
        return (
            f"skip=true adds layers to one another and needs two or more hidden layers of one width, as 8-8-8; "
            f"got {'-'.join(map(str, widths)) or 'none'}."
        )
    return ""


MLP = Network(
    "MLP", ("widths", "skip"), _layers, _refused,
    also=("multilayer_perceptron", "mlp_classifier", "mlp_regressor", "feedforward", "fully_connected"),
)  # fmt: skip
