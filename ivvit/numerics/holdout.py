"""Which training samples are held out to select by: a function of labels, groups, the share and a seed."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ivvit.ground.errors import UserError
from ivvit.numerics.rng import Rng
from ivvit.numerics.samples import Samples

if TYPE_CHECKING:
    from ivvit.config.datasets import HoldoutOptions
    from ivvit.config.experiment import Experiment

BLOCK = 1 << 14
"""Groups that are Python's at a time."""


def divide(
    experiment: "Experiment", train: dict[str, Samples], val: dict[str, Samples]
) -> tuple[dict[str, Samples], dict[str, Samples]]:
    """(what is trained on, what may be selected by), by data set; one that holds nothing out has only its own val.

    Args:
        experiment: the resolved specification; a data set's own hold-out comes before the one of `validation`.
        train: all training samples of each data set.
        val: the validation samples of those that have such a split.

    Raises:
        UserError: a hold-out cannot be made, or a data set has both a val split and a hold-out of its own.
    """
    train, val = dict(train), dict(val)
    for name, options in experiment.data.items():
        if name in val and options.holdout is not None:
            raise UserError(f"{name} has a val split; take datasets.{name}.holdout out")
        chosen = options.holdout or experiment.validation.holdout
        if name not in val and chosen is not None:
            key = f"datasets.{name}.holdout" if options.holdout else "validation.holdout"
            train[name], val[name] = hold_out(train[name], chosen, key)
    return train, val


def hold_out(samples: Samples, options: "HoldoutOptions", key: str) -> tuple[Samples, Samples]:
    """(the rest, what is held out), each in the manifest's order; `key` is what the configuration calls the hold-out.

    Raises:
        UserError: a class would be left without samples on one side.
    """
    try:
        chosen = held_out(samples.labels, samples.groups, options)
    except ClassEmptied as error:
        raise UserError(
            f"{samples.dataset}: {key} cannot hold out a share of class {samples.classes[error.label]}: its "
            f"{error.samples} training samples are of too few groups for both train and val. Add samples, "
            f"take the class out, or leave out {key}"
        ) from None
    return samples.take(~chosen), samples.take(chosen)


def held_out(labels: Sequence[int], groups: Sequence[str], options: "HoldoutOptions") -> np.ndarray:
    """Whether each sample is held out, bool (N,).

    Groups come in an order of their own (a hash of their name and the seed) and are taken as long as that brings their
    classes nearer to the share. So other classes' samples change nothing, and more of a class's own change little.

    Args:
        labels: the class of each sample.
        groups: the group of each sample; a group is held out as a whole or not at all.
        options: the share of each class, and the seed.

    Raises:
        ClassEmptied: a class would be left without samples on one side.
    """
    draw = _Draw(np.fromiter(labels, np.int64, len(labels)), groups, options)
    for group, members in draw.in_order():
        if draw.nearer(members):
            draw.take(group, members)
    for label, size in enumerate(draw.sizes):
        if size and not draw.taken[label]:
            draw.take(*draw.smallest(label))
    return draw.chosen[draw.number]


Members = list[tuple[int, int]]
"""(class, samples of it) of a group, in the order in which its classes first occur."""


class _Draw:
    """The groups taken so far. A group is a number, its place in the order: of 14 million, names would take gigabytes.

    Args:
        labels: as of `held_out`, int64 (N,).
        groups: as of `held_out`.
        options: as of `held_out`.
    """

    def __init__(self, labels: np.ndarray, groups: Sequence[str], options: "HoldoutOptions") -> None:
        classes = labels.max(initial=0) + 1
        self.sizes: list[int] = np.bincount(labels, minlength=classes).tolist()
        self.taken = [0] * classes
        self.number = _numbered(groups, options.seed)
        """The group of each sample."""
        self.chosen = np.zeros(self.number.max(initial=-1) + 1, bool)
        """Whether each group is held out."""
        self._wanted = [max(1.0, options.share * size) for size in self.sizes]
        pairs, first, counts = np.unique(self.number * classes + labels, return_index=True, return_counts=True)
        order = np.lexsort((first, pairs // classes))
        self._labels, self._counts = pairs[order] % classes, counts[order]
        self._starts = np.searchsorted(pairs[order] // classes, np.arange(len(self.chosen) + 1))

    def in_order(self) -> Iterator[tuple[int, Members]]:
        """(group, its members) of all."""
        for first in range(0, len(self.chosen), BLOCK):
            starts = self._starts[first : first + BLOCK + 1].tolist()
            part = slice(starts[0], starts[-1])
            members = list(zip(self._labels[part].tolist(), self._counts[part].tolist(), strict=True))
            for place, (start, stop) in enumerate(pairwise(starts)):
                yield first + place, members[start - starts[0] : stop - starts[0]]

    def nearer(self, members: Members) -> bool:
        """Whether a group's classes are nearer to what is wanted with it."""
        before = after = 0.0
        for label, count in members:
            missing = self._wanted[label] - self.taken[label]
            before, after = before + abs(missing), after + abs(missing - count)
        return after < before and self._leaves_some(members)

    def take(self, group: int, members: Members) -> None:
        """Hold the group out."""
        self.chosen[group] = True
        for label, count in members:
            self.taken[label] += count

    def smallest(self, label: int) -> tuple[int, Members]:
        """The first of the smallest groups of a class that leave every class something to train on."""
        of_class = np.searchsorted(self._starts, np.flatnonzero(self._labels == label), "right") - 1
        left = [(int(group), self._members(group)) for group in of_class if not self.chosen[group]]
        able = [(group, members) for group, members in left if self._leaves_some(members)]
        if not able:
            raise ClassEmptied(label, self.sizes[label])
        return min(able, key=lambda one: sum(count for _, count in one[1]))

    def _members(self, group: int) -> Members:
        part = slice(self._starts[group], self._starts[group + 1])
        return list(zip(self._labels[part].tolist(), self._counts[part].tolist(), strict=True))

    def _leaves_some(self, members: Members) -> bool:
        return all(self.taken[label] + count < self.sizes[label] for label, count in members)


def _numbered(groups: Sequence[str], seed: int) -> np.ndarray:
    """The place of each sample's group in the order of the groups, int64 (N,)."""

    @lru_cache(BLOCK)
    def draw(group: str) -> tuple[int, int]:
        rng = Rng("holdout", seed, group)
        return rng.integer(2**53), rng.integer(2**53)  # 106 bits: no two groups have the same

    draws = np.fromiter(map(draw, groups), np.dtype([("first", np.int64), ("second", np.int64)]), len(groups))
    order = np.lexsort((draws["second"], draws["first"]))
    draws = draws[order]
    number = np.empty(len(order), np.int64)
    number[order] = np.cumsum(np.concatenate([[False], draws[1:] != draws[:-1]])[: len(order)])
    return number


class ClassEmptied(Exception):
    """A class has too few groups to be on both sides."""

    def __init__(self, label: int, samples: int) -> None:
        super().__init__(f"class {label} with {samples} samples")
        self.label, self.samples = label, samples
