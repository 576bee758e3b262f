"""The manifest's table, its digest, and the files it is written to."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from ivvit.data.columns import BATCH
from ivvit.data.layouts import Sample
from ivvit.data.manifest import table_file
from ivvit.data.validation.finding import Finding
from ivvit.ground.files import replacing

SCHEMA = pa.schema(
    [
        ("split", pa.string()), ("path", pa.string()), ("label", pa.int32()), ("group", pa.string()),
        ("frames", pa.int32()),
        ("fps", pa.float64()), ("width", pa.int32()), ("height", pa.int32()), ("duration", pa.float64()),
        ("size", pa.int64()), ("mtime_ns", pa.int64()), ("sha256", pa.string()), ("time_base", pa.string()),
        ("first_pts", pa.int64()), ("pts_step", pa.int64()), ("pts", pa.large_list(pa.int64())),
        ("keys", pa.large_list(pa.int64())),
        ("stamped", pa.bool_()),
    ]
)  # fmt: skip


def row_of(split: str, sample: Sample, finding: Finding) -> dict[str, Any]:
    """A row of the table."""
    own = {"split": split, "path": sample.path, "label": sample.label, "group": sample.group}
    own["duration"] = finding.duration
    return {**vars(finding), **own, "pts": finding.pts or None, "keys": finding.keys or None}


def inside(path: str, folder: str) -> str:
    """A path as it is named from the data set's folder; one that is elsewhere as it is."""
    return path.removeprefix(f"{folder}/")


def digest_of(table: pd.DataFrame, folder: str) -> str:
    """The digest over the sorted rows (split, path in the data set's folder, label, group, content hash)."""
    columns = (table[name].tolist() for name in ("split", "path", "label", "group", "sha256"))
    rows = sorted(
        json.dumps([split, inside(path, folder), label, group, sha256])
        for split, path, label, group, sha256 in zip(*columns, strict=True)
    )
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def write_table(table: pd.DataFrame, lock: Path, digest: str) -> None:
    """Write the Arrow file beside the lock, atomically."""
    arrow = pa.Table.from_pandas(table, schema=SCHEMA, preserve_index=False)
    schema = SCHEMA.with_metadata({"digest": digest})
    with replacing(table_file(lock)) as temporary, pa.ipc.new_file(str(temporary), schema) as writer:
        writer.write_table(arrow.cast(schema), max_chunksize=BATCH)
