"""One model as a page shows it, so that no word on the page points to a layer, channel or image that was left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Patch = dict[str, str]  # fields of the page's state by name, as an address says them: numbers count from 1
Content = Mapping[str, Any]  # of a page, as web/src/contract.ts has it

# The state of a page that nobody has touched, but for image, layer and channel: `initial` in web/src/state.ts.
_UNTOUCHED = {"model": "1", "stage": "activation", "scale": "per_layer", "channels": "few", "overlay": "on"}


@dataclass(frozen=True, eq=False)
class View:
    """Model `number` of a page. Images have the numbers of the page, and `probes` says which ones of the bundle."""

    model: Mapping[str, Any]
    number: int
    probes: tuple[int, ...]

    # -- what there is ---------------------------------------------------------------------------

    @cached_property
    def entries(self) -> dict[str, Mapping[str, Any]]:
        return {layer["name"]: layer for layer in self.model["layers"]}

    @property
    def images(self) -> range:
        return range(len(self.probes))

    @cached_property
    def epochs(self) -> list[int]:
        return [epoch["number"] for epoch in self.model["epochs"]]

    def channels(self, layer: str) -> list[int]:
        return list(self.entries[layer]["channels"])

    def representatives(self, layer: str) -> list[int]:
        held = self.channels(layer)
        return [channel for channel in self.entries[layer]["representatives"] if channel in held] or held

    def holds(self, array: str) -> bool:
        return array in self.model["arrays"]

    def map_of(self, layer: str, image: int) -> bool:
        """Whether the page can show the layer's activation for this image."""
        if layer not in self.entries or image not in self.images or not self.channels(layer):
            return False
        stored = self.entries[layer]["activation"] == "stored"
        return self.holds(f"{layer}/{'activation' if stored else 'preactivation'}/{image}")

    def before_of(self, layer: str, image: int) -> bool:
        """Whether it can show the activation and what lay before the nonlinearity."""
        there = self.map_of(layer, image) and self.entries[layer]["preactivation"]
        return bool(there) and self.holds(f"{layer}/preactivation/{image}")

    def filters(self, layer: str) -> list[int]:
        """The channels on the page whose filters it holds as well."""
        weighted = set(self.entries[layer]["weighted"]) if self.holds(f"{layer}/weight") else set()
        return [channel for channel in self.channels(layer) if channel in weighted]

    def workable(self, layer: str, image: int) -> list[int]:
        """The channels for which the page shows how a number comes about."""
        source = self.entries[layer]["input"]
        fed = source == "probes" or (source == "input" and self.holds(f"input/{image}"))
        fed = fed or (source.endswith("/activation") and self.map_of(source.removesuffix("/activation"), image))
        summed = self.holds(f"{layer}/sum/{image}") if self.entries[layer]["sum"] else self.before_of(layer, image)
        return self.filters(layer) if fed and summed and self.map_of(layer, image) else []

    def trained(self, layer: str) -> list[int]:
        """The channels whose filters can be followed through training, from before it to its end."""
        known = self.holds(f"{layer}/weight_history") and len(self.epochs) > 1 and self.epochs[0] == 0
        return self.filters(layer) if known else []

    def explained(self, layer: str, image: int) -> bool:
        """Whether there is a Grad-CAM map of the layer for this image."""
        return self.map_of(layer, image) and self.holds(f"{layer}/gradcam/{image}")

    def silenced(self, layer: str) -> bool:
        """Whether the page says what setting channels to zero did."""
        return self.holds(f"{layer}/ablation") and self.holds(f"{layer}/ablated")

    # -- where to look ---------------------------------------------------------------------------

    def state(
        self,
        image: int,
        layer: str,
        channel: int | None = None,
        beside: int | None = None,
        *,
        stage: str = "activation",
        scale: str = "per_layer",
        overlay: bool = True,
        epoch: int | None = None,
        place: tuple[int, int] | None = None,
        of_class: int | None = None,
    ) -> Patch:
        """A state with all that matters for what is said, whatever was shown before; arguments count from 0.

        A channel that the page does not hold gives way to the layer's first representative, and one beside it to none.
        """
        held = self.channels(layer)
        channel = channel if channel in held else next(iter(self.representatives(layer)), 0)
        return {
            "model": str(self.number + 1),
            "image": str(image + 1),
            "layer": layer,
            "channel": str(channel + 1),
            "with": str(beside + 1) if beside is not None and beside in held and beside != channel else "",
            "stage": stage,
            "scale": scale,
            "overlay": "on" if overlay else "off",
            "epoch": "" if epoch is None else str(epoch),
            "place": "" if place is None else f"{place[0] + 1},{place[1] + 1}",
            "class": "" if of_class is None else str(of_class + 1),
        }


def opening(content: Content) -> Patch:
    """The state that the page has without an address, which it works out itself from its content."""
    layers: Sequence[Mapping[str, Any]] = content["models"][0]["layers"]
    found: Patch = {**_UNTOUCHED, "image": "1"}
    if layers:
        first = next((layer for layer in layers if layer["type"] == "convolution"), layers[0])
        found |= {"layer": first["name"], "channel": str(next(iter(first["representatives"]), 0) + 1)}
    return found | dict(content.get("start") or {})
