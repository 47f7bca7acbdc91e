"""Dead, copied and background-watching channels of a layer, each with its evidence, beside a healthy one."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from manim import LEFT, FadeIn, FadeOut, Group, LaggedStart, Mobject
from pydantic import Field

from fmcore.analysis.diagnostics import BACKGROUND, DENSER, REDUNDANT, Diagnosis, diagnose, diagnose_all
from fmcore.analysis.foreground import METHOD
from fmcore.analysis.rounding import floored
from fmcore.analysis.saying import counted, percent
from fmcore.analysis.specimens import faulty, most_found, object_mask, specimens, subject_for
from fmcore.bundle import Bundle
from fmcore.colour import ColourScale
from fmcore.errors import BundleError
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.exhibit import Exhibit, Gallery
from scenes.parts.feature_map import FeatureMap, InputImage
from scenes.parts.layer_name import layer_name
from scenes.parts.likeness_table import score
from scenes.parts.motion import flash
from scenes.parts.object_image import ObjectImage
from scenes.parts.picture import ArraySource
from scenes.parts.tally import Tally
from scenes.parts.text import paragraph, shortened, whole
from scenes.stage import LessonScene, SceneOptions

_ENOUGH = 100  # images: with fewer, a channel that stays silent may only not have met its pattern


class ChannelDiagnostics(LessonScene):
    """Which channels of a layer do nothing, repeat another or look away from the object, by what was measured."""

    title = "Channels to look at twice"
    needs = ("probes",)
    script = Script.of(
        Beat(
            cue="healthy",
            say="Is every channel of {layer} worth its place? First {one}: {healthy} {fires} on {healthy_fired}.",
        ),
        Beat(cue="dead", say="{dead} {silent} {dead_elsewhere}", seconds=7),
        Beat(cue="copies", say="{copies} {alike} {copies_elsewhere}", seconds=7),
        Beat(cue="object", say="Which channels watch the background? {method} {object_found}"),
        Beat(cue="background", say="{background} {outside} {background_elsewhere}", seconds=7),
        Beat(cue="mend", say="{advice}", seconds=7),
        Beat(
            cue="next",
            say="A channel without a fault is not yet one that matters."
            " To learn what an answer rests on, take something away and look again.",
        ),
    )

    class Options(SceneOptions):
        layer: str | None = Field(None, description="The layer; by default the one with most to show of faults.")

    options: "ChannelDiagnostics.Options"

    # -- what was measured -------------------------------------------------------------------------

    def prepare(self) -> None:
        wanted = self.options.layer
        self.every = diagnose_all(self.bundle)
        found = diagnose(self.bundle, wanted) if wanted else most_found(self.bundle, self.every)
        if found is None:
            raise BundleError(
                f"ChannelDiagnostics needs statistics of channels and '{self.bundle.path.name}' has none;"
                " record it again with `fmcore record`."
            )
        self.found, self.layer = found, found.layer
        self.called = layer_name(found.layer)
        named = self.options.probe is not None
        self.subject = self.probe if named else subject_for(self.bundle, found, self.probe)
        self.image = self.bundle.part("probes", self.subject)  # (C, H, W)
        self.mask = object_mask(self.bundle, self.subject)  # (H, W)
        self.shown = specimens(self.bundle, found, self.subject)
        self.few = found.images < _ENOUGH
        self.sound = self.shown.healthy not in faulty(found)
        self.signed = bool((self.bundle.part(f"{self.layer}/activation", self.subject) < 0).any())

    def facts(self) -> Mapping[str, object]:
        self.images = self.claim("images measured", "header/measures", words=lambda n: counted(n, "image"))
        self.all = self.claim("length", f"{self.layer}/fired", words=lambda n: counted(n, "channel"))
        return {
            "images": self.images,
            "all": self.all,
            "layer": self.called,
            "one": "a healthy one to compare with" if self.sound else "the most active one, for none is without fault",
            "healthy": f"channel {self.shown.healthy + 1}",
            "fires": "is above zero somewhere" if self.signed else "fires, so is above zero,",
            "healthy_fired": self.statistic("fired", self.shown.healthy, words=self.on_images),
            "healthy_share": self.statistic("fired", self.shown.healthy, words=lambda s: self.on_images(s, "images")),
            **self.facts_of_the_silent(),
            **self.facts_of_copies(),
            **self.facts_of_the_background(),
            "advice": self.advice(),
        }

    def facts_of_the_silent(self) -> Mapping[str, object]:
        c, found = self.shown.silent, self.found
        zero, same = f"zero on {self.everywhere}", f"the same on {self.everywhere}"
        facts = self.tallied("dead", "dead channels", _dead, f"is {zero}", f"are {zero}")
        if c in found.dead:
            start = "T" if self.few else "Such a channel is dead: t"
            flat = self.statistic("maximum", c, words=f"{start}he map of channel {c + 1} is flat.", at_most=0.0)
            return facts | {"silent": flat, "silent_words": zero}
        if c in found.constant:
            flat = self.statistic("std", c, words=f"But channel {c + 1} never varies: its map is flat.", at_most=0.0)
            return facts | {"silent": flat, "silent_words": same}
        return facts | {
            "silent": self.rarely_above_zero(c),
            "silent_words": self.statistic("fired", c, words=lambda s: f"above zero on {self.on_images(s, 'images')}"),
        }

    def rarely_above_zero(self, channel: int) -> Claim:
        """What to say of the channel that is above zero most rarely; where values go below zero, that is not quiet."""
        fired = partial(self.statistic, "fired", channel)
        if channel in self.found.nearly_dead:
            does = "is above zero" if self.signed else "fires"
            return fired(words=lambda s: f"Channel {channel + 1} is nearly dead: it {does} on {self.on_images(s)}.")
        if not self.signed:
            return fired(words=lambda share: f"The quietest, channel {channel + 1}, fires on {self.on_images(share)}.")
        hardly = "Where values go below zero, hardly any channel ever is."
        if fired().value == 1:
            return fired(words=f"{hardly} Each is above zero somewhere on {self.everywhere}.", at_least=1)
        return fired(
            words=lambda share: (
                f"{hardly} Channel {channel + 1} is above zero on the fewest, on {self.on_images(share)};"
                " but what lies below zero counts, too."
            )
        )

    def facts_of_copies(self) -> Mapping[str, object]:
        facts = self.tallied("copies", "redundant channels", _copies, "has a near copy", "have a near copy")
        if self.shown.pair is None:
            return facts | {"alike": "There was nothing to compare."}
        one, other = self.shown.pair
        nearest = f"{self.layer}/nearest_correlation"  # all that wide layers have
        array = nearest if nearest in self.bundle.header.arrays else f"{self.layer}/correlation"
        index = (one,) if array == nearest else (one, other)
        correlation = partial(self.claim, "value over images", array, *index)
        pair = f"channels {min(one, other) + 1} and {max(one, other) + 1}"
        r = score(correlation().value)
        return facts | {
            "alike": correlation(
                words=f"Here {pair}: over every place of {self.images} they correlate at {r}.",
                at_least=REDUNDANT,
                otherwise=f"The most alike, {pair}, correlate at {r}; a near copy would reach {REDUNDANT}.",
            ),
            "correlation": correlation(words=lambda value: f"correlation {score(value)}"),
        }

    def facts_of_the_background(self) -> Mapping[str, object]:
        c, images = self.shown.outside, partial(self.claim, "images with an object", "header/measures")
        rule = images(
            words=lambda n: f"By this rule, which may err, {counted(n, 'image')} show{'s' * (n == 1)} one.",
            at_least=1,
            otherwise="By this rule no image shows one.",
        )
        facts = {"method": _method(self.bundle), "object_found": rule}
        if c is None:
            why = "is ever above zero, on an object or off it." if rule.holds else "can be tested without an object."
            unmeasured = {
                "background": f"No channel of {self.called} {why}",
                "outside": "So there is no finding.",
            }
            return facts | unmeasured | {"background_count": "not measured", "background_elsewhere": ""}
        shown = images(words=lambda n: counted(n, "image"))
        off = partial(self.claim, "share off the object", f"{self.layer}/foreground", c)
        who = f"Channel {c + 1}" if self.found.background else f"The nearest to it, channel {c + 1},"
        of = "what it holds above zero" if self.signed else "its activation"
        lit = "lit mostly by the background"
        none = f"By our rule, none of the {self.all} does." if self.all.value > 1 else "The only channel does not."
        mark = "" if self.found.background else f"; {percent(BACKGROUND)} is our mark"
        return {
            **facts,
            **self.tallied("background", "background channels", _watchers, f"is {lit}", f"are {lit}", none),
            "outside": off(
                words=lambda part: f"{who} has {_at_least(part)} of {of} there, over {shown}{mark}.",
                at_most=1.0 if self.found.background else BACKGROUND,
                otherwise=f"Channel {c + 1} is lit outside the object, but close to it or on it, too, over {shown}.",
            ),
            "off": off(words=lambda part: f"{_at_least(part)} off the object"),
        }

    def advice(self) -> str:
        """What to do about what was found."""
        if self.few:
            return f"But {self.images} cannot judge a channel. Measure hundreds before you change anything."
        found, said = self.found, ""
        said += "Prune the dead: no answer changes. " * bool(found.dead)
        said += "If you remove one of two copies, train a little more, then test again. " * bool(found.redundant)
        said += (
            "Where the background lights a channel, ask whether it varies there: a constant glow tells nothing."
            * bool(found.background)
        )
        return said.strip() or f"By these measures nothing in {self.called} needs mending. On other images, it may."

    # -- words -------------------------------------------------------------------------------------

    def tallied(
        self, name: str, measure: str, count: Callable[[Diagnosis], int], one: str, several: str, none: str = ""
    ) -> dict[str, object]:
        """How many channels are what is said of `one` or `several`, or `none`: a sentence, and a count for labels.

        Where there are none in this layer, another sentence says in which there are most of them, by their share.
        """
        found = partial(self.claim, measure, f"{self.layer}/fired", at_least=1)

        def said(n: float) -> str:
            return one if n == 1 else several

        alone = one.replace("is ", "is not ", 1).replace("has a ", "has no ", 1)
        none = none or (f"None of the {self.all} {one}." if self.all.value > 1 else f"The only channel {alone}.")
        return {
            name: found(words=lambda n: f"{whole(n)} of {self.all} {said(n)}.", otherwise=none),
            f"{name}_count": found(words=lambda n: f"{whole(n)} of {whole(self.all.value)}", otherwise="none found"),
            f"{name}_elsewhere": self.elsewhere(measure, count, said),
        }

    def elsewhere(self, measure: str, count: Callable[[Diagnosis], int], said: Callable[[float], str]) -> Claim | str:
        """Which other layer has the largest share of what this one has none of, so that no film hides a fault."""
        others = [one for one in self.every if count(one)]
        if count(self.found) or not others:
            return ""
        most = max(others, key=lambda one: count(one) / one.channels)
        of = f"of {counted(most.channels, 'channel')}"
        return self.claim(
            measure,
            f"{most.layer}/fired",
            words=lambda n: f"But in {layer_name(most.layer)}, {whole(n)} {of} {said(n)}.",
            at_least=1,
        )

    def statistic(self, part: str, channel: int, **said: Any) -> Claim:
        return self.claim("value over images", f"{self.layer}/{part}", channel, **said)

    def on_images(self, share: float, images: str = "") -> str:
        if self.images.value > 1:
            return f"{percent(share)} of {images or self.images}"
        return "the one image measured" if share else "no image"

    @property
    def everywhere(self) -> str:
        return f"all {self.images}" if self.images.value > 1 else "the one image measured"

    # -- what is shown -----------------------------------------------------------------------------

    def construct(self) -> None:
        room, foot = look.body().rows(1, 0.14 if look.shape() == "tall" else 0.07)
        self.gallery = Gallery(room)
        image, healthy, silent, shaded, *others = self.exhibits()
        pair, outside = (others[:2] if self.shown.pair else []), (others[-1:] if self.shown.outside is not None else [])
        beside = [image, healthy] if look.shape() == "wide" else []  # stand all the time where there is room
        where = f"{self.called}: each map on its own scale"
        note = paragraph(where, look.SMALL, look.MUTED, width=foot.width, most=2).move_to(foot.centre)
        over = f", over {self.told['images']}"
        with self.beat("healthy"):
            self.say(f"{'A healthy' if self.sound else 'The most active'} channel, to compare with")
            self.stand(image, healthy)
            self.play(FadeIn(note), run_time=look.IN_S / 2)
            self.until(0.7)
            self.play(flash(healthy.picture), run_time=look.MOVE_S)
        with self.beat("dead"):
            self.say(f"{'Silent' if self.few else 'Dead'}: {self.told['dead_count']}{over}")
            self.stand(*(beside or [healthy]), silent)
            self.until(0.6)
            self.play(flash(silent.picture), run_time=look.MOVE_S)
        with self.beat("copies"):
            self.say(f"Near copies: {self.told['copies_count']}{over}")
            self.stand(*beside, *(pair or [silent]))
            self.until(0.6)
            self.play(*(flash(one.picture) for one in pair or [silent]), run_time=look.MOVE_S)
        with self.beat("object"):
            self.say("Which pixels are background?")
            self.stand(*(beside or [image]), shaded)
            self.until(0.6)
            self.play(flash(shaded.picture), run_time=look.MOVE_S)
        with self.beat("background"):
            self.say(f"Lit by the background: {self.told['background_count']}")
            self.stand(*beside, shaded, *outside)
            self.until(0.6)
            self.play(*(flash(one.picture) for one in [shaded, *outside]), run_time=look.MOVE_S)
        with self.beat("mend"):
            table = self.table()
            self.say("What to do about each")
            self.play(*self.gallery.leave(), FadeOut(note), run_time=look.IN_S)
            self.play(LaggedStart(*(FadeIn(row) for row in table), lag_ratio=0.5), run_time=2 * look.MOVE_S)
            self.until(0.7)
            self.play(*(flash(row.bar.submobjects[1]) for row in table), run_time=look.MOVE_S)
        with self.beat("next"):
            self.say("No fault does not mean important")
            self.play(FadeOut(table), run_time=look.IN_S / 2)
            self.stand(image, healthy)
            self.play(FadeIn(note), flash(healthy.picture), run_time=look.MOVE_S)

    def exhibits(self) -> list[Exhibit]:
        """Image, healthy and silent channel, the image under stripes; pair and outside where there are such."""
        shown, told = self.shown, self.told
        image, probe, mask = self.image, self.subject, self.mask if self.mask.any() else ~self.mask
        shaded = "the striped pixels" if self.mask.any() else "none told apart here"
        pictures: list[tuple[Callable[[float, str], Mobject], str, str]] = [
            (lambda size, name: InputImage(image, size, name, probe), "input image", ""),
            self.map_of(shown.healthy, f"above zero on {told['healthy_share']}"),
            self.map_of(shown.silent, str(told["silent_words"])),
            (lambda size, name: ObjectImage(image, mask, size, name), "background", shaded),
            *(self.map_of(channel, str(told["correlation"])) for channel in shown.pair or ()),
            *([] if shown.outside is None else [self.map_of(shown.outside, str(told["off"]))]),
        ]
        return self.gallery.made([partial(Exhibit, *picture) for picture in pictures])

    def map_of(self, channel: int, words: str) -> tuple[Callable[[float, str], Mobject], str, str]:
        source = ArraySource(f"{self.layer}/activation", (self.subject, channel))
        values = self.bundle.part(source.array, *source.index)
        scale, name = ColourScale.of(values), f"channel {channel + 1} of {self.found.channels}"
        return lambda size, name: FeatureMap(values, scale, size, name, source), name, words

    def stand(self, *exhibits: Exhibit) -> None:
        for animations in self.gallery.steps(*exhibits):
            self.play(*animations, run_time=look.IN_S)

    def table(self) -> Group:
        """What was found of each kind, what counted as such, and what to do."""
        found = self.found
        watching = f"{percent(BACKGROUND)} or more off the object, and {DENSER:g} × as strong there"
        nothing = "silent" if self.few else "dead"
        rows = [
            (nothing, _dead(found), "dead_count", f"zero on {self.everywhere}", "prune them"),
            (
                "copies",
                _copies(found),
                "copies_count",
                f"correlation of {REDUNDANT} or more",
                "keep one, train a little more",
            ),
            ("background", _watchers(found), "background_count", watching, "does it vary there?"),
        ]
        table = Group()
        for (name, count, key, rule, advice), region in zip(rows, look.body().rows(1, 1, 1.3), strict=True):
            unknown = str(self.told[key]) == "not measured"
            advice = advice if count else "nothing is known" if unknown else "nothing to mend"
            advice = "measure more images" if self.few else advice
            rule = rule if count else f"looked for: {rule}"  # else it would read as what was found
            row = Tally(name, count / found.channels, str(self.told[key]), rule, advice, region.width, look.ACCENT)
            table.add(row.move_to(region.centre).align_to([region.left, 0, 0], LEFT))
        return table


def _dead(found: Diagnosis) -> int:
    return len(found.dead)


def _copies(found: Diagnosis) -> int:
    return sum(len(group.channels) for group in found.redundant)


def _watchers(found: Diagnosis) -> int:
    return len(found.background)


def _at_least(share: float) -> str:
    """A share in percent, rounded down as findings are: never said to be more than it is."""
    return percent(share if share >= 0.995 or share < 0.01 else float(floored(share)))


def _method(bundle: Bundle) -> str:
    """How pixels of the object were told from others, in one sentence."""
    method = bundle.header.measures.foreground if bundle.header.measures else ""
    short = "An object is where the colour is far from that of the image's border."
    return short if method == METHOD else f"The object was told apart so: {shortened(method.rstrip('.'), 90)}."
