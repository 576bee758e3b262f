"""Earlier manifests, kept under their digest, so that a change of data can be told in words."""

import os
import shutil
from pathlib import Path

from ivvit.ground.files import replacing


def keep(manifest: Path, digest: str) -> None:
    """Keep the table beside a manifest's lock under its digest (a hard link where possible, so it costs no space)."""
    table, kept = manifest.with_suffix(".parquet"), _kept(manifest, digest)
    if kept.exists():
        return
    with replacing(kept) as temporary:
        try:
            os.link(table, temporary)
        except OSError:
            shutil.copyfile(table, temporary)


def difference(manifest: Path, old: str, new: str) -> str | None:
    """`2 files changed, 1 added`, or None where one of the tables is not kept."""
    paths = [_kept(manifest, old), _kept(manifest, new)]
    if not all(path.is_file() for path in paths):
        return None
    before, after = map(_rows, paths)
    counts = {
        "changed": sum(before[path][0] != after[path][0] for path in before.keys() & after.keys()),
        "relabelled": sum(before[path][1] != after[path][1] for path in before.keys() & after.keys()),
        "added": len(after.keys() - before.keys()),
        "removed": len(before.keys() - after.keys()),
    }
    return ", ".join(f"{n} file{'s' * (n > 1)} {verb}" for verb, n in counts.items() if n) or None


def _rows(table: Path) -> dict[str, tuple[str, int]]:
    """Path -> content and label."""
    from pyarrow.parquet import ParquetFile  # a quarter of the time that pandas takes, most of it for loading itself

    columns = ParquetFile(table).read(columns=["path", "sha256", "label"]).to_pydict()
    return dict(zip(columns["path"], zip(columns["sha256"], columns["label"], strict=True), strict=True))


def _kept(manifest: Path, digest: str) -> Path:
    return manifest.parent / "history" / f"{manifest.stem}-{digest[:16]}.parquet"
