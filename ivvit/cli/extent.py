"""What the jobs other than training have to do, as far as it is known before they run."""

from collections.abc import Iterator
from pathlib import Path

from ivvit.config import Experiment
from ivvit.config.extension import obstacle
from ivvit.identity.locks import Pending
from ivvit.ledger.holders import reached
from ivvit.ledger.status import RunState, Status

_RULES = {"manifests": "validate", "frames": "extract", "weights": "weights"}


def check_jobs(status: Status) -> Iterator[str]:
    """Validation, extraction and conversion: a line for each job that will run, or may."""
    for lock, reason in status.outdated.items():
        rule = _RULES.get(lock.parent.name, "demo")
        yield f"{rule}: {reason}" + (_videos(status, lock.stem) if rule == "extract" else "")
    for name, data in status.jobs.datasets.items():
        if data.uses_store and status.paths.manifest(name) in status.outdated:
            there = status.paths.frames(name).is_file()
            yield f"maybe: frames of {name}, if its manifest changes" if there else f"extract: frames of {name}"


def study_jobs(status: Status) -> Iterator[tuple[str, int, bool]]:
    """(study, trials that are left, whether it waits for checks) of every study that an experiment needs."""
    for name in dict.fromkeys(entry.from_study for entry in status.config.entries.values() if entry.from_study):
        trials = status.config.file.studies[name].n_trials
        try:
            identity = status.identities.study(name)
        except Pending:
            yield name, trials, True
            continue
        if not status.paths.best(name, identity.digest, trials).is_file():
            from ivvit.cli.study import study_job
            from ivvit.study.records import trials_left

            yield name, trials_left(study_job(status.config, name, identity)), False


def iterations_done(status: Status, state: RunState) -> int:
    """What a run that is not finished has behind it: its own beginning, or a shorter run that it may go on from."""
    if state.settled != "stale":
        return reached(Path(state.folder)) or 0
    if not all(reason.startswith("iterations: ") for reason in state.why):
        return 0
    spec = status.identities.experiment(state.experiment).parts["spec"]
    before = status.earlier(state.experiment, state.seed).parts["spec"]["iterations"]
    return before if before < spec["iterations"] and obstacle(spec, before) is None else 0


def can_be_read(status: Status, experiment: Experiment) -> bool:
    """Whether an experiment's data has been validated and extracted, be it long ago."""
    paths = status.paths
    needed = [paths.manifest(name) for name in experiment.data]
    needed += [paths.frames(name) for name, data in experiment.data.items() if data.uses_store]
    return all(lock.is_file() for lock in needed)


def _videos(status: Status, dataset: str) -> str:
    """`, 3 of 12 videos, about 0.1 GB`: those that the store lacks."""
    from ivvit.data.extraction.plan import estimated_bytes, store_tasks

    options = status.config.datasets[dataset]
    tasks = store_tasks(dataset, options, status.config.root, status.paths.manifest(dataset))
    todo = [task for task in tasks if not task.target.exists()]
    size = estimated_bytes(todo, options.store)
    return f": {len(todo)} of {len(tasks)} videos to code, about {size / 1e6:.1f} MB at most"
