"""Declaring that a superseded run is still valid: its folder is linked to today's identity, with a record of it."""

import getpass
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from ivvit.ground.errors import UserError
from ivvit.ground.files import replace_link, write_json
from ivvit.ground.seal import altered
from ivvit.identity.identity import Identity
from ivvit.identity.paths import Paths
from ivvit.ledger.past import PastRun
from ivvit.ledger.reasons import Reason


@dataclass(frozen=True)
class Acceptance:
    """The record that runs were accepted as an identity's."""

    experiment: str
    identity: str
    seeds: dict[str, str]
    """Seed -> the earlier run's identity."""
    who: str
    when: str
    why: str
    differences: list[str]

    @property
    def text(self) -> str:
        """In words."""
        return f"accepted by {self.who} on {self.when[:10]}: {self.why}"


_RECORD = TypeAdapter(Acceptance)


def acceptances(paths: Paths) -> dict[str, Acceptance]:
    """All acceptances by identity; a damaged record counts as none, and costs its own experiment alone."""
    found = {}
    for record in (paths.results / "accepted").glob("*.json"):
        with suppress(OSError, ValueError):  # pydantic's errors are ValueErrors
            found[record.stem] = _RECORD.validate_json(record.read_bytes())
    return found


def accept(
    paths: Paths, name: str, identity: Identity, runs: dict[int, PastRun], why: str, differences: list[Reason]
) -> None:
    """Let these runs (by seed) be today's.

    Raises:
        UserError: a run of today has begun, or an earlier one is damaged.
    """
    for seed, run in runs.items():
        if damage := altered(run.folder):
            raise UserError(f"{name}, seed {seed}: {run.folder}: {damage[0].text}; a damaged run cannot be accepted")
        folder = paths.run(identity.digest, seed)
        if paths.finished(identity.digest, seed).is_file():
            raise UserError(f"{name}, seed {seed}: is fresh already; there is nothing to accept")
        if folder.exists() and not folder.is_symlink():
            raise UserError(f"{name}, seed {seed}: today's run has begun in {folder}; finish it, or remove that folder")
    record = paths.accepted(identity.digest)
    content = Acceptance(
        experiment=name,
        identity=identity.digest,
        seeds={str(seed): run.identity for seed, run in runs.items()},
        who=_who(),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        why=why,
        differences=[reason.text for reason in differences],
    )
    write_json(record, asdict(content))
    for seed, run in runs.items():
        replace_link(paths.run(identity.digest, seed), run.folder.resolve())


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return f"user {os.getuid()}"


def undo(paths: Paths, name: str, identity: Identity) -> dict[int, str]:
    """Take an acceptance back; gives the earlier run's identity of each seed.

    Raises:
        UserError: there is none.
    """
    record = acceptances(paths).get(identity.digest)
    if record is None:
        raise UserError(f"{name}: no run is accepted for its identity {identity.digest}; there is nothing to undo")
    seeds = {int(seed): earlier for seed, earlier in record.seeds.items()}
    for seed in seeds:
        folder = paths.run(identity.digest, seed)
        if folder.is_symlink():
            folder.unlink()
    around = paths.run(identity.digest, 0).parent
    if around.is_dir() and not any(around.iterdir()):
        shutil.rmtree(around)
    paths.accepted(identity.digest).unlink()
    return seeds


def accepted_runs(paths: Paths) -> set[Path]:
    """The folders that acceptances refer to."""
    return {
        paths.run(earlier, int(seed)).resolve()
        for record in acceptances(paths).values()
        for seed, earlier in record.seeds.items()
    }
