"""Batches fetched ahead: the same ones, errors where they belong, and nothing left running."""

import threading
from collections.abc import Iterator

import pytest
import torch

from ivvit.data.batch import Batch
from ivvit.training.ahead import DEPTH, fetch_ahead

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
        for batch in fetch_ahead(batches(7, []), CPU):
            found.append(batch["D"].labels.item())
    assert found == list(range(7))


def test_it_ends_with_its_items():
    assert list(fetch_ahead(iter([]), CPU)) == []


def test_it_is_ahead_by_a_little_and_closing_it_ends_its_thread():
    drawn, before = [], set(threading.enumerate())
    ahead = fetch_ahead(batches(100, drawn), CPU)
    assert next(ahead)["D"].labels.item() == 0
    ahead.close()
    assert 1 <= len(drawn) <= 1 + DEPTH
    assert set(threading.enumerate()) <= before
