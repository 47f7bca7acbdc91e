"""One long take, cut into the recordings of its sentences at the pauses between them.

People pause within sentences, too. Of all ways to cut, the one is chosen whose pauses are long and whose pieces take
about as long as their sentences have letters (by dynamic programming, as text is aligned with speech).
"""

import wave
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmcore.errors import InputError
from fmcore.files import published
from fmcore.lesson.voice import LONGEST_S, SILENT
from fmcore.render.sound import RATE, samples_of

LONGEST_TAKE_S = 600.0  # 1.3 MB a second while it is cut
STEP = RATE // 100  # samples, in which it is seen whether somebody speaks
_SHORTEST = 20  # steps of silence that may be a pause
_HUSHED = 0.03  # of the largest magnitude, -30 dB: below, nobody speaks
_WEIGHT = 8.0  # of a piece that is longer or shorter than its sentence, beside that of a short pause
_OF_A_DIGIT = 4  # letters
_CLICK, _FAR = 5, 40  # steps that a click takes at most, and that lie between it and speech
_MARGIN = 15  # steps of silence that are left at both ends of a piece
USUAL_PACE, _PACES = 15.0, 1.8  # letters a second, and how many times as fast or as slow people speak
UNUSUAL = 1.6  # times as long or as short as the letters of its sentence say

Samples = NDArray[np.float32]


def cut(take: Path, sentences: Sequence[str], targets: Sequence[Path]) -> list[float]:
    """Write what is said in `take`, the `sentences` in their order, to `targets`, WAV files.

    Returns how long each piece is, against what the letters of its sentence say: about 1, if the cuts are right. A take
    of one sentence, or of others than these, is seen by the pace, `USUAL_PACE`.

    Raises:
        InputError: the take cannot be read, or has too few pauses.
    """
    try:
        samples = np.clip(samples_of(take.absolute(), LONGEST_TAKE_S), -1, 1)
    except (ValueError, OSError) as error:
        raise InputError(f"The take '{take}' cannot be used: {error}.") from None
    if samples.shape[1] > LONGEST_TAKE_S * RATE:
        raise InputError(f"'{take}' takes over {LONGEST_TAKE_S / 60:.0f} minutes; say fewer sentences into one take.")
    stretches, shares = pieces_of(samples, [_letters(one) for one in sentences])
    if not stretches:
        raise InputError(
            f"There are too few pauses in '{take.name}' for {len(sentences)} sentences; pause for a second after each"
            " number, or name other sentences with --first and --last."
        )
    longest = max(end - start for start, end in stretches) / RATE
    if longest > LONGEST_S:
        raise InputError(f"A piece of '{take.name}' would take {longest:.0f} s; name all sentences in it with --last.")
    with ExitStack() as complete:  # all are written before the first gets its name
        for target, (start, end) in zip(targets, stretches, strict=True):
            _write(complete.enter_context(published(target)), samples[:, start:end])
    return shares


def _letters(sentence: str) -> int:
    """How many letters are said; a digit is a word."""
    return sum(_OF_A_DIGIT if letter.isdigit() else 1 for letter in sentence)


def pieces_of(samples: Samples, letters: Sequence[int]) -> tuple[list[tuple[int, int]], list[float]]:
    """Where sentences of so many `letters` lie in `samples` (C, n), and how long each is against what these say.

    Both are empty where there are fewer pauses than cuts.
    """
    loud = loud_steps(samples, _HUSHED)
    first, end = ends_of(loud)
    if first == end:
        return [], []
    pauses = [(first, first), *_pauses(loud, first, end), (end, end)]
    if len(pauses) < len(letters) + 1:
        return [], []
    chosen = _best(pauses, letters)
    each = (end - first) / sum(letters)
    usual = RATE / STEP / USUAL_PACE
    if not usual / _PACES < each < usual * _PACES:
        each = usual
    stretches, shares = [], []
    for (before, after), count in zip(pairwise(chosen), letters, strict=True):
        said = (before[1], after[0])
        start, stop = max(0, said[0] - _MARGIN), said[1] + _MARGIN
        stretches.append((start * STEP, min(stop * STEP, samples.shape[1])))
        shares.append((said[1] - said[0]) / (each * count))
    return stretches, shares


def loud_steps(samples: Samples, share: float) -> NDArray[np.bool_]:
    """Which steps of samples (C, n) have more than this `share` of the largest magnitude, and are not silent."""
    steps = samples.shape[1] // STEP
    pieces = samples[:, : steps * STEP].reshape(len(samples), steps, STEP)
    levels = np.maximum(pieces.max((0, 2)), -pieces.min((0, 2)))
    return np.asarray(levels > max(SILENT, share * float(levels.max(initial=0.0))))


def ends_of(loud: NDArray[np.bool_]) -> tuple[int, int]:
    """The steps [first, end) in which somebody speaks, without the clicks with which a recorder starts and stops."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(np.int8))).reshape(-1, 2)
    islands = [(int(start), int(end)) for start, end in edges]
    while len(islands) > 1 and _is_click(islands[0]) and islands[1][0] - islands[0][1] > _FAR:
        del islands[0]
    while len(islands) > 1 and _is_click(islands[-1]) and islands[-1][0] - islands[-2][1] > _FAR:
        del islands[-1]
    return (islands[0][0], islands[-1][1]) if islands else (0, 0)


def _is_click(island: tuple[int, int]) -> bool:
    return island[1] - island[0] <= _CLICK


def _pauses(loud: NDArray[np.bool_], first: int, end: int) -> list[tuple[int, int]]:
    """The stretches of silence between two words, in steps."""
    spoken = np.flatnonzero(loud[first:end]) + first
    return [(int(a) + 1, int(b)) for a, b in pairwise(spoken) if b - a > _SHORTEST]


def _best(pauses: Sequence[tuple[int, int]], letters: Sequence[int]) -> list[tuple[int, int]]:
    """Of `pauses`, the first and the last among them, those that cut best into pieces of so many `letters`."""
    each = (pauses[-1][1] - pauses[0][0]) / sum(letters)
    costs = np.full((len(letters) + 1, len(pauses)), np.inf)  # of the first n pieces, ending at a pause
    costs[0, 0] = 0
    came_from = np.zeros(costs.shape, int)
    for n, count in enumerate(letters, start=1):
        for here in range(n, len(pauses)):
            starts, stop = np.array([pause[1] for pause in pauses[:here]]), pauses[here][0]
            lengths = np.maximum(stop - starts, 1) / (each * count)
            tried = costs[n - 1, :here] + _WEIGHT * np.log(lengths) ** 2
            came_from[n, here] = tried.argmin()
            costs[n, here] = tried.min() - np.log(max(pauses[here][1] - pauses[here][0], 1))
    chosen = [len(pauses) - 1]
    for n in range(len(letters), 0, -1):
        chosen.append(int(came_from[n, chosen[-1]]))
    return [pauses[one] for one in reversed(chosen)]


def _write(target: Path, samples: Samples) -> None:
    with wave.open(str(target), "wb") as file:
        file.setnchannels(len(samples))
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples.T * 32767).round().astype("<i2").tobytes())
