"""The manifest's table, its digest, and the files it is written to."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ivvit.data.columns import BATCH
from ivvit.data.layouts import Sample
from ivvit.data.manifest import SPLITS, table_file
from ivvit.data.validation.found import FACTS, Found
from ivvit.ground.files import replacing

_OWN = {
    "split": pa.string(), "path": pa.string(), "label": pa.int32(), "group": pa.string(), "duration": pa.float64(),
}  # fmt: skip
"""What a row has besides the facts of its file."""
_NAMES = (
    "split", "path", "label", "group", "frames", "fps", "width", "height", "duration", "size", "mtime_ns", "sha256",
    "time_base", "first_pts", "pts_step", "pts", "keys", "stamped",
)  # fmt: skip
SCHEMA = pa.schema([(name, _OWN[name] if name in _OWN else FACTS.field(name).type) for name in _NAMES])


def rows_of(split: str, samples: Sequence[Sample], found: Found) -> Iterator[tuple[pa.Table, list[dict[str, Any]]]]:
    """The rows of a split's usable samples, and (path, damage, no_access) of those that are damaged, part by part."""
    for first in range(0, len(samples), BATCH):
        part = samples[first : first + BATCH]
        facts = found.columns([place for sample in part if (place := found.place(sample.path)) is not None])
        seconds = pc.if_else(pc.greater(facts["fps"], 0), pc.divide(facts["frames"], facts["fps"]), 0.0)
        named = {
            "split": pa.repeat(split, len(part)), "path": pa.array([sample.path for sample in part], pa.string()),
            "label": pa.array([sample.label for sample in part], pa.int32()),
            "group": pa.array([sample.group for sample in part], pa.string()), "duration": seconds,
        }  # fmt: skip
        table = pa.table(named | {name: facts[name] for name in facts.column_names})
        sound = pc.equal(table["damage"], "")
        damaged = table.filter(pc.invert(sound)).select(["path", "damage", "no_access"])
        yield table.filter(sound).select(SCHEMA.names).cast(SCHEMA), damaged.to_pylist()


def inside(path: str, folder: str) -> str:
    """A path as it is named from the data set's folder; one that is elsewhere as it is."""
    return path.removeprefix(f"{folder}/")


def digests_of(table: pa.Table, folder: str) -> dict[str, str]:
    """The digest of each split, and of all under "": over the sorted rows (split, path in the data set's folder, label,
    group, content hash)."""
    rows: dict[str, list[str]] = {split: [] for split in SPLITS}
    for batch in table.select(["split", "path", "label", "group", "sha256"]).to_batches(BATCH):
        for split, path, label, group, sha256 in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            rows[split].append(json.dumps([split, inside(path, folder), label, group, sha256]))
    every = sorted(rows, key=lambda split: json.dumps([split]))
    for split in every:
        rows[split].sort()
    return {split: _digest([split], rows) for split in SPLITS} | {"": _digest(every, rows)}


def _digest(splits: list[str], rows: dict[str, list[str]]) -> str:
    """Over all rows of these splits, a line each."""
    found = hashlib.sha256()
    for number, row in enumerate(row for split in splits for row in rows[split]):
        found.update(b"\n" * (number > 0) + row.encode())
    return found.hexdigest()


def write_table(table: pa.Table, lock: Path, digest: str) -> None:
    """Write the Arrow file beside the lock, atomically."""
    schema = SCHEMA.with_metadata({"digest": digest})
    with replacing(table_file(lock)) as temporary, pa.ipc.new_file(str(temporary), schema) as writer:
        for batch in table.combine_chunks().to_batches(BATCH):
            writer.write_batch(batch.replace_schema_metadata({"digest": digest}))
