"""Frames in which room is dear: odd shapes of images, numbers with powers, sentences that are short."""

from pathlib import Path

import numpy as np
from films import TINY, Net, make_bundle, play
from test_honesty import changed

from fmcore.bundle import Array, Bundle
from fmcore.check.layout import layout_findings
from fmcore.render.spec import quality
from scenes.channel_ablation import ChannelAblation
from scenes.overview import Overview
from scenes.strongest_patches import StrongestPatches

TALL = quality("smoke", "9:16").model_copy(update={"fps": TINY.fps})


def test_a_wide_image_over_the_first_stack_stays_in_a_tall_frame(tmp_path: Path) -> None:
    net = Net(size=(20, 47), image_channels=3, measured=True)
    board = play(Overview, make_bundle(tmp_path / "b", net), spec=TALL).board
    assert [finding.message for finding in layout_findings(board, {})] == []


def test_a_scale_with_powers_stays_above_the_captions(tmp_path: Path) -> None:
    def faint(arrays: dict[str, Array]) -> None:
        for part in ("activation", "preactivation"):
            arrays[f"conv3/{part}"] = arrays[f"conv3/{part}"] * np.float32(1e-11)
        arrays["conv3/ablation"] *= 0  # one channel is as good as another
        arrays["conv3/ablation"][:, 1:] += 0.2

    net = Net(size=(28, 28), widths=(4, 4, 6), pooled=True, measured=True)
    board = play(ChannelAblation, changed(tmp_path / "b", net, faint), spec=TALL).board
    assert "scale" in " ".join(item.name for frame in board.frames for item in frame.items)
    assert [finding.message for finding in layout_findings(board, {})] == []


def test_patches_of_layers_that_nobody_can_compare_have_time_to_appear(tmp_path: Path) -> None:
    net = Net(widths=(3, 4, 5), measured=True)
    layers = []
    with Bundle.open(make_bundle(tmp_path / "a", net)) as bundle:
        for layer in bundle.header.layers:
            field = layer.field.model_copy(update={"size": (200, 200), "whole": True, "exact": False})
            layers.append(layer if layer.name == "conv1" else layer.model_copy(update={"field": field}))
    film = play(StrongestPatches, changed(tmp_path / "b", net, layers=tuple(layers)))
    assert any(beat.cue == "deeper" for beat in film.performance.beats)
