"""history.csv: a row per iteration and data set, and a row per validation and data set.

Losses stay on the device until `flush`, so that the loop does not wait for them.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import torch

from ivvit.evaluation.summary import Summary
from ivvit.ground.errors import UserError
from ivvit.numerics.losses import SUMS
from ivvit.numerics.trainer import Iteration
from ivvit.numerics.world import World
from ivvit.runs.rows import RowLog, read_rows

COLUMNS = ("iteration", "phase", "dataset", *SUMS, "lr", "weight")
"""phase: train (iteration counts from 1; before its step) or val (after that many iterations); loss: cross entropy per
sample; top1, top5: fractions (no top5 in val for fewer than six classes); lr, weight: learning rate and loss weight in
use, empty for val."""


class History:
    """Collects iterations and evaluations; only the main process writes.

    Raises:
        UserError: rows of iterations that the checkpoint has behind it are missing.
    """

    def __init__(self, path: Path, batch_sizes: dict[str, int], world: World, iteration: int, evaluated: int) -> None:
        self._batch_sizes, self._world = batch_sizes, world
        self._waiting: list[Iteration] = []
        self.latest: dict[str, dict[str, float]] = {}
        """The newest values of each data set: loss, top1, top5, lr, weight."""
        limits = {"train": iteration, "val": evaluated}
        if world.is_main:
            _check_whole(path, iteration, evaluated)
        self._rows = (
            RowLog(path, COLUMNS, lambda row: int(row["iteration"]) <= limits[row["phase"]]) if world.is_main else None
        )

    def add(self, iteration: Iteration) -> None:
        """Buffer an iteration."""
        self._waiting.append(iteration)

    def flush(self) -> dict[str, dict[str, float]]:
        """Write the buffered rows; returns the newest values of each data set among them. A collective call."""
        keys = [(step, name) for step in self._waiting for name in step.sums]
        self._waiting = []
        if not keys:
            return {}
        sums = self._world.sum(torch.stack([step.sums[name] for step, name in keys])).tolist()
        weights = torch.stack([step.weights[name] for step, name in keys]).tolist()
        entries = []
        for (step, name), values, weight in zip(keys, sums, weights, strict=True):
            means = {key: value / self._batch_sizes[name] for key, value in zip(SUMS, values, strict=True)}
            entries.append((step.number, name, means | {"lr": step.learning_rates[name], "weight": weight}))
        self._append([(number, "train", name, *map(_text, values.values())) for number, name, values in entries])
        latest = {name: values for _, name, values in entries}
        self.latest |= latest
        return latest

    def add_validation(self, iteration: int, results: dict[str, Summary]) -> None:
        """Write the rows of a validation after `iteration` iterations."""
        self._append([(iteration, "val", name, *(_text(getattr(values, key)) for key in SUMS), "", "")
                      for name, values in results.items()])  # fmt: skip

    def behind(self) -> bool:
        """Whether rows wait for space on a full disk."""
        return self._rows is not None and self._rows.behind()

    def flush_pending(self) -> None:
        """Write the rows that wait for space.

        Raises:
            UserError: the disk is still full.
        """
        if self._rows is not None:
            self._rows.flush_pending()

    def _append(self, rows: list[tuple[Any, ...]]) -> None:
        if self._rows is not None:
            self._rows.append(rows)


def _check_whole(path: Path, iteration: int, evaluated: int) -> None:
    rows = read_rows(path) if iteration else []
    counts = Counter(int(row["iteration"]) for row in rows if row["phase"] == "train")
    each = max(counts.values(), default=1)
    missing = [number for number in range(1, iteration + 1) if counts[number] < each]
    if (
        not missing
        and evaluated
        and not any((row["phase"], row["iteration"]) == ("val", str(evaluated)) for row in rows)
    ):
        missing = [evaluated]
    if missing:
        raise UserError(
            f"{path} lacks rows of iterations that are done ({len(missing)}, the first is {missing[0]}): it was cut or "
            f"removed; put it back, or remove {path.parent / 'state'} to train from the beginning"
        )


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.9g}"
