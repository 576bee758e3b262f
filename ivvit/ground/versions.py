"""Versions of the libraries that compute, seen without importing them, and how they differ from a run's."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("torch", "torchvision", "timm", "av", "simplejpeg")
_ENTRY = b'"versions": '


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str | None]:
    """What is installed now; None for what is not."""
    return {package: installed(package) for package in packages}


@cache
def installed(package: str) -> str | None:
    """The version of a package, or None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def drift(recorded: Mapping[str, str | None]) -> str:
    """Packages whose version was another one when a run was made: `torch 2.12.0 -> 2.13.0`; empty if there is none."""
    now = {package: installed(package) for package, then in recorded.items() if then is not None}
    return ", ".join(
        f"{package} {recorded[package]} -> {found}"
        for package, found in now.items()
        if found is not None and found != recorded[package]
    )


def drift_of(folder: Path) -> str | None:
    """`made with other versions: torch 2.12.0 -> 2.13.0`, if a library that computes was another one for a run."""
    return _drift(_recorded(folder))


@cache
def _drift(recorded: bytes) -> str | None:
    try:
        then = json.loads(recorded)
    except ValueError:  # nothing is recorded
        return None
    found = drift({package: then.get(package) for package in PACKAGES})
    return f"made with other versions: {found}" if found else None


def _recorded(folder: Path) -> bytes:
    """The entry `versions` (a flat one) alone: the rest of a provenance is long, and a table may have thousands."""
    try:
        with open(f"{folder}/provenance.json", "rb", buffering=0) as file:
            text = file.read()
    except OSError:
        return b""
    start = text.rfind(_ENTRY) + len(_ENTRY)  # the last one: parts of an identity may have versions too
    return text[start : text.find(b"}", start) + 1]
