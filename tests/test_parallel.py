"""Work shared out over threads: its order, its groups, and what an error or a reader who leaves does to it."""

import threading
import time

import pytest
import torch

from fmcore.parallel import Threads


@pytest.mark.parametrize("cores", [1, 2, 5])
@pytest.mark.parametrize("parts", [0, 1, 2, 3, 40])
def test_results_come_in_order_and_in_the_same_groups(cores: int, parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", str(cores))

    def slow_at_first(number: int) -> int:
        time.sleep(0.002 if number % 7 == 0 else 0)
        return number**2

    with Threads(torch.device("cpu")) as threads:
        groups = list(threads.in_order(slow_at_first, range(parts), 16))
        assert threads.map(slow_at_first, range(parts)) == [number**2 for number in range(parts)]
    assert [number for group in groups for number in group] == [number**2 for number in range(parts)]
    assert [len(group) for group in groups] == {0: [], 1: [1], 2: [1, 1], 3: [1, 2], 40: [1, 2, 4, 8, 16, 9]}[parts]


@pytest.mark.parametrize("bad", [0, 1, 6, 30])
def test_an_error_in_any_thread_is_raised_and_ends_the_work(bad: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    done: list[int] = []

    def work(number: int) -> int:
        if number == bad:
            raise ValueError(f"part {number}")
        time.sleep(0.001)
        done.append(number)
        return number

    with Threads(torch.device("cpu")) as threads, pytest.raises(ValueError, match=f"part {bad}"):
        list(threads.in_order(work, range(2000), 16))
    assert len(done) < 1000


def test_a_reader_who_leaves_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    done: list[int] = []
    before = threading.active_count()
    with Threads(torch.device("cpu")) as threads:
        results = threads.in_order(lambda number: (time.sleep(0.001), done.append(number)), range(2000), 16)
        next(results)
        results.close()  # type: ignore[attr-defined]
    assert len(done) < 1000
    assert threading.active_count() <= before
