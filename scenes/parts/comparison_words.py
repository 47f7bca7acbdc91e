"""What is said of two networks, with the measurements behind it: what a pair shows, how filters began, their answers.

`claim` is the `claim` of a scene.
"""

from fmcore.analysis.compare import Comparison, Counterpart, Pair
from fmcore.analysis.counterparts import NEARLY, likeness, start_alike
from fmcore.analysis.meaning import MIXED, meanings
from fmcore.analysis.saying import percent
from fmcore.bundle import Bundle
from scenes.parts.channel_words import ChannelWords, Said, TakeClaim
from scenes.parts.likeness_table import score

_ANY = 1e-9
_OTHERWISE_HERE = 0.15  # by which a correlation on one image is seen to be another than over many


class ComparisonWords:
    """Claims about a layer of `one` and its counterpart `pair` in `other`."""

    def __init__(self, claim: TakeClaim, one: Bundle, other: Bundle, pair: Counterpart) -> None:
        self.claim, self.one, self.other, self.pair = claim, one, other, pair
        self.likest = float(likeness(one, other, pair.layer).max())

    def compared(self, name: str, *index: int, layer: str = "", **said: object) -> Said:
        """A claim about both networks, taken over the images that both bundles sampled."""
        return self.claim(name, f"{layer or self.pair.layer}/sample", *index, **said)

    def of_the_pattern(self, best: Pair) -> Said | str:
        """The classical map that both channels of `best` go with most, if there is one."""
        sides = ((self.one, self.pair.layer, best.one), (self.other, self.pair.other, best.other))
        if not all(f"{layer}/meaning" in bundle.header.arrays for bundle, layer, _ in sides):
            return ""
        labels = {meanings(bundle, layer)[channel].label for bundle, layer, channel in sides}
        words = ChannelWords(self.claim, self.one, self.pair.layer, probe=0)
        return "" if len(labels) > 1 or MIXED in labels else words.goes_with(best.one, " Both go with “{}”.")

    def of_starts(self) -> dict[str, Said | str]:
        """Whether finding the same says anything: two networks that began alike would also end alike."""
        probably = "What both found probably lies in the images"
        if start_alike(self.one, self.other, self.pair.layer) is None:
            return {"starts": "", "shared": probably}

        def unless_alike(words: str, otherwise: str) -> Said:
            name = "filters that start alike"
            return self.claim(
                name, f"{self.pair.layer}/weight_history", words=words, at_least=_ANY, otherwise=otherwise
            )

        alike, apart = " But their filters started alike, with the same random weights.", " They did not start alike."
        if self.likest < NEARLY:
            alike = apart = ""
        return {
            "starts": unless_alike(alike, apart),
            "shared": unless_alike("What both found may come from the images, or from the same start", probably),
        }

    def of_this_image(self, pair: Pair, probes: tuple[int, int]) -> Said:
        """That the two maps of `pair` are more alike on the image shown, probe p of one and q of the other, if so."""
        return self.claim(
            "correlation on one image",
            f"{self.pair.layer}/activation",
            *probes,
            pair.one,
            pair.other,
            words=lambda r: f" On this one image they look more alike, at {score(r)}: one image says little.",
            at_least=pair.correlation + _OTHERWISE_HERE,
            otherwise="",
        )

    def agreement(self, found: Comparison) -> Said | str:
        """On what share of the test images both answer alike."""
        if (agreement := found.agreement) is None:
            return "How often they answer alike is not known."
        said = f"of {agreement.images:,} test images both answer alike."
        return self.claim("share of equal answers", "test_predicted", words=lambda share: f"On {percent(share)} {said}")
