"""Several runs one after the other in one process, which starts once; Snakemake finds them done."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ivvit.cli.jobs import identity_of
from ivvit.cli.launch import spreads
from ivvit.config import Config
from ivvit.ground.errors import FAILURE, OK, STOPPED, UserError
from ivvit.ledger.status import RunState, Status
from ivvit.planning.jobs import Jobs

_DUE = ("never run", "stale", "interrupted", "failed", "silent", "trained")
"""States of runs that are to be trained, or only evaluated; another start finds out whether a silent one is alive."""


@dataclass(frozen=True)
class Due:
    """What is due of a configuration."""

    runs: list[tuple[str, int]]
    """Experiments and seeds; parents come before what starts from them."""
    left: list[str]
    """Why others that are due are left to Snakemake."""


def due_runs(status: Status, names: Iterable[str] = ()) -> Due:
    """The runs that are due, of these experiments or of all."""
    config, wanted = status.config, {*names} or {*status.config.entries}
    states = [state for state in status.runs() if state.experiment in wanted and state.state != "fresh"]
    reasons = {(state.experiment, state.seed): _left(config, state) for state in states}
    runs = [key for key, reason in reasons.items() if reason is None]
    return Due(parents_first(config, runs), [reason for reason in reasons.values() if reason])


def parents_first(config: Config, runs: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The same runs in an order in which each comes after those that it starts from, else as they were."""

    def generation(name: str) -> int:
        parent = config.experiment(name).pretrain.partition("experiment:")[2]
        return 1 + generation(parent) if parent else 0

    return sorted(runs, key=lambda run: generation(run[0]))


def train_several(jobs: Jobs, runs: list[tuple[str, int]], train: Callable[[str, int], object]) -> int:
    """One after the other; a run that fails is named, and the others go on. Returns the exit status.

    Raises:
        UserError: a run was asked to stop, or an experiment trains in several processes.
    """
    status = OK
    for name in dict(runs):
        if spreads(jobs.config.entries[name].runtime):
            raise UserError(f"{name} trains in several processes (runtime.gpus, runtime.nodes): train it alone")
        identity_of(jobs.identities, name)  # of all, before any code is imported: see load_planned
    for name, seed in runs:
        try:
            train(name, seed)
        except UserError as error:
            if error.exit_code == STOPPED:
                raise
            print(f"error: {name}, seed {seed}: {error}", file=sys.stderr)
            status = error.exit_code
    return status


def train_due(status: Status, names: Iterable[str], train: Callable[[str, int], object]) -> int:
    """Train all that is due, and say what is left; returns the exit status, 1 where something is left."""
    due = due_runs(status, names)
    print(f"{len(due.runs)} runs are due" + (f", and {len(due.left)} are left to snakemake" if due.left else ""))
    done = train_several(status.jobs, due.runs, train)
    for reason in due.left:
        print(f"left: {reason}", file=sys.stderr)
    return done or (FAILURE if due.left else OK)


def _left(config: Config, state: RunState) -> str | None:
    """Why a run that is not fresh is not trained here; None where it is."""
    run = f"{state.experiment}, seed {state.seed}"
    if state.state not in _DUE:
        return f"{run}: {state.state}" + (f" ({'; '.join(state.texts)})" if state.why else "")
    if spreads(config.entries[state.experiment].runtime):
        return f"{run}: trains in several processes (runtime.gpus, runtime.nodes)"
    return None
