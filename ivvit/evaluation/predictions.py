"""predictions.parquet: a row per evaluated sample, from which statistics and pictures are made without a model.

Columns: dataset (dictionary of strings), path, group, label (int32), top (list of int32: up to five predicted classes,
the most probable first), top_probability (list of float32), probability (float32, of the true class), loss (float32),
probabilities (list of float16, of all classes; null where there are more than 1,000). Data sets in their order, samples
in the manifest's; samples that could not be read have no row. The schema's metadata are `About`, a JSON value a key.
"""

import json
from array import array
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ivvit.evaluation.rows import Rows
from ivvit.ground.files import write_atomically

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1


@dataclass(frozen=True)
class About:
    """What the predictions are of."""

    classes: dict[str, list[str]]
    """The names of each data set's classes, by index."""
    evaluation: dict[str, str | int]
    """The settings: split, clips, crops, precision."""
    identity: str | None
    """The run's; None for a model that does not say."""
    seed: int | None
    """The run's."""
    model_sha256: str
    """Of the model's file."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """The rows of one data set; see `Rows` for the arrays' shapes."""

    dataset: str
    paths: list[str]
    groups: list[str]
    rows: Rows


def write_predictions(path: Path, predictions: list[Predictions], about: About) -> None:
    """Write the file, whole or not at all; equal predictions give equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [entry.dataset for entry in predictions]
    table = pa.concat_tables([_table(entry, names) for entry in predictions])
    content = {"format": FORMAT, **asdict(about)}
    metadata = {key: json.dumps(value, ensure_ascii=False, allow_nan=False) for key, value in content.items()}
    table = table.replace_schema_metadata(metadata)
    write_atomically(path, lambda file: pq.write_table(table, file, compression="zstd"))


def _table(entry: Predictions, names: list[str]) -> "pa.Table":
    import pyarrow as pa

    rows, n = entry.rows, len(entry.rows)
    which = _numbers(np.full(n, names.index(entry.dataset)), np.int32)
    half = pa.list_(pa.float16())
    columns = {
        "dataset": pa.DictionaryArray.from_arrays(which, _strings(names)),
        "path": _strings(entry.paths),
        "group": _strings(entry.groups),
        "label": _numbers(rows.label, np.int32),
        "top": _lists(rows.top, np.int32),
        "top_probability": _lists(rows.top_probability, np.float32),
        "probability": _numbers(rows.probability, np.float32),
        "loss": _numbers(rows.loss, np.float32),
        "probabilities": pa.nulls(n, half) if rows.probabilities is None else _lists(rows.probabilities, np.float16),
    }
    return pa.table(columns)


def _lists(values: np.ndarray, dtype: type[np.number]) -> "pa.ListArray":
    """(N, K) as N lists."""
    import pyarrow as pa

    n, k = values.shape
    return pa.ListArray.from_arrays(_numbers(np.arange(n + 1) * k, np.int32), _numbers(values.reshape(-1), dtype))


def _numbers(values: np.ndarray, dtype: type[np.number]) -> "pa.Array":
    """(N,) as it lies in memory: `pa.array` would import pandas first, a third of a second of every evaluation."""
    import pyarrow as pa

    values = np.ascontiguousarray(values, dtype)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def _strings(values: list[str]) -> "pa.StringArray":
    """Likewise; an OverflowError where 2 GiB do not hold them."""
    import pyarrow as pa

    encoded = [value.encode() for value in values]
    places = array("i", accumulate(map(len, encoded), initial=0))
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(places), pa.py_buffer(b"".join(encoded)))
