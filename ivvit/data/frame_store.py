"""Where the frame store keeps a video: addressed by the source's content and the settings."""

from pathlib import Path

from ivvit.config.datasets import StoreOptions

VERSION = 1
"""Raise it when extraction changes what it writes for the same settings."""


def settings_name(options: StoreOptions) -> str:
    """A readable name that differs wherever the stored pixels would: mjpeg-q3-256-v1, ffv1-256-v1."""
    quality = f"-q{options.quality}" if options.codec == "mjpeg" else ""
    return f"{options.codec}{quality}-{options.short_side}-v{VERSION}"


def store_folder(options: StoreOptions, root: Path) -> Path:
    """The folder of one group of settings, shared by all data sets."""
    return Path(root).expanduser() / "frames" / settings_name(options)


def store_file(folder: Path, sha256: str) -> Path:
    """The stored video of a source with this content hash; 256 folders keep each one small."""
    return folder / sha256[:2] / f"{sha256}.mp4"
