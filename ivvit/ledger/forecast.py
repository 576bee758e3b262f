"""What will follow once the checks are done whose findings name it: for `ivvit plan` and the end of `snakemake -n`."""

from collections.abc import Iterator
from dataclasses import dataclass

from ivvit.identity.locks import Pending
from ivvit.ledger.status import RunState, Status

_SHOWN = 20


@dataclass(frozen=True)
class StudyTodo:
    """A study that is not finished."""

    name: str
    n_trials: int
    pending: bool
    """Whether its identity waits for checks."""
    begun: bool
    """Whether there is a study of this name, which may be today's."""


def unfinished_studies(status: Status) -> Iterator[StudyTodo]:
    """All studies that are not finished, in the configuration's order."""
    for name, options in status.config.file.studies.items():
        begun = status.paths.study(name, "").is_dir()
        try:
            identity = status.identities.study(name)
        except Pending:
            yield StudyTodo(name, options.n_trials, True, begun)
            continue
        if not status.jobs.checks.locks.is_sound(status.paths.best(name, identity.digest, options.n_trials)):
            yield StudyTodo(name, options.n_trials, False, begun)


def waiting(states: list[RunState]) -> list[RunState]:
    """The runs whose identity is not known before a check or a study is done."""
    return [state for state in states if state.state == "pending" and state.settled in ("fresh", "trained", "pending")]


def forecast(status: Status) -> list[str]:
    """Lines that say which trainings and trials will follow, and which may."""
    states = [state for state in status.runs() if state.state == "pending"]
    studies = [study for study in unfinished_studies(status) if study.pending]
    sure = [state for state in states if state.settled not in ("fresh", "trained")]
    maybe = [state for state in states if state.settled in ("fresh", "trained")]
    lines = []
    if sure:
        lines.append(f"{len(sure)} trainings: {_names([f'{s.experiment}, seed {s.seed}' for s in sure])}")
    if new := [study for study in studies if not study.begun]:
        count = sum(study.n_trials for study in new)
        lines.append(f"{count} trials: {_names([f'{s.n_trials} of {s.name}' for s in new])}")
    if found := [study.name for study in studies if study.begun]:
        lines.append(f"trials, if the checks find something new: {_names(found)}")
    if maybe:
        names = _names([f"{s.experiment}, seed {s.seed}" for s in maybe])
        lines.append(f"up to {len(maybe)} trainings, if the checks find something new: {names}")
    return lines


def _names(names: list[str]) -> str:
    more = f"; and {len(names) - _SHOWN} more (`ivvit plan` lists all)" if len(names) > _SHOWN else ""
    return "; ".join(names[:_SHOWN]) + more
