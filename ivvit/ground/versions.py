"""Versions of the libraries that compute, seen without importing them, and how they differ from a run's."""

import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("torch", "torchvision", "timm", "av")
_ENTRY = b'"versions": '


@cache
def versions() -> dict[str, str | None]:
    """What is installed now."""
    return {package: _version(package) for package in PACKAGES}


def drift_of(folder: Path) -> str | None:
    """`made with other versions: torch 2.12.0 -> 2.13.0`, if a library was another one when a run was made."""
    return _drift(_recorded(folder))


@cache
def _drift(recorded: bytes) -> str | None:
    try:
        then = json.loads(recorded)
    except ValueError:  # nothing is recorded
        return None
    found = [
        f"{package} {then[package]} -> {now}"
        for package, now in versions().items()
        if then.get(package) is not None and now is not None and then[package] != now
    ]
    return f"made with other versions: {', '.join(found)}" if found else None


def _recorded(folder: Path) -> bytes:
    """The entry `versions` (a flat one) alone: the rest of a provenance is long, and a table may have thousands."""
    try:
        with open(f"{folder}/provenance.json", "rb", buffering=0) as file:
            text = file.read()
    except OSError:
        return b""
    start = text.rfind(_ENTRY) + len(_ENTRY)  # the last one: parts of an identity may have versions too
    return text[start : text.find(b"}", start) + 1]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
