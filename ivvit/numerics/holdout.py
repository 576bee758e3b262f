"""Which training samples are held out to select by: a function of labels, groups, the share and a seed."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ivvit.ground.errors import UserError
from ivvit.numerics.rng import Rng
from ivvit.numerics.samples import Samples

if TYPE_CHECKING:
    from ivvit.config.datasets import HoldoutOptions
    from ivvit.config.experiment import Experiment


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
    draw = _Draw(labels, groups, options)
    for group in draw.order:
        if draw.nearer(group):
            draw.take(group)
    for label in sorted(draw.sizes):
        if not draw.taken[label]:
            draw.take(draw.smallest(label))
    return np.array([group in draw.chosen for group in groups], dtype=bool)


class _Draw:
    """The groups taken so far."""

    def __init__(self, labels: Sequence[int], groups: Sequence[str], options: "HoldoutOptions") -> None:
        self.sizes, self.taken, self.chosen = Counter(labels), Counter[int](), set[str]()
        self._wanted = {label: max(1.0, options.share * size) for label, size in self.sizes.items()}
        self._members: dict[str, Counter[int]] = {}
        for label, group in zip(labels, groups, strict=True):
            self._members.setdefault(group, Counter())[label] += 1
        key = {group: (Rng("holdout", options.seed, group).integer(2**53), group) for group in self._members}
        self.order = sorted(self._members, key=key.__getitem__)

    def nearer(self, group: str) -> bool:
        """Whether the group's classes are nearer to what is wanted with it."""
        before = after = 0.0
        for label, count in self._members[group].items():
            missing = self._wanted[label] - self.taken[label]
            before, after = before + abs(missing), after + abs(missing - count)
        return after < before and self._leaves_some(group)

    def take(self, group: str) -> None:
        """Hold the group out."""
        self.chosen.add(group)
        self.taken.update(self._members[group])

    def smallest(self, label: int) -> str:
        """The first of the smallest groups of a class that leave every class something to train on."""
        able = [g for g in self.order if label in self._members[g] and g not in self.chosen and self._leaves_some(g)]
        if not able:
            raise ClassEmptied(label, self.sizes[label])
        return min(able, key=lambda group: self._members[group].total())

    def _leaves_some(self, group: str) -> bool:
        return all(self.taken[label] + count < self.sizes[label] for label, count in self._members[group].items())


class ClassEmptied(Exception):
    """A class has too few groups to be on both sides."""

    def __init__(self, label: int, samples: int) -> None:
        super().__init__(f"class {label} with {samples} samples")
        self.label, self.samples = label, samples
