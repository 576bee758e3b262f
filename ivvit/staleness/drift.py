"""Versions of the libraries that compute, seen without importing them, and how they differ from a run's."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("torch", "torchvision", "timm", "av")


@cache
def versions() -> dict[str, str | None]:
    """What is installed now."""
    return {package: _version(package) for package in PACKAGES}


def drift(provenance: dict[str, Any]) -> list[str]:
    """`torch 2.12.0 -> 2.13.0` for every library that was another one when a run was made."""
    then = provenance.get("versions") or {}
    return [
        f"{package} {then[package]} -> {now}"
        for package, now in versions().items()
        if then.get(package) is not None and now is not None and then[package] != now
    ]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
