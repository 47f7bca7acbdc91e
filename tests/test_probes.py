"""Which images are shown: the most typical of every class, and mistakes."""

import numpy as np
import pytest

from fmcore.recording import choose_probes


def greys(*levels: int) -> np.ndarray:
    return np.array(levels, np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), np.uint8)


def sure(label: int, probability: float) -> list[float]:
    """Logits of three classes whose softmax gives `label` this probability and shares the rest."""
    rest = (1 - probability) / 2
    return [float(np.log(probability if k == label else rest)) for k in range(3)]


# (grey level, true label, logits) of every image, and the rows that are chosen
CHOICES: dict[str, tuple[list[tuple[int, int, list[float]]], list[int]]] = {
    "the image nearest to the mean of its class, and of equals the first": (
        [
            (0, 0, sure(0, 0.9)),
            (90, 0, sure(0, 0.5)),
            (180, 0, sure(0, 0.7)),
            (7, 1, sure(1, 0.8)),
            (7, 1, sure(1, 0.9)),
        ],
        [1, 3],
    ),
    "whatever the network says of it": ([(0, 0, sure(1, 0.9)), (9, 0, sure(2, 0.8)), (20, 0, sure(0, 0.6))], [1, 0]),
    "then two mistakes, the most confident first": (
        [(5, 0, sure(0, 0.9)), (0, 0, sure(1, 0.5)), (4, 0, sure(1, 0.7)), (11, 0, sure(1, 0.6))],
        [0, 2, 3],
    ),
    "a class without images is left out": ([(3, 2, sure(2, 0.8))], [0]),
}


@pytest.mark.parametrize("case", CHOICES)
def test_which_probes_are_chosen(case: str) -> None:
    table, chosen = CHOICES[case]
    images, labels = greys(*(grey for grey, _, _ in table)), np.array([label for _, label, _ in table])
    logits = np.array([row for _, _, row in table], np.float32)
    assert choose_probes(images, labels, logits) == chosen


def test_without_labels_the_answers_stand_for_the_classes() -> None:
    logits = np.array([sure(0, 0.9), sure(2, 0.5), sure(0, 0.7), sure(0, 0.6)], np.float32)
    assert choose_probes(greys(0, 50, 9, 20), None, logits) == [2, 1]


def test_at_most_sixteen_classes_are_probed() -> None:
    assert choose_probes(greys(*range(40)), np.arange(40), np.eye(40, dtype=np.float32)) == list(range(16))
