"""Links by which people find what lies at a key."""

import os
from pathlib import Path

from ivvit.ground.errors import UserError


def link(place: Path, target: Path) -> None:
    """Let `place` point to `target`, atomically and relatively, so that the results folder can be moved.

    Raises:
        UserError: something that is no link lies there.
    """
    relative = os.path.relpath(target, place.parent)
    if place.is_symlink() and os.readlink(place) == relative:
        return
    if place.exists() and not place.is_symlink():
        raise UserError(f"{place} is not a link; move it away, its place belongs to what is made now")
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f".{place.name}.{os.getpid()}.new")
    partial.unlink(missing_ok=True)
    partial.symlink_to(relative)
    partial.replace(place)
