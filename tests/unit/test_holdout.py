"""What is held out of train: near the share, by whole groups, and the same whatever else is there."""

import csv
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ivvit.config import Config
from ivvit.config.datasets import HoldoutOptions
from ivvit.ground.errors import UserError
from ivvit.numerics.holdout import ClassEmptied, divide, held_out, hold_out
from ivvit.numerics.samples import Samples
from ivvit.numerics.sources import ImageSource

TENTH = HoldoutOptions(share=0.1)


def official_ucf101(shared: Path, split: int) -> tuple[list[str], list[str]]:
    """(classes, groups) of the official training list."""
    text = (shared / f"data/annotations/ucf101/trainlist{split:02d}.txt").read_text()
    names = [line.split()[0] for line in text.splitlines() if line.strip()]
    return [name.split("/")[0] for name in names], [re.search(r"v_(.+_g\d+)_c", name)[1] for name in names]


def official_kinetics(shared: Path) -> tuple[list[str], list[str]]:
    with (shared / "data/annotations/mini-kinetics-200/train_k200.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [row["label"] for row in rows], [row["youtube_id"] for row in rows]


def numbered(names: list[str]) -> list[int]:
    order = {name: index for index, name in enumerate(sorted(set(names)))}
    return [order[name] for name in names]


@pytest.mark.parametrize("share", [0.1, 0.2])
@pytest.mark.parametrize("which", [1, 2, 3, "kinetics"])
def test_official_lists(shared: Path, which: int | str, share: float) -> None:
    classes, groups = official_kinetics(shared) if which == "kinetics" else official_ucf101(shared, which)
    chosen = held_out(numbered(classes), groups, HoldoutOptions(share=share))
    inside, outside = ({g for g, c in zip(groups, chosen, strict=True) if c == side} for side in (True, False))
    assert inside and outside and not inside & outside, "no group is on both sides"
    sizes, taken = Counter(classes), Counter(c for c, is_held in zip(classes, chosen, strict=True) if is_held)
    largest = Counter(zip(classes, groups, strict=True)).most_common(1)[0][1]
    for name, size in sizes.items():
        assert abs(taken[name] - share * size) <= largest / 2 + 0.5, (name, taken[name], size)
    assert chosen.mean() == pytest.approx(share, abs=0.01)


def test_other_classes_and_the_order_change_nothing(shared: Path) -> None:
    classes, groups = official_ucf101(shared, 1)
    chosen = {g for g, c in zip(groups, held_out(numbered(classes), groups, TENTH), strict=True) if c}
    more = ["Aaa"] * 30 + classes[::-1]  # shifts the index of every class
    others = [f"new{i}" for i in range(30)] + groups[::-1]
    again = {g for g, c in zip(others, held_out(numbered(more), others, TENTH), strict=True) if c}
    assert {g for g in again if not g.startswith("new")} == chosen
    other_seed = held_out(numbered(classes), groups, HoldoutOptions(share=0.1, seed=1))
    assert {g for g, c in zip(groups, other_seed, strict=True) if c} != chosen


def test_more_samples_of_a_class_move_few_of_it() -> None:
    groups = [str(i) for i in range(200)]
    before = set(np.flatnonzero(held_out([0] * 200, groups, TENTH)))
    after = held_out([0] * 220, [*groups, *(f"new{i}" for i in range(20))], TENTH)
    assert len(before & set(np.flatnonzero(after[:200]))) >= 15


def test_small_classes_and_groups_of_several_classes() -> None:
    labels, groups = [0, 0, 0, 1, 1, 1, 1], ["a", "b", "c", "a", "d", "d", "e"]
    chosen = held_out(labels, groups, TENTH)
    for label in (0, 1):
        mine = [c for c, own in zip(chosen, labels, strict=True) if own == label]
        assert 0 < sum(mine) < len(mine)
    assert len({(g, bool(c)) for g, c in zip(groups, chosen, strict=True)}) == len(set(groups))
    large = held_out([0] * 12, ["a"] * 5 + ["b"] * 4 + ["c"] * 3, TENTH)
    assert large.tolist() == [False] * 9 + [True] * 3, "where all groups are too large, the smallest"


def samples(labels: list[int], groups: list[str]) -> Samples:
    paths = [f"{index}.png" for index in range(len(labels))]
    return Samples(
        dataset="D", classes=["cat", "dog"], paths=paths, labels=labels, groups=groups, source=ImageSource(paths)
    )


def test_a_class_that_would_be_emptied_is_named() -> None:
    with pytest.raises(ClassEmptied):
        held_out([0, 0, 1, 1], ["a", "b", "c", "c"], TENTH)
    message = r"^D: validation\.holdout cannot hold out a share of class dog: its 2 training samples are of too few"
    with pytest.raises(UserError, match=message):
        hold_out(samples([0, 0, 1, 1], ["a", "b", "c", "c"]), TENTH, "validation.holdout")


def experiment(**data: object):
    raw = {
        "datasets": {"D": {"kind": "image-folder", "path": "D", **data}},
        "experiments": {"x": {"datasets": {"D": 2}, "validation": {"holdout": 0.25}}},
    }
    return Config(raw, "test").experiment("x")


def test_a_data_set_s_own_val_comes_first() -> None:
    train, val = samples([0] * 8, list("abcdefgh")), samples([0] * 2, list("yz"))
    kept, own = divide(experiment(), {"D": train}, {"D": val})
    assert kept["D"] is train and own["D"] is val
    kept, own = divide(experiment(), {"D": train}, {})
    assert (len(kept["D"]), len(own["D"])) == (6, 2)
    assert sorted([*kept["D"].paths, *own["D"].paths]) == sorted(train.paths)
    kept, own = divide(experiment(holdout=0.5), {"D": train}, {})
    assert (len(kept["D"]), len(own["D"])) == (4, 4)
    with pytest.raises(UserError, match=r"D has a val split; take datasets\.D\.holdout out"):
        divide(experiment(holdout=0.5), {"D": train}, {"D": val})
