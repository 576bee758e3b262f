"""Probe all files of a data set in parallel, remembering what was found."""

import hashlib
import os
from itertools import groupby
from pathlib import Path

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts import Listing
from ivvit.data.progress import worked
from ivvit.data.validation.cache import FindingsCache
from ivvit.data.validation.finding import Finding
from ivvit.data.validation.found import Found
from ivvit.data.validation.probe import probe
from ivvit.numerics.cifar import read_images


def find_all(
    name: str, options: DatasetOptions, root: Path, listing: Listing, cache: Path, *, workers: int, full: bool
) -> Found:
    """A finding for the path of each sample."""
    found = Found([path for path, _ in groupby(sorted(sample.path for sample in listing.samples))])
    if options.kind == "cifar100":
        _find_cifar(found, root)
        return found
    known = FindingsCache(cache)
    current = full or _take_known(found, known, root)

    def look(place: int) -> Finding:
        return probe(root / found.paths[place], options.is_video)

    lacking = found.lacking()
    for place, finding in worked(look, lacking, len(lacking), workers, f"Validating {name}"):
        found.add(place, finding)
        if not finding.no_access:
            known.add(found.paths[place], finding)
    known.close(found, current)
    return found


def _take_known(found: Found, known: FindingsCache, root: Path) -> bool:
    """Take over what is known of files that have not changed since; whether there was nothing else to read."""
    current = True
    for path, finding in known.read():
        place = found.place(path)
        if place is not None and _is_unchanged(os.path.join(root, path), finding):
            current &= not found.has(place)
            found.add(place, finding)
        else:
            current = False
    return current


def _is_unchanged(path: str, finding: Finding) -> bool:
    """Whether a file has the size and the modification time that it had."""
    try:
        stat = os.stat(path)
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (finding.size, finding.mtime_ns)


def _find_cifar(found: Found, root: Path) -> None:
    """Each row's own hash: a data set's digest follows its images, not the pickles' bytes."""
    for file in sorted({path.rsplit("#", 1)[0] for path in found.paths}):
        stat, images = os.stat(root / file), read_images(root / file)
        for row, image in enumerate(images):
            digest = hashlib.sha256(image.tobytes()).hexdigest()
            place = found.place(f"{file}#{row}")
            if place is not None:
                found.add(place, Finding(3072, stat.st_mtime_ns, digest, width=32, height=32))
