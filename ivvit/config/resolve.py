"""From the configuration file to resolved experiments: extends, grids, defaults, best parameters of a study."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ivvit.config.checks import check_references, check_study, without_val
from ivvit.config.datasets import DatasetOptions, dataset_order
from ivvit.config.experiment import Experiment, ExperimentEntry
from ivvit.config.explain import explain, unknown
from ivvit.config.grids import points
from ivvit.config.merge import merge, set_key
from ivvit.config.root import ConfigFile
from ivvit.config.runtime import RuntimeOptions, with_overrides
from ivvit.ground.errors import UserError

_NOT_FIELDS = ("seeds", "extends", "from_study", "runtime")


@dataclass(frozen=True)
class Entry:
    """A named experiment before its study's parameters (if any) are applied."""

    name: str
    raw: dict[str, Any]
    seeds: tuple[int, ...]
    from_study: str | None
    runtime: RuntimeOptions


class Config:
    """The resolved configuration. Raises UserError on construction for anything that cannot be right."""

    def __init__(self, raw: dict[str, Any], source: str, where: Callable[[str], int | None] | None = None) -> None:
        self.source = source
        self._where = where
        try:
            self.file = ConfigFile.model_validate(raw)
        except ValidationError as error:
            raise explain(error, ConfigFile, source, where=where) from None
        self.raw = raw
        self._cache: dict[tuple[str, str], Experiment] = {}
        self.entries: dict[str, Entry] = {entry.name: entry for entry in self._entries()}
        for name in self.entries:
            self.experiment(name)
            check_references(self, name)
        for name in self.file.studies:
            check_study(self, name)
        baseline = self.file.results.baseline
        if baseline is not None and baseline not in self.entries:
            raise self.error("results.baseline", unknown("experiment", baseline, self.entries))

    @property
    def root(self) -> Path:
        """The folder of data sets, weights and frames."""
        return Path(self.file.root_path).expanduser()

    @property
    def results(self) -> Path:
        """The folder of results."""
        return Path(self.file.results.path).expanduser()

    @property
    def datasets(self) -> dict[str, DatasetOptions]:
        """All data sets that are known, used or not."""
        return self.file.datasets

    @property
    def sources(self) -> dict[str, dict[str, str]]:
        """The configuration's own sources of weights, with {root_path} filled in."""
        entries = {name: source.model_dump(exclude_none=True) for name, source in self.file.weights.items()}
        root = str(self.root.absolute())
        return {n: {k: v.replace("{root_path}", root) for k, v in entry.items()} for n, entry in entries.items()}

    def experiment(self, name: str, parameters: dict[str, Any] | None = None) -> Experiment:
        """The resolved experiment, with a study's parameters on top."""
        key = (name, repr(sorted((parameters or {}).items())))
        if key not in self._cache:
            self._cache[key] = self._resolve(self.entries[name].raw, name, parameters or {})
        return self._cache[key]

    def trial(self, study: str, parameters: dict[str, Any]) -> Experiment:
        """The resolved experiment that a study's trial trains."""
        options = self.file.studies[study]
        wanted, raw = {**options.set, **parameters}, self.entries[options.base].raw
        for key, value in wanted.items():
            raw = set_key(raw, key, value)
        if options.holdout is not None and (raw.get("validation") or {}).get("holdout") is None:
            wanted["validation.holdout"] = options.holdout.model_dump()
        return self.experiment(options.base, wanted)

    def error(self, key: str, text: str) -> UserError:
        """An error about one key of the configuration."""
        line = self._where(key) if self._where else None
        return UserError(f"{self.source}{f':{line}' if line else ''}: {key}: {text}")

    def _entries(self) -> Iterator[Entry]:
        raw = self.raw.get("experiments") or {}
        for name, entry in raw.items():
            yield self._entry(name, self._extended(name, entry or {}, ()), f"experiments.{name}")
        for grid_name, grid in self.file.grids.items():
            if grid.extends not in raw:
                raise self.error(f"grids.{grid_name}.extends", unknown("experiment", grid.extends, raw))
            base = self._extended(grid.extends, raw[grid.extends] or {}, ())
            for name, entry in points(grid_name, base, grid.over):
                if name in raw:
                    raise self.error(f"grids.{grid_name}", f"makes an experiment {name!r} that experiments: has too")
                yield self._entry(name, entry, f"grids.{grid_name}.over")

    def _extended(self, name: str, entry: dict[str, Any], below: tuple[str, ...]) -> dict[str, Any]:
        base, raw = entry.get("extends"), self.raw["experiments"]
        if base is None:
            return merge(self.raw.get("defaults") or {}, entry)
        if base not in raw:
            raise self.error(f"experiments.{name}.extends", unknown("experiment", base, raw))
        if base in (*below, name):
            raise self.error(f"experiments.{name}.extends", f"goes in a circle: {' -> '.join([*below, name, base])}")
        return merge(self._extended(base, raw[base] or {}, (*below, name)), entry)

    def _entry(self, name: str, raw: dict[str, Any], key: str) -> Entry:
        try:
            entry = ExperimentEntry.model_validate(raw)
        except ValidationError as error:
            raise explain(error, ExperimentEntry, self.source, key, self._where) from None
        if len(set(entry.seeds)) != len(entry.seeds) or not entry.seeds:
            raise self.error(f"{key}.seeds", f"must be different numbers, at least one; found {list(entry.seeds)}")
        runtime = with_overrides(self.file.runtime, entry.runtime)
        return Entry(name, raw, entry.seeds, entry.from_study, runtime)

    def _resolve(self, raw: dict[str, Any], name: str, parameters: dict[str, Any]) -> Experiment:
        for key, value in parameters.items():
            raw = set_key(raw, key, value)
        names = dataset_order(list(raw.get("datasets") or {}))
        key = f"experiments.{name}"
        if not names:
            raise self.error(f"{key}.datasets", "names no data set; give for instance {CIFAR100: {batch_size: 16}}")
        for dataset in names:
            if dataset not in self.datasets:
                hint = "; a further one needs kind and path under datasets:"
                raise self.error(f"{key}.datasets.{dataset}", unknown("data set", dataset, self.datasets) + hint)
        fields = {k: v for k, v in raw.items() if k not in _NOT_FIELDS}
        fields["datasets"] = {n: raw["datasets"][n] for n in names}
        fields["data"] = {n: self.datasets[n] for n in names}
        joint = fields.get("update_rule") == "joint"
        for section in ("optimizer", "lr_schedule"):
            fields[section] = self._per_dataset(fields.get(section), names, f"{key}.{section}", joint)
        try:
            experiment = Experiment.model_validate(fields)
        except ValidationError as error:
            raise explain(error, Experiment, self.source, key, self._where) from None
        self._check(experiment, key)
        return experiment

    def _per_dataset(self, value: Any, names: list[str], key: str, joint: bool) -> dict[str, Any]:
        value = value or {"default": {}}
        for name in value:
            if name not in (*names, "default"):
                raise self.error(f"{key}.{name}", unknown("data set", name, [*names, "default"]))
        if joint:
            if set(value) != {"default"}:
                raise self.error(key, "update_rule: joint has one optimiser; give one setting for all data sets")
            return value
        return {name: {**value.get("default", {}), **value.get(name, {})} for name in names}

    def _check(self, experiment: Experiment, key: str) -> None:
        model = experiment.model
        if experiment.validation.wanted and (lacking := without_val(experiment)):
            text = f"looks at val; there is none of {', '.join(lacking)}. Set validation.holdout: 0.1, or leave it out"
            raise self.error(f"{key}.validation.every", text)
        if model.name == "polyvit" and experiment.num_frames % model.tubelet_frames:
            text = (
                f"must be a multiple of polyvit's tubelet_frames {model.tubelet_frames}, found {experiment.num_frames}"
            )
            raise self.error(f"{key}.num_frames", text)
        if any(use.batch_size % experiment.accumulate for use in experiment.datasets.values()):
            sizes = {name: use.batch_size for name, use in experiment.datasets.items()}
            raise self.error(f"{key}.accumulate", f"{experiment.accumulate} does not divide all batch sizes {sizes}")
