"""What a lesson says at its end: of a network's faults, and of answers that need another map than the brightest.

`claim` is the `claim` of a scene.
"""

from collections.abc import Mapping

from fmcore.analysis.diagnostics import REDUNDANT
from fmcore.analysis.examples import Fault
from fmcore.analysis.saying import percent
from fmcore.bundle import Bundle
from fmcore.header import LayerInfo
from scenes.parts.channel_words import Said, TakeClaim
from scenes.parts.layer_name import layer_name
from scenes.parts.likeness_table import score
from scenes.parts.text import whole

_ENOUGH = 100  # images: with fewer, a channel that stays silent may only not have met its pattern


class RecapWords:
    """Claims about a network as a whole, with the image of `probe` as its example."""

    def __init__(self, claim: TakeClaim, bundle: Bundle, probe: int) -> None:
        self.claim, self.bundle, self.probe = claim, bundle, probe

    # -- faults ----------------------------------------------------------------------------------

    def of_the_fault(self, fault: Fault) -> Mapping[str, object]:
        """What is said of the network's faults; dead filters are no example where there are but copies."""
        told, measures = self._fault(fault), self.bundle.header.measures
        facts: dict[str, object] = {"kinds": "dead filters and copies", "fault": told, "none_dead": ""}
        if fault.kind != "alike" or measures is None:
            return facts
        if told.value >= REDUNDANT:
            return facts | {"kinds": "copies"}
        if measures.images < _ENOUGH:
            return facts
        array = f"{fault.layer}/std"
        return facts | {
            "none_dead": self.claim("still channels of all layers", array, words="No channel is dead.", at_most=0)
        }

    def _fault(self, fault: Fault) -> Said:
        name, one, measures = fault.layer, fault.one, self.bundle.header.measures
        told = f"hannel {one + 1} of {layer_name(name)}"
        if fault.kind == "here" or measures is None:
            return self.claim(
                "share above zero",
                f"{name}/activation",
                self.probe,
                one,
                words=lambda share: f"Here, c{told} is above zero at {percent(share)} of its places.",
            )
        if fault.kind == "silent":
            images = f", on all {measures.images:,} images" if measures.images > 1 else ""
            signed = bool((self.bundle.part(f"{name}/activation", self.probe) < 0).any())
            return self.claim(
                "value over images",
                f"{name}/std",
                one,
                words=f"C{told} has one value everywhere{images}; with more of them it may yet respond."
                if measures.images < _ENOUGH
                else f"C{told} is dead: one value everywhere{images}.",
                at_most=0,
                otherwise=f"Here none is dead; c{told} {'is above zero' if signed else 'answers'} most rarely.",
            )
        return self._alike(name, one, fault.other)

    def _alike(self, name: str, one: int, other: int) -> Said:
        pair = f"{one + 1} and {other + 1} of {layer_name(name)}"
        every = f"{name}/correlation" in self.bundle.header.arrays  # else that with the nearest alone
        array = f"{name}/correlation" if every else f"{name}/nearest_correlation"
        copies = self.claim(
            "value over images",
            array,
            *((one, other) if every else (one,)),
            words=lambda r: f"Channels {pair} are near copies, with a correlation of {score(r)}.",
            at_least=REDUNDANT,
        )
        if copies.holds:
            return copies
        return self.claim(  # said of the whole network, and so measured in all of it
            "largest correlation of all layers",
            array,
            words=f"Here the two most alike are channels {pair}, and they are no copies.",
            at_most=REDUNDANT,
        )

    # -- the reason for an answer ----------------------------------------------------------------

    def of_the_reason(self, layer: LayerInfo, untried: int | None) -> Mapping[str, object]:
        """On how many images an answer needs another map of `layer` than the brightest, and on how many next to none.

        Where no channel was set to zero, the brightest, `untried`, is one of all.
        """
        name, count = layer_name(layer.name), layer.output_shape[0]
        if untried is not None:
            maps = f"one of {count:,} in {name}" if count > 1 else f"all that {name} has"
            words = f"Channel {untried + 1} is {maps}, and all of them count."
            return {"part": self.claim("channels", f"{layer.name}/activation", self.probe, words=words), "none": ""}
        array, images = f"{layer.name}/ablation", len(self.bundle.header.probes)
        of_those = self.bundle.info(f"{layer.name}/ablated").shape[1] < count
        needs = f"another map of {name}{', of those tried,' * of_those} more than the brightest."

        def told(n: float) -> str:
            those = f"{whole(n)} of {whole(images)} images" if images > 1 else "this image"
            one = "" if images == 1 else " This is the one." if n == 1 else " This is one of them."
            return f"On {those}, the answer needs {needs}{one}"

        another = self.claim(
            "answers that need another",
            array,
            words=told,
            at_least=1,
            otherwise=f"Here no answer clearly needs {needs} That had to be measured.",
        )
        if images == 1 or not another.holds:
            return {"part": another, "none": ""}
        none = self.claim(  # else one would think that all the others need the brightest
            "answers that need no channel",
            array,
            words=lambda n: f"On {whole(n)} of {whole(images)}, it hardly needs any single map{' tried' * of_those}.",
            at_least=1,
        )
        return {"part": another, "none": none}
