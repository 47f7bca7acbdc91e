"""How to say what the filters of a layer read: all of what went in, a share of it, or one map each."""

from fmcore.bundle import Bundle
from fmcore.header import LayerInfo
from scenes.parts.layer_name import layer_name


def reads_one(bundle: Bundle, layer: LayerInfo) -> bool:
    """Whether each filter of `layer`, whose filters are recorded, reads one map of several, as depthwise ones do."""
    return layer.groups > 1 and bundle.info(f"{layer.name}/weight").shape[1] == 1


def what_all_see(bundle: Bundle, layer: LayerInfo) -> str:
    """What the filters of `layer` see. In a network where filters of other layers see a share, it is no rule."""
    before = layer.input.rpartition("/")[0]
    maps = "" if before in ("", layer.name) else f"the maps of {layer_name(before)}"
    if reads_one(bundle, layer):
        return f"here each sees only one of {maps}" if maps else "here each sees only one channel of the input"
    if layer.groups > 1:
        return "here each sees its own share of the input"
    if any(one.groups > 1 for one in bundle.convolutions):
        return f"here all of them see the same input{', ' * bool(maps)}{maps}"
    return f"all of them see the same input{': here, ' * bool(maps)}{maps}"
