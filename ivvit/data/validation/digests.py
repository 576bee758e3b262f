"""The digests of a manifest: over its rows in the order of their texts, whatever their number."""

import hashlib
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ivvit.data import columns
from ivvit.data.manifest import SPLITS
from ivvit.data.spill import SortedTexts


def inside(path: str, folder: str) -> str:
    """A path as it is named from the data set's folder; one that is elsewhere as it is."""
    return path.removeprefix(f"{folder}/")


def all_inside(paths: pa.Array, folder: str) -> pa.Array:
    """The same of a column."""
    head = f"{folder}/"
    rest = pc.utf8_slice_codeunits(paths, len(head))
    return pc.if_else(pc.starts_with(paths, head), rest, paths)


def digests_of(table: columns.MappedTable, counts: dict[str, int], folder: str, beside: Path) -> dict[str, str]:
    """The digest of each split, and of all under "": over the sorted rows (split, path in the data set's folder, label,
    group, content hash), a line of JSON each.

    Args:
        table: the manifest's.
        counts: of each split's rows, which lie together.
        folder: the data set's, as paths begin with it.
        beside: where rows may be kept to be sorted.
    """
    every, digests = hashlib.sha256(), dict[str, str]()
    firsts = {split: sum(counts[one] for one in SPLITS[:number]) for number, split in enumerate(SPLITS)}
    begun = False
    for split in sorted(SPLITS, key=lambda split: json.dumps([split])):
        own = hashlib.sha256()
        texts = SortedTexts(beside)
        for part in table.parts(firsts[split], firsts[split] + counts[split]):
            texts.add(_lines(part, split, folder).to_pylist())
        for number, text in enumerate(_in_blocks(iter(texts))):
            own.update(b"\n" * (number > 0) + text)
            every.update(b"\n" * begun + text)
            begun = True
        digests[split] = own.hexdigest()
    return {split: digests[split] for split in SPLITS} | {"": every.hexdigest()}


def _lines(part: pa.RecordBatch, split: str, folder: str) -> pa.Array:
    path, group = _quoted(all_inside(part["path"], folder)), _quoted(part["group"])
    label, sha256 = pc.cast(part["label"], pa.string()), _quoted(part["sha256"])
    fields = pc.binary_join_element_wise(json.dumps(split), path, label, group, sha256, ", ")
    return pc.binary_join_element_wise("[", fields, "]", "")


def _quoted(texts: pa.Array) -> pa.Array:
    """Each as JSON has it; most need quotation marks alone."""
    if pc.any(pc.match_substring_regex(texts, r'["\\]|[^ -~]')).as_py():
        return pa.array([json.dumps(text) for text in texts.to_pylist()], pa.string())
    return pc.binary_join_element_wise('"', texts, '"', "")


def _in_blocks(texts: Iterator[str]) -> Iterator[bytes]:
    while some := list(islice(texts, columns.BATCH)):
        yield "\n".join(some).encode()
