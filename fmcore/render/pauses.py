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
from fmcore.lesson.voice import SILENT
from fmcore.render.sound import RATE, samples_of

LONGEST_S = 600.0  # of a take: 0.4 MB a second while it is cut
_STEP = RATE // 100  # samples, in which it is seen whether somebody speaks
_SHORTEST = 20  # steps of silence that may be a pause
_HUSHED = 0.03  # of the largest magnitude, -30 dB: below, nobody speaks
_WEIGHT = 8.0  # of a piece that is longer or shorter than its sentence, beside that of a short pause
_OF_A_DIGIT = 4  # letters
_MARGIN = 15  # steps of silence that are left at both ends of a piece
UNUSUAL = 1.6  # times as long or as short as the letters of its sentence say

Samples = NDArray[np.float32]


def cut(take: Path, sentences: Sequence[str], targets: Sequence[Path]) -> list[float]:
    """Write what is said in `take`, the `sentences` in their order, to `targets`, WAV files.

    Returns how long each piece is, against what the letters of its sentence say; about 1, if the cuts are right.

    Raises:
        InputError: the take cannot be read, has too few pauses, or a target is there already.
    """
    if there := next((file for file in targets if file.exists()), None):
        raise InputError(f"'{there}' is there already; remove it to cut that sentence anew.")
    try:
        samples = np.clip(samples_of(take, LONGEST_S), -1, 1)
    except (ValueError, OSError) as error:
        raise InputError(f"The take '{take}' cannot be used: {error}.") from None
    if samples.shape[1] > LONGEST_S * RATE:
        raise InputError(f"'{take}' takes over {LONGEST_S / 60:.0f} minutes; say fewer sentences into one take.")
    stretches, shares = pieces_of(samples, [_letters(one) for one in sentences])
    if not stretches:
        raise InputError(
            f"There are too few pauses in '{take.name}' for {len(sentences)} sentences; pause for a second after each number,"
            " or name other sentences with --first and --last."
        )
    with ExitStack() as complete:  # all of them, or none
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
    loud = _loud(samples)
    spoken = np.flatnonzero(loud)
    if not len(spoken):
        return [], []
    first, end = int(spoken[0]), int(spoken[-1]) + 1
    pauses = [(first, first), *_pauses(loud, first, end), (end, end)]
    if len(pauses) < len(letters) + 1:
        return [], []
    chosen = _best(pauses, letters)
    each = (end - first) / sum(letters)
    stretches, shares = [], []
    for (before, count), after in zip(zip(chosen, letters, strict=False), chosen[1:], strict=True):
        said = (before[1], after[0])
        start, stop = max(0, said[0] - _MARGIN), said[1] + _MARGIN
        stretches.append((start * _STEP, min(stop * _STEP, samples.shape[1])))
        shares.append((said[1] - said[0]) / (each * count))
    return stretches, shares


def _loud(samples: Samples) -> NDArray[np.bool_]:
    """In which steps somebody speaks."""
    steps = samples.shape[1] // _STEP
    levels = np.abs(samples[:, : steps * _STEP]).reshape(len(samples), steps, _STEP).max((0, 2))
    return np.asarray(levels > max(SILENT, _HUSHED * float(levels.max(initial=0.0))))


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
