"""What no experiment or study of the configuration refers to any more."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ivvit.config import Config
from ivvit.identity.frame_store import coder
from ivvit.identity.locks import Pending
from ivvit.ledger.acceptance import accepted_runs
from ivvit.ledger.holders import holder, lock_holder
from ivvit.ledger.past import PastRun, past_run
from ivvit.ledger.status import Status


@dataclass(frozen=True)
class Leftover:
    """A folder that may be removed."""

    folder: Path
    what: str
    size: int
    ours: bool = True
    """Whether it has the name of an experiment or study of this configuration, or can be nobody's any more."""


def leftovers(config: Config) -> list[Leftover]:
    """Superseded runs, studies and frame stores; none that is worked on, accepted, or whose checks are pending.

    Configurations may share results/: what has no name of this one may be another's, and is not `ours`.
    """
    status = Status(config)
    kept, unknown = accepted_runs(status.paths), set()
    for state in status.runs():
        if state.folder is not None:
            kept.add(Path(state.folder).resolve())
        if state.state == "pending":
            unknown.add(state.experiment)
    found = []
    for folder in sorted((status.paths.results / "runs").glob("*/seed*")):
        if folder.is_symlink() or folder.resolve() in kept or holder(folder):
            continue
        run = past_run(folder)
        name = (run or PastRun(folder, folder.parent.name, 0)).name
        ours = name in config.entries
        if name in unknown or (unknown and not ours):  # it may be a pending experiment's, under an earlier name
            continue
        state = f"finished {run.ended[:16]}" if run else "unfinished"
        found.append(Leftover(folder, f"{name or 'no name'}, {folder.name}, {state}", size(folder), ours))
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
        if folder.is_dir() and superseded and not _worked_on(folder):
            found.append(Leftover(folder, f"study {name}", size(folder), ours=name in current))
    return found


def _worked_on(study: Path) -> bool:
    """Whether a worker has a trial of the study, or trains one."""
    claims = any(lock_holder(lock) for lock in study.glob("claims/*/lock"))
    return claims or any(holder(trial) for trial in study.glob("trials/*"))


def _stores(config: Config) -> list[Leftover]:
    """Frame stores that no configuration reads with today's code; other settings' may be another configuration's."""
    folders = sorted((config.root / "frames").glob("*-*"))
    old = [folder for folder in folders if folder.is_dir() and not folder.name.endswith(f"-{coder()}")]
    return [Leftover(folder, "frame store of other code than today's", size(folder)) for folder in old]
