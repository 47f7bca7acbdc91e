"""Loss and accuracy as they happened, epoch by epoch, on training and on test images."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from manim import (
    Create,
    Dot,
    FadeIn,
    FadeOut,
    Group,
    LaggedStart,
    ReplacementTransform,
    RoundedRectangle,
    VGroup,
    VMobject,
)

from fmcore.analysis.answers import score
from fmcore.analysis.history import (
    as_steep,
    best_epoch,
    deepest_fall,
    overfitting,
    steepest_epoch,
)
from fmcore.analysis.learning import movements
from fmcore.analysis.saying import percent
from fmcore.colour import ColourScale
from fmcore.errors import BundleError
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.chart import Axis, Chart, Key
from scenes.parts.filter_picture import FilterPicture, slice_name, slice_that_moved
from scenes.parts.filter_strip import ROOM, FilterStrip
from scenes.parts.layer_name import layer_name
from scenes.parts.motion import flash
from scenes.parts.picture import ArraySource
from scenes.parts.text import shape_text, whole
from scenes.parts.training_words import (
    CLEARLY,
    accuracy_in_words,
    best_in_words,
    blind_in_words,
    distance,
    epochs_in_words,
    fall_in_words,
    gap_in_words,
    is_equal,
    points,
    share_in_words,
    verdict_in_words,
)
from scenes.stage import LessonScene

_ARRAY = "header/training.history"
_WIDE_GAP = 0.05  # of accuracy, between training and test, from which it is called wide
_RISE = 0.05  # of the test loss above its lowest, from which it is called overfitting
_GAIN = 0.005  # of accuracy: what an epoch adds at the least, to be called a step
_FALL = 0.005  # of accuracy: what an epoch takes at the least, to be called a fall
_LEVEL = 0.002  # of accuracy: lines that change by less are level
_UNEVEN = 1.2  # times what guessing gets: from then on the commonest class counts
_STEPS = 6  # filters below the epochs


class TrainingCurves(LessonScene):
    """What training lowers, what it raises, and what the gap between training and test images says."""

    title = "Training curves"
    script = Script.of(
        Beat(
            cue="loss",
            say="Training tries to lower the loss, which is large where the network is wrong and sure of it."
            " On its {images} training images it went from {loss_first} to {loss_last}.",
        ),
        Beat(
            cue="guess",
            say="Easier to read is the share of right answers. Guessing blindly among {classes} gets {guess}{always};"
            " before training, the network got {right_first} of its training images right.",
        ),
        Beat(cue="rise", say="Now watch it learn, epoch by epoch. {steepest}{fall}"),
        Beat(
            cue="test",
            say="The second line is the test: {tests} images that training never saw."
            " After the last epoch, {right_test} of the answers to them are right{more}.{best}",
        ),
        Beat(cue="gap", say="{gap} {wide}", seconds=7),
        Beat(cue="verdict", say="{sign} {verdict}", seconds=7),
        Beat(cue="filter", say="{filter}"),
        Beat(
            cue="next",
            say="The curves say how often the answers are right, not what they rest on."
            " For that, look at the feature maps.",
        ),
    )

    def prepare(self) -> None:
        self.history = self.bundle.header.training.history
        if len(self.history) < 2:
            raise BundleError(
                f"TrainingCurves shows how a network was trained, and the one in '{self.bundle.path.name}' was not"
                " trained here; name a bundle that was, with one epoch or more."
            )
        self.epochs = [record.epoch for record in self.history]
        self.layer = next(
            (one for one in self.bundle.convolutions if f"{one.name}/weight_history" in self.bundle.header.arrays), None
        )
        if self.layer is not None:
            self.weights = self.bundle.array(f"{self.layer.name}/weight_history")  # (E + 1, C_out, C_in, kH, kW)
            self.slice = slice_that_moved(self.weights)
            self.followed = int(movements(self.bundle, self.layer.name).distance[-1].argmax())

    # -- what is said ------------------------------------------------------------------------------

    def facts(self) -> Mapping[str, object]:
        last = len(self.history) - 1
        gain = steepest_epoch(self.history)[1]
        blind, as_well = blind_in_words(self.bundle, self.tests)
        tested = self.history[-1].test_accuracy
        return {
            "images": self.claim("training images", "header/dataset", words=whole),
            "tests": self.claim("test images", "header/dataset", words=whole),
            "loss_first": self.claim("training loss", _ARRAY, 0),
            "loss_last": self.claim("training loss", _ARRAY, last),
            "test_loss": self.claim("test loss", _ARRAY, last),
            "classes": self.claim("classes", "header/classes", words=lambda n: f"{whole(n)} classes"),
            "guess": self.claim("accuracy of guessing", "header/classes", words=lambda p: f"{100 * p:.3g}%"),
            "always": self.said_of_the_commonest(),
            "right_first": self.claim("training accuracy", _ARRAY, 0, words=accuracy_in_words),
            "right_train": self.claim("training accuracy", _ARRAY, last, words=accuracy_in_words),
            "right_test": self.claim("test accuracy", _ARRAY, last, words=accuracy_in_words),
            "more": self.claim(
                "test accuracy", _ARRAY, last, at_least=blind + 2 * self.error_of(blind), words="", otherwise=as_well,
            ),
            "best": self.claim("best test accuracy", _ARRAY, words=best_in_words(self.history, self.tests)),
            "steepest": self.claim(
                "largest gain in an epoch", _ARRAY, at_least=_GAIN,
                words=f"The largest step, {points(gain)}, comes in {epochs_in_words(as_steep(self.history))}.",
                otherwise="No epoch raises the share of right answers by even half a percentage point.",
            ),
            "fall": self.claim("largest fall in an epoch", _ARRAY, at_least=_FALL, words=fall_in_words(self.history)),
            "gap": self.claim("gap in accuracy", _ARRAY, last, words=lambda gap: gap_in_words(gap, tested, self.tests)),
            "apart": self.claim(
                "gap in accuracy", _ARRAY, last,
                words=lambda gap: "about equal" if is_equal(gap) else f"{distance(gap)} apart",
            ),
            "wide": self.said_of_wide_gap("So wide a gap says that training images are known better than new ones."),
            "sign": self.said_of_wide_gap("Such a gap is a sign of overfitting.") if not self.rises else "",
            "verdict": self.verdict(),
            "filter": self.said_of_filter(),
        }  # fmt: skip

    def said_of_the_commonest(self) -> Claim | str:
        """What naming the commonest class every time gets, where that is clearly more than guessing."""
        found, guess = score(self.bundle), 1 / len(self.bundle.header.classes)
        if found is None:
            return ""
        name = self.bundle.class_name(found.commonest)
        return self.claim(
            "share of the commonest",
            "test_label",
            words=lambda share: f", always saying “{name}” {percent(share)}",
            at_least=_UNEVEN * guess,
        )

    def said_of_wide_gap(self, sentence: str) -> Claim:
        """That, where training images are answered clearly better than others at the end."""
        last = self.history[-1]
        wide = max(_WIDE_GAP, 2 * self.error_of(last.test_accuracy))
        return self.claim("gap in accuracy", _ARRAY, last.epoch, at_least=wide, words=sentence)

    def verdict(self) -> Claim:
        """Whether the test loss turned up while that of training fell."""
        told, otherwise = verdict_in_words(self.history, self.said_of_wide_gap("").holds)
        return self.claim("overfitting", _ARRAY, at_least=_RISE, words=told, otherwise=otherwise)

    @property
    def rises(self) -> bool:
        """Whether the test loss has clearly risen since it was lowest, while the training loss fell."""
        return overfitting(self.history) >= _RISE

    @property
    def tests(self) -> int:
        return max(1, self.bundle.header.dataset.test_count)

    def error_of(self, share: float) -> float:
        """The standard error of a share of right answers to the test images: sqrt(p (1 - p) / n)."""
        return float(np.sqrt(share * (1 - share) / self.tests))

    def said_of_filter(self) -> Claim | str:
        layer = self.layer
        if layer is None:
            return "One epoch is one pass through all the training images. Every dot is the network as it was then."
        (epoch, gain), moved = steepest_epoch(self.history), movements(self.bundle, layer.name)
        shares = {one: moved.share_of_way(one, self.followed) for one in self.epochs[1:]}
        share, others = shares.pop(epoch), max(shares.values(), default=0.0)
        told, otherwise = share_in_words(share, others, epoch, gain >= _GAIN)
        opening = f"Below the epochs stands one filter of {layer_name(layer.name)} as it was then."
        return self.claim(
            "share of the way",
            f"{layer.name}/weight_history",
            epoch,
            self.followed,
            words=f"{opening} {told}",
            otherwise=f"{opening} {otherwise}",
            at_least=CLEARLY * others,
        )

    # -- what is shown -----------------------------------------------------------------------------

    def construct(self) -> None:
        body, both = look.body(), look.shape() == "wide"  # else one chart at a time
        left, right = body.columns(1, 1) if both else (body, body)
        loss, accuracy = self.loss_chart(body), self.accuracy_chart(right, guess=True)
        falling, rising = self.curves(loss, "loss"), self.curves(accuracy, "accuracy")
        level = accuracy.level(1 / len(self.bundle.header.classes), look.MUTED)
        with self.beat("loss"):
            self.say(f"The loss: {self.told['loss_first']} before training, {self.told['loss_last']} after")
            self.play(FadeIn(loss), run_time=look.IN_S)
            self.play(falling[0].grow(2.5 * look.MOVE_S))
            self.play(FadeIn(loss.keys[0]), run_time=look.IN_S / 2)
        with self.beat("guess"):
            self.say(f"Blind guessing: {self.told['guess']} right")
            self.play(FadeOut(loss, falling[0], loss.keys[0]), run_time=look.IN_S / 2)
            if both:
                loss = self.loss_chart(left)
                falling = self.curves(loss, "loss")
                self.play(FadeIn(loss, falling[0], loss.keys[0]), run_time=look.IN_S / 2)
            self.play(FadeIn(accuracy), run_time=look.IN_S)
            self.play(Create(level), FadeIn(accuracy.keys[0]), run_time=look.MOVE_S)
            self.until(0.65)
            start = Dot(accuracy.at(0, self.history[0].train_accuracy), radius=0.07, color=look.SECOND)
            self.play(FadeIn(start, scale=3), run_time=look.IN_S)
        with self.beat("rise"):
            self.say("The share of right answers, epoch by epoch")
            self.play(rising[0].grow(2.5 * look.MOVE_S))
            self.play(FadeIn(accuracy.keys[1]), run_time=look.IN_S / 2)
            epoch, fall, _ = deepest_fall(self.history)
            fallen = Dot(accuracy.at(epoch, self.history[epoch].train_accuracy), radius=0.09, color=look.TEXT)
            if fall >= _FALL:
                self.until(0.7)
                self.play(FadeIn(fallen, scale=3), run_time=look.IN_S)
        with self.beat("test"):
            self.say(f"In the test, {self.told['right_test']} of {self.told['tests']} images")
            self.remove(fallen)
            self.play(*(curves[1].grow(2 * look.MOVE_S) for curves in ([rising, falling] if both else [rising])))
            self.play(FadeIn(accuracy.keys[2], *[loss.keys[1]] * both), run_time=look.IN_S / 2)
            self.until(0.7)
            self.play(flash(accuracy.keys[2][1]), run_time=look.MOVE_S)
        with self.beat("gap"):
            standing = self.look_closer(Group(accuracy, rising, level, start, accuracy.keys), right)
        with self.beat("verdict"):
            losses = self.look_at_losses(Group(loss, falling, loss.keys) if both else standing, left)
            standing = standing if both else losses
        with self.beat("filter"):
            curve = self.show_filter(standing, right)
        with self.beat("next"):
            self.say("How often, not why")
            self.until(0.5)
            self.play(flash(curve), run_time=look.MOVE_S)

    def look_closer(self, standing: Group, region: look.Region) -> Group:
        """The later epochs on an axis of their own, where the two lines part, if they are not level there."""
        start = self.later
        ends = standing[1]
        later = [share for values in self.values("accuracy") for share in values[start:]]
        if len(later) > 2 and max(later) - min(later) >= _LEVEL:
            near = self.accuracy_chart(region, start)
            ends = self.curves(near, "accuracy", start)
            self.say(self.of_axis(near))
            self.play(FadeOut(standing[0], *standing[2:]), run_time=look.IN_S / 2)
            self.play(FadeIn(near, near.keys), ReplacementTransform(standing[1], ends), run_time=look.MOVE_S)
            standing = Group(near, ends, near.keys)
        else:
            self.play(*(flash(curve.line) for curve in ends), run_time=look.MOVE_S)
        last = VGroup(ends[0].dots[-1], ends[1].dots[-1])
        ring = RoundedRectangle(0.12, width=0.3, height=last.height + 0.2, stroke_width=look.STROKE, color=look.TEXT)
        self.until(0.35)
        self.say(f"At the end they are {self.told['apart']}")
        self.play(Create(ring.move_to(last)), run_time=look.IN_S)
        self.until(0.75)
        self.play(flash(ring), run_time=look.MOVE_S)
        return Group(standing, ring)

    def look_at_losses(self, leaving: Group, region: look.Region) -> Group:
        """The losses of the later epochs in the place of what is `leaving`: on training and on test images."""
        best, rises = best_epoch(self.history), self.rises
        start = min(self.later, best) if rises else self.later
        start = start if start < self.epochs[-1] else 0
        near = self.loss_chart(region, start)
        lines = self.curves(near, "loss", start)
        if start:
            self.say(self.of_axis(near))
        self.play(FadeOut(leaving), run_time=look.IN_S / 2)
        self.play(FadeIn(near, near.keys), run_time=look.IN_S)
        self.play(*(line.grow(look.MOVE_S) for line in lines))
        self.say("Does the test loss rise while the other falls?")
        if rises:
            lowest = Dot(near.at(best, self.history[best].test_loss), radius=0.09, color=look.TEXT)
            lines.add(lowest)
            self.play(FadeIn(lowest, scale=3), run_time=look.IN_S)
        self.until(0.7)
        self.play(flash(lines[1].line), run_time=look.MOVE_S)
        return Group(near, lines, near.keys)

    def show_filter(self, standing: Group, region: look.Region) -> VMobject:
        """All epochs again, and below them one filter as it was after each. Returns the line of the test."""
        above, below = region.rows(2, 1) if self.layer else (region, region)
        chart = self.accuracy_chart(replace(above, right=above.right - ROOM))
        curves = self.curves(chart, "accuracy")
        line: VMobject = curves[1].line
        self.say(
            f"One filter of {layer_name(self.layer.name)}, epoch by epoch"
            if self.layer
            else "One step of the curve, one epoch"
        )
        self.play(FadeOut(standing), run_time=look.IN_S / 2)
        self.play(FadeIn(chart, curves, chart.keys), run_time=look.IN_S)
        steepest, epochs = steepest_epoch(self.history)[0], self.even_epochs()
        if self.layer is None:
            self.until(0.6)
            self.play(flash(line), run_time=look.MOVE_S)
            return line
        slices, rows, columns = self.weights.shape[2:]
        part = slice_name(self.slice, slices, self.layer.input in ("probes", "input"))
        part += ", " * bool(part)
        shape = shape_text(rows, columns, slices)
        words = [
            f"filter {self.followed + 1} of {layer_name(self.layer.name)}, {shape}",
            f"{part}one scale, red +, blue −",
        ]
        if look.shape() == "tall" and part:  # too long for one line there
            words[1:] = [part.removesuffix(", "), "one scale, red +, blue −"]
        strip = FilterStrip(chart, epochs, self.tile, words, below)
        appear = LaggedStart(*(FadeIn(tile) for tile in strip.tiles), lag_ratio=0.6)
        self.play(FadeIn(strip.words), appear, run_time=2 * look.MOVE_S)
        self.until(0.7)
        marked = strip.tiles[epochs.index(steepest)].picture if steepest in epochs else line
        self.play(flash(marked), run_time=look.MOVE_S)
        return line

    def even_epochs(self) -> list[int]:
        """As far apart as can be: each picture stands below its epoch, and two near ones leave no room."""
        return np.unique(np.linspace(0, self.epochs[-1], _STEPS).round().astype(int)).tolist()

    def tile(self, epoch: int, size: float) -> FilterPicture:
        """The filter that is followed, as it was after `epoch`."""
        assert self.layer is not None
        weights, at = self.weights, (epoch, self.followed, self.slice)
        scale = ColourScale.signed(weights[:, self.followed, self.slice], "shared")
        return FilterPicture(weights[at], scale, size, ArraySource(f"{self.layer.name}/weight_history", at))

    # -- charts ------------------------------------------------------------------------------------

    @property
    def later(self) -> int:
        """The epoch from which on a closer look is taken: the first ones would hide what comes after."""
        return max(1, len(self.history) // 5)

    def of_axis(self, near: Chart) -> str:
        """Where the axes of a closer look start."""
        if near.y.low == 0:
            return f"A closer look, from epoch {near.x.low:.0f} on"
        return f"A closer look: the axis starts at {near.y.words(near.y.low)}"

    def loss_chart(self, region: look.Region, start: int = 0) -> Chart:
        """From epoch `start`; from epoch 0 its axis begins at 0, from later ones it has as much as they need."""
        seen = [loss for values in self.values("loss") for loss in values[start:]]
        axis = Axis.covering("loss", min(seen) if start else 0, max(seen))
        return Chart(region, self.epoch_axis(start), axis, "loss", self.keys("loss_last", "test_loss"))

    def accuracy_chart(self, region: look.Region, start: int = 0, guess: bool = False) -> Chart:
        """From epoch `start`; from epoch 0 its axis is 0 to 100%, from later ones it has as much as they need."""
        seen = [share for values in self.values("accuracy") for share in values[start:]]
        low, high = (min(seen), max(seen)) if start else (0.0, 1.0)
        axis = Axis.covering("right answers", low, high, most=5 if region.height > 4 else 2, share=True)
        blind = Key(f"guessing {self.told['guess']}", look.MUTED, dashed=True)
        keys = [*[blind] * guess, *self.keys("right_train", "right_test")]
        return Chart(region, self.epoch_axis(start), axis, "share of right answers", keys)

    def epoch_axis(self, start: int = 0) -> Axis:
        return Axis.counting("epoch", start, self.epochs[-1], most=10 if look.shape() == "wide" else 6)

    def keys(self, train: str, test: str) -> list[Key]:
        return [Key(f"training {self.told[train]}", look.SECOND), Key(f"test {self.told[test]}", look.ACCENT)]

    def values(self, what: str) -> list[list[float]]:
        """`loss` or `accuracy` after every epoch, on training and on test images."""
        return [[getattr(record, f"{part}_{what}") for record in self.history] for part in ("train", "test")]

    def curves(self, chart: Chart, what: str, start: int = 0) -> VGroup:
        """The lines of training, thick, and of test, thin, so that both are seen where they meet."""
        styles = ((look.SECOND, 3 * look.STROKE), (look.ACCENT, 1.6 * look.STROKE))
        return VGroup(
            chart.curve(self.epochs[start:], values[start:], *style)
            for values, style in zip(self.values(what), styles, strict=True)
        )
