"""Validate a data set: list, open and hash every file, check the whole, write the manifest."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts import Listing, list_samples
from ivvit.data.manifest import FORMAT, sealed, table_file
from ivvit.data.places import dataset_folder, relative_to_root
from ivvit.data.validation.checks import check_counts, check_damaged, check_duplicates, class_warnings
from ivvit.data.validation.findings import find_all
from ivvit.data.validation.found import Found
from ivvit.data.validation.report import report_text
from ivvit.data.validation.table import SCHEMA, digests_of, inside, rows_of, write_table
from ivvit.ground.errors import UserError
from ivvit.ground.files import write_json, write_text

log = logging.getLogger("ivvit")

CHECKED = ["split", "path", "label", "sha256", "frames", "fps", "width", "height", "duration"]
"""What the checks of the whole and the report look at."""


def validate(
    name: str, options: DatasetOptions, root: Path, lock: Path, *, cache: Path | None = None, workers: int = 1,
    full: bool = False,
) -> None:  # fmt: skip
    """Check a data set and write `lock` (JSON), with <stem>.arrow and <stem>.md beside it.

    Only files whose size or modification time changed since the last validation with this `cache` (by default beside
    the lock) are opened again, unless `full`.
    Damaged files, and those that cannot be read this time, are left out of the manifest and named in the lock
    ("quarantined") and in the report.

    Raises:
        UserError: the data is not there, too much of it is damaged, samples of test are in train as well, or its
            counts are wrong and it is `strict`.
    """
    root, lock = Path(root).expanduser(), Path(lock)
    cache = cache or lock.with_suffix(".cache.jsonl")
    listing = list_samples(name, options, root)
    found = find_all(name, options, root, listing, cache, workers=workers, full=full)
    folder = relative_to_root(dataset_folder(options, root), root)
    parts, quarantined = _usable(listing, found, folder)
    usable = pa.concat_tables(parts.values())
    table = usable.select(CHECKED).to_pandas()
    warnings = [*_warnings(listing, found, folder), *_still(table, options, folder)]
    digests = digests_of(usable, folder)
    content: dict[str, Any] = {
        "format": FORMAT, "dataset": name, "digest": digests.pop(""), "digests": digests,
        "classes": len(listing.classes), "class_names": list(listing.classes),
        "counts": {split: len(part) for split, part in parts.items()},
        "quarantined": quarantined, "warnings": warnings,
    }  # fmt: skip
    counts = {"classes": len(listing.classes), **content["counts"]}
    report = lock.with_suffix(".md")
    try:
        twins = check_duplicates(name, options, table, folder)
        odd = class_warnings(list(listing.classes), table, folder)
        content["warnings"] = [*check_counts(name, options, counts), *odd, *twins, *warnings]
        total = len(listing.samples) + len(listing.misnamed)
        check_damaged(name, options, quarantined, total, str(report))
        if not content["counts"]["train"]:
            raise UserError(f"{name} has no usable training samples; {report} says what was found")
    finally:
        write_text(report, report_text(content, options, listing, table))
    if content["warnings"] or quarantined:
        log.warning("%s: %d warnings, %d damaged files left out; %s says what to do",
                    name, len(content["warnings"]), len(quarantined), report)  # fmt: skip
    write_table(usable, lock, content["digest"])
    write_json(lock, {**content, "table": sealed(table_file(lock))})


def _usable(listing: Listing, found: Found, folder: str) -> tuple[dict[str, pa.Table], list[dict[str, Any]]]:
    """(each split's table of usable samples, the damaged files with reasons)."""
    tables: dict[str, pa.Table] = {}
    damaged: dict[str, dict[str, Any]] = {}
    for split, samples in listing.splits.items():
        parts = []
        for rows, broken in rows_of(split, samples, found):
            parts.append(rows)
            damaged |= {inside(one["path"], folder): one for one in broken}
        tables[split] = pa.concat_tables([SCHEMA.empty_table(), *parts])
    for name in listing.misnamed:
        damaged[name] = {"damage": "its name is not UTF-8; rename it", "no_access": False}
    quarantined = [
        {"path": path, "reason": one["damage"], **({"no_access": True} if one["no_access"] else {})}
        for path, one in sorted(damaged.items())
    ]
    return tables, quarantined


def _warnings(listing: Listing, found: Found, folder: str) -> list[str]:
    """Warnings about files that are absent, ignored or odd."""
    warnings = []
    if listing.missing:
        warnings.append(f"{len(listing.missing)} listed files are not on disk, such as {listing.missing[0]}")
    if listing.loose:
        warnings.append(f"{len(listing.loose)} files or folders belong to no class and are left out, such as "
                        f"{', '.join(listing.loose[:3])}")  # fmt: skip
    if listing.ignored:
        warnings.append(f"{len(listing.ignored)} files have another extension and are ignored, such as "
                        f"{sorted(listing.ignored)[0]}")  # fmt: skip
    odd: dict[str, list[str]] = {}
    for path, remark in found.odd():
        odd.setdefault(remark, []).append(inside(path, folder))
    return warnings + [f"{len(paths)} files, such as {paths[0]}: {remark}" for remark, paths in sorted(odd.items())]


def _still(table: pd.DataFrame, options: DatasetOptions, folder: str) -> list[str]:
    """A warning about videos of one frame."""
    still = [inside(path, folder) for path in table["path"][table["frames"] == 1]] if options.is_video else []
    return [f"{len(still)} videos have a single frame, such as {still[0]}"] if still else []
