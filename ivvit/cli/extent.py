"""What the jobs other than training have to do, as far as it is known before they run."""

from collections.abc import Iterator
from pathlib import Path

from ivvit.config import Experiment
from ivvit.identity.locks import Pending
from ivvit.ledger.forecast import StudyTodo, unfinished_studies
from ivvit.ledger.holders import reached
from ivvit.ledger.status import RunState, Status
from ivvit.runs.extension import obstacle


def check_jobs(status: Status) -> Iterator[str]:
    """Validation, extraction and conversion: a line for each job that will run, or may."""
    validated = {check.name for check in status.due.values() if check.rule == "validate"}
    for check in status.due.values():
        yield f"{check.rule}: {check.text}" + (_videos(status, check.name) if check.rule == "extract" else "")
    waiting = set(status.jobs.datasets) if "demo" in {check.rule for check in status.due.values()} else validated
    if waiting - validated:
        yield from (f"validate: {name}, when it is made" for name in sorted(waiting - validated))
    for name, data in status.jobs.datasets.items():
        if data.uses_store and name in waiting:
            there = any((status.paths.results / "frames" / name).glob("*.json"))
            yield f"maybe: frames of {name}, if its manifest changes" if there else f"extract: frames of {name}"


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
        return reached(Path(state.folder)) or 0 if state.folder else 0
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
    return all(lock.is_file() for lock in needed)


def _videos(status: Status, dataset: str) -> str:
    """`, 3 of 12 videos, about 0.1 GB`: those that the store lacks."""
    from ivvit.data.extraction.plan import estimated_bytes, store_tasks

    options = status.config.datasets[dataset]
    tasks = store_tasks(dataset, options, status.config.root, status.jobs.checks.manifest(dataset))
    todo = [task for task in tasks if not task.target.exists()]
    size = estimated_bytes(todo, options.store)
    return f": {len(todo)} of {len(tasks)} videos to code, about {size / 1e6:.1f} MB at most"
