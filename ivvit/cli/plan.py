"""What would run now: the jobs, and an estimate of hours, time and disk with how sure it is; starts nothing."""

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ivvit.cli.common import add_config, config_of, count
from ivvit.cli.extent import can_be_read, check_jobs, disk, iterations_done, study_jobs
from ivvit.config import Config, Experiment, RuntimeOptions
from ivvit.config.canonical import canonical
from ivvit.ground.errors import UserError
from ivvit.ledger.estimates import Estimate, Experience, Speed
from ivvit.ledger.forecast import waiting
from ivvit.ledger.status import RunState, Status
from ivvit.ledger.unfinished import duration
from ivvit.planning.remade import is_remade

EXAMPLES = """\
  ivvit plan
  ivvit plan --probe --at-once 4             hours for four GPUs, with shapes tried out that never ran
"""


@dataclass(frozen=True)
class _Cost:
    """What a run, or all trials that are left of a study, will take."""

    estimate: Estimate
    runtime: RuntimeOptions
    trials: int = 0
    """Of a study; 0 for a run of an experiment."""
    workers: int = 1

    @property
    def seconds(self) -> float | None:
        each = self.estimate.seconds
        return None if each is None else (self.trials or 1) * each

    @property
    def words(self) -> str:
        time = "unknown time" if self.seconds is None else duration(self.seconds)
        return f"{time}; {self.estimate.basis}"


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("--at-once", type=count(), default=1, help="runs at once, for the wall time (%(default)s)")
    parser.add_argument("--probe", action="store_true", help="train some iterations of every shape not measured yet")


def run(args: argparse.Namespace) -> None:
    """Print it."""
    config = config_of(args)
    status = Status(config)
    states = status.runs()
    estimator = _Estimator(config, status, args.probe)
    checks = list(check_jobs(status))
    for check in checks:
        print(check.text)
    costs = list(_studies(status, estimator))
    done = ("fresh", "trained", "running", "silent", "pending")
    todo = [state for state in states if state.settled not in done and not _is_kept(status, state)]
    costs += _runs(status, todo, estimator)
    for state in (state for state in states if state.state == "trained"):
        print(f"evaluate: {state.experiment}, seed {state.seed}")
    later = waiting(states)
    sure = _waiting(status, later, estimator)
    if checks or costs or later or not (status.paths.tables / "comparison.csv").is_file():
        print("tables: the tables and figures, when all of these are done")
    _total(costs + sure, len(later) - len(sure), args.at_once)
    if stored := sum(check.size for check in checks):
        print(f"frame stores: at most {disk(stored)}, twice what UCF101's and Kinetics' videos take by the pixel")


def _is_kept(status: Status, state: RunState) -> bool:
    """Whether a run is damaged in a way that only its owner can mend."""
    if state.settled != "damaged":
        return False
    return not is_remade(status.paths.finished(str(state.identity), state.seed))


class _Estimator:
    """Estimates from past runs, and from probes where they are wanted."""

    def __init__(self, config: Config, status: Status, probe: bool) -> None:
        self._config, self._status, self._probe = config, status, probe

    @cached_property
    def _experience(self) -> Experience:
        return Experience(self._status.paths)

    def is_new(self, experiment: Experiment) -> bool:
        """Whether no finished run is of this shape."""
        return self._experience.unmeasured(canonical(experiment))

    def cost(self, name: str, experiment: Experiment, done: int = 0, **further: int) -> _Cost:
        """Of a run of an experiment with some iterations done, or of trials of a study of it."""
        spec = canonical(experiment)
        if self._probe and self._experience.unknown(spec) and can_be_read(self._status, experiment):
            self._experience.add_probe(spec, self._probed(name, experiment))
        return _Cost(self._experience.estimate(spec, done), self._config.entries[name].runtime, **further)

    def _probed(self, name: str, experiment: Experiment) -> Speed | None:
        from ivvit.cli.probe import probe

        try:
            return probe(self._status.identities, name, experiment)
        except (UserError, RuntimeError) as error:  # memory that does not suffice is one of torch's RuntimeErrors
            print(f"note: {name} could not be probed: {error}")
            return None


def _studies(status: Status, estimator: _Estimator) -> Iterator[_Cost]:
    config = status.config
    for todo, left in study_jobs(status):
        study, options = todo.name, config.file.studies[todo.name]
        if todo.pending and todo.begun:
            print(f"maybe: study {study}, after the checks")
            continue
        cost = estimator.cost(options.base, config.trial(study, {}), trials=left, workers=options.workers)
        pruned = "" if options.pruner.name == "none" else ", less for those that are pruned"
        rest = f": {cost.words}{pruned}" if left else "; the best is to be chosen"
        after = ", after the checks" if todo.pending else ""
        print(f"study: {study}, {left} of {options.n_trials} trials are left{after}{rest}")
        if left:
            yield cost


def _runs(status: Status, todo: list[RunState], estimator: _Estimator) -> list[_Cost]:
    """Equal experiments share a run, so there may be fewer costs than lines."""
    costs: dict[tuple[str | None, int], _Cost] = {}
    for state in todo:
        key = (state.identity, state.seed)
        done = iterations_done(status, state)
        if key not in costs:
            costs[key] = estimator.cost(state.experiment, status.identities.resolved(state.experiment), done)
        how = f"{state.settled}, goes on from iteration {done}" if done else state.settled
        print(f"train: {state.experiment}, seed {state.seed} ({how}): {costs[key].words}")
    return list(costs.values())


def _waiting(status: Status, waiting: list[RunState], estimator: _Estimator) -> list[_Cost]:
    """Runs whose identity is not known before a check or a study is done; the costs of those that cannot be there."""
    sure = []
    for state in waiting:
        experiment = status.config.experiment(state.experiment)
        new = estimator.is_new(experiment) and status.earlier(state.experiment, state.seed) is None
        cost = estimator.cost(state.experiment, experiment)
        after = next((f"study {why.subject}" for why in state.why if why.kind == "study"), "the checks")
        print(f"{'train' if new else 'maybe'}: {state.experiment}, seed {state.seed} (after {after}): {cost.words}")
        sure += [cost] * new
    return sure


def _total(costs: list[_Cost], waiting: int, at_once: int) -> None:
    trials, runs = sum(cost.trials for cost in costs), sum(not cost.trials for cost in costs)
    print(f"{runs} runs to train" + (f", {trials} trials" if trials else "")
          + (f", and up to {waiting} more that wait for a check or a study" if waiting else ""))  # fmt: skip
    known = [(cost, cost.seconds, cost.estimate.size or 0) for cost in costs if cost.seconds is not None]
    if known:
        longest = max(seconds / min(cost.workers, at_once) for cost, seconds, _ in known)
        wall = max(sum(seconds for _, seconds, _ in known) / at_once, longest)
        room = disk(sum(size for cost, _, size in known if not cost.trials))
        besides = " besides the trials'" if trials else ""
        hours = _hours([(cost.runtime.gpus * cost.runtime.nodes, seconds) for cost, seconds, _ in known])
        print(f"about {hours}, {duration(wall)} with {at_once} at once, {room} of disk{besides}")
    kinds = Counter(cost.estimate.basis.partition(":")[0] for cost in costs)
    if kinds:
        print("how sure: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items()))


def _hours(costs: list[tuple[int, float]]) -> str:
    """Of jobs by their GPUs and seconds."""
    on_gpus = sum(count * seconds for count, seconds in costs) / 3600
    on_cpus = sum(seconds for count, seconds in costs if not count) / 3600
    gpus = [count for count, _ in costs]
    parts = [f"{on_gpus:.2f} GPU hours"] * any(gpus) + [f"{on_cpus:.2f} CPU job hours"] * (not all(gpus))
    return " and ".join(parts)
