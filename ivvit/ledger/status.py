"""The state of every experiment and seed: fresh, stale and why, waiting for a check, running, failed, never run."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ivvit.config import Config, Experiment
from ivvit.ground.versions import drift_of
from ivvit.identity.identity import Identity
from ivvit.identity.locks import Pending
from ivvit.ledger.manifests import difference
from ivvit.ledger.past import PastRun, named_runs, past_run
from ivvit.ledger.reasons import reasons
from ivvit.ledger.studies import study_reasons
from ivvit.ledger.unfinished import unfinished
from ivvit.planning.jobs import Jobs
from ivvit.planning.records import outdated


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
        return dict(vars(self))


class Status:
    """Looks at locks, runs and logs; changes nothing."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.jobs = Jobs(config)
        self.identities = self.jobs.done
        self.paths = self.identities.paths
        self._identity = cache(self.identities.experiment)
        self._checks = cache(self._find_checks)
        self._study = cache(self._find_study)
        self._reasons: dict[tuple[str, str], list[str]] = {}

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
        fresh = os.path.isfile(f"{folder}/model.safetensors")
        settled, why = ("fresh", self._notes(folder, identity)) if fresh else self._state(name, seed, folder, identity)
        state = settled
        if settled != "running" and (waits := self._checks(name)):
            state, why = "pending", [*waits, *why]
        return RunState(name, seed, state, why, identity.digest, str(folder), settled)

    def _state(self, name: str, seed: int, folder: Path, identity: Identity) -> tuple[str, list[str]]:
        log = f"{self.paths.results.parent}/logs/train/{identity.digest}-seed{seed}.log"
        if found := unfinished(folder, log, identity.parts["spec"]["iterations"]):
            return found
        old = self.earlier(name, seed)
        return ("never run", []) if old is None else ("stale", self.reasons(old, identity))

    def earlier(self, name: str, seed: int) -> PastRun | None:
        """The latest finished run of an experiment that is not fresh: the one that people see, else one by its name."""
        if (linked := past_run(self.paths.link(name, seed))) is not None:
            return linked
        found = self._superseded.get((name, seed), [])
        return max(found, key=lambda run: run.ended) if len(found) > 1 else next(iter(found), None)

    @cached_property
    def _superseded(self) -> dict[tuple[str, int], list[PastRun]]:
        """The finished runs that are no experiment's today."""
        today = set()
        for name in self.config.entries:
            with suppress(Pending):
                today.add(self._identity(name).digest)
        return named_runs(self.paths, without=today)

    def reasons(self, old: PastRun, identity: Identity) -> list[str]:
        """Why an earlier run is not today's; equal for all seeds."""
        key = (old.identity, identity.digest)
        if key not in self._reasons:
            self._reasons[key] = reasons(old.parts, identity.parts, self._difference)
        return self._reasons[key]

    @cached_property
    def _difference(self) -> Callable[[str, str, str], str | None]:
        return cache(lambda name, old, new: difference(self.paths.manifest(name), old, new))

    def _find_checks(self, name: str) -> list[str]:
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
            return self._study(path.relative_to(self.paths.results / "studies").parts[0])
        return self.outdated.get(path, f"waits for {target}")

    def _find_study(self, name: str) -> str:
        why = study_reasons(self.paths, name, self.identities.study(name), self._difference)
        return f"study {name} must be done first" + (f" ({'; '.join(why)})" if why else "")

    def _notes(self, folder: Path, identity: Identity) -> list[str]:
        """What is to be said about a fresh run."""
        found = [drift_of(folder)]
        if identity.digest in self._accepted:
            record = json.loads(self.paths.accepted(identity.digest).read_text())
            found.insert(0, f"accepted by {record['who']} on {record['when'][:10]}: {record['why']}")
        return [note for note in found if note]

    @cached_property
    def _accepted(self) -> set[str]:
        """Today's and earlier identities for which another one's run was accepted."""
        return {record.stem for record in (self.paths.results / "accepted").glob("*.json")}
