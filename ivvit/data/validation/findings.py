"""Probe all files of a data set in parallel, remembering what was found."""

import hashlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts import Listing
from ivvit.data.progress import worked
from ivvit.data.validation.cache import FindingsCache
from ivvit.data.validation.finding import Finding
from ivvit.data.validation.found import Found, in_batches
from ivvit.data.validation.probe import probe
from ivvit.numerics.cifar import read_images

TOGETHER = 1 << 10
"""Lines of what is known that are looked up at a time."""
MANY = 100_000
"""Files whose sizes and times take so long to look at that it is shown."""


def find_all(
    name: str, options: DatasetOptions, root: Path, listing: Listing, cache: Path, *, workers: int, full: bool
) -> Found:
    """A finding for the path of each sample."""
    found = Found(listing.samples, cache.parent)
    if options.kind == "cifar100":
        _find_cifar(found, root)
        return found
    known = FindingsCache(cache)
    current = full or _take_known(name, found, known, root)
    lacking = found.lacking()

    def look(sample: tuple[int, str]) -> Finding:
        return probe(root / sample[1], options.is_video)

    def samples() -> Iterator[tuple[int, str]]:
        for places in in_batches(lacking):
            yield from zip(places.tolist(), found.samples.paths(places), strict=True)

    for (place, path), finding in worked(look, samples(), len(lacking), workers, f"Validating {name}"):
        found.add(place, finding)
        if not finding.no_access:
            known.add(path, finding)
    known.close(found, current)
    return found


def _take_known(name: str, found: Found, known: FindingsCache, root: Path) -> bool:
    """Take over what is known of files that have not changed since; whether there was nothing else to read."""
    shown = len(found.samples) if known and len(found.samples) >= MANY else 0
    lines = (line for line, _ in worked(lambda line: line, known.read(), shown, 1, f"Known files of {name}"))
    current, taken = True, 0
    while some := list(islice(lines, TOGETHER)):
        places = found.index.places([path for path, _ in some]).tolist()
        for place, (path, finding) in zip(places, some, strict=True):
            if place >= 0 and _is_unchanged(os.path.join(root, path), finding):
                found.add(place, finding)
                taken += 1
            else:
                current = False
    return current and taken == len(found.samples) - len(found.repeats) - len(found.lacking())


def _is_unchanged(path: str, finding: Finding) -> bool:
    """Whether a file has the size and the modification time that it had."""
    try:
        stat = os.stat(path)
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (finding.size, finding.mtime_ns)


def _find_cifar(found: Found, root: Path) -> None:
    """Each row's own hash: a data set's digest follows its images, not the pickles' bytes."""
    files = {path.rsplit("#", 1)[0] for part in found.samples.parts() for path in part["path"].to_pylist()}
    for file in sorted(files):
        stat, images = os.stat(root / file), read_images(root / file)
        places = found.index.places([f"{file}#{row}" for row in range(len(images))])
        for place, image in zip(places.tolist(), images, strict=True):
            if place >= 0:
                digest = hashlib.sha256(image.tobytes()).hexdigest()
                found.add(place, Finding(3072, stat.st_mtime_ns, digest, width=32, height=32))
