"""The state of every experiment and seed: fresh, stale and why, waiting for a check, running, failed, never run."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ivvit.config import Config, Experiment
from ivvit.staleness.drift import drift
from ivvit.staleness.holders import holder, reached
from ivvit.staleness.identity import Identities, Identity
from ivvit.staleness.jobs import Jobs
from ivvit.staleness.locks import Pending
from ivvit.staleness.manifests import difference
from ivvit.staleness.past import PastRun, past_run, past_runs
from ivvit.staleness.reasons import reasons
from ivvit.staleness.records import outdated

_FAILURE = re.compile(r"error: |(\w+\.)*\w*(Error|Exception|Exit)\b")  # ours, or the last line of a traceback
_REFUSED = "is being trained by process"  # a second job's last words, which say nothing of the first one's end

_VERSIONS = '"versions": '


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
    settled: str = ""
    """The state if the pending checks find nothing new; pending where not even that is known."""

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
        self._identity = cache(self.identities.experiment)

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
            identity = self._identity(name)
        except Pending as pending:
            waits = [self._waits(str(target)) for target in pending.targets]
            return RunState(name, seed, "pending", waits, settled="pending")
        folder = self.paths.run(identity.digest, seed)
        settled, why = self._state(name, seed, folder, identity)
        state = settled
        if settled != "running" and (waits := self._checks(name)):
            state, why = "pending", [*waits, *why]
        return RunState(name, seed, state, why, identity.digest, str(folder), settled)

    def _state(self, name: str, seed: int, folder: Path, identity: Identity) -> tuple[str, list[str]]:
        if (folder / "metrics.json").is_file():
            return "fresh", [*self._accepted(identity), *_drift(folder)]
        step, total = reached(folder), identity.parts["spec"]["iterations"]
        if found := holder(folder):
            return "running", [str(found), f"iteration {step or 0} of {total}"]
        log = self.paths.results.parent / "logs" / "train" / f"{identity.digest}-seed{seed}.log"
        if step is not None or (folder / "provenance.json").is_file():
            last = _last_line(log)
            ended = _sessions(folder)[-1:]
            if _FAILURE.match(last) or (ended and ended[0].get("end") not in ("killed", "interrupted", None)):
                return "failed", [last or "see its log", f"iteration {step or 0} of {total}"]
            return "interrupted", [f"iteration {step or 0} of {total}; goes on from its checkpoint"]
        if _FAILURE.match(last := _last_line(log)):
            return "failed", [last]
        old = self.earlier(name, seed)
        return ("never run", []) if old is None else ("stale", self.reasons(old.provenance, identity))

    def earlier(self, name: str, seed: int) -> PastRun | None:
        """The latest finished run of an experiment that is not fresh: the one that people see, else one by its name."""
        linked = past_run(self.paths.link(name, seed))
        return linked or self._latest.get((name, seed))

    @cached_property
    def _latest(self) -> dict[tuple[str, int], PastRun]:
        return {(run.name, run.seed): run for run in reversed(past_runs(self.paths))}

    def reasons(self, old: dict[str, Any], identity: Identity) -> list[str]:
        """Why an earlier run (its provenance) is not today's."""
        return reasons(old.get("parts", {}), identity.parts, lambda n, a, b: difference(self.paths.manifest(n), a, b))

    def _checks(self, name: str) -> list[str]:
        experiments = list(self._upstream(name))
        places = (self.paths.manifest, self.paths.frames)
        locks = [place(data) for experiment in experiments for data in experiment.data for place in places]
        locks += [self.paths.weights(experiment.pretrain) for experiment in experiments]
        return [self.outdated[lock] for lock in dict.fromkeys(locks) if lock in self.outdated]

    def _upstream(self, name: str) -> Iterator[Experiment]:
        """The experiment, its study's trials, and all that it starts from."""
        experiment = self.identities.resolved(name)
        yield experiment
        if study := self.config.entries[name].from_study:
            yield from self._upstream(self.config.file.studies[study].base)
        if experiment.pretrain.startswith("experiment:"):
            yield from self._upstream(experiment.pretrain.removeprefix("experiment:"))

    def _waits(self, target: str) -> str:
        path = Path(target)
        if path.is_relative_to(self.paths.results / "studies"):
            return f"study {path.relative_to(self.paths.results / 'studies').parts[0]} must be done first"
        return self.outdated.get(path, f"waits for {target}")

    def _accepted(self, identity: Identity) -> list[str]:
        record = self.paths.accepted(identity.digest)
        if not record.is_file():
            return []
        content = json.loads(record.read_text())
        return [f"accepted by {content['who']} on {content['when'][:10]}: {content['why']}"]


def _drift(folder: Path) -> list[str]:
    found = drift({"versions": _versions(folder / "provenance.json")})
    return [f"made with other versions: {', '.join(found)}"] if found else []


def _versions(path: Path) -> dict[str, str | None]:
    """The entry `versions` alone: the rest of a provenance is long, and a table may have thousands."""
    try:
        text = path.read_text(encoding="utf-8")
        return json.JSONDecoder().raw_decode(text, text.index(_VERSIONS) + len(_VERSIONS))[0]
    except (OSError, ValueError):
        return {}


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
    last = next((line for line in reversed(lines) if line), "")
    return "" if _REFUSED in last else last
