"""Earlier manifests, which stay at their keys, so that a change of data can be described in words."""

from pathlib import Path

from ivvit.ground.files import read_object
from ivvit.identity.paths import Paths


def difference(paths: Paths, dataset: str, old: str, new: str) -> str | None:
    """`2 files changed, 1 added` between two digests of a split, or None where one of the manifests is not kept."""
    tables = [_table(paths, dataset, digest) for digest in (old, new)]
    if None in tables:
        return None
    before, after = (_rows(*table) for table in tables if table is not None)
    counts = {
        "changed": sum(before[path][0] != after[path][0] for path in before.keys() & after.keys()),
        "relabelled": sum(before[path][1] != after[path][1] for path in before.keys() & after.keys()),
        "added": len(after.keys() - before.keys()),
        "removed": len(before.keys() - after.keys()),
    }
    return ", ".join(f"{n} file{'s' * (n > 1)} {verb}" for verb, n in counts.items() if n) or None


def _table(paths: Paths, dataset: str, digest: str) -> tuple[Path, str] | None:
    """The table of a manifest, and the split of it, that has this digest."""
    for lock in paths.manifest(dataset, "x").parents[1].glob("*/manifest.json"):
        table = lock.with_suffix(".arrow")
        for split, found in read_object(lock).get("digests", {}).items():
            if found == digest and table.is_file():
                return table, split
    return None


def _rows(table: Path, split: str) -> dict[str, tuple[str, int]]:
    """Path -> content and label, of a split."""
    import pyarrow as pa  # here, because most commands need it as little as pandas

    names = ("path", "sha256", "label", "split")
    columns = pa.ipc.open_file(pa.memory_map(str(table))).read_all().select(names).to_pydict()
    rows = zip(*(columns[name] for name in names), strict=True)
    return {path: (sha256, label) for path, sha256, label, role in rows if role == split}
