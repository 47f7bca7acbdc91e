"""What a map answers to the padding at its border chooses no example; and what is said where filters read one map."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import Net, make_bundle, play
from pages import taught
from test_collapse import Pair, written
from test_honesty import changed, words

from fmcore.analysis.border import Border, border_of, inside
from fmcore.analysis.collapse import collapse
from fmcore.analysis.flattering import extremes, flattered, mostly_dim
from fmcore.analysis.learning import turned_most
from fmcore.analysis.nonlinearity import FORMULAS, clearest
from fmcore.analysis.receptive_field import through
from fmcore.bundle import Array, Bundle, save_bundle
from fmcore.header import HistoryInfo, LayerInfo, ReceptiveField
from scenes.activation_overlay import ActivationOverlay
from scenes.multiple_feature_maps import MultipleFeatureMaps
from scenes.nonlinearity import Nonlinearity
from scenes.opening import Opening
from scenes.recap import Recap

MEASURED = Net(measured=True, epochs=3)
SPOTS = np.zeros((4, 12, 12), np.float32)
SPOTS[0, :, 0] = 9  # the padding: inside it reaches next to nothing
SPOTS[0, 5, 5] = 0.2
SPOTS[1, 4:6, 5] = 3
SPOTS[2, 3:9, 3:9] = np.linspace(0.5, 1, 36).reshape(6, 6)
SPOTS[3, 0] = 0.4
SPOTS[3, 6, 4:8] = 0.2


def header_of(path: Path, net: Net) -> Any:
    with Bundle.open(changed(path, net)) as bundle:
        return bundle.header


def spots(arrays: dict[str, Array]) -> None:
    arrays["conv1/activation"][:] = SPOTS


# -- the border ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("windows", "side", "expected"),
    [
        ([(3, 1, 1)], 12, (1, 1)),
        ([(3, 2, 1)], 32, (1, 0)),  # the last window ends where the image ends
        ([(7, 2, 3)], 64, (2, 1)),
        ([(3, 1, 0), (3, 1, 0)], 12, (0, 0)),
        ([(3, 1, 1), (1, 1, 0)], 12, (1, 1)),  # nothing hangs over here, but what is read was padded
        ([(3, 1, 1), (3, 1, 1)], 12, (1, 1)),
        ([(9, 1, 4)], 9, (1, 1)),  # too large to leave half of the map
    ],
)
def test_the_border_is_where_windows_hang_over(
    windows: list[tuple[int, int, int]], side: int, expected: tuple[int, int]
) -> None:
    field, places = ReceptiveField(), side
    for kernel, stride, padding in windows:
        field = through(field, (kernel, kernel), (stride, stride), (padding, padding))
        places = (places + 2 * padding - kernel) // stride + 1
    kernel, stride, padding = windows[-1]
    layer = LayerInfo(
        name="a", type="convolution", output_shape=(2, places, places), kernel=(kernel, kernel),
        stride=(stride, stride), padding=(padding, padding), field=field,
    )  # fmt: skip
    assert border_of(layer, (3, side, side)) == Border(*expected, *expected)
    unknown = layer.model_copy(update={"field": ReceptiveField(whole=True, exact=False)})
    assert border_of(unknown, (3, side, side)) == Border()


def test_a_coarse_map_has_no_inside() -> None:
    assert inside(np.zeros((2, 7, 9))).shape == (2, 7, 9)
    assert inside(np.zeros((2, 8, 9)), Border(1, 0, 2, 1)).shape == (2, 7, 6)


# -- strong and weak maps ------------------------------------------------------------------------


def test_the_padding_makes_no_map_a_strong_one() -> None:
    assert flattered(SPOTS) == (1, 2)
    assert extremes(SPOTS, range(4)) == (1, 2)
    assert extremes(SPOTS, (0, 3)) == (0, 3)  # where all are strongest at the border
    assert flattered(SPOTS[[0, 3]]) == (0, 1)
    faint = SPOTS.copy()
    faint[1:] *= 0.01
    faint[0, 5, 5] = 2  # much more than any that is strongest inside
    assert flattered(faint)[0] == 0


def test_scenes_on_strength_choose_maps_that_answer_to_the_image(tmp_path: Path) -> None:
    path = changed(tmp_path / "b", MEASURED, spots)
    film = words(play(ActivationOverlay, path))
    assert "The strongest, 3.00, is framed." in film
    assert "Channel 2 reaches 3.00, while channel 3 reaches 33% of that and stays dim." in film
    assert "channel 2 reaches 3.00, channel 3 only 33% of that." in words(play(MultipleFeatureMaps, path))
    recap = words(play(Recap, path))
    assert "it reaches only 33% of channel 2." in recap and "of the strongest map" not in recap


def test_the_page_asks_of_a_map_that_is_strong_inside(tmp_path: Path) -> None:
    teaching, content = taught(changed(tmp_path / "b", MEASURED, spots))
    (asked,) = (one for one in teaching.questions if "gets the strongest colour" in one["text"])
    assert asked["options"][asked["answer"]] == "channel 2"
    assert content["start"]["channel"] != "1"


def test_the_strongest_map_is_called_so_where_it_is(tmp_path: Path) -> None:
    def calm(arrays: dict[str, Array]) -> None:
        spots(arrays)
        arrays["conv1/activation"][:, 0, :, 0] = 0

    assert "it reaches only 33% of the strongest map." in words(play(Recap, changed(tmp_path / "b", MEASURED, calm)))


@pytest.mark.parametrize(("first", "said"), [(9, "channel 3 about as much."), (3.3, "the others about as much.")])
def test_what_reaches_farther_at_its_border_is_not_about_as_strong(first: float, said: str, tmp_path: Path) -> None:
    def equal(arrays: dict[str, Array]) -> None:
        spots(arrays)
        arrays["conv1/activation"] *= np.array([first / 9, 1, 2.9, 7.4], np.float32)[:, None, None]

    assert said in words(play(MultipleFeatureMaps, changed(tmp_path / "b", MEASURED, equal)))


def test_maps_from_close_are_not_chosen_for_their_borders(tmp_path: Path) -> None:
    net = Net(measured=True, widths=(10, 4))

    def rim(arrays: dict[str, Array]) -> None:
        maps = arrays["conv1/activation"] = np.random.default_rng(2).random((3, 10, 12, 12)).astype(np.float32)
        maps[:, 3:] *= 0.1
        maps[:, 7, :, 0], maps[:, 8, 0], maps[:, 9, :, -1] = 20, 20, 20

    film = play(MultipleFeatureMaps, changed(tmp_path / "b", net, rim), watch=lambda scene: scene.shown)
    assert "each on a scale of its own" in words(film)  # the layer's reaches to 20
    assert {0, 1, 2} <= set(film.seen["input"]) and not {7, 8, 9} & set(film.seen["input"][:3])


# -- learning ------------------------------------------------------------------------------------


def test_a_filter_whose_map_changed_at_its_border_alone_is_not_followed(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "net", Net(epochs=1, widths=(3, 4)))
    with Bundle.open(path) as bundle:
        arrays = {name: np.array(bundle.array(name)) for name in bundle.header.arrays}
        header = bundle.header.model_copy(update={"activation_history": HistoryInfo(epochs=(0, 1), probes=(0,))})
    start, across = np.zeros((2, 9), np.float32)
    start[0] = across[1] = 1
    cosines = np.array([0.2, 0.6, 0.5])
    after = cosines[:, None] * start + np.sqrt(1 - cosines**2)[:, None] * across
    arrays["conv1/weight_history"] = np.stack([np.tile(start, (3, 1)), after]).reshape(2, 3, 1, 3, 3).astype(np.float32)
    random = np.random.default_rng(4)
    maps = random.random((2, 1, 3, 12, 12)).astype(np.float32)
    maps[1, 0, 0] = maps[0, 0, 0]
    maps[1, 0, 0, :, 0] = 5  # its likeness comes from the padding
    maps[0, 0, 2] *= 0.01  # there would be nothing to see of what it was before
    save_bundle(path, header, arrays | {"conv1/activation_history": maps})
    with Bundle.open(path) as bundle:
        assert turned_most(bundle, "conv1", 0) == 1


# -- nonlinearities ------------------------------------------------------------------------------


def test_a_curve_that_bends_gradually_is_shown_by_a_map_that_reaches_far() -> None:
    wave = np.linspace(-1, 1, 144).reshape(12, 12)
    small, large, padded = 0.6 * wave, 1.8 * np.sign(wave) * np.sqrt(np.abs(wave)), 0.5 * wave
    padded[0] = -9
    maps = np.stack([small, large, padded])
    assert [clearest(maps, name) for name in ("silu", "gelu", "tanh", "relu")] == [1, 1, 1, 0]
    assert clearest(0 * maps, "silu") == 0
    assert clearest(np.stack([small, 5 + small]), "silu") == 0  # nothing below zero


def silu(reaching: float) -> Callable[[dict[str, Array]], None]:
    def change(arrays: dict[str, Array]) -> None:
        before = np.zeros_like(arrays["conv1/preactivation"])
        before[:] = np.linspace(-reaching, reaching, 144).reshape(12, 12)
        arrays["conv1/preactivation"] = before
        arrays["conv1/activation"] = FORMULAS["silu"](before).astype(np.float32)

    return change


@pytest.mark.parametrize(
    ("reaching", "said"),
    [
        (6.0, "what lies far above zero passes almost unchanged, what lies far below nearly vanishes."),
        (0.7, "the lower the number, the smaller the share of it that is left."),
    ],
)
def test_what_a_curve_does_far_from_zero_is_said_of_maps_that_reach_there(
    reaching: float, said: str, tmp_path: Path
) -> None:
    first, *others = header_of(tmp_path / "a", Net()).layers
    layers = (first.model_copy(update={"nonlinearity": "silu"}), *others)
    assert said in words(play(Nonlinearity, changed(tmp_path / "b", Net(), silu(reaching), layers=layers)))


@pytest.mark.parametrize("name", ["silu", "gelu", "mish", "hardswish"])
def test_the_lower_a_number_the_smaller_the_share_that_is_left(name: str) -> None:
    x = np.concatenate([np.linspace(-5, -0.01, 300), np.linspace(0.01, 5, 300)])
    assert (np.diff(FORMULAS[name](x) / x) >= -1e-12).all()


@pytest.mark.parametrize("groups", [2, 6])
def test_the_second_filter_is_one_that_reads_the_map(groups: int, tmp_path: Path) -> None:
    pair = Pair(
        {"in_channels": 1, "out_channels": 6, "kernel_size": 3, "padding": 1},
        {"in_channels": 6, "out_channels": 12, "kernel_size": 3, "groups": groups},
    )
    bundle, _, _ = written(tmp_path / "net", pair)
    with bundle:
        for channel in range(6):
            found = collapse(bundle, "first", channel, 0)
            read = 6 // groups
            assert found.filter // (12 // groups) == channel // read and found.slice == channel % read


@pytest.mark.parametrize(
    ("step", "said"), [(1, "the signed map, without padding."), (2, "the signed map, at every place and without")]
)
def test_a_second_filter_that_skips_places_in_the_network_does_not_here(step: int, said: str, tmp_path: Path) -> None:
    first, second = header_of(tmp_path / "a", Net()).layers
    layers = (first, second.model_copy(update={"stride": (step, step)}))
    assert said in words(play(Nonlinearity, changed(tmp_path / "b", Net(), layers=layers)))


# -- filters that read one map -------------------------------------------------------------------


def one_each(arrays: dict[str, Array]) -> None:
    arrays["conv2/weight"] = arrays["conv2/weight"][:, :1]


def test_filters_that_read_one_map_each_are_said_to(tmp_path: Path) -> None:
    net = Net(measured=True, widths=(4, 4))
    first, second = header_of(tmp_path / "a", net).layers
    layers = (first, second.model_copy(update={"groups": 4}))
    path = changed(tmp_path / "b", net, one_each, layers=layers)
    said = words(play(MultipleFeatureMaps, path))
    assert "A layer can have many filters, and here all of them see the same input." in said
    assert "Next, conv2 has 4 filters; each reads one of the 4 maps, and never the image." in said
    deep = words(play(MultipleFeatureMaps, path, {"layer": "conv2"}))
    assert "and here each sees only one of the maps of conv1." in deep
    plain = words(play(MultipleFeatureMaps, changed(tmp_path / "c", net)))
    assert "A layer can have many filters, and all of them see the same input." in plain
    assert "each reads all 4 maps, and never the image." in plain


# -- the opening ---------------------------------------------------------------------------------


def glare(arrays: dict[str, Array]) -> None:
    for name in [one for one in arrays if one.endswith("/activation")]:
        arrays[name][:, 0, 6, 6] = 40 * np.abs(arrays[name]).max()


def test_an_opening_shows_more_than_the_brightest_place(tmp_path: Path) -> None:
    net = Net(size=(64, 64), widths=(2, 3, 4), pooled=True)
    calm = play(Opening, changed(tmp_path / "a", net)).performance.figures
    assert {figure.scale for figure in calm if figure.array == "conv3/activation"} == {"per_layer"}
    film = play(Opening, changed(tmp_path / "b", net, glare))
    shown = {(figure.array, figure.scale) for figure in film.performance.figures if figure.array != "probes"}
    assert shown == {("conv2/activation", "per_map")}
    assert "all 3 channels, each on its own scale" in words(film)
    named = play(Opening, tmp_path / "b", {"layer": "conv3"}).performance.figures
    assert {figure.array for figure in named} == {"probes", "conv3/activation"}


def test_maps_are_dim_where_most_of_them_are() -> None:
    maps = np.random.default_rng(0).random((5, 12, 12))
    assert not mostly_dim(maps, range(5))
    maps[0, 5, 5] = 4
    assert not mostly_dim(maps, range(5)) and mostly_dim(-maps, [1, 2])  # colours of signs begin darker
    maps[0, 5, 5] = 10
    assert mostly_dim(maps, range(5))
    assert not mostly_dim(np.zeros((2, 12, 12)), [0, 1])
