"""The manifest's table: the usable samples, gathered on disk, and the file that it is written to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ivvit.data import columns
from ivvit.data.layouts import Listing
from ivvit.data.manifest import table_file
from ivvit.data.spill import Spill
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


@dataclass
class Gathered:
    """The samples of a data set, by what was found about their files."""

    usable: columns.MappedTable
    """As in the manifest: split by split, each in the listing's order."""
    counts: dict[str, int] = field(default_factory=dict)
    """The usable samples of each split."""
    damaged: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Path -> damage, no_access."""
    odd: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Remark -> (number of files, the first of their paths)."""


def gather(listing: Listing, found: Found, folder: Path) -> Gathered:
    """Put listing and findings together, some rows at a time; `folder` is where they are kept."""
    spill, counts, damaged, odd = Spill(folder, SCHEMA), dict[str, int](), dict[str, Any](), dict[str, Any]()

    def usable() -> Iterator[pa.Table]:
        first = 0
        for split, samples in listing.splits.items():
            counts[split] = 0
            for part in samples.parts():
                places = np.arange(first, first + len(part))
                rows = _joined(split, part, found.at(places))
                sound = pc.equal(rows["damage"], "")
                broken = rows.filter(pc.invert(sound)).select(["path", "damage", "no_access"])
                damaged.update((one.pop("path"), one) for one in broken.to_pylist())
                _note_odd(odd, rows.filter(pa.array(~np.isin(places, found.repeats))))
                rows = rows.filter(sound).select(SCHEMA.names).cast(SCHEMA)
                first, counts[split] = first + len(part), counts[split] + len(rows)
                yield rows

    for batch in _of_equal_length(usable()):
        spill.write(batch)
    return Gathered(spill.table(), counts, damaged, odd)


def _joined(split: str, part: pa.Table, facts: pa.Table) -> pa.Table:
    seconds = pc.if_else(pc.greater(facts["fps"], 0), pc.divide(facts["frames"], facts["fps"]), 0.0)
    own = {"split": pa.repeat(split, len(part)), **{name: part[name] for name in part.column_names}}
    return pa.table(own | {"duration": seconds} | {name: facts[name] for name in facts.column_names})


def _note_odd(odd: dict[str, tuple[int, str]], rows: pa.Table) -> None:
    some = rows.filter(pc.greater(pc.list_value_length(rows["remarks"]), 0)).select(["path", "remarks"])
    for row in some.to_pylist():
        for remark in row["remarks"]:
            count, first = odd.get(remark, (0, row["path"]))
            odd[remark] = count + 1, min(first, row["path"])


def _of_equal_length(tables: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
    """The rows of all, in batches of BATCH; the last is shorter, and none is empty."""
    rest = SCHEMA.empty_table()
    for table in tables:
        rest = pa.concat_tables([rest, table]).combine_chunks()
        while len(rest) >= columns.BATCH:
            yield from rest.slice(0, columns.BATCH).to_batches()
            rest = rest.slice(columns.BATCH)
    yield from rest.combine_chunks().to_batches()


def write_table(table: columns.MappedTable, lock: Path, digest: str) -> None:
    """Write the Arrow file beside the lock, atomically."""
    schema = SCHEMA.with_metadata({"digest": digest})
    with replacing(table_file(lock)) as temporary, pa.ipc.new_file(str(temporary), schema) as writer:
        for batch in table.parts():
            writer.write_batch(batch.replace_schema_metadata({"digest": digest}))
