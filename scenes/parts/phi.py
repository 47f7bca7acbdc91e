"""The nonlinearity φ of a layer, as it is called on screen."""

from fmcore.header import LayerInfo

_NAMES = {
    "relu": "ReLU", "relu6": "ReLU6", "leaky_relu": "leaky ReLU", "prelu": "PReLU", "rrelu": "RReLU", "elu": "ELU",
    "selu": "SELU", "celu": "CELU", "gelu": "GELU", "silu": "SiLU", "mish": "Mish", "hardswish": "hard-swish",
    "hardsigmoid": "hard sigmoid", "hardtanh": "hard tanh",
}  # fmt: skip
CUTTING = frozenset({"relu", "relu6"})  # make what is not above zero zero


def phi_name(layer: LayerInfo) -> str:
    """Such as `ReLU`; "" where the layer has none."""
    return "" if layer.nonlinearity == "none" else _NAMES.get(layer.nonlinearity, layer.nonlinearity)
