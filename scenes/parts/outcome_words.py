"""What becomes of the sum at a place of a map: what φ does to it, and what goes into the map."""

from collections.abc import Mapping
from functools import partial

from fmcore.analysis.convolution import Place
from fmcore.analysis.naming import CUTTING, phi_name
from fmcore.analysis.worked import WorkedMap
from scenes.parts.channel_words import Said, TakeClaim
from scenes.parts.place_sum import PlaceSum

_ABOVE = 1e-9  # from where on a number is called above zero
_APART = 0.01  # what two decimals show for certain
_DIPPING = frozenset({"gelu", "silu", "mish", "hardswish"})  # fall below zero, and come back to it further down


class OutcomeWords:
    """Claims, taken by the `claim` of a scene, about what becomes of the sums at the three places of `map_`."""

    def __init__(self, claim: TakeClaim, map_: WorkedMap) -> None:
        self.claim, self.map, self.phi = claim, map_, phi_name(map_.layer)
        self.normalised = map_.stage == "sum"
        self.cuts = not self.normalised and map_.layer.nonlinearity in CUTTING
        self.makers = ["normalising"] * self.normalised + [self.phi] * bool(self.phi)

    def every(self) -> Mapping[str, Said | str]:
        """All facts by their names in the script."""
        high, low, third = self.map.places
        facts: dict[str, Said | str] = {"low_sum": "", "third_sum": "", "turned": ""}
        if self.makers and not self.cuts:  # then the sum and the number in the map are two numbers
            return {
                "through": self._sent(high),
                "low_sum": self._sum(low, "They make"),
                "low": self._made(low),
                "third_sum": self._sum(third, "Here they make"),
                "third": self._made(third),
                "turned": self._turned(low, third),
            }
        if self.cuts:
            low_sum = PlaceSum.of(self.map, low).write(low.value)
            facts |= {"through": self._cut(high, "It is"), "low": self._cut(low, f"They make {low_sum}, which is")}
        else:
            facts |= {"through": self._sent(high), "low": self._sent(low)}
        write = PlaceSum.of(self.map, third).write
        return facts | {"third": self._number(third, words=lambda v: f"Here they make {write(v)}.")}

    def _at(self, at: Place) -> tuple[int, int, int, int]:
        return self.map.probe, self.map.channel, at.row, at.column

    def _number(self, at: Place, **said: object) -> Said:
        """About what stands in the map at a place."""
        return self.claim("value", f"{self.map.layer.name}/activation", *self._at(at), **said)

    def _sum(self, at: Place, opening: str) -> Said:
        write = PlaceSum.of(self.map, at).write
        array = f"{self.map.layer.name}/{self.map.stage}"
        return self.claim("value", array, *self._at(at), words=lambda v: f"{opening} {write(v)}, and")

    def _made(self, at: Place) -> Said:
        """What is made of a sum that has been said."""
        write, who = PlaceSum.of(self.map, at).write, " and ".join(self.makers)
        return self._number(at, words=lambda v: f"{who} make{'s' * (len(self.makers) == 1)} that {write(v)}.")

    def _sent(self, at: Place) -> Said:
        """The same where it is said for the first time, and of a sum that is the number in the map itself."""
        steps = ["normalised"] * self.normalised + [f"sent through {self.phi}, a bent curve"] * bool(self.phi)
        told = " and ".join(steps)
        words, write = f"{told[:1].upper()}{told[1:]}, it" if steps else "The sum", PlaceSum.of(self.map, at).write
        return self._number(at, words=lambda v: f"{words} goes into the map as {write(v)}.")

    def _cut(self, at: Place, opening: str) -> Said:
        """What a φ that cuts does to the sum at a place."""
        zero = f"{opening} zero, and {self.phi} keeps it."
        claim = partial(self.claim, "value", f"{self.map.layer.name}/preactivation", *self._at(at), otherwise=zero)
        if at.value > 0:
            most = ", but no more than six" * (self.map.layer.nonlinearity == "relu6")
            return claim(words=f"{opening} above zero, so {self.phi} lets it pass{most}.", at_least=_ABOVE)
        return claim(words=f"{opening} below zero, so {self.phi} makes it zero.", at_most=-_ABOVE)

    def _turned(self, low: Place, third: Place) -> Said | str:
        """That the lower of two sums has made the higher number, where it has: it would look like a mistake."""
        before = float(self.map.values[low.row, low.column])
        if abs(low.value - third.value) < _APART:
            return ""
        if third.value < low.value:
            why = f"far below zero, the curve of {self.phi} comes back to zero"
            start, limit = "A lower sum, and yet a higher number", {"at_least": before + _APART}
        else:
            why = f"just below zero, the curve of {self.phi} dips"
            start, limit = "A higher sum, and yet a lower number", {"at_most": before - _APART}
        if self.normalised or self.map.layer.nonlinearity not in _DIPPING:
            why = f"that is what {' and '.join(self.makers)} can do"
        return self._number(third, words=f" {start}: {why}.", **limit)
