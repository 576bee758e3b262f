"""Probe all files of a data set in parallel, remembering what was found."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from rich.progress import track

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts import Listing
from ivvit.data.validation.cache import FindingsCache
from ivvit.data.validation.finding import Finding
from ivvit.data.validation.probe import probe
from ivvit.numerics.cifar import read_images


def find_all(
    name: str, options: DatasetOptions, root: Path, listing: Listing, cache: Path, *, workers: int, full: bool
) -> dict[str, Finding]:
    """A finding for the path of each sample."""
    paths = sorted({sample.path for sample in listing.samples})
    if options.kind == "cifar100":
        return _cifar_findings(paths, root)
    known = FindingsCache(cache)
    findings: dict[str, Finding] = {}
    changed = []
    for path in paths:
        finding = None if full else _known(known, path, root)
        if finding is None:
            changed.append(path)
        else:
            findings[path] = finding
    # Threads suffice: hashing and decoding happen outside the interpreter's lock.
    with ThreadPoolExecutor(max(1, workers)) as pool:
        futures = {pool.submit(probe, root / path, options.is_video): path for path in changed}
        try:
            for future in track(as_completed(futures), f"Validating {name}", total=len(changed), disable=not changed):
                findings[futures[future]] = finding = future.result()
                if not finding.no_access:
                    known.add(futures[future], finding)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    known.close(set(paths))
    return findings


def _known(cache: FindingsCache, path: str, root: Path) -> Finding | None:
    try:
        stat = os.stat(os.path.join(root, path))
    except OSError:
        return None
    return cache.get(path, stat.st_size, stat.st_mtime_ns)


def _cifar_findings(paths: list[str], root: Path) -> dict[str, Finding]:
    """Each row's own hash: a data set's digest follows its images, not the pickles' bytes."""
    findings = {}
    for file in sorted({path.rsplit("#", 1)[0] for path in paths}):
        stat, images = os.stat(root / file), read_images(root / file)
        for row, image in enumerate(images):
            digest = hashlib.sha256(image.tobytes()).hexdigest()
            findings[f"{file}#{row}"] = Finding(3072, stat.st_mtime_ns, digest, width=32, height=32)
    return findings
