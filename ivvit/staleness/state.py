"""The state of every experiment and seed: fresh, stale and why, waiting for a check, running, failed, never run."""

import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ivvit.config import Config
from ivvit.staleness.holders import holder, reached
from ivvit.staleness.identity import Identities, Identity
from ivvit.staleness.jobs import Jobs
from ivvit.staleness.locks import Pending
from ivvit.staleness.manifests import difference
from ivvit.staleness.reasons import reasons
from ivvit.staleness.records import outdated


@dataclass(frozen=True)
class RunState:
    """One row of `ivvit status`."""

    experiment: str
    seed: int
    state: str
    """fresh, stale, pending, running, interrupted, failed or never run."""
    why: list[str] = field(default_factory=list)
    identity: str | None = None
    folder: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class Status:
    """Looks at locks, runs and logs; changes nothing."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.jobs = Jobs(config)
        self.identities = Identities(config)
        self.paths = self.identities.paths

    @cached_property
    def outdated(self) -> dict[Path, str]:
        """The checks that must be done (again)."""
        return outdated(self.jobs)

    def runs(self) -> list[RunState]:
        """All experiments and seeds in the configuration's order."""
        return [self.run(name, seed) for name, entry in self.config.entries.items() for seed in entry.seeds]

    def run(self, name: str, seed: int) -> RunState:
        """The state of one run."""
        try:
            identity = self.identities.experiment(name)
        except Pending as pending:
            return RunState(name, seed, "pending", [self._waits(str(target)) for target in pending.targets])
        if waits := self._checks(name):
            return RunState(name, seed, "pending", waits, identity.digest)
        folder = self.paths.run(identity.digest, seed)
        state, why = self._state(name, seed, folder, identity)
        return RunState(name, seed, state, why, identity.digest, str(folder))

    def _state(self, name: str, seed: int, folder: Path, identity: Identity) -> tuple[str, list[str]]:
        if (folder / "metrics.json").is_file():
            return "fresh", self._accepted(identity)
        step, total = reached(folder), identity.parts["spec"]["iterations"]
        if found := holder(folder):
            return "running", [f"{found.host}, process {found.pid}", f"iteration {step or 0} of {total}"]
        log = self.paths.results.parent / "logs" / "train" / f"{identity.digest}-seed{seed}.log"
        if step is not None or (folder / "provenance.json").is_file():
            last = _last_line(log)
            ended = _sessions(folder)[-1:]
            if last.startswith("error:") or (ended and ended[0].get("end") not in ("killed", "interrupted", None)):
                return "failed", [last or "see its log", f"iteration {step or 0} of {total}"]
            return "interrupted", [f"iteration {step or 0} of {total}; goes on from its checkpoint"]
        if log.is_file() and _last_line(log):
            return "failed", [_last_line(log)]
        old = previous(self.paths.link(name, seed), identity.digest)
        return ("never run", []) if old is None else ("stale", self.reasons(old, identity))

    def reasons(self, old: dict[str, Any], identity: Identity) -> list[str]:
        """Why an earlier run (its provenance) is not today's."""
        return reasons(old.get("parts", {}), identity.parts, lambda n, a, b: difference(self.paths.manifest(n), a, b))

    def _checks(self, name: str) -> list[str]:
        experiment = self.identities.resolved(name)
        locks = [self.paths.manifest(data) for data in experiment.data]
        locks += [self.paths.frames(data) for data in experiment.data]
        locks.append(self.paths.weights(experiment.pretrain))
        return [self.outdated[lock] for lock in locks if lock in self.outdated]

    def _waits(self, target: str) -> str:
        return self.outdated.get(Path(target), f"waits for {target}")

    def _accepted(self, identity: Identity) -> list[str]:
        record = self.paths.accepted(identity.digest)
        if not record.is_file():
            return []
        content = json.loads(record.read_text())
        return [f"accepted by {content['who']} on {content['when'][:10]}: {content['why']}"]


def previous(link: Path, identity: str) -> dict[str, Any] | None:
    """The provenance of the run that a link shows, if it is another one than today's."""
    try:
        content = json.loads((link / "provenance.json").read_text())
    except (OSError, ValueError):
        return None
    return content if content.get("identity") != identity and (link / "metrics.json").is_file() else None


def _sessions(folder: Path) -> list[dict[str, Any]]:
    try:
        return json.loads((folder / "provenance.json").read_text()).get("sessions", [])
    except (OSError, ValueError):
        return []


def _last_line(log: Path) -> str:
    try:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    except OSError:
        return ""
    return next((line for line in reversed(lines) if line), "")
