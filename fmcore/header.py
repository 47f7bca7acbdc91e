"""The header of a bundle: what its arrays are, how they came about and how they were measured.

Plain frozen records, validated when a bundle is opened. Sizes are (height, width) throughout.
"""

from math import inf
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveInt, model_validator

SCHEMA_VERSION = 2


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

    `size` is the field's extent in pixels, `jump` the step between the fields of neighbouring places,
    `start` the centre of the field of place (0, 0), with pixel centres at .5. Where `whole` is true, something
    on the way may look at all places at once, such as squeeze-and-excitation or attention, so every place can see
    the whole image; the other numbers then say where the place lies and how far it would see without that.
    """

    size: tuple[int, int] = (1, 1)
    jump: tuple[int, int] = (1, 1)
    start: tuple[float, float] = (0.5, 0.5)
    whole: bool = False

    def box(self, row: int, column: int) -> tuple[float, float, float, float]:
        """(top, left, bottom, right) edges in pixels of the field of place (row, column).

        It may reach beyond the image, where the padding is; it is infinite where `whole` is true.
        """
        if self.whole:
            return -inf, -inf, inf, inf
        centre = (self.start[0] + row * self.jump[0], self.start[1] + column * self.jump[1])
        return (
            centre[0] - self.size[0] / 2,
            centre[1] - self.size[1] / 2,
            centre[0] + self.size[0] / 2,
            centre[1] + self.size[1] / 2,
        )


class LayerInfo(Record):
    """One layer whose feature maps are recorded, as it ran on the probes.

    A `block` is a module whose maps come from no single convolution: the sum of a residual block, a concatenation.
    Its kernel, stride, padding, dilation and groups mean nothing and keep their defaults.
    """

    name: str
    type: Literal["convolution", "pooling", "block"]
    output_shape: tuple[int, int, int]  # (C, H, W)
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)  # above and left; below and right as far as the output needs it
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros"
    normalisation: str = "none"  # what stands between the sum and the nonlinearity, such as "batch_norm"
    nonlinearity: str = "none"  # what turns its pre-activation into its activation, such as "relu"
    input: str = ""  # the array that went in; "" where none is recorded
    field: ReceptiveField = ReceptiveField()


class ModuleInfo(Record):
    """One module of the network, shown or not, and why not."""

    name: str
    kind: str  # its class, such as "Conv2d"
    output_shape: tuple[int, ...] | None  # of one image; None where it did not run or gave no tensor
    shown: bool
    why: str  # why it is not shown; "" where it is


class Preprocessing(Record):
    """How an image becomes the network's input (C, H, W): scaled, cut at the centre, normalised.

    The shorter side is scaled to `resize` pixels, the centred window of `size` is cut out, and of every channel,
    in 0..1, `mean` is taken away and the rest divided by `std`.
    """

    channels: Literal[1, 3]
    size: tuple[PositiveInt, PositiveInt]
    resize: PositiveInt
    interpolation: Literal["bilinear", "bicubic", "lanczos"] = "lanczos"
    mean: tuple[FiniteFloat, ...]
    std: tuple[FiniteFloat, ...]

    @model_validator(mode="after")
    def _one_number_a_channel(self) -> "Preprocessing":
        if len(self.mean) != self.channels or len(self.std) != self.channels or min(self.std, default=0) <= 0:
            raise ValueError(f"mean and std need {self.channels} numbers each, those of std above zero")
        return self


class ModelInfo(Record):
    name: str
    input_shape: tuple[int, int, int]  # (C, H, W)
    parameters: int
    weights: str = "trained here"  # or where they come from


class ProbeInfo(Record):
    """One recorded image: what it is and what the network says.

    `original_size` and `box` place it on the file it came from: the network's input is what lies between the edges
    (top, left, bottom, right) of `box`, in pixels of the upright original.
    """

    label: int | None  # the true class, where it is known
    predicted: int
    probability: float  # softmax of the predicted class
    source: str  # such as "test image 17"
    original_size: tuple[int, int] | None = None
    box: tuple[float, float, float, float] | None = None


class EpochRecord(Record):
    """Mean loss and accuracy (a share) after `epoch` epochs; epoch 0 is before training."""

    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float


class TrainingInfo(Record):
    """How the network was trained here; `epochs` is 0 and `history` empty where it was not."""

    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: str
    loss: str
    seed: int
    device: str
    history: tuple[EpochRecord, ...]


class DatasetInfo(Record):
    name: str
    provenance: str
    train_count: int
    test_count: int
    test_sha256: str = ""  # of the images that statistics were taken over: equal where they are the same images


class MeasuresInfo(Record):
    """What the statistics of the channels were taken over."""

    images: int  # how many images
    labelled: bool  # whether their classes are known and are the network's own
    foreground: str  # the method that tells object from background, in words
    foreground_images: int  # how many images it found an object in
    meaning: tuple[str, ...]  # the classical maps, in the order of the second axis of `<layer>/meaning`
    meaning_images: int


class BundleHeader(Record):
    """The validated header: what the arrays are and how they came about."""

    schema_version: int
    model: ModelInfo
    preprocessing: Preprocessing
    layers: tuple[LayerInfo, ...]  # in the order in which they ran
    modules: tuple[ModuleInfo, ...] = ()
    arrays: dict[str, ArrayInfo]
    classes: tuple[str, ...]
    probes: tuple[ProbeInfo, ...]
    training: TrainingInfo
    dataset: DatasetInfo
    measures: MeasuresInfo | None = None
    versions: dict[str, str]
    recipe: dict[str, str] = {}  # what it was made from, so that a lesson can tell whether it is still the one wanted

    @property
    def test_accuracy(self) -> float | None:
        """Share of test images classified rightly after the last epoch; None where nobody measured it."""
        return self.training.history[-1].test_accuracy if self.training.history else None
