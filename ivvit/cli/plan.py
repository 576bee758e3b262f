"""What would run now: the jobs, and an estimate of hours, time and disk with how sure it is; starts nothing."""

import argparse
from collections import Counter

from ivvit.cli.common import add_config, config_of
from ivvit.config import Config
from ivvit.staleness.estimates import Estimate, estimate
from ivvit.staleness.past import past_runs
from ivvit.staleness.state import RunState, Status


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("--at-once", type=int, default=1, help="runs at the same time, for the wall time (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Print it."""
    config = config_of(args)
    status = Status(config)
    states = status.runs()
    for reason in status.outdated.values():
        print(f"check: {reason}")
    for name in _studies(states):
        print(f"{name}; its trials are not in the estimate")
    todo = [state for state in states if state.settled not in ("fresh", "running", "pending")]
    open_ = [state for state in states if state.state == "pending" and state not in todo]
    costs = _costs(config, status, todo)
    for state in todo:
        cost = costs[state.identity, state.seed]
        print(f"train: {state.experiment}, seed {state.seed} ({state.settled}): {_time(cost.seconds)}; {cost.basis}")
    for state in open_:
        print(f"maybe: {state.experiment}, seed {state.seed}: {'; '.join(state.why)}")
    _total(config, todo, list(costs.values()), len(open_), args.at_once)


def _costs(config: Config, status: Status, todo: list[RunState]) -> dict[tuple[str | None, int], Estimate]:
    """By identity and seed: equal experiments share a run."""
    past = past_runs(status.paths) if todo else []
    specs = {state.experiment: status.identities.experiment(state.experiment).parts["spec"] for state in todo}
    return {(state.identity, state.seed): estimate(specs[state.experiment], past) for state in todo}


def _studies(states: list[RunState]) -> list[str]:
    return [why for why in Counter(why for state in states for why in state.why) if why.startswith("study ")]


def _total(config: Config, todo: list[RunState], costs: list[Estimate], pending: int, at_once: int) -> None:
    known = [cost.seconds for cost in costs if cost.seconds is not None]
    gpus = max((config.entries[s.experiment].runtime.gpus * config.entries[s.experiment].runtime.nodes for s in todo),
               default=0)  # fmt: skip
    unit = f"{sum(known) * gpus / 3600:.2f} GPU hours" if gpus else f"{sum(known) / 3600:.2f} CPU job hours"
    disk = sum(cost.size or 0 for cost in costs) / 1e6
    print(f"{len(costs)} runs to train" + (f", and up to {pending} more that wait for a check" if pending else ""))
    if known:
        wall = max(sum(known) / at_once, max(known))
        print(f"about {unit}, {_time(wall)} with {at_once} at once, {disk:.1f} MB of disk")
    kinds = Counter(cost.basis.partition(":")[0] for cost in costs)
    if kinds:
        print("how sure: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items()))


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "unknown time"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
