"""Storyboards for tests: scenes made by hand on a real bundle, with stills as a renderer would draw them."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fmcore.bundle import Bundle
from fmcore.colour import ColourScale
from fmcore.lesson.brief import Figure, Performance
from fmcore.lesson.claims import Claim, SpokenClaim
from fmcore.lesson.script import TimedBeat
from fmcore.lesson.storyboard import Item, Storyboard, StoryFrame

SIZES = {"16:9": (426, 240), "9:16": (240, 426), "1:1": (240, 240)}
FPS = 10
CAPTION_TOP = 0.84
PAPER, TEXT = "#0B0E14", "#F2F4F8"
SAY = "Every layer makes maps of {rows} rows, and each map is one channel."


@cache
def font(size_px: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), size_px)


@dataclass
class Stage:
    """A scene of one beat, to be spoilt: what stands in the frame, what is said and what moves."""

    bundle: Bundle
    aspect: str
    items: list[Item] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    claims: list[SpokenClaim] = field(default_factory=list)
    unproved: list[tuple[str, str]] = field(default_factory=list)
    language: str | None = None
    moving: list[tuple[int, int]] = field(default_factory=lambda: [(0, 20), (60, 70)])
    beats: list[TimedBeat] = field(default_factory=list)
    patches: list[tuple[tuple[float, float, float, float], str]] = field(default_factory=list)  # painted behind texts

    @property
    def size(self) -> tuple[int, int]:
        return SIZES[self.aspect]

    def text(
        self,
        words: str,
        left: float,
        top: float,
        capital: float = 0.024,
        colour: str = TEXT,
        opacity: float = 1.0,
        cut: bool = False,
    ) -> Item:
        """Set `words` at (left, top), shares of the frame, with capitals of `capital` of the height."""
        width, height = self.size
        set_px = capital * height / 0.73  # a capital of DejaVu is 0.73 of the font's size
        across, down = font(set_px).getlength(words) / width, set_px * 1.15 / height
        box = (left, top, left + across, top + down)
        item = Item(kind="text", name=words, box=box, capital=capital, colour=colour, opacity=opacity, cut=cut)
        self.items.append(item)
        return item

    def picture(
        self, array: str, index: tuple[int, ...], top: float, left: float = 0.08, scale: ColourScale | None = None
    ) -> Figure:
        """Show a part of an array, 0.15 of the frame high."""
        width, height = self.size
        box = (left, top, left + 0.15 * height / width, top + 0.15)
        values = np.asarray(self.bundle.part(array, *index))
        grey = ColourScale(0.0, 1.0, "shared", "gray")
        chosen = scale or (grey if array == "probes" else ColourScale.of(values))
        self.items.append(Item(kind="picture", name=array, box=box))
        figure = Figure(
            beat="maps", frame=79, array=array, index=index, box=box, low=chosen.low, high=chosen.high,
            scale=chosen.kind, colours=chosen.table_name, covered=False,
        )  # fmt: skip
        self.figures.append(figure)
        return figure

    def drop(self, *words: str) -> None:
        """Take texts away."""
        assert {item.name for item in self.items} >= set(words)
        self.items = [item for item in self.items if item.name not in words]

    def recolour(self, number: int, **change: object) -> None:
        """Change the scale of a figure."""
        self.figures[number] = self.figures[number].model_copy(update=change)

    def claim(self, words: str = "12", say: bool = True, **change: object) -> None:
        """Make a claim about the rows of conv1's maps."""
        array = "conv1/activation"
        made = {"words": words, "measure": "rows", "array": array, "value": 12.0, "sample_size": 1}
        made["digest"] = self.bundle.header.arrays[array].sha256
        spoken = Claim.model_validate(made | change)
        self.claims.append(
            SpokenClaim(beat="maps" if say else "", name="rows", sentence=SAY.format(rows=12), claim=spoken)
        )

    @property
    def board(self) -> Storyboard:
        beats = self.beats or [TimedBeat(cue="maps", say=SAY.format(rows=12), start=0, end=80)]
        return Storyboard(
            scene="Maps", fps=FPS, aspect=self.aspect, theme="dark", caption_top=CAPTION_TOP,
            frames=(StoryFrame(beat="maps", number=79, items=tuple(self.items)),),
            performance=Performance(
                title="Maps", beats=tuple(beats), figures=tuple(self.figures), claims=tuple(self.claims),
                unproved=tuple(self.unproved), moving=tuple(self.moving), language=self.language,
            ),
        )  # fmt: skip

    @property
    def still(self) -> np.ndarray:
        """The frame as a renderer would draw it, letters smoothed."""
        width, height = self.size
        image = Image.new("RGB", (width, height), PAPER)
        across = np.array([width, height, width, height])
        for box, colour in self.patches:
            image.paste(colour, tuple(np.round(box * across).astype(int).tolist()))
        for item in self.items:
            left, top, *_ = corners = tuple(np.round(item.box * across).astype(int).tolist())
            if item.kind == "picture":
                image.paste("#C03A76", corners)
            if item.kind == "text" and item.opacity > 0:
                letters = image.copy()
                set_px = (item.capital or 0) * height / 0.73
                ImageDraw.Draw(letters).text((left, top), item.name, item.colour, font(set_px))
                image = Image.blend(image, letters, item.opacity)
        return np.asarray(image)
