"""What the workflow makes, and what each of its jobs reads: everything that the rules ask for by a function."""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property, partial
from pathlib import Path

from ivvit.config import Config, DatasetOptions, Experiment, RuntimeOptions
from ivvit.ground.errors import Failure
from ivvit.ground.names import safe_name
from ivvit.identity.checks import Checks
from ivvit.identity.closure import Code
from ivvit.identity.fingerprint import Listings
from ivvit.identity.identity import Identities, searched
from ivvit.identity.locks import Pending
from ivvit.planning.remade import is_remade
from ivvit.planning.tables import table_runs, tables_key


class Jobs:
    """Answers the rules' questions with paths; never waits for anything, and writes nothing.

    Where it is not known yet what is to be made, the answer is what must be made before: the outputs of checkpoints,
    after which Snakemake asks again.
    """

    def __init__(self, config: Config, *, share: bool = False) -> None:
        """share: let the jobs that this process starts take from it what it saw of the data sets' files."""
        self.config = config
        listings = Listings(by_folder=config.file.runtime.listing == "folders", share=share)
        self.checks = Checks(config, Code(), listings)
        self.identities = Identities(config, self.checks)
        self.paths = self.checks.paths
        self._names: dict[str, str] = {}
        # both are asked after each checkpoint, and keep the answer of the first time: what was absent or damaged at the
        # start is made by a job of this process, which must stay in its graph
        self._is_remade, self._is_there = cache(is_remade), cache(os.path.isfile)

    @cached_property
    def datasets(self) -> dict[str, DatasetOptions]:
        """All data sets that experiments use."""
        return {n: data for entry in self.config.entries for n, data in self.config.experiment(entry).data.items()}

    @cached_property
    def _stores(self) -> list[str]:
        """Those that are read from the frame store."""
        return [name for name, data in self.datasets.items() if data.uses_store]

    @cached_property
    def weights(self) -> dict[str, str]:
        """Folder name -> name of the pretrained weights, for all that experiments (and studies) start from."""
        used = [self.config.experiment(name).pretrain for name in self.config.entries]
        for study in self.config.file.studies.values():
            used += map(str, study.space["pretrain"].choices or ()) if "pretrain" in study.space else ()
        return {safe_name(name): name for name in used if name != "none" and not name.startswith("experiment:")}

    # --- what is to be made

    def checked(self) -> list[str]:
        """The locks of all data sets, frame stores and weights in use."""
        return _strings(
            [
                *_known_of(self._manifest, self.datasets),
                *_known_of(self._store, self._stores),
                *_known_of(self._converted, self.weights.values()),
            ]
        )

    def parts(self) -> list[str]:
        """What jobs make on the way to frame stores and studies that are not done yet."""
        return _strings([*_known_of(self._shards, self._stores), *_known_of(self._workers, self.config.file.studies)])

    def checkpoints(self) -> Iterator[tuple[str, dict[str, str]]]:
        """The checkpoints that are done: rule and wildcards."""
        demo = self.checks.demo
        if demo is not None and demo.is_file():
            yield "demo", {}
        for name in self.datasets:
            for lock in _done(self._manifest, name):
                yield "validate", {"dataset": name, "key": lock.parent.name}
        for folder, name in self.weights.items():
            for lock in _done(self._converted, name):
                yield "weights", {"weights": folder, "key": lock.stem}
        for name, options in self.config.file.studies.items():
            for best in _done(self._best, name):
                yield "study", {"study": name, "identity": best.parent.name, "n_trials": str(options.n_trials)}

    def runs(self, *, due: bool = False) -> list[str]:
        """The model of every run of today; `due`: of those where it was absent or damaged when first asked about."""
        return self._results(self._runs, due)

    def evaluations(self, *, due: bool = False) -> list[str]:
        """The numbers of every run of today; `due` as for runs."""
        return self._results(self._evaluations, due)

    def _results(self, question: Callable[[str], list[Path]], due: bool) -> list[str]:
        def asked(name: str) -> list[Path]:
            found = question(name)
            return [path for path in found if not self._is_there(path) or self._is_remade(path)] if due else found

        return _strings(_known_of(asked, self.config.entries))

    def studies(self) -> list[str]:
        """The best parameters and the report of every study."""
        return _strings(_known_of(self._study, self.config.file.studies))

    def damaged(self) -> list[str]:
        """Files that are there and are not what was written: what they name or hold is made again."""
        checks = [*_known_of(self._manifest, self.datasets), *_known_of(self._converted, self.weights.values())]
        checks += [path for name in self.config.file.studies for path in _known(partial(self._best, name))]
        broken = [path for path in checks if self.checks.locks.damage(path)]
        results = [*_known_of(self._runs, self.config.entries), *_known_of(self._evaluations, self.config.entries)]
        return _strings([*broken, *(path for path in results if self._is_remade(path))])

    def unknown(self) -> bool:
        """Whether an experiment's runs are not known yet, for a check or a study must be done before."""
        return bool(table_runs(self.identities)[1])

    def tables_keys(self) -> list[str]:
        """The key of the tables of all runs; nothing while some are not known yet."""
        runs, pending = table_runs(self.identities)
        return [] if pending else [tables_key(self.identities, runs)]

    # --- what jobs read

    def data_inputs(self) -> list[str]:
        """Of a validation: the demo's data, where data sets are made here."""
        return _strings([self.checks.demo] if self.checks.demo else [])

    def weights_inputs(self, weights: str) -> list[str]:
        """Of a conversion: the demo's data, where the original is a part of it."""
        source = self.checks.local_weights(self.weights[weights])
        return self.data_inputs() if source is not None and self.checks.is_made(source) else []

    def extract_inputs(self, dataset: str) -> list[str]:
        """Of a part of an extraction: the manifest."""
        return _strings(_known(lambda: [self.checks.manifest(dataset)]))

    def frames_inputs(self, dataset: str, key: str) -> list[str]:
        """Of the check of a frame store: all parts of its extraction."""
        return _inputs(self.paths.frames(dataset, key), _known(lambda: self.checks.shards(dataset)))

    def train_inputs(self, identity: str, seed: str) -> list[str]:
        """Of a training: manifests, frame stores, weights (or the run that it starts from) and its study's best."""
        name = self.find(identity)
        if name is None:
            return []

        def read() -> list[Path]:
            experiment, study = self.identities.resolved(name), self.config.entries[name].from_study
            best = self._best(study) if study else []
            return [*self._data(experiment), *self._weights(experiment.pretrain, int(seed)), *best]

        return _inputs(self.paths.finished(identity, int(seed)), _known(read))

    def evaluate_inputs(self, identity: str, seed: str, evaluation: str) -> list[str]:
        """Of an evaluation, besides the model: manifests and frame stores."""
        name = self.find(identity)
        if name is None:
            return []
        found = _known(lambda: self._data(self.identities.resolved(name)))
        return _inputs(self.paths.evaluated(identity, int(seed), evaluation), found)

    def worker_inputs(self, study: str, identity: str, n_trials: str, worker: str) -> list[str]:
        """Of a study's worker: what its trials read."""
        options, base = self.config.file.studies[study], self.config.trial(study, {})

        def read() -> list[Path]:
            weights = [self._weights(name, options.seed) for name in searched(options, "pretrain", base.pretrain)]
            return [*self._data(base), *(path for paths in weights for path in paths)]

        return _inputs(self.paths.worker(study, identity, int(n_trials), int(worker)), _known(read))

    def study_inputs(self, study: str, identity: str, n_trials: str) -> list[str]:
        """Of a study's end: the workers' marks; once the best is known those that are there."""
        best = self.paths.best(study, identity, int(n_trials))
        if self.checks.locks.is_sound(best):  # more workers would make it no better
            return _strings(sorted(self.paths.study(study, identity).glob(f"workers/{n_trials}-*.done")))
        return _strings(self._marks(study, identity, int(n_trials)))

    # --- how jobs are run and called

    def study_runtime(self, study: str) -> RuntimeOptions:
        """The base experiment's runtime settings."""
        return self.config.entries[self.config.file.studies[study].base].runtime

    def runtime(self, identity: str) -> RuntimeOptions:
        """The runtime settings of the experiment with this identity."""
        name = self.find(identity)
        return self.config.entries[name].runtime if name else self.config.file.runtime

    def name(self, identity: str) -> str:
        """A name for messages."""
        return self.find(identity) or f"run {identity}"

    def find(self, identity: str) -> str | None:
        """An experiment with this identity today, or None."""
        if identity not in self._names:
            for name in reversed(self.config.entries):
                try:
                    self._names[self.identities.experiment(name).digest] = name
                except Pending:
                    continue
        return self._names.get(identity)

    def changed(self) -> list[str]:
        """The data sets whose files are others by now than when this process first looked."""
        return [name for name, data in self.datasets.items() if self.checks.listings.changed(data, self.config.root)]

    def _manifest(self, name: str) -> list[Path]:
        return [self.checks.manifest(name)]

    def _store(self, name: str) -> list[Path]:
        return [self.checks.frames(name)]

    def _shards(self, name: str) -> list[Path]:
        return [] if self.checks.frames(name).is_file() else self.checks.shards(name)

    def _workers(self, name: str) -> list[Path]:
        identity, n_trials = self.identities.study(name).digest, self.config.file.studies[name].n_trials
        return [] if self.paths.best(name, identity, n_trials).is_file() else self._marks(name, identity, n_trials)

    def _marks(self, study: str, identity: str, n_trials: int) -> list[Path]:
        """Of a study's workers."""
        count = self.config.file.studies[study].workers
        return [self.paths.worker(study, identity, n_trials, worker) for worker in range(count)]

    def _converted(self, name: str) -> list[Path]:
        return [self.checks.weights(name)]

    def _best(self, name: str) -> list[Path]:
        return self._study(name)[:1]

    def _runs(self, name: str) -> list[Path]:
        identity = self.identities.experiment(name).digest
        self._names.setdefault(identity, name)
        return [self.paths.finished(identity, seed) for seed in self.config.entries[name].seeds]

    def _evaluations(self, name: str) -> list[Path]:
        identity, evaluation = self.identities.experiment(name).digest, self.identities.evaluation(name).digest
        self._names.setdefault(identity, name)
        return [self.paths.evaluated(identity, seed, evaluation) for seed in self.config.entries[name].seeds]

    def _study(self, name: str) -> list[Path]:
        identity, n_trials = self.identities.study(name).digest, self.config.file.studies[name].n_trials
        return [self.paths.best(name, identity, n_trials), self.paths.study_report(name, identity, n_trials)]

    def _data(self, experiment: Experiment) -> list[Path]:
        stores = [self.checks.frames(name) for name, data in experiment.data.items() if data.uses_store]
        return [*(self.checks.manifest(name) for name in experiment.data), *stores]

    def _weights(self, pretrain: str, seed: int) -> list[Path]:
        if pretrain == "none":
            return []
        if pretrain.startswith("experiment:"):  # with the same seed
            parent = self.identities.experiment(pretrain.removeprefix("experiment:")).digest
            return [self.paths.finished(parent, seed)]
        return [self.checks.weights(pretrain)]


def require_identity(jobs: Jobs, identity: str) -> str:
    """The experiment with this identity.

    Raises:
        UserError: no experiment has it: code, configuration or data changed while the job was queued.
    """
    name = jobs.find(identity)
    if name is None:
        raise Failure(
            f"no experiment has the identity {identity} now: code, configuration, data or weights changed after this"
            " job was planned; nothing was trained. Start snakemake again: it plans with what is there now"
        )
    return name


def _known(question: Callable[[], list[Path]]) -> list[Path]:
    """The answer, or what must be made before it is known."""
    try:
        return question()
    except Pending as pending:
        return pending.targets


def _known_of(question: Callable[[str], list[Path]], names: Iterable[str]) -> Iterator[Path]:
    for name in names:
        yield from _known(partial(question, name))


def _done(question: Callable[[str], list[Path]], name: str) -> list[Path]:
    """The files that are asked for, if they are known and there."""
    try:
        return [path for path in question(name) if path.is_file()]
    except Pending:
        return []


def _inputs(output: Path, inputs: Iterable[Path]) -> list[str]:
    """What an output is made from; once it is there, what is left of that: what is lost later makes nothing stale."""
    made = os.path.isfile(output)
    return _strings(path for path in inputs if not made or os.path.isfile(path))


def _strings(paths: Iterable[Path]) -> list[str]:
    return list(dict.fromkeys(map(str, paths)))
