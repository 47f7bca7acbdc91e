"""What a layer is called in a sentence."""


def layer_name(name: str) -> str:
    """`name`, or "layer 3" where a name is only numbers, as in `nn.Sequential`."""
    return f"layer {name}" if name.replace(".", "").isdigit() else name
