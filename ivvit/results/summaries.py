"""What is kept of a run's predictions so that they are read once: files of them are several times as large.

Samples (files, labels, groups) are the same for most runs, and are kept once.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ivvit.results.parts import Parts
from ivvit.results.predictions import Predictions, read_predictions

Samples = tuple[pa.StringArray, np.ndarray | None, np.ndarray]
"""(paths, groups, labels), as in `Predictions`."""


class Summaries:
    """Predictions of runs, from the parts where they are there."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._samples: dict[str, Samples] = {}

    def predictions(
        self, file: Path, key: object, check: Callable[[dict[str, Predictions]], None]
    ) -> dict[str, Predictions]:
        """Data set -> predictions.

        Args:
            file: predictions.parquet.
            key: tells what is in it.
            check: raises a UserError if these are not the predictions that they should be.

        Raises:
            UserError: the file is missing or damaged, or the check fails.
        """
        return self._unpacked(self._parts.get("predictions", key, partial(self._packed, file, check)), file)

    def _packed(self, file: Path, check: Callable[[dict[str, Predictions]], None]) -> bytes:
        found = read_predictions(file)
        check(found)
        about = {name: {"key": mine.key, "bins": mine.bins.tolist()} for name, mine in found.items()}
        for mine in found.values():
            if mine.key not in self._samples:
                self._samples[mine.key] = (mine.paths, mine.groups, mine.labels)
                self._parts.get("samples", mine.key, partial(_packed_samples, mine))
        return _arrow([{"predicted": mine.predicted, "top5": mine.top5} for mine in found.values()], about)

    def _unpacked(self, content: bytes, file: Path) -> dict[str, Predictions]:
        batches, about = _unarrow(content)
        found = {}
        for (name, mine), batch in zip(about.items(), batches, strict=True):
            paths, groups, labels = self._samples_of(mine["key"], name, file)
            predicted, top5 = (batch[column].to_numpy(zero_copy_only=False) for column in ("predicted", "top5"))
            found[name] = Predictions(paths, groups, labels, predicted, top5, mine["key"], np.array(mine["bins"]))
        return found

    def _samples_of(self, key: str, name: str, file: Path) -> Samples:
        if key not in self._samples:
            (batch,), _ = _unarrow(self._parts.get("samples", key, partial(_read_samples, file, name)))
            groups = batch["group"].to_numpy() if "group" in batch.schema.names else None
            self._samples[key] = (batch["path"], groups, batch["label"].to_numpy())
        return self._samples[key]


def _read_samples(file: Path, name: str) -> bytes:
    return _packed_samples(read_predictions(file)[name])


def _packed_samples(mine: Predictions) -> bytes:
    columns = {"path": mine.paths, "label": mine.labels}
    return _arrow([columns if mine.groups is None else {**columns, "group": mine.groups}], {})


def _arrow(batches: list[dict[str, Any]], about: dict[str, Any]) -> bytes:
    """Batches of equal columns, in Arrow's format for files."""
    made = [pa.record_batch(columns) for columns in batches]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, made[0].schema.with_metadata({"about": json.dumps(about)})) as writer:
        for batch in made:
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def _unarrow(content: bytes) -> tuple[list[pa.RecordBatch], dict[str, Any]]:
    reader = pa.ipc.open_file(pa.py_buffer(content))
    batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
    return batches, json.loads(reader.schema.metadata[b"about"])
