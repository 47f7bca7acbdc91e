"""What to remember about feature maps: what they are good for, how they mislead, the words, and one sentence."""

from collections.abc import Callable, Mapping
from functools import partial

from manim import DOWN, RIGHT, Create, FadeIn, FadeOut, Group, LaggedStart, Mobject
from pydantic import Field

from fmcore.analysis.border import border_of
from fmcore.analysis.cases import explained_layer, misled
from fmcore.analysis.examples import brightest_tried, fault
from fmcore.analysis.flattering import flattered, reach, share_of_reach
from fmcore.analysis.resemblance import least_like
from fmcore.analysis.saying import percent
from fmcore.analysis.telling import telling
from fmcore.colour import ColourScale
from fmcore.errors import BundleError
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.channel_stack import ChannelStack
from scenes.parts.feature_map import InputImage
from scenes.parts.fitting import fit
from scenes.parts.layer_name import layer_name
from scenes.parts.layer_view import LayerView
from scenes.parts.motion import flash
from scenes.parts.phrases import and_the_rest, field_words
from scenes.parts.place_marks import place_marks
from scenes.parts.questions import Questions
from scenes.parts.recap_words import RecapWords
from scenes.parts.scaled_map import ScaledMap
from scenes.parts.text import label, number, paragraph, whole
from scenes.parts.vocabulary import Vocabulary
from scenes.stage import LessonScene, SceneOptions

_FAINT = 0.6  # of the strongest map's reach: what reaches less looks weaker beside it
_TINY = 0.05  # units: of a picture whose words alone count
_STACK = 0.8  # the height of a stack's maps beside that of a single one
_SENTENCE = (
    "A filter asks the same question at every place. Its feature map keeps how strong each answer is, and where."
)


class Recap(LessonScene):
    """One point at a time with a picture from the bundle itself, and at the end one sentence to remember."""

    title = "Feature maps: what to remember"
    needs = ("probes", "logits")
    script = Script.of(
        Beat(
            cue="where",
            say="A feature map shows what one filter finds, and where. Here, {channel} of {first} is strongest"
            " {row}, {column}.",
        ),
        Beat(cue="steps", say="Maps show the steps to the answer. Of the image, one place sees {fields}{rest}."),
        Beat(cue="faults", say="Maps make faults visible, such as {kinds}. {fault} {none_dead}"),
        Beat(cue="scale", say="But colours depend on their scale. {scaled}"),
        Beat(cue="filtered", say="Is a feature map just the filtered image? {source}"),
        Beat(cue="whole", say="And one bright map is not the whole explanation. {part} {none}"),
        Beat(
            cue="words",
            say="Words to remember: a filter looks at its receptive field. Its answers form a feature map,"
            " and the maps of all filters are the channels of the layer.",
        ),
        Beat(
            cue="questions",
            say="And the questions? A map is made by one filter, at every place in the same way."
            " It shows how strongly that filter responds, and where."
            " Whether an answer needs it is tested by taking it away.",
        ),
        Beat(
            cue="sentence",
            say="And one sentence: a filter asks the same question at every place,"
            " and its feature map keeps how strong each answer is, and where.",
        ),
    )

    class Options(SceneOptions):
        beats: str | None = Field(
            None,
            description="Only these beats, separated by commas, such as words,sentence; by default all.",
        )

    options: "Recap.Options"

    # -- what is said ----------------------------------------------------------------------------

    def prepare(self) -> None:
        if self.options.beats is not None:
            self.script = self.script.only([cue.strip() for cue in self.options.beats.split(",")])
        if not self.bundle.convolutions:
            raise BundleError(
                f"Recap looks back at convolutions, and '{self.bundle.path.name}' holds none;"
                " name the bundle of a convolutional network."
            )
        self.first, self.last = self.bundle.convolutions[0], self.bundle.convolutions[-1]
        self.early, self.late = (LayerView(self.bundle, one.name, self.probe) for one in (self.first, self.last))
        self.image = self.bundle.part("probes", self.probe)  # (C, H, W)
        early, late = self.early.activation, self.late.activation  # (C, H, W) each
        self.clear, self.deep = telling(early, self.image), telling(late, self.image)
        self.unlike = least_like(late, self.image)
        strong, weak = flattered(early, border_of(self.first, self.bundle.header.model.input_shape))
        self.weak, self.strong = strong if weak is None else weak, strong
        tried = explained_layer(self.bundle, "ablation")  # that in which ChannelAblation takes them away
        self.tried, self.judged = tried is not None, tried or self.last
        shown, self.needed = misled(self.bundle, self.judged.name, self.probe) if self.tried else (self.probe, None)
        self.misled = LayerView(self.bundle, self.judged.name, shown)
        self.bright = brightest_tried(self.bundle, self.judged.name, shown)
        self.fault = fault(self.bundle, self.probe)

    def facts(self) -> Mapping[str, object]:
        first, last = layer_name(self.first.name), layer_name(self.last.name)
        here, flat = (self.early.array, self.probe, self.clear), self.early.flat(self.clear)
        fields = [field_words(layer.field) for layer in (self.first, self.last)]
        words = RecapWords(self.claim, self.bundle, self.probe)
        return {
            "channel": f"channel {self.clear + 1}",
            "first": first,
            "row": self.claim("smallest value", *here, words="nowhere")
            if flat
            else self.claim("row of the largest value", *here, words=lambda row: f"in row {row:.0f}"),
            "column": self.claim("largest value", *here, words="because it is flat")
            if flat
            else self.claim("column of the largest value", *here, words=lambda column: f"column {column:.0f}"),
            "fields": f"{fields[0]} in {first}" + (f", {fields[1]} in {last}" if first != last else ""),
            "rest": and_the_rest(self.first.field, self.last.field),
            **words.of_the_fault(self.fault),
            "scaled": self.scaled(),
            "source": self.source(),
            **words.of_the_reason(self.judged, None if self.tried else self.bright),
        }

    def scaled(self) -> Claim:
        name, array = f"channel {self.weak + 1} of {layer_name(self.first.name)}", self.early.array
        if self.weak == self.strong:  # nothing weaker to compare with
            said = "Here the strongest stands for {}; beside another map it may stand for something else.".format
            return self.claim("largest magnitude", array, self.probe, self.weak, words=lambda v: said(number(v)))
        share = percent(share_of_reach(self.early.map(self.weak), self.early.map(self.strong)))
        farthest = self.strong == int(reach(self.early.activation).argmax())  # else another reaches more at its border
        against = "the strongest map" if farthest else f"channel {self.strong + 1}"
        return self.claim(
            "magnitude against another's",
            array,
            self.probe,
            self.weak,
            self.strong,
            words=f"By itself {name} looks strong; it reaches only {share} of {against}.",
            at_most=_FAINT,
            otherwise=f"Here {name} reaches {share} of {against}, whatever its colours say.",
        )

    def source(self) -> Claim | str:
        name, read = layer_name(self.last.name), self.last.input
        if read in ("probes", "input"):
            return "In a first layer, nearly. Deeper layers never see the image; they read the maps before them."
        if not read.endswith("/activation"):
            return f"In a first layer, nearly. But {name} never saw the image: it reads what the layers before it made."
        return self.claim(
            "channels",
            read,
            self.probe,
            words=lambda n: (
                f"In a first layer, nearly. But {name} never saw the image: it reads the {_maps(n)} of"
                f" {layer_name(read.rpartition('/')[0])},"
                " and what it makes need not look like a picture."
            ),
        )

    # -- what is shown ---------------------------------------------------------------------------

    def construct(self) -> None:
        body, shape = look.body(), look.shape()
        shares = {"wide": (3.2, 9.0), "square": (1.0, 2.2), "tall": (1.0, 1.75)}[shape]
        self.image_room, self.room = body.rows(*shares) if shape == "tall" else body.columns(*shares)
        self.picture = self.image_of(self.probe)
        self.standing: list[Mobject] = []
        for cue, show in (
            ("where", self.show_where), ("steps", self.show_steps), ("faults", self.show_faults),
            ("scale", self.show_scale), ("filtered", self.show_filtered), ("whole", self.show_whole),
            ("words", self.show_words), ("questions", self.show_questions), ("sentence", self.show_sentence),
        ):  # fmt: skip
            if self.plays(cue):
                show()

    def image_of(self, probe: int) -> InputImage:
        pixels = self.bundle.part("probes", probe)  # (C, H, W)
        return fit(lambda size: InputImage(pixels, size, probe=probe), self.image_room, most=3.2)

    def beside(
        self, *makers: Callable[[float], Mobject], scale: str | None = "", room: look.Region | None = None
    ) -> tuple[Group, Mobject]:
        """What `makers` make, side by side, as large as the room allows, and below it what `scale` says of theirs.

        Only the last of them where the words alone are too wide for all; no words where `scale` is None.
        """
        room = room or self.room
        if Group(*(made(_TINY) for made in makers)).arrange(RIGHT, buff=0.4).width > room.width:
            makers = makers[-1:]
        if scale == "":
            scale = "each on its own scale" if len(makers) > 1 else "on its own scale"

        def make(size: float) -> Group:
            things = Group(*(made(size) for made in makers)).arrange(RIGHT, buff=0.4, aligned_edge=DOWN)
            note = (
                Group() if scale is None else label(scale, look.SMALL, look.MUTED).next_to(things, DOWN, buff=look.GAP)
            )
            return Group(things, note)

        made = fit(make, room, most=3.9)
        return made[0], made[1]

    def change(self, *new: Mobject, image: bool = True) -> None:
        """Let what stands leave, except the image where it stays, and the new things appear one after the other."""
        leaving = [one for one in self.standing if not (image and one is self.picture)]
        if leaving:
            self.play(FadeOut(*leaving), run_time=look.IN_S / 2)
        if image and self.picture not in self.standing:
            new = (self.picture, *new)
        self.play(LaggedStart(*(FadeIn(one) for one in new), lag_ratio=0.5), run_time=look.MOVE_S)
        self.standing = [*((self.picture,) if image else ()), *(one for one in new if one is not self.picture)]

    def clear_away(self) -> None:
        """What stands leaves; there is nothing where a film begins."""
        if self.standing:
            self.play(FadeOut(*self.standing), run_time=look.IN_S / 2)

    def point(self, cue: str, statement: str, things: Group, note: Mobject) -> None:
        """One beat: things appear, and a frame points at the picture of each in turn."""
        with self.beat(cue):
            self.say(statement)
            self.change(*things, note)
            pictures = [one.front if isinstance(one, ChannelStack) else one.picture for one in things]
            for number, picture in enumerate(pictures, start=1):
                self.until(0.35 + 0.35 * number / len(pictures))
                self.play(flash(picture), run_time=look.IN_S)

    def show_where(self) -> None:
        tiles, note = self.beside(partial(self.early.tile, self.clear))
        marks = place_marks(self.picture.picture, tiles[0].picture, self.first.field)
        with self.beat("where"):
            self.say("Good for: seeing what is found, and where")
            self.change(*tiles, note)
            self.until(0.45)
            self.play(Create(marks), run_time=look.IN_S)
            self.until(0.75)
            self.play(*(flash(mark) for mark in marks), run_time=look.MOVE_S)
        self.standing.append(marks)

    def show_steps(self) -> None:
        both = [(self.early, self.clear, self.first), (self.late, self.deep, self.last)]
        steps = both[: 1 + (self.first is not self.last)]
        tiles, note = self.beside(*(partial(view.tile, channel) for view, channel, _ in steps))
        marks = [
            place_marks(self.picture.picture, tile.picture, layer.field)
            for tile, (_, _, layer) in zip(tiles, steps[-len(tiles) :], strict=True)
        ]
        with self.beat("steps"):
            self.say("Good for: following the steps to the answer")
            self.change(*tiles, note)
            for k, (tile, mark) in enumerate(zip(tiles, marks, strict=True)):
                self.until(0.4 + 0.25 * k)
                self.play(flash(tile.picture), Create(mark), run_time=look.MOVE_S)
        self.standing += marks

    def show_faults(self) -> None:
        view = LayerView(self.bundle, self.fault.layer, self.probe)
        channels = list(dict.fromkeys((self.fault.other, self.fault.one)))
        made = self.beside(*(partial(view.tile, c) for c in channels))
        if len(made[0]) < len(channels):  # a copy is shown beside what it copies: without the layer, names are shorter
            made = self.beside(*(partial(view.tile, c, name=f"channel {c + 1}") for c in channels))
        self.point("faults", "Good for: finding faults", *made)

    def show_scale(self) -> None:
        """The same map twice: as bright as it can be, and as its layer's strongest map lets it be."""
        stays = look.shape() == "wide"
        scales = (ColourScale.of(self.early.map(self.weak)), "its own scale"), (self.early.scale, "the layer's scale")
        makers = [partial(ScaledMap, self.early, self.weak, *scale) for scale in scales]
        makers = makers[: 1 + (self.weak != self.strong)]
        (own, *shared), _ = self.beside(*makers, scale=None, room=self.room if stays else look.body())
        with self.beat("scale"):
            self.say("Careful: a colour means nothing without its scale")
            self.change(own, image=stays)
            self.until(0.45)
            self.play(*(FadeIn(one) for one in shared or [own.strip]), run_time=look.IN_S)
            self.until(0.75)
            self.play(*(flash(one.strip.bar) for one in (own, *shared)), run_time=look.MOVE_S)
        self.standing += shared

    def show_filtered(self) -> None:
        """A deep map, and before it the maps that its layer reads, where they are recorded."""
        makers: list[Callable[[float], Mobject]] = [partial(self.late.tile, self.unlike)]
        if self.last.input.endswith("/activation"):
            before = LayerView(self.bundle, self.last.input.rpartition("/")[0], self.probe)
            makers.insert(0, lambda size: before.stack(_STACK * size))
        scales = "stack: one scale; map: its own" if look.shape() == "tall" else "stack on one scale, map on its own"
        made = self.beside(*makers, scale=scales if len(makers) > 1 else "")
        self.point("filtered", "Mistake: “it is just the filtered image”", *made)

    def show_whole(self) -> None:
        """The brightest map beside the one that an answer needs most, else before others of its layer."""
        one = partial(self.misled.tile, scale=self.misled.scale)
        if self.needed is None:
            maps = [lambda size: self.misled.stack(_STACK * size, front=self.bright), partial(one, self.bright)]
        else:
            names = f"brightest: channel {self.bright + 1}", f"needed most: channel {self.needed + 1}"
            maps = [partial(one, c, name=name) for c, name in zip((self.bright, self.needed), names, strict=True)]
        if self.misled.probe != self.probe:
            self.picture = self.image_of(self.misled.probe)
        made = self.beside(*maps, scale="all on the scale of the layer")
        self.point("whole", "Mistake: “this bright map explains the answer”", *made)

    def show_words(self) -> None:
        words = fit(
            lambda size: Vocabulary(self.bundle, self.first, self.probe, self.clear, size), look.body(), most=2.6
        )
        field, _ = words.marks
        with self.beat("words"):
            self.say(f"Words to remember: channel {self.clear + 1} of {self.told['first']}")
            image, *others = words.things
            self.clear_away()
            self.play(FadeIn(image), Create(field), run_time=look.IN_S)
            steps = [[thing, *words.arrows[k : k + 1]] for k, thing in enumerate(others)]
            self.play(LaggedStart(*(FadeIn(*step) for step in steps), lag_ratio=0.9), run_time=3 * look.MOVE_S)
            self.play(Create(words.marks[1]), run_time=look.IN_S / 2)
            self.until(0.75)
            self.play(flash(field), run_time=look.MOVE_S)
        self.standing = [words]

    def show_questions(self) -> None:
        """The three questions of the lesson, each with its answer."""
        asked = Questions(look.body(), answered=True)
        with self.beat("questions"):
            self.say("Three questions, three answers")
            self.clear_away()
            for place, (question, answer) in enumerate(asked):
                self.until(0.08 + 0.3 * place)
                self.play(FadeIn(question), run_time=look.IN_S)
                self.play(FadeIn(answer), run_time=look.IN_S)
        self.standing = [asked]

    def show_sentence(self) -> None:
        above, below = look.body().rows(1, {"wide": 2.6, "square": 1.8, "tall": 1.3}[look.shape()])
        most = {"wide": 2, "square": 4, "tall": 5}[look.shape()]
        text = paragraph(_SENTENCE, look.TITLE, look.ACCENT, width=above.width, most=most)
        text.arrange(DOWN, buff=2 * look.LEADING).move_to(above.centre)

        def make(size: float) -> Group:
            image = InputImage(self.image, size, probe=self.probe)
            return Group(image, self.early.tile(self.clear, size)).arrange(RIGHT, buff=0.5, aligned_edge=DOWN)

        both = fit(make, below, most=2.8)
        marks = place_marks(both[0].picture, both[1].picture, self.first.field)
        with self.beat("sentence"):
            self.say("If you remember one sentence")
            self.clear_away()
            self.play(FadeIn(both), run_time=look.IN_S)
            self.play(LaggedStart(*(FadeIn(line) for line in text), lag_ratio=0.6), run_time=2 * look.MOVE_S)
            self.until(0.6)
            self.play(Create(marks), run_time=look.IN_S)
            self.until(0.8)
            self.play(*(flash(mark) for mark in marks), run_time=look.MOVE_S)


def _maps(count: float) -> str:
    return "one map" if count == 1 else f"{whole(count)} maps"
