"""Prefetched batches: the same ones, errors where they belong, and nothing left running."""

import threading
from collections.abc import Iterator

import pytest
import torch

import ivvit.runs.prefetch as ahead_module
from ivvit.numerics.batch import Batch
from ivvit.runs.prefetch import DEPTH, Prefetcher

CPU = torch.device("cpu")


def batches(count: int, drawn: list[int]) -> Iterator[dict[str, Batch]]:
    """Batches that are numbered by their label; fails after the last one."""
    for number in range(count):
        drawn.append(number)
        yield {"D": Batch(torch.zeros(1, 3, 2, 2, dtype=torch.uint8), torch.tensor([number]), [])}
    raise OSError("the disk is gone")


def test_all_come_in_order_and_the_error_where_it_was():
    found = []
    with pytest.raises(OSError, match="the disk is gone"):
        for batch in Prefetcher(batches(7, []), CPU):
            found.append(batch["D"].labels.item())
    assert found == list(range(7))


def test_it_ends_with_its_items():
    assert list(Prefetcher(iter([]), CPU)) == []


def test_it_is_ahead_by_a_little_and_closing_it_ends_its_thread():
    drawn, before = [], set(threading.enumerate())
    prefetcher = Prefetcher(batches(100, drawn), CPU)
    assert next(prefetcher)["D"].labels.item() == 0
    prefetcher.close()
    assert 1 <= len(drawn) <= 1 + DEPTH
    assert set(threading.enumerate()) <= before


def test_a_wait_that_hangs_can_be_given_up(monkeypatch):
    """What was asked in vain is not lost, and closing does not wait for it for ever."""
    monkeypatch.setattr(ahead_module, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(ahead_module, "_POLL_SECONDS", 0.01)
    comes, asked = threading.Event(), []

    def hanging() -> Iterator[Batch]:
        for batch in batches(3, []):
            comes.wait()
            yield batch

    def poll() -> None:
        asked.append(1)
        if len(asked) == 3:
            raise TimeoutError

    prefetcher = Prefetcher(hanging(), CPU, poll)
    with pytest.raises(TimeoutError):
        next(prefetcher)
    comes.set()
    assert next(prefetcher)["D"].labels.item() == 0 and next(prefetcher)["D"].labels.item() == 1
    comes.clear()
    prefetcher.close()
    assert list(prefetcher) == []
    comes.set()
