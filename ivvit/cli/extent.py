"""What the jobs other than training have to do, as far as it is known before they run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ivvit.config import Experiment
from ivvit.ground.errors import UserError
from ivvit.identity.locks import Pending
from ivvit.ledger.forecast import StudyTodo, unfinished_studies
from ivvit.ledger.holders import resumes_at
from ivvit.ledger.status import RunState, Status
from ivvit.runs.extension import obstacle

if TYPE_CHECKING:
    from ivvit.data.extraction.estimate import StoreSize


@dataclass(frozen=True)
class CheckJob:
    """A line for a job that will run, or may."""

    text: str
    size: int = 0
    """Bytes that it adds to frame stores, at most."""


def check_jobs(status: Status) -> Iterator[CheckJob]:
    """Validation, extraction and conversion."""
    validated = {check.name for check in status.due.values() if check.rule == "validate"}
    for check in status.due.values():
        line = f"{check.rule}: {check.text}"
        yield _extraction(line, _store_size(status, check.name)) if check.rule == "extract" else CheckJob(line)
    waiting = set(status.jobs.datasets) if "demo" in {check.rule for check in status.due.values()} else validated
    if waiting - validated:
        yield from (CheckJob(f"validate: {name}, when it is made") for name in sorted(waiting - validated))
    for name, data in status.jobs.datasets.items():
        if data.uses_store and name in waiting:
            if any((status.paths.results / "frames" / name).glob("*.json")):
                yield CheckJob(f"maybe: frames of {name}, if its manifest changes")
            else:
                yield _extraction(f"extract: frames of {name}", _likely_size(status, name))


def study_jobs(status: Status) -> Iterator[tuple[StudyTodo, int]]:
    """Every study that is not finished, and its trials that are left."""
    for study in unfinished_studies(status):
        if study.pending:
            yield study, study.n_trials
            continue
        from ivvit.cli.study import study_job
        from ivvit.study.records import trials_left

        yield study, trials_left(study_job(status.identities, study.name, status.identities.study(study.name)))


def iterations_done(status: Status, state: RunState) -> int:
    """What a run that is not finished has behind it: its own beginning, or a shorter run that it may go on from."""
    if state.settled != "stale":
        return resumes_at(Path(state.folder)) if state.folder else 0
    earlier = status.earlier(state.experiment, state.seed)
    if earlier is None or not all((reason.kind, reason.subject) == ("spec", "iterations") for reason in state.why):
        return 0
    spec, before = status.identities.experiment(state.experiment).parts["spec"], earlier.iterations
    return before if before < spec["iterations"] and obstacle(spec, before) is None else 0


def can_be_read(status: Status, experiment: Experiment) -> bool:
    """Whether an experiment's data is validated and extracted."""
    checks = status.jobs.checks
    try:
        needed = [checks.manifest(name) for name in experiment.data]
        needed += [checks.frames(name) for name, data in experiment.data.items() if data.uses_store]
    except Pending:
        return False
    return all(map(checks.locks.is_sound, needed))


def _extraction(line: str, size: "StoreSize | None") -> CheckJob:
    """`extract: ...: 3 of 12 videos to encode, at most 0.1 GB (...)`."""
    if size is None:
        return CheckJob(f"{line}: the disk it takes is known when the data is there")
    amount = f"{size.todo} of {size.total} videos to encode, at most {disk(size.size)}"
    return CheckJob(f"{line}: {amount} by {size.basis}", size.size)


def _store_size(status: Status, dataset: str) -> "StoreSize":
    from ivvit.data.extraction.estimate import store_size

    lock = status.jobs.checks.manifest(dataset)
    return store_size(dataset, status.config.datasets[dataset], status.config.root, lock)


def _likely_size(status: Status, dataset: str) -> "StoreSize | None":
    from ivvit.data.extraction.estimate import unvalidated_size

    try:
        return unvalidated_size(dataset, status.config.datasets[dataset], status.config.root)
    except UserError:  # not there yet, or what validation is there to say
        return None


def disk(size: int) -> str:
    """Bytes for people: 12.3 MB, 4.5 GB."""
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
