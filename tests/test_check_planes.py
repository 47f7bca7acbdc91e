"""Frames of a film as they are stored: found by their number, and in the colours of the standard."""

from pathlib import Path

import numpy as np
import pytest
from films import frames_of
from test_check_proof import spec_of

from fmcore.check.planes import as_stored, codes, frames_at
from fmcore.errors import InputError
from fmcore.render.encoder import SegmentEncoder


def test_frames_are_found_by_their_number(tmp_path: Path) -> None:
    """Over several groups of pictures, forwards and by seeking; what is not there is left out."""
    path = tmp_path / "a.mp4"
    encoder = SegmentEncoder(path, spec_of(64, 48))
    for number in range(300):
        frame = np.full((48, 64, 4), 255, np.uint8)
        frame[..., :3] = 40 + number * 37 % 150
        encoder.write(frame)
    encoder.finish()
    brightness = frames_of(path).mean((1, 2, 3))
    wanted = [299, 0, 3, 249, 250, 251, 277, 12, 3, 1000]
    found = dict(frames_at(path, wanted))
    assert list(found) == [0, 3, 12, 249, 250, 251, 277, 299]
    for number, planes in found.items():
        assert planes.size == (48, 64)
        assert planes.blue.shape == planes.red.shape == (24, 32)
        assert (planes.luma.mean() - 16) * 255 / 219 == pytest.approx(brightness[number], abs=2)


@pytest.mark.parametrize("content", [None, b"", b"no film at all"])
def test_a_film_that_cannot_be_read_is_a_sentence(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.mp4' cannot be read .*; render it again\."):
        list(frames_at(path, [0]))


def test_colours_are_stored_as_bt709_says() -> None:
    """The corners of the cube, after Table 4 of ITU-R BT.709-6 in 8 bits."""
    colours = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    expected = [[16, 128, 128], [235, 128, 128], [63, 102, 240], [173, 42, 26], [32, 240, 118]]
    assert as_stored(colours).round().tolist() == expected
    assert codes("gray")[255].round().tolist() == [235, 128, 128]
