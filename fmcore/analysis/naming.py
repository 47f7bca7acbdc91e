"""What a layer and its nonlinearity are called where people read it."""

from fmcore.header import LayerInfo

_PHI = {
    "relu": "ReLU", "relu6": "ReLU6", "leaky_relu": "leaky ReLU", "prelu": "PReLU", "rrelu": "RReLU", "elu": "ELU",
    "selu": "SELU", "celu": "CELU", "gelu": "GELU", "silu": "SiLU", "mish": "Mish", "hardswish": "hard-swish",
    "hardsigmoid": "hard sigmoid", "hardtanh": "hard tanh",
}  # fmt: skip
PHI_NAMES = tuple(_PHI.values())  # they are the same in every language
CUTTING = frozenset({"relu", "relu6"})  # make what is not above zero zero

_LONGEST_DRAWN = 30  # letters, so that a title with one is as wide as its figure


def called(layer: str) -> str:
    """The name of a layer as a sentence says it: "layer 0" for a number, "layer last" for a word.

    A word such as "a" or "last" would be read as a part of the sentence, and taken for one where it is translated.
    """
    return f"layer {layer}" if layer.replace(".", "").isdigit() or layer.isalpha() else layer


def in_figure(layer: str) -> str:
    """The same for a figure: long ones cut in their middle, and nothing in them that matplotlib reads as a formula."""
    name = "".join(letter if letter.isprintable() else "�" for letter in called(layer))
    if len(name) > _LONGEST_DRAWN:
        name = f"{name[: _LONGEST_DRAWN // 2]}…{name[-_LONGEST_DRAWN // 2 :]}"
    return name.replace("$", r"\$")


def phi_name(layer: LayerInfo) -> str:
    """The nonlinearity φ of a layer, such as `ReLU`; "" where it has none."""
    return "" if layer.nonlinearity == "none" else _PHI.get(layer.nonlinearity, layer.nonlinearity)
