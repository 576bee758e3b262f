"""What no experiment or study of the configuration refers to any more."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ivvit.config import Config
from ivvit.data.frame_store import coder
from ivvit.staleness.acceptance import accepted_runs
from ivvit.staleness.holders import holder
from ivvit.staleness.locks import Pending
from ivvit.staleness.past import past_run
from ivvit.staleness.state import Status


@dataclass(frozen=True)
class Leftover:
    """A folder that may be removed."""

    folder: Path
    what: str
    size: int


def leftovers(config: Config) -> list[Leftover]:
    """Superseded runs, studies and frame stores; no run of an experiment with pending checks, running or accepted."""
    status = Status(config)
    paths, kept, unknown = status.paths, accepted_runs(status.paths), set()
    for state in status.runs():
        if state.folder is not None:
            kept.add(Path(state.folder).resolve())
        if state.state == "pending":
            unknown.add(state.experiment)
    found = []
    for folder in sorted((paths.results / "runs").glob("*/seed*")):
        if folder.is_symlink() or folder.resolve() in kept or holder(folder):
            continue
        run = past_run(folder)
        name = run.name if run else None
        if name in unknown or (unknown and name is None):
            continue
        what = f"{name}, seed {run.seed}, finished {run.ended[:16]}" if run else f"unfinished, {folder.name}"
        found.append(Leftover(folder, what, size(folder)))
    return found + _studies(config, status) + _stores(config)


def remove(leftover: Leftover) -> None:
    """Remove a folder, and the one around it if that is empty then."""
    shutil.rmtree(leftover.folder)
    if not any(leftover.folder.parent.iterdir()):
        leftover.folder.parent.rmdir()


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def _studies(config: Config, status: Status) -> list[Leftover]:
    current: dict[str, str | None] = {}
    pending = bool(status.outdated)
    for name in config.file.studies:
        try:
            current[name] = None if pending else status.identities.study(name).digest
        except Pending:
            current[name] = None
    found = []
    for folder in sorted((status.paths.results / "studies").glob("*/*")):
        name = folder.parent.name
        if folder.is_dir() and (name not in current or current[name] not in (None, folder.name)):
            found.append(Leftover(folder, f"study {name}", size(folder)))
    return found


def _stores(config: Config) -> list[Leftover]:
    """Frame stores that no configuration reads with today's code; other settings' may be another configuration's."""
    folders = sorted((config.root / "frames").glob("*-*"))
    old = [folder for folder in folders if folder.is_dir() and not folder.name.endswith(f"-{coder()}")]
    return [Leftover(folder, "frame store of other code than today's", size(folder)) for folder in old]
