"""Checks of a data set as a whole: counts, overlap of the splits, duplicates."""

from itertools import combinations
from typing import Any

import pandas as pd

from ivvit.config.datasets import Counts, DatasetOptions, official_counts
from ivvit.data.manifest import SPLITS
from ivvit.ground.errors import UserError

SHOWN = 5
MEND = "mend access to them (permissions, disk or server)"


def check_counts(name: str, options: DatasetOptions, found: dict[str, int]) -> list[str]:
    """A warning per number that differs from what `expect` says.

    Raises:
        UserError: there is a difference and the data set is `strict`.
    """
    expected = official_counts(options.kind, options.split) if options.expect == "official" else options.expect
    if not isinstance(expected, Counts):
        return []
    warnings = [
        f"{key}: expected {wanted:,}, found {found[key]:,}"
        for key, wanted in expected.model_dump().items()
        if found[key] != wanted
    ]
    if warnings and options.strict:
        raise UserError(f"{name}: {'; '.join(warnings)}. Complete the data, or set datasets.{name}.expect or strict")
    return warnings


def check_duplicates(name: str, options: DatasetOptions, twins: pd.DataFrame) -> list[str]:
    """Warnings for contents that occur more than once, within a split and across the splits.

    Args:
        name: the data set's.
        options: the data set's.
        twins: as in `Overview`.

    Raises:
        UserError: contents of test are in train, and the data set does not `allow_overlap`.
    """
    own = {split: twins[twins["split"] == split] for split in SPLITS}
    warnings = []
    for split, rows in own.items():
        twice = rows[rows["content"].duplicated(keep=False)]
        if len(twice):
            extra, first = len(twice) - twice["content"].nunique(), _first(twice)
            same = sorted(twice["path"][twice["content"] == first["content"]])
            warnings.append(f"{split}: {extra} duplicates by content, such as {' = '.join(same[:SHOWN])}")
    for one, two in combinations(SPLITS, 2):
        shared = own[one][own[one]["content"].isin(own[two]["content"])]
        if not len(shared):
            continue
        first = _first(shared)
        pair = f"{first['path']} = {own[two]['path'][own[two]['content'] == first['content']].min()}"
        text = f"{shared['content'].nunique()} contents are in both {one} and {two}, such as {pair}"
        if (one, two) == ("train", "test") and not options.allow_overlap:
            raise UserError(
                f"{name}: {text}: results on them would be flattered. Remove them from one split, or set "
                f"datasets.{name}.allow_overlap: true where the data set is published so"
            )
        warnings.append(text)
    return warnings


def _first(rows: pd.DataFrame) -> "pd.Series[Any]":
    """The row whose path comes first."""
    return rows[rows["path"] == rows["path"].min()].iloc[0]


def class_warnings(classes: list[str], labels: dict[str, set[int]], twins: pd.DataFrame) -> list[str]:
    """Classes without usable samples in a split, empty splits, and contents that have two labels.

    Args:
        classes: by label.
        labels: those that each split has.
        twins: as in `Overview`.
    """
    warnings = []
    for split in SPLITS:
        without = [name for label, name in enumerate(classes) if label not in labels[split]]
        if not labels[split] and split == "test":
            warnings.append("test is empty: nothing can be reported on")
        elif labels[split] and without:
            many = "1 class has" if len(without) == 1 else f"{len(without)} classes have"
            warnings.append(f"{many} no sample in {split}: {_some(without)}")
    different = twins.drop_duplicates(["content", "label"])
    pairs = different[different["content"].duplicated(keep=False)].sort_values(["content", "label"])
    if len(pairs):
        first = pairs[pairs["content"] == pairs["content"].iloc[0]]
        told = ", ".join(f"{path} ({classes[label]})" for path, label in first[["path", "label"]].to_numpy())
        warnings.append(f"{pairs['content'].nunique()} contents have two labels, such as {told}")
    return warnings


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def check_damaged(name: str, options: DatasetOptions, damaged: list[dict[str, Any]], total: int, report: str) -> None:
    """The limit of damaged files.

    Raises:
        UserError: more of them than `max_damaged`.
    """
    if len(damaged) > options.max_damaged * total:
        first = damaged[0]
        no_access = [entry for entry in damaged if entry.get("no_access")]
        state, cure = "are damaged", "Fetch them again"
        if len(no_access) == len(damaged):
            state, cure = "cannot be read", f"{MEND.capitalize()} and start again"
        elif no_access:
            cure = f"{len(no_access)} of them only could not be read, such as {no_access[0]['path']}: "
            cure += f"{no_access[0]['reason']}. {MEND.capitalize()}, fetch the others again"
        raise UserError(
            f"{name}: {len(damaged)} of {total} files {state}, above max_damaged ({options.max_damaged:.1%}); the "
            f"first is {first['path']}: {first['reason']}. {cure} ({report} names all), or raise "
            f"datasets.{name}.max_damaged"
        )
