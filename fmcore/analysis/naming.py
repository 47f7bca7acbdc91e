"""What a layer is called where people read it."""

_LONGEST_DRAWN = 30  # letters, so that a title with one is as wide as its figure


def called(layer: str) -> str:
    """The name of a layer as a sentence says it: "layer 0" where it is nothing but a number, as in `nn.Sequential`."""
    return f"layer {layer}" if layer.replace(".", "").isdigit() else layer


def in_figure(layer: str) -> str:
    """The same for a figure: long ones cut in their middle, and nothing in them that matplotlib reads as a formula."""
    name = "".join(letter if letter.isprintable() else "�" for letter in called(layer))
    if len(name) > _LONGEST_DRAWN:
        name = f"{name[: _LONGEST_DRAWN // 2]}…{name[-_LONGEST_DRAWN // 2 :]}"
    return name.replace("$", r"\$")
