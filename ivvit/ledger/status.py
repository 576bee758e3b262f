"""The state of every experiment and seed: fresh, stale and why, waiting for a check, running, failed, never run."""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ivvit.config import Config
from ivvit.ground.versions import drift_of
from ivvit.identity.identity import Identities, Identity
from ivvit.identity.locks import Pending
from ivvit.ledger.acceptance import Acceptance, acceptances
from ivvit.ledger.damage import damage_of
from ivvit.ledger.due import DueCheck, LastChecks, due_checks
from ivvit.ledger.manifests import difference
from ivvit.ledger.past import PastRun, linked_run, named_runs
from ivvit.ledger.reasons import DataDiff, Reason, reasons
from ivvit.ledger.studies import study_reasons
from ivvit.ledger.unfinished import unfinished
from ivvit.planning.jobs import Jobs


@dataclass(frozen=True)
class RunState:
    """One row of `ivvit status`."""

    experiment: str
    seed: int
    state: str
    """fresh, trained (but not yet evaluated as it is to be today), damaged, stale, pending, running, silent,
    interrupted, failed or never run."""
    why: list[Reason] = field(default_factory=list)
    identity: str | None = None
    folder: str | None = None
    settled: str = ""
    """The state if the pending checks find nothing new; pending where not even that is known."""

    @property
    def texts(self) -> list[str]:
        """The reasons in words."""
        return [reason.text for reason in self.why]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "why": self.texts}


class Status:
    """Looks at locks and runs; changes nothing."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.jobs = Jobs(config)
        self.identities, self.paths = self.jobs.identities, self.jobs.paths
        self.last = Identities(config, LastChecks.of(self.jobs.checks))
        """Identities as the last checks tell them, where today's are due."""
        self._identity, self._last_identity = cache(self.identities.experiment), cache(self.last.experiment)
        self._evaluation = cache(self.last.evaluation)
        self._study = cache(self._find_study)
        self._reasons: dict[tuple[str, str], list[Reason]] = {}

    @cached_property
    def due(self) -> dict[Path, DueCheck]:
        """The checks that must be done (again)."""
        return due_checks(self.jobs)

    def runs(self) -> list[RunState]:
        """All experiments and seeds in the configuration's order."""
        return [self.run(name, seed) for name, entry in self.config.entries.items() for seed in entry.seeds]

    def run(self, name: str, seed: int) -> RunState:
        """The state of one run."""
        waits: list[Reason] = []
        try:
            identity = self._identity(name)
        except Pending as pending:
            waits = [self._waits(target) for target in pending.targets]
            try:
                identity = self._last_identity(name)
            except Pending:
                return RunState(name, seed, "pending", waits, settled="pending")
        folder = self.paths.run(identity.digest, seed)
        if os.path.isfile(self.paths.finished(identity.digest, seed)):
            settled, why = self._finished(name, identity, seed)
        else:
            settled, why = self._state(name, seed, folder, identity)
        state = "pending" if waits and settled not in ("running", "silent") else settled
        return RunState(name, seed, state, [*waits, *why], identity.digest, str(folder), settled)

    def _finished(self, name: str, identity: Identity, seed: int) -> tuple[str, list[Reason]]:
        """The state of a run that is trained."""
        if damage := damage_of(self.paths.finished(identity.digest, seed)):
            return "damaged", damage
        notes = self._notes(self.paths.run(identity.digest, seed), identity)
        try:
            numbers = self.paths.evaluated(identity.digest, seed, self._evaluation(name).digest)
        except Pending:
            return "trained", notes
        if not os.path.isfile(numbers):
            return "trained", notes
        return ("trained", [*damage, *notes]) if (damage := damage_of(numbers)) else ("fresh", notes)

    def _state(self, name: str, seed: int, folder: Path, identity: Identity) -> tuple[str, list[Reason]]:
        if found := unfinished(folder, identity.parts["spec"]["iterations"]):
            return found.state, found.why
        old = self.earlier(name, seed)
        return ("never run", []) if old is None else ("stale", self.reasons(old, identity))

    def earlier(self, name: str, seed: int) -> PastRun | None:
        """The latest finished run of an experiment that is not fresh: the one that people see, else one by its name."""
        if (linked := linked_run(self.paths, name, seed)) is not None:
            return linked
        found = self._superseded.get((name, seed), [])
        return max(found, key=lambda run: run.ended) if len(found) > 1 else next(iter(found), None)

    @cached_property
    def _superseded(self) -> dict[tuple[str, int], list[PastRun]]:
        """The finished runs that belong to no experiment today."""
        today = set()
        for name in self.config.entries:
            with suppress(Pending):
                today.add(self._identity(name).digest)
        return named_runs(self.paths, without=today)

    def reasons(self, old: PastRun, identity: Identity) -> list[Reason]:
        """Why an earlier run is not today's; equal for all seeds."""
        key = (old.identity, identity.digest)
        if key not in self._reasons:
            self._reasons[key] = reasons(old.parts, identity.parts, self._difference)
        return self._reasons[key]

    @cached_property
    def _difference(self) -> DataDiff:
        return cache(lambda name, old, new: difference(self.paths, name, old, new))

    def _waits(self, target: Path) -> Reason:
        studies = self.paths.results / "studies"
        if target.is_relative_to(studies):
            return self._study(target.relative_to(studies).parts[0])
        check = self.due.get(target)
        return Reason("check", check.name if check else "", detail=check.text if check else f"waits for {target}")

    def _find_study(self, name: str) -> Reason:
        why = study_reasons(self.paths, name, self.identities.study(name), self._difference)
        because = f" ({'; '.join(reason.text for reason in why)})" if why else ""
        return Reason("study", name, detail=f"must be done first{because}")

    def _notes(self, folder: Path, identity: Identity) -> list[Reason]:
        """What is to be said about a fresh run."""
        found = []
        if accepted := self._accepted.get(identity.digest):
            found.append(Reason("accepted", "", detail=accepted.text))
        if drift := drift_of(folder):
            found.append(Reason("drift", "", detail=drift))
        return found

    @cached_property
    def _accepted(self) -> dict[str, Acceptance]:
        """Identities, today's and earlier ones, for which another one's run was accepted."""
        return acceptances(self.paths)
