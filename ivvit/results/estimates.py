"""What is said about an accuracy, or about the difference of two, and Holm's correction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan, nan

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95% interval; NaN where it is not known."""

    value: float = nan
    low: float = nan
    high: float = nan
    deviation: float = nan
    """The sample standard deviation over seeds; NaN for a single one."""
    seeds: int = 0
    samples: int = 0


@dataclass(frozen=True)
class Difference:
    """First minus second, with its 95% interval."""

    value: float = nan
    low: float = nan
    high: float = nan
    p: float = nan
    """Two-sided; NaN where nothing varies, so that no test is defined."""
    seeds: int = 0
    """That both have; with none in common, all seeds of each are taken as independent."""
    samples: int = 0
    test: str = ""
    adjusted: float = nan
    """p after Holm's correction, over what it was made for."""

    @property
    def significant(self) -> bool:
        """At 5%, corrected."""
        return self.adjusted < 0.05


def holm(differences: Sequence[Difference]) -> list[Difference]:
    """The same with p corrected for their number (Holm 1979); undefined ones stay so and do not count."""
    ps = np.array([difference.p for difference in differences])
    order = [int(index) for index in np.argsort(ps) if not isnan(ps[index])]
    adjusted, largest = np.full(len(ps), nan), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * ps[index]))
        adjusted[index] = largest
    return [replace(found, adjusted=float(p)) for found, p in zip(differences, adjusted, strict=True)]
