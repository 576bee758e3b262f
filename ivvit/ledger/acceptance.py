"""Declaring that a superseded run is still valid: its folder is linked to today's identity, with a record of it."""

import getpass
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ivvit.ground.errors import UserError
from ivvit.identity.identity import Identity
from ivvit.identity.paths import Paths
from ivvit.ledger.past import PastRun


def accept(
    paths: Paths, name: str, identity: Identity, runs: dict[int, PastRun], why: str, differences: list[str]
) -> None:
    """Let these runs (by seed) be today's.

    Raises:
        UserError: a run of today has begun.
    """
    for seed in runs:
        folder = paths.run(identity.digest, seed)
        if (folder / "model.safetensors").is_file():
            raise UserError(f"{name}, seed {seed}: is fresh already; there is nothing to accept")
        if folder.exists() and not folder.is_symlink():
            raise UserError(f"{name}, seed {seed}: today's run has begun in {folder}; finish it, or remove that folder")
    record = paths.accepted(identity.digest)
    record.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "experiment": name,
        "identity": identity.digest,
        "seeds": {str(seed): run.identity for seed, run in runs.items()},
        "who": getpass.getuser(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "why": why,
        "differences": differences,
    }
    for seed, run in runs.items():
        link(paths.run(identity.digest, seed), run.folder)
    record.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def undo(paths: Paths, name: str, identity: Identity) -> dict[int, str]:
    """Take an acceptance back; gives the earlier run's identity of each seed.

    Raises:
        UserError: there is none.
    """
    record = paths.accepted(identity.digest)
    if not record.is_file():
        raise UserError(f"{name}: no run is accepted for its identity {identity.digest}; there is nothing to undo")
    seeds = {int(seed): earlier for seed, earlier in json.loads(record.read_text())["seeds"].items()}
    for seed in seeds:
        folder = paths.run(identity.digest, seed)
        if folder.is_symlink():
            folder.unlink()
    if folder.parent.is_dir() and not any(folder.parent.iterdir()):
        shutil.rmtree(folder.parent)
    record.unlink()
    return seeds


def accepted_runs(paths: Paths) -> set[Path]:
    """The folders that acceptances refer to."""
    found = set()
    for record in (paths.results / "accepted").glob("*.json"):
        content: dict[str, Any] = json.loads(record.read_text())
        found |= {paths.run(earlier, int(seed)).resolve() for seed, earlier in content["seeds"].items()}
    return found


def link(place: Path, target: Path) -> None:
    """A relative link, so that the results folder can be moved; a link that is there is replaced."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink():
        place.unlink()
    place.symlink_to(os.path.relpath(target.resolve(), place.parent.resolve()))
