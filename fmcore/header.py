"""The header of a bundle: what its arrays are, how they came about and how they were measured.

Plain frozen records, validated when a bundle is opened. Sizes are (height, width) throughout.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from math import inf
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, model_validator

SCHEMA_VERSION = 3
_MOST = 2**40  # of anything that is counted here, so that products of sizes stay numbers
Count = Annotated[int, Field(ge=0, le=_MOST)]
Size = Annotated[int, Field(ge=1, le=_MOST)]
Share = Annotated[float, Field(ge=0, le=1)]
Step = Annotated[float, Field(ge=1 / _MOST, le=_MOST)]
Place = Annotated[float, Field(ge=-_MOST, le=_MOST)]
_NARROW = 256  # pixels: what slides over smaller images may still be as wide
_BEYOND = 4  # times the widest maps: nothing that slides over them is wider
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f]")  # characters that nothing can draw
_FINE = 7  # places a side from which on a map tells regions of an image apart


def drawable(text: str) -> str:
    """`text` with a space or "�" for every character that controls something instead of being drawn."""
    return _CONTROL.sub(lambda found: " " if found[0].isspace() else "�", text)


Name = Annotated[str, AfterValidator(drawable)]  # that strangers chose, and people read


class Record(BaseModel):
    """A frozen record that knows all its fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ArrayInfo(Record):
    """Shape, type and content digest of one array."""

    shape: tuple[int, ...]
    dtype: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class ReceptiveField(Record):
    """Which pixels of the network's input one place of a layer can see.

    `size` is the field's extent in pixels, `jump` the step between the fields of neighbouring places (below 1 where
    maps are finer than the image), `start` the centre of the field of place (0, 0), with pixel centres at .5.

    Where `whole` is true, a place may see the whole image; the other numbers then say where the place lies and how far
    it would see otherwise. `exact` says whether that is so, as after squeeze-and-excitation, or only cannot be ruled
    out, as after attention within windows: the field is then not `known`. A field that is neither whole nor exact, as
    after an upsampling, lies within the box, and that of some places is a little smaller.

    Where it is `local`, too, the value is computed from its own box, and the rest of the image enters only through
    numbers that all places of a map share, such as a gate or the mean and spread of a group normalisation.
    """

    size: tuple[Size, Size] = (1, 1)
    jump: tuple[Step, Step] = (1.0, 1.0)
    start: tuple[Place, Place] = (0.5, 0.5)
    whole: bool = False
    exact: bool = True
    local: bool = False

    @property
    def boxed(self) -> bool:
        """Whether the box of a place says what it is computed from."""
        return self.local or not self.whole

    @property
    def known(self) -> bool:
        """Whether anything is known of how far a place can see."""
        return self.exact or not self.whole

    def box(self, row: int, column: int) -> tuple[float, float, float, float]:
        """(top, left, bottom, right) edges in pixels of the field of place (row, column).

        It may reach beyond the image, where the padding is; it is infinite where a place is not `boxed`.
        """
        if not self.boxed:
            return -inf, -inf, inf, inf
        (top, bottom), (left, right) = (self._edges(axis, place) for axis, place in enumerate((row, column)))
        return top, left, bottom, right

    def _edges(self, axis: int, place: int) -> tuple[float, float]:
        centre, half = self.start[axis] + place * self.jump[axis], self.size[axis] / 2
        return round(centre - half, 6), round(centre + half, 6)  # steps of a third leave no whole numbers


class LayerInfo(Record):
    """One layer whose feature maps are recorded, as it ran on the probes.

    A `block` is a module whose maps come from no single convolution: the sum of a residual block, a concatenation.
    Its kernel, stride, padding, dilation and groups mean nothing and keep their defaults.
    """

    name: str
    type: Literal["convolution", "pooling", "block"]
    output_shape: tuple[Size, Size, Size]  # (C, H, W)
    kernel: tuple[Size, Size] = (1, 1)
    stride: tuple[Size, Size] = (1, 1)
    padding: tuple[Count, Count] = (0, 0)  # above and left; below and right as far as the output needs it
    dilation: tuple[Size, Size] = (1, 1)
    groups: Size = 1
    padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros"
    normalisation: Name = "none"  # what stands between the sum and the nonlinearity: "batch_norm", "affine" ...
    nonlinearity: Name = "none"  # what turns its pre-activation into its activation, such as "relu"
    input: str = ""  # the array that went in; "" where none is recorded
    reads: tuple[str, ...] = ()  # the layers whose maps it is made from, "" for the image; empty where nobody knows
    field: ReceptiveField = ReceptiveField()


class ModuleInfo(Record):
    """One module of the network, shown or not, and why not."""

    name: str
    kind: str  # its class, such as "Conv2d"
    output_shape: tuple[int, ...] | None  # of one image; None where it did not run or gave no tensor
    shown: bool
    why: str  # why it is not shown, or which run of several is; "" where it is as a whole


class Preprocessing(Record):
    """How an image becomes the network's input (C, H, W): scaled, cut at the centre, normalised.

    The shorter side is scaled to `resize` pixels, the centred window of `size` is cut out, and of every channel,
    in 0..1, `mean` is taken away and the rest divided by `std`.
    """

    channels: Literal[1, 3]
    size: tuple[Size, Size]
    resize: Size
    interpolation: Literal["bilinear", "bicubic", "lanczos"] = "lanczos"
    mean: tuple[FiniteFloat, ...]
    std: tuple[FiniteFloat, ...]

    @model_validator(mode="after")
    def _one_number_a_channel(self) -> "Preprocessing":
        if len(self.mean) != self.channels or len(self.std) != self.channels or min(self.std, default=0) <= 0:
            raise ValueError(f"mean and std need {self.channels} numbers each, those of std above zero")
        return self


class ModelInfo(Record):
    name: Name
    input_shape: tuple[Size, Size, Size]  # (C, H, W)
    parameters: Count
    weights: Name = "trained here"  # or where they come from
    reads: tuple[str, ...] = ()  # the layers whose maps its answer is made from, as `LayerInfo.reads`


ORIGINAL = "probes/{}/original"  # (C, H, W), bytes, grey or RGB: the image file that a probe was cut from


class ProbeInfo(Record):
    """One recorded image: what it is and what the network says.

    A picture has an array `ORIGINAL` as well: the upright file, scaled down where it is large. The
    network's input is what lies between the edges (top, left, bottom, right) of `box`, in pixels of that array, whose
    height and width are `original_size`; `file_box` says the same in pixels of the upright file, of `file_size`.
    """

    label: Count | None  # the true class, where it is known
    predicted: Count
    probability: Share  # softmax of the predicted class
    source: Name  # such as "test image 17"
    original_size: tuple[Size, Size] | None = None
    box: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    file_size: tuple[Size, Size] | None = None

    @property
    def test_row(self) -> int | None:
        """Which of the test images it is, from 0; None where it is none."""
        name, _, row = self.source.rpartition(" ")
        return int(row) if name == "test image" and row.isascii() and row.isdecimal() and len(row) < 10 else None

    @property
    def file_box(self) -> tuple[float, float, float, float] | None:
        """The edges of `box` in pixels of the upright file; None where the probe is no picture."""
        if self.box is None or self.original_size is None or self.file_size is None:
            return None
        down, across = (file / kept for file, kept in zip(self.file_size, self.original_size, strict=True))
        return self.box[0] * down, self.box[1] * across, self.box[2] * down, self.box[3] * across


def default_probe(probes: Sequence[ProbeInfo]) -> int:
    """The probe to show when nobody names one: of the last class that is classified rightly, the first.

    Where no class is known, the first probe.
    """

    def merit(p: int) -> tuple[bool, int, int]:
        label = probes[p].label
        return label == probes[p].predicted, -1 if label is None else label, -p

    return max(range(len(probes)), key=merit)


def rightly_answered(probes: Sequence[ProbeInfo]) -> list[int]:
    """The numbers of those that are answered rightly; of all where none is known to be."""
    return [p for p, probe in enumerate(probes) if probe.label == probe.predicted] or list(range(len(probes)))


def explained(layers: Iterable[LayerInfo]) -> LayerInfo | None:
    """The layer of `layers` in which answers are explained: the last convolution or block with maps of 7 × 7 or more.

    The last of all where none is as fine; None where there is none.
    """
    able = [layer for layer in layers if layer.type != "pooling"]
    fine = [layer for layer in able if min(layer.output_shape[1:]) >= _FINE]
    return next(reversed(fine or able), None)


class EpochRecord(Record):
    """Mean loss and accuracy (a share) after `epoch` epochs; epoch 0 is before training."""

    epoch: Count
    train_loss: FiniteFloat
    train_accuracy: Share
    test_loss: FiniteFloat
    test_accuracy: Share


class TrainingInfo(Record):
    """How the network was trained here; `epochs` is 0 and `history` empty where it was not."""

    epochs: Count
    batch_size: Count
    learning_rate: FiniteFloat
    optimizer: str
    loss: str
    seed: int
    device: str
    history: tuple[EpochRecord, ...]


class HistoryInfo(Record):
    """What the first two axes of every `<layer>/activation_history` count: a choice, so that the bundle stays small."""

    epochs: tuple[Count, ...]  # 0 is before training
    probes: tuple[Count, ...]  # the default one is among them


class DatasetInfo(Record):
    name: Name
    provenance: Name
    train_count: Count
    test_count: Count
    test_sha256: str = ""  # of the images that statistics were taken over: equal where they are the same images
    source_sha256: str = (
        ""  # of the same before they were prepared for a network: equal for networks of other inputs, too
    )


class MeasuresInfo(Record):
    """What the statistics of the channels were taken over."""

    images: Count  # how many images
    labelled: bool  # whether their classes are known and are the network's own
    foreground: Name  # the method that tells object from background, in words
    foreground_images: Count  # how many images it found an object in
    meaning: tuple[Name, ...]  # the classical maps, in the order of the second axis of `<layer>/meaning`
    meaning_images: Count


class BundleHeader(Record):
    """The validated header: what the arrays are and how they came about."""

    schema_version: int
    model: ModelInfo
    preprocessing: Preprocessing
    layers: tuple[LayerInfo, ...] = Field(min_length=1)  # in the order in which they ran
    modules: tuple[ModuleInfo, ...] = ()
    arrays: dict[str, ArrayInfo]
    classes: tuple[Name, ...]
    probes: tuple[ProbeInfo, ...] = Field(min_length=1)
    training: TrainingInfo
    activation_history: HistoryInfo | None = None
    dataset: DatasetInfo
    measures: MeasuresInfo | None = None
    versions: dict[str, str]
    recipe: dict[str, str] = {}  # what it was made from, so that a lesson can tell whether it is still the one wanted

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "BundleHeader":
        """Names of layers are told apart; classes and probes that are named are there; steps are as wide as maps."""
        names = {layer.name for layer in self.layers}
        if len(names) < len(self.layers):
            raise ValueError("two layers have the same name")
        for reader, reads in ((self.model.name, self.model.reads), *((one.name, one.reads) for one in self.layers)):
            if unknown := set(reads) - {"", *names}:
                raise ValueError(f"'{reader}' reads '{min(unknown)}', which is no layer")
        kept = self.activation_history
        if kept is not None and not all(probe < len(self.probes) for probe in kept.probes):
            raise ValueError(f"its history of activations is of a probe that is none of its {len(self.probes)}")
        for number, probe in enumerate(self.probes):
            for label in (probe.label, probe.predicted):
                if label is not None and not 0 <= label < max(1, len(self.classes)):
                    raise ValueError(f"probe {number} has class {label} and there are {len(self.classes)}")
        self._check_steps()
        return self

    def _check_steps(self) -> None:
        """Whoever works with the geometry of a layer fills maps up to it, so it must be of their size."""
        sides = (*self.model.input_shape[1:], *(side for layer in self.layers for side in layer.output_shape[1:]))
        most = max(_NARROW, _BEYOND * max(sides))
        for layer in self.layers:
            geometry = {"kernel": layer.kernel, "stride": layer.stride, "padding": layer.padding}
            for what, sizes in (geometry | {"dilation": layer.dilation}).items():
                if max(sizes) > most:
                    raise ValueError(
                        f"the {what} of layer '{layer.name}' is {max(sizes)}, far more than any map is wide"
                    )

    @property
    def layers_run_again(self) -> tuple[str, ...]:
        """Names of the layers that ran several times for an image; recorded is the first run."""
        return run_again(self.modules, {layer.name for layer in self.layers})

    @property
    def test_accuracy(self) -> float | None:
        """Share of test images classified rightly after the last epoch; None where nobody measured it."""
        return self.training.history[-1].test_accuracy if self.training.history else None


def run_again(modules: Iterable[ModuleInfo], layers: Collection[str]) -> tuple[str, ...]:
    """Those of `layers` that are modules which run several times for an image: only the first run is heard."""
    return tuple(module.name for module in modules if module.shown and module.why and module.name in layers)
