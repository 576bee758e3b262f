"""Permutations computed place by place: complete, keyed, evenly mixed, and the same for ever."""

import numpy as np
import pytest

from ivvit.numerics.permutation import Permutation


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 65, 1000, 1009, 12_345])
def test_every_number_comes_once(size: int) -> None:
    order = Permutation(size, 3, "D", size)
    assert sorted(order[place] for place in range(size)) == list(range(size))


def test_places_outside_are_refused() -> None:
    with pytest.raises(IndexError):
        Permutation(5, 0)[5]


def test_another_key_is_another_order() -> None:
    orders = {tuple(Permutation(50, *key)[i] for i in range(50)) for key in [(1,), (2,), ("1",), (1, 0), (1, "D")]}
    assert len(orders) == 5


def test_the_order_never_changes() -> None:
    """Written down: whoever changes it changes what every run is trained on."""
    assert [Permutation(1000, 5, "CIFAR100", "order", 0)[i] for i in range(6)] == [825, 845, 198, 938, 704, 900]


def test_numbers_are_spread_evenly_over_places() -> None:
    """Over 2,000 keys, each of 30 numbers comes at each of 30 places equally often: chi-squared with 841 degrees."""
    counts = np.zeros((30, 30))
    for key in range(2000):
        order = Permutation(30, key)
        counts[range(30), [order[i] for i in range(30)]] += 1
    chi2 = ((counts - 2000 / 30) ** 2 / (2000 / 30)).sum()
    assert 690 < chi2 < 1000  # 841 +- 3.7 standard deviations


def test_neighbours_do_not_stay_together() -> None:
    order = np.array([Permutation(10_000, 1)[i] for i in range(10_000)])
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.03
    assert (np.abs(np.diff(order)) == 1).sum() < 12


def test_it_is_quick_to_begin_however_large() -> None:
    assert 0 <= Permutation(14_000_000, 1)[13_999_999] < 14_000_000
