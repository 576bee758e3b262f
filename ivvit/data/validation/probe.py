"""Open one file and find out everything that training relies on."""

import os
from pathlib import Path

from ivvit.data.validation.access import of_access
from ivvit.data.validation.content import other_type
from ivvit.data.validation.finding import Finding
from ivvit.data.validation.probe_video import probe_video
from ivvit.ground.digest import sha256_of
from ivvit.numerics.decode import UnreadableError
from ivvit.numerics.images import read_image


def probe(path: Path, is_video: bool) -> Finding:
    """Hash and decode a file; whatever is wrong with it becomes `damage`, never an exception."""
    try:
        stat = os.stat(path)
    except OSError as error:
        return Finding(0, 0, damage=f"it cannot be opened ({error.strerror})", no_access=of_access(error))
    if stat.st_size == 0:
        return Finding(0, stat.st_mtime_ns, damage="it is empty (0 bytes)")
    try:
        sha256 = sha256_of(path)
        facts = probe_video(path, stat.st_size) if is_video else _probe_image(path)
    except (UnreadableError, OSError) as error:
        damage = str(error) if isinstance(error, UnreadableError) else f"it cannot be read ({error.strerror})"
        return Finding(stat.st_size, stat.st_mtime_ns, damage=damage, no_access=of_access(error))
    return Finding(stat.st_size, stat.st_mtime_ns, sha256, **facts)


def _probe_image(path: Path) -> dict[str, object]:
    image = read_image(path)
    other = other_type(path)
    remarks = [f"its content is {other}, not {path.suffix}"] if other else []
    return {"width": image.width, "height": image.height, "remarks": remarks}
