"""Validate a data set: list, open and hash every file, check the whole, write the manifest."""

import logging
from pathlib import Path
from typing import Any

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts import Listing, list_samples
from ivvit.data.manifest import FORMAT, sealed, table_file
from ivvit.data.places import dataset_folder, relative_to_root
from ivvit.data.validation.checks import check_counts, check_damaged, check_duplicates, class_warnings
from ivvit.data.validation.digests import digests_of, inside
from ivvit.data.validation.findings import find_all
from ivvit.data.validation.overview import Videos, overview
from ivvit.data.validation.report import report_text
from ivvit.data.validation.table import gather, write_table
from ivvit.ground.errors import UserError
from ivvit.ground.files import write_json, write_text

log = logging.getLogger("ivvit")


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
    gathered = gather(listing, found, lock.parent)
    del found
    counts, quarantined = gathered.counts, _quarantined(gathered.damaged, listing, folder)
    whole = overview(gathered.usable, folder, is_video=options.is_video)
    warnings = [*_warnings(listing, gathered.odd, folder), *_still(whole.videos)]
    digests = digests_of(gathered.usable, counts, folder, lock.parent)
    content: dict[str, Any] = {
        "format": FORMAT, "dataset": name, "digest": digests.pop(""), "digests": digests,
        "classes": len(listing.classes), "class_names": list(listing.classes),
        "counts": counts,
        "quarantined": quarantined, "warnings": warnings,
    }  # fmt: skip
    report = lock.with_suffix(".md")
    try:
        twins = check_duplicates(name, options, whole.twins)
        odd = class_warnings(list(listing.classes), whole.labels, whole.twins)
        wrong = check_counts(name, options, {"classes": len(listing.classes), **counts})
        content["warnings"] = [*wrong, *odd, *twins, *warnings]
        total = len(listing.samples) + len(listing.misnamed)
        check_damaged(name, options, quarantined, total, str(report))
        if not counts["train"]:
            raise UserError(f"{name} has no usable training samples; {report} says what was found")
    finally:
        write_text(report, report_text(content, options, listing, whole.videos))
    if content["warnings"] or quarantined:
        log.warning("%s: %d warnings, %d damaged files left out; %s says what to do",
                    name, len(content["warnings"]), len(quarantined), report)  # fmt: skip
    write_table(gathered.usable, lock, content["digest"])
    write_json(lock, {**content, "table": sealed(table_file(lock))})


def _quarantined(damaged: dict[str, dict[str, Any]], listing: Listing, folder: str) -> list[dict[str, Any]]:
    """The files that are left out, with reasons."""
    entries = {inside(path, folder): one for path, one in damaged.items()}
    for name in listing.misnamed:
        entries[name] = {"damage": "its name is not UTF-8; rename it", "no_access": False}
    return [
        {"path": path, "reason": one["damage"], **({"no_access": True} if one["no_access"] else {})}
        for path, one in sorted(entries.items())
    ]


def _warnings(listing: Listing, odd: dict[str, tuple[int, str]], folder: str) -> list[str]:
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
    remarks = sorted(odd.items())
    return warnings + [f"{count} files, such as {inside(path, folder)}: {remark}" for remark, (count, path) in remarks]


def _still(videos: Videos) -> list[str]:
    """A warning about videos of one frame."""
    return [f"{videos.still} videos have a single frame, such as {videos.first_still}"] if videos.still else []
