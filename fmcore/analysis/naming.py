"""What a layer is called where people read it."""


def called(layer: str) -> str:
    """The name of a layer as a sentence says it: "layer 0" where it is nothing but a number, as in `nn.Sequential`."""
    return f"layer {layer}" if layer.replace(".", "").isdigit() else layer
