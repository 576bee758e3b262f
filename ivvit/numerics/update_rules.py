"""The order in which an iteration clears gradients, goes backward and steps."""

from collections.abc import Callable
from typing import Protocol


class Work(Protocol):
    """What a rule arranges."""

    def clear(self) -> None:
        """Forget all gradients."""

    def backward(self, dataset: str) -> bool:
        """Add the gradients of a data set's batch; False if it is left out and nothing was added."""

    def step(self, optimizer: str, keep: bool = False) -> None:
        """Update the parameters by one optimiser; `keep`: more gradients will be added to those that are there."""

    def set_aside(self) -> None:
        """Keep the gradients that are there apart; there are none afterwards."""

    def combine(self) -> None:
        """The sum of all gradients that were set aside, after surgery."""


def cumulative(work: Work, datasets: list[str]) -> None:
    """The authors' code: cleared once; later data sets' optimisers step on the sum of gradients so far."""
    work.clear()
    for dataset in datasets:
        if work.backward(dataset):
            work.step(dataset, keep=dataset != datasets[-1])


def sequential(work: Work, datasets: list[str]) -> None:
    """Each data set's optimiser steps on its own gradients."""
    for dataset in datasets:
        work.clear()
        if work.backward(dataset):
            work.step(dataset)


def joint(work: Work, datasets: list[str]) -> None:
    """One optimiser steps on the sum of the weighted losses' gradients."""
    work.clear()
    added = [work.backward(dataset) for dataset in datasets]
    if any(added):
        work.step("default")


def surgery(work: Work, datasets: list[str]) -> None:
    """`joint` on gradients that no longer conflict."""
    work.clear()
    found = False
    for dataset in datasets:
        if work.backward(dataset):
            work.set_aside()
            found = True
    if found:
        work.combine()
        work.step("default")


UPDATE_RULES: dict[str, Callable[[Work, list[str]], None]] = {
    "cumulative": cumulative,
    "sequential": sequential,
    "joint": joint,
    "surgery": surgery,
}
