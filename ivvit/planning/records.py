"""What each finished check was done for, so that one that must be done again can be told without Snakemake's memory."""

from pathlib import Path

from ivvit.ground.files import write_text
from ivvit.identity.paths import Paths
from ivvit.planning.jobs import Jobs


def record(paths: Paths, lock: Path, key: str) -> None:
    """Remember the key that the check behind a lock was done for, as it was when the check began."""
    write_text(paths.key(lock), key)


def outdated(jobs: Jobs) -> dict[Path, str]:
    """Lock -> why its check must be done (again), for all that experiments use."""
    found: dict[Path, str] = {}

    def look(lock: Path, what: str, key: str, done: str) -> None:
        if not lock.is_file():
            found[lock] = f"{what} must be {done} first"
        elif recorded(jobs.paths, lock) != key:
            found[lock] = f"{what} changed and will be {done} again"

    if jobs.config.file.demo is not None:
        look(jobs.demo_lock, "the demo's data", jobs.keys.demo(), "made")
    for name, data in jobs.datasets.items():
        look(manifest := jobs.paths.manifest(name), name, jobs.keys.validation(name), "validated")
        if data.uses_store and manifest not in found:
            look(jobs.paths.frames(name), f"frames of {name}", jobs.extraction_key(name), "extracted")
    for pretrain in jobs.weights.values():
        look(jobs.paths.weights(pretrain), f"weights {pretrain}", jobs.keys.weights(pretrain), "fetched")
    return found


def recorded(paths: Paths, lock: Path) -> str | None:
    """The key that the check behind a lock was done for; None if nobody knows."""
    try:
        return paths.key(lock).read_text()
    except FileNotFoundError:
        return None
