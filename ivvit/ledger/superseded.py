"""What no experiment or study of the configuration refers to any more."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivvit.config import Config
from ivvit.ground.holder import Holder, holder, is_held
from ivvit.identity.frame_store import coder, frames_folder
from ivvit.identity.locks import Pending
from ivvit.ledger.acceptance import accepted_runs
from ivvit.ledger.past import PastRun, finished_runs, past_run
from ivvit.ledger.status import Status


@dataclass(frozen=True)
class Leftover:
    """A folder that may be removed."""

    folder: Path
    what: str
    size: int
    ours: bool = True
    """Whether it has the name of an experiment or study of this configuration, or can be nobody's any more."""
    held: Holder | None = None
    """A process on another machine that may still be at work there; then it is not removed."""


def leftovers(config: Config) -> list[Leftover]:
    """Superseded runs, studies and frame stores; none that is at work, accepted, or whose checks are pending.

    Configurations may share results/: what has no name of this one may be another's, and is not `ours`.
    """
    status = Status(config)
    kept, unknown = accepted_runs(status.paths), set()
    for row in status.runs():
        if row.folder is not None:
            kept.add(Path(row.folder).resolve())
        if row.state == "pending":
            unknown.add(row.experiment)
    found = []
    for folder in sorted((status.paths.results / "runs").glob("*/seed*")):
        held = _holder(folder)
        if folder.is_symlink() or folder.resolve() in kept or _at_work(held):
            continue
        run = past_run(folder)
        name = (run or PastRun(folder, folder.parent.name, 0)).name
        ours = name in config.entries
        if name in unknown or (unknown and not ours):  # it may be a pending experiment's, under an earlier name
            continue
        state = f"finished {run.ended[:16]}" if run else "unfinished"
        found.append(Leftover(folder, f"{name or 'no name'}, {folder.name}, {state}", size(folder), ours, held))
    return [*found, *_studies(config, status), *_manifests(status), *_stores(config), *_of_earlier_versions(status)]


def remove(leftover: Leftover) -> None:
    """Remove a folder or file, and the folder around it if that is empty then; not what may be at work by now."""
    if any(map(is_held, _locks(leftover.folder))):
        return
    if leftover.folder.is_dir():
        shutil.rmtree(leftover.folder)
    else:
        leftover.folder.unlink()
    if not any(leftover.folder.parent.iterdir()):
        leftover.folder.parent.rmdir()


def size(folder: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    return sum(path.lstat().st_size for path in (folder, *folder.rglob("*")) if path.is_file())


def _studies(config: Config, status: Status) -> list[Leftover]:
    current: dict[str, str | None] = {}
    pending = bool(status.due)
    for name in config.file.studies:
        try:
            current[name] = None if pending else status.identities.study(name).digest
        except Pending:
            current[name] = None
    found = []
    for folder in sorted((status.paths.results / "studies").glob("*/*")):
        name = folder.parent.name
        superseded = name not in current or current[name] not in (None, folder.name)
        if folder.is_dir() and superseded and not _at_work(held := _holder(folder)):
            found.append(Leftover(folder, f"study {name}", size(folder), name in current, held))
    return found


def _at_work(held: Holder | None) -> bool:
    return held is not None and held.silent_since is None


def _holder(folder: Path) -> Holder | None:
    """Who is at work on a run, or on a trial of a study; first those that are known to be alive."""
    held = [found for lock in _locks(folder) if (found := holder(lock)) is not None]
    return min(held, key=lambda found: found.silent_since is not None, default=None)


def _locks(folder: Path) -> list[Path]:
    return [lock for pattern in ("state/lock", "claims/*/lock", "trials/*/state/lock") for lock in folder.glob(pattern)]


def _manifests(status: Status) -> list[Leftover]:
    """Manifests that are not today's, and whose content no run was trained on: those tell what changed."""
    used = {digest for run in finished_runs(status.paths) for digest in _digests(run.parts.get("data"))}
    found = []
    for name in status.jobs.datasets:
        try:
            today = status.last.checks.manifest(name)
        except Pending:
            continue
        for lock in sorted(status.paths.manifest(name, "*").parents[1].glob("*/manifest.json")):
            if not status.jobs.checks.locks.is_sound(lock):
                continue
            content = status.jobs.checks.locks.read(lock)
            if lock != today and not used & {content.get("digest"), *_digests(content.get("digests"))}:
                found.append(Leftover(lock.parent, f"manifest of {name}", size(lock.parent)))
    return found


def _digests(found: Any) -> set[str]:
    """All strings in nested mappings."""
    if isinstance(found, dict):
        return {digest for value in found.values() for digest in _digests(value)}
    return {found} if isinstance(found, str) else set()


def _of_earlier_versions(status: Status) -> list[Leftover]:
    """Locks at fixed places, marks and keys, which nothing reads any more."""
    results = status.paths.results
    patterns = (
        "keys",
        "manifests/history",
        "manifests/*.json",
        "manifests/*.parquet",
        "frames/*.json",
        "weights/*.json",
    )
    found = [path for pattern in patterns for path in sorted(results.glob(pattern))]
    return [Leftover(path, "of an earlier version, no longer read", size(path)) for path in found]


def _stores(config: Config) -> list[Leftover]:
    """Frame stores that no configuration reads with today's code; other settings' may be another configuration's."""
    places = dict.fromkeys(frames_folder(data.store, config.root) for data in config.datasets.values())
    folders = sorted(folder for place in places for folder in place.glob("*-*"))
    old = [folder for folder in folders if folder.is_dir() and not folder.name.endswith(f"-{coder()}")]
    return [Leftover(folder, "frame store of other code than today's", size(folder)) for folder in old]
