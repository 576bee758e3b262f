"""Where the frame store keeps a video: addressed by the source's content, the settings and the code that wrote it."""

from functools import cache
from pathlib import Path

from ivvit.config.datasets import StoreOptions
from ivvit.identity.closure import PACKAGE, Code

CODERS = (
    "ivvit.data.extraction.encode",
    "ivvit.data.extraction.jpeg",
    "ivvit.numerics.decode",
    "ivvit.numerics.timeline",
)
"""The modules that decide what is stored; tests/unit/test_data_extraction.py checks that there are no others."""


@cache
def coder(package: Path = PACKAGE) -> str:
    """A digest of the code that decides what is stored: other code may store other pixels, so it stores them anew."""
    return Code(package).closure(CODERS, within=CODERS).digest[:8]


def settings_name(options: StoreOptions) -> str:
    """A readable name that differs wherever the stored pixels could: mjpeg-q3-256-1a2b3c4d, ffv1-256-1a2b3c4d."""
    quality = f"-q{options.quality}" if options.codec == "mjpeg" else ""
    return f"{options.codec}{quality}-{options.short_side}-{coder()}"


def store_folder(options: StoreOptions, root: Path) -> Path:
    """The folder of one group of settings, shared by all data sets."""
    return frames_folder(options, root) / settings_name(options)


def frames_folder(options: StoreOptions, root: Path) -> Path:
    """The folder of all settings: the store's own (`frames_path:`), or the root's."""
    return Path(options.folder).expanduser() if options.folder else Path(root).expanduser() / "frames"


def store_file(folder: Path, sha256: str) -> Path:
    """The stored video of a source with this content hash; 256 folders keep each one small."""
    return folder / sha256[:2] / f"{sha256}.mp4"
