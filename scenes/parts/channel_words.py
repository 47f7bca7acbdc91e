"""What is said of a single channel, with the measurement behind it: what it goes with, and how often it responds.

`claim` is the `claim` of a scene, `array` an activation.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from fmcore.analysis.meaning import MIXED, THRESHOLD
from fmcore.analysis.saying import counted, percent
from fmcore.bundle import Bundle

_UNMEASURED = "Nobody measured that here, so look for yourself: where is each map bright, and where dark"
_NAMELESS = "with nothing that has a name here"


class Said(Protocol):
    """Words with the `value` that was measured for them, and whether what they judge by holds."""

    @property
    def value(self) -> float: ...

    @property
    def holds(self) -> bool: ...


TakeClaim = Callable[..., Said]


class ChannelWords:
    """Claims about channels of layer `name` in `bundle`; `probe` stands in where no images were measured."""

    def __init__(self, claim: TakeClaim, bundle: Bundle, name: str, probe: int) -> None:
        self.claim, self.bundle, self.probe = claim, bundle, probe
        self.meaning, self.active, self.activation = f"{name}/meaning", f"{name}/active", f"{name}/activation"
        self.measures = bundle.header.measures
        self.compared = self.measures is not None and self.meaning in bundle.header.arrays
        self.counted = self.active in bundle.header.arrays

    def goes_with(self, channel: int, words: str = "{}", otherwise: str = MIXED) -> Said:
        """The classical map that `channel` goes with most, put into `words`; `otherwise` where it is below the bar."""
        scores = self.bundle.part(self.meaning, channel)
        best = int(scores.argmax())
        names = self.measures.meaning if self.measures else ()
        said = words.format(names[best])
        return self.claim(
            "value over images", self.meaning, channel, best, words=said, at_least=THRESHOLD, otherwise=otherwise
        )

    def above_zero(self, channel: int, words: Callable[[float], str]) -> Said:
        """The share of places where `channel` is above zero: over the images that were measured, or on this one."""
        if self.counted:
            return self.claim("value over images", self.active, channel, words=words)
        return self.claim("share above zero", self.activation, self.probe, channel, words=words)

    def meanings(self, channels: Sequence[int]) -> dict[str, object]:
        """What `channels` go with: `meaning_<number>` of each, and parts of a sentence on the clearest and the least.

        Where it was not measured, the sentence says so.
        """
        if not self.compared:
            return {"compared": _UNMEASURED, "first_meaning": "", "last_meaning": ""}
        labels = {channel: self.goes_with(channel) for channel in channels}
        first = max(labels, key=lambda channel: labels[channel].value)
        last = min(labels, key=lambda channel: labels[channel].value)
        name, other = f"channel {first + 1}", f", and channel {last + 1}"
        nothing, second = f"{name} goes {_NAMELESS}", self.goes_with(last, other + " with “{}”", f"{other} {_NAMELESS}")
        if not labels[first].holds and last != first:  # what is said of the clearest holds for all
            nothing = f"neither {name} nor channel {last + 1} goes with anything that has a name here"
        return {
            **{f"meaning_{channel + 1}": one for channel, one in labels.items()},
            "compared": self.images_compared("Over {}, "),
            "first_meaning": self.goes_with(first, name + " goes with “{}”", nothing),
            "last_meaning": second if labels[first].holds and last != first else "",
        }

    def activity(self, channels: Sequence[int]) -> dict[str, object]:
        """How often `channels` respond: `active_<number>` of each, and parts of a sentence on the most and least."""
        shares = {channel: self.above_zero(channel, lambda s: f"{percent(s)} of places") for channel in channels}
        broad = max(shares, key=lambda channel: shares[channel].value)
        picky = min(shares, key=lambda channel: shares[channel].value)
        rest = partial(self.above_zero, picky, lambda s: f", channel {picky + 1} at {percent(s)}")
        return {
            **{f"active_{channel + 1}": share for channel, share in shares.items()},
            "over": self.images_counted("Over {}", "On this image"),
            "broad": f"channel {broad + 1}",
            "broad_share": self.above_zero(broad, percent),
            "picky": "" if picky == broad else rest(),
        }

    def images_compared(self, words: str) -> Said:
        """Over how many images `goes_with` was measured."""
        say = partial(_put, words)
        return self.claim("images compared", "header/measures", words=say)

    def images_counted(self, words: str, otherwise: str) -> Said | str:
        """Over how many images `above_zero` was measured; `otherwise` where it holds for one image."""
        if not self.counted:
            return otherwise
        taken = ("images measured", "header/measures") if self.measures else ("test images", "header/dataset")
        return self.claim(*taken, words=partial(_put, words))


def _put(words: str, n: float) -> str:
    return words.format(counted(n, "image"))
