"""A result's path is its identity: a digest of specification, code, data and weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ivvit.config import Config, Experiment, canonical
from ivvit.staleness.closure import Code
from ivvit.staleness.digest import digest
from ivvit.staleness.entries import NEUTRAL, STUDY, TRAINING
from ivvit.staleness.locks import Locks, Pending
from ivvit.staleness.models import model_modules
from ivvit.staleness.paths import Paths


@dataclass(frozen=True)
class Identity:
    """An identity and the parts that it is a digest of."""

    digest: str
    parts: dict[str, Any]


class Identities:
    """Today's identities of all experiments and studies of a configuration."""

    def __init__(self, config: Config, locks: Locks | None = None, code: Code | None = None) -> None:
        self.config = config
        self.paths = Paths(config.results)
        self._locks = locks or Locks()
        self._code = code or Code()
        self._models = model_modules()
        self._code_memo: dict[tuple[str, str], tuple[dict[str, Any], str]] = {}

    def experiment(self, name: str) -> Identity:
        """The identity of an experiment.

        Raises:
            Pending: a check, a download or a study that it depends on has not been done.
        """
        return self._identity(self.resolved(name))

    def resolved(self, name: str) -> Experiment:
        """The experiment with its study's best parameters, if it takes any.

        Raises:
            Pending: the study has not been done.
        """
        entry = self.config.entries[name]
        return self.config.experiment(name, self.best(entry.from_study) if entry.from_study else None)

    def best(self, study: str) -> dict[str, Any]:
        """The best parameters of a study. Raises Pending while it has not been done."""
        options = self.config.file.studies[study]
        identity = self.study(study).digest
        path = self.paths.best(study, identity, options.n_trials)
        lock = self._locks.read(path, "study", study=study, identity=identity, n_trials=options.n_trials)
        return lock["parameters"]

    def study(self, name: str) -> Identity:
        """The identity of a study: its search and its base experiment without the keys that are searched."""
        options = self.config.file.studies[name]
        fixed = {
            key: dimension.choices[0] if dimension.choices else dimension.low
            for key, dimension in options.space.items()
            if not dimension.when
        }
        base = self._identity(self.config.experiment(options.base, fixed), entry=STUDY)
        search = options.model_dump(mode="json", exclude={"base", "n_trials", "workers", "storage"})
        return Identity(digest([base.digest, search]), {**base.parts, "search": search})

    def _identity(self, experiment: Experiment, entry: str = TRAINING) -> Identity:
        pending: list[Any] = []
        code, code_digest = self._code_of(entry, experiment.model.name)
        parts = {
            "spec": canonical(experiment),
            "code": code,
            "data": {name: _ask(pending, self._data, name) for name in experiment.data},
            "frames": {
                name: _ask(pending, self._frames, name) for name, data in experiment.data.items() if data.uses_store
            },
            "weights": _ask(pending, self._weights, experiment.pretrain),
        }
        if pending:
            raise Pending(list(dict.fromkeys(pending)))
        return Identity(digest({**parts, "code": code_digest}), parts)

    def code(self, entry: str, model: str) -> dict[str, dict[str, str]]:
        """The modules that can change the numbers of a run of this model, definition by definition."""
        return self._code_of(entry, model)[0]

    def _code_of(self, entry: str, model: str) -> tuple[dict[str, Any], str]:
        if (entry, model) not in self._code_memo:
            modules = self._code.modules([entry, self._models[model]], without=NEUTRAL)
            self._code_memo[entry, model] = (modules, digest(modules))
        return self._code_memo[entry, model]

    def _data(self, name: str) -> str:
        return self._locks.read(self.paths.manifest(name), "validate", dataset=name)["digest"]

    def _frames(self, name: str) -> str:
        return self._locks.read(self.paths.frames(name), "frames", dataset=name)["digest"]

    def _weights(self, pretrain: str) -> str | None:
        if pretrain == "none":
            return None
        if pretrain.startswith("experiment:"):
            return self.experiment(pretrain.removeprefix("experiment:")).digest
        return self._locks.read(self.paths.weights(pretrain), "weights", pretrain=pretrain)["sha256"]


def _ask(pending: list[Any], question: Callable[[str], str | None], name: str) -> str | None:
    try:
        return question(name)
    except Pending as error:
        pending.extend(error.targets)
        return None
