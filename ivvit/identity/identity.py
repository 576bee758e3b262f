"""A result's path is its identity: a digest of specification, code, data and weights."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivvit.config import Config, Experiment, StudyOptions, canonical
from ivvit.config.pixels import PixelOptions, pixels_of_weights
from ivvit.config.splits import holdout_of, split_digest
from ivvit.ground.digest import digest
from ivvit.ground.versions import versions
from ivvit.identity.checks import Checks
from ivvit.identity.closure import Code
from ivvit.identity.entries import (
    EVALUATION,
    NEIGHBOURS,
    NUMERICS,
    SELECTION,
    STUDY,
    TRAINING,
    WITHIN_EVALUATION,
    WITHIN_STUDY,
)
from ivvit.identity.frame_store import settings_name
from ivvit.identity.locks import Pending
from ivvit.identity.models import model_modules


@dataclass(frozen=True)
class Identity:
    """An identity and the parts that it is a digest of."""

    digest: str
    parts: dict[str, Any]


class Identities:
    """Today's identities of all experiments and studies of a configuration."""

    def __init__(self, config: Config, checks: Checks | None = None) -> None:
        self.config = config
        self.checks = checks or Checks(config, Code())
        self.paths, self.code = self.checks.paths, self.checks.code
        self._models = model_modules()
        self._code_memo: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[dict[str, Any], str]] = {}
        self._specs: dict[tuple[Any, ...], tuple[Experiment, dict[str, Any]]] = {}

    def experiment(self, name: str) -> Identity:
        """The identity of an experiment.

        Raises:
            Pending: a check, a download or a study that it depends on has not been done.
        """
        experiment = self.resolved(name)
        rerun = self.config.entries[name].runtime.on_version_drift == "rerun"
        further = {"versions": versions()} if rerun else {}
        selects = experiment.validation.wanted
        entries = (*TRAINING, *SELECTION) if selects else TRAINING
        return self._identity(experiment, entries, (experiment.model.name,), (experiment.pretrain,), selects, **further)

    def evaluation(self, name: str) -> Identity:
        """The identity of the evaluation of an experiment's runs, each of which has its own below its folder.

        Raises:
            Pending: as for the experiment.
        """
        experiment = self.resolved(name)
        options, neighbours = experiment.evaluation, experiment.evaluation.knn is not None
        code, code_digest = self.modules((*EVALUATION, *NEIGHBOURS * neighbours), (experiment.model.name,))
        parts = {
            "spec": options.counted(),
            "code": code,
            "data": self._split_digests(experiment, options.split),
            **({"bank": self._split_digests(experiment, "train")} if neighbours else {}),
        }
        return Identity(digest({**parts, "code": code_digest}), parts)

    def _split_digests(self, experiment: Experiment, split: str) -> dict[str, str]:
        return {
            data: split_digest(self._manifest(data), split, holdout_of(experiment, data)) for data in experiment.data
        }

    def resolved(self, name: str) -> Experiment:
        """The experiment with its study's best parameters, if it takes any.

        Raises:
            Pending: the study has not been done.
        """
        entry = self.config.entries[name]
        return self.config.experiment(name, self.best(entry.from_study) if entry.from_study else None)

    def trainable(self, name: str) -> Experiment:
        """`resolved`, with the pixels that its weights were trained with. Raises Pending where they are not there."""
        return self.seen(self.resolved(name))

    def seen(self, experiment: Experiment) -> Experiment:
        """The experiment with numbers where `normalize` or `interpolation` say `weights`.

        Raises:
            Pending: the weights are not there yet.
        """
        if "weights" not in (experiment.normalize, experiment.interpolation):
            return experiment
        if experiment.pretrain.startswith("experiment:"):
            parent = self.trainable(experiment.pretrain.removeprefix("experiment:"))
            assert isinstance(parent.normalize, PixelOptions) and parent.interpolation != "weights"  # it is trainable
            return experiment.seeing(parent.normalize, parent.interpolation)
        lock = self.checks.locks.read(self.checks.weights(experiment.pretrain))
        return experiment.seeing(*pixels_of_weights(lock))

    def best(self, study: str) -> dict[str, Any]:
        """The best parameters of a study. Raises Pending while it has not been done."""
        options = self.config.file.studies[study]
        identity = self.study(study).digest
        return self.checks.locks.read(self.paths.best(study, identity, options.n_trials))["parameters"]

    def study(self, name: str) -> Identity:
        """The identity of a study: its search and its base experiment without the keys that are searched."""
        options = self.config.file.studies[name]
        fixed = {  # any value of the space stands for all; a key searched only `when` may keep the base's value
            key: dimension.choices[0] if dimension.choices else dimension.low
            for key, dimension in options.space.items()
            if not dimension.when
        }
        base = self.config.trial(name, fixed)
        models = searched(options, "model", base.model.name)
        pretrains = searched(options, "pretrain", base.pretrain)
        search = options.model_dump(mode="json", exclude={"base", "set", "holdout", "n_trials", "workers", "storage"})
        return self._identity(base, (*TRAINING, *SELECTION, *STUDY), models, pretrains, True, search=search)

    def modules(self, entries: tuple[str, ...], models: tuple[str, ...]) -> tuple[dict[str, dict[str, str]], str]:
        """The modules that can change the numbers of these models' runs, definition by definition; and their digest."""
        if (entries, models) not in self._code_memo:
            within = NUMERICS if entries == TRAINING else WITHIN_STUDY if STUDY[0] in entries else WITHIN_EVALUATION
            closure = self.code.closure([*entries, *(self._models[model] for model in models)], within)
            self._code_memo[entries, models] = (closure.modules, closure.digest)
        return self._code_memo[entries, models]

    def _identity(
        self,
        experiment: Experiment,
        entries: tuple[str, ...],
        models: tuple[str, ...],
        pretrains: tuple[str, ...],
        selects: bool,
        **further: Any,
    ) -> Identity:
        pending: list[Path] = []
        code, code_digest = self.modules(entries, models)
        manifests = {name: _ask(pending, self._manifest, name) or {} for name in experiment.data}
        weights = {name: _ask(pending, self._weights, name) for name in pretrains}
        parts = {
            "spec": self._spec(experiment, _ask(pending, self.seen, experiment) or experiment),
            "code": code,
            "data": {name: _looked_at(lock, selects) for name, lock in manifests.items()},
            "classes": {name: lock.get("classes") for name, lock in manifests.items()},
            "frames": {name: settings_name(data.store) for name, data in experiment.data.items() if data.uses_store},
            "weights": weights if len(weights) > 1 else weights[pretrains[0]],
            **further,
        }
        if pending:
            raise Pending(list(dict.fromkeys(pending)))
        return Identity(digest({**parts, "code": code_digest}), parts)

    def _spec(self, experiment: Experiment, seen: Experiment) -> dict[str, Any]:
        """The canonical form of an experiment with its pixels, made once: a workflow of thousands asks three times."""
        key = (id(experiment), seen.normalize, seen.interpolation)
        if key not in self._specs:
            self._specs[key] = (experiment, canonical(seen))  # the experiment is kept, so its id stays its own
        return self._specs[key][1]

    def _manifest(self, name: str) -> dict[str, Any]:
        return self.checks.locks.read(self.checks.manifest(name))

    def _weights(self, pretrain: str) -> str | None:
        if pretrain == "none":
            return None
        if pretrain.startswith("experiment:"):
            return self.experiment(pretrain.removeprefix("experiment:")).digest
        return self.checks.locks.read(self.checks.weights(pretrain))["sha256"]


def searched(study: StudyOptions, key: str, base: Any) -> tuple[Any, ...]:
    """The values that a key has in a study's trials."""
    dimension = study.space.get(key)
    if dimension is None:
        return (base,)
    return tuple(dict.fromkeys([*(dimension.choices or ()), *([base] if dimension.when else [])]))


def _looked_at(manifest: dict[str, Any], selects: bool) -> dict[str, str]:
    """The digests of the splits that training looks at: train, and val where something is selected by it."""
    digests = manifest.get("digests", {})
    return {split: digests[split] for split in ("train", *(("val",) if selects else ())) if split in digests}


def _ask(pending: list[Path], question: Callable[[Any], Any], name: str | Experiment) -> Any:
    try:
        return question(name)
    except Pending as error:
        pending.extend(error.targets)
        return None
