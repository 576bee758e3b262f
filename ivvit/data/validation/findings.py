"""Probe all files of a data set in parallel, remembering what was found."""

import hashlib
import os
from functools import partial
from pathlib import Path

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts import Listing
from ivvit.data.progress import worked
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
    work = partial(_probe, root, options.is_video)
    for path, finding in worked(work, changed, len(changed), workers, f"Validating {name}"):
        findings[path] = finding
        if not finding.no_access:
            known.add(path, finding)
    known.close(set(paths))
    return findings


def _probe(root: Path, is_video: bool, path: str) -> Finding:
    return probe(root / path, is_video)


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
