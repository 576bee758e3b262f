"""Checks of a data set as a whole: counts, overlap of the splits, duplicates."""

from itertools import combinations
from typing import Any

import pandas as pd

from ivvit.config.datasets import Counts, DatasetOptions, official_counts
from ivvit.data.manifest import SPLITS
from ivvit.data.validation.table import inside
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


def check_duplicates(name: str, options: DatasetOptions, table: pd.DataFrame, folder: str) -> list[str]:
    """Warnings for contents that occur more than once, within a split and across the splits.

    Raises:
        UserError: contents of test are in train, and the data set does not `allow_overlap`.
    """
    twins = table[table["sha256"].duplicated(keep=False)]
    contents: dict[str, dict[str, list[str]]] = {split: {} for split in SPLITS}
    for split, path, sha256 in zip(twins["split"], twins["path"], twins["sha256"], strict=True):
        contents[split].setdefault(sha256, []).append(inside(path, folder))
    warnings = []
    for split, by_hash in contents.items():
        twice = sorted(sorted(paths) for paths in by_hash.values() if len(paths) > 1)
        if twice:
            extra = sum(len(paths) - 1 for paths in twice)
            warnings.append(f"{split}: {extra} duplicates by content, such as {' = '.join(twice[0][:SHOWN])}")
    for one, two in combinations(SPLITS, 2):
        first, second = contents[one], contents[two]
        shared = sorted((min(first[digest]), min(second[digest])) for digest in first.keys() & second.keys())
        if not shared:
            continue
        text = f"{len(shared)} contents are in both {one} and {two}, such as {' = '.join(shared[0])}"
        if (one, two) == ("train", "test") and not options.allow_overlap:
            raise UserError(
                f"{name}: {text}: results on them would be flattered. Remove them from one split, or set "
                f"datasets.{name}.allow_overlap: true where the data set is published so"
            )
        warnings.append(text)
    return warnings


def class_warnings(classes: list[str], table: pd.DataFrame, folder: str) -> list[str]:
    """Classes without usable samples in a split, empty splits, and contents that have two labels."""
    warnings = []
    for split in SPLITS:
        labels = set(table["label"][table["split"] == split])
        without = [name for label, name in enumerate(classes) if label not in labels]
        if not labels and split == "test":
            warnings.append("test is empty: nothing can be reported on")
        elif labels and without:
            many = "1 class has" if len(without) == 1 else f"{len(without)} classes have"
            warnings.append(f"{many} no sample in {split}: {_some(without)}")
    different = table[["sha256", "label", "path"]].drop_duplicates(["sha256", "label"])
    twins = different[different["sha256"].duplicated(keep=False)].sort_values(["sha256", "label"])
    if len(twins):
        first = twins[twins["sha256"] == twins["sha256"].iloc[0]]
        pairs = zip(first["path"], first["label"], strict=True)
        told = ", ".join(f"{inside(path, folder)} ({classes[label]})" for path, label in pairs)
        warnings.append(f"{twins['sha256'].nunique()} contents have two labels, such as {told}")
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
