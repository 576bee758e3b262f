"""From the configuration file to resolved experiments: extends, grids, defaults, best parameters of a study."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ivvit.config.checks import (
    PUBLISHED,
    check_grid,
    check_references,
    check_results,
    check_study,
    check_weights,
    without_val,
)
from ivvit.config.consistency import problems
from ivvit.config.datasets import DatasetOptions, dataset_order
from ivvit.config.experiment import NAME, NAME_RULE, Experiment, ExperimentEntry
from ivvit.config.explain import explain, shortened
from ivvit.config.grids import points
from ivvit.config.merge import merge, set_key
from ivvit.config.optimisation import ScheduleOptions
from ivvit.config.pixels import pixels_of_weights
from ivvit.config.root import ConfigFile, Grid
from ivvit.config.runtime import RuntimeOptions, with_overrides
from ivvit.ground.errors import UserError
from ivvit.ground.names import unknown

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
        self.raw = raw
        self._unknown: set[str] = set()
        self.file, problems = self._read(raw)
        self._datasets = self._placed()
        self._cache: dict[tuple[str, str], Experiment] = {}
        self.entries: dict[str, Entry] = {}
        problems += self._problem(lambda: (self.root, self.results))
        for make in self._entries():
            problems += self._problem(partial(self._enter, make))
        for name in self.file.weights:
            problems += self._problem(partial(check_weights, self, name))
        if not problems:
            for name in self.entries:
                problems += self._problem(partial(check_references, self, name))
            problems += self._problem(lambda: check_results(self))
        if not problems:
            for name in self.file.studies:
                problems += self._problem(partial(check_study, self, name))
        if problems:
            raise UserError(shortened("\n".join(problems)))

    @property
    def root(self) -> Path:
        """The folder of data sets, weights and frames."""
        return expanded(self.file.root_path)

    @property
    def results(self) -> Path:
        """The folder of results."""
        return expanded(self.file.results.path)

    @property
    def datasets(self) -> dict[str, DatasetOptions]:
        """All data sets that are known, used or not."""
        return self._datasets

    def _placed(self) -> dict[str, DatasetOptions]:
        """The data sets with the place of their frames."""
        folder = self.file.frames_path
        if folder is None:
            return self.file.datasets
        return {
            name: data.model_copy(update={"store": data.store.model_copy(update={"folder": folder})})
            if data.store.folder is None
            else data
            for name, data in self.file.datasets.items()
        }

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

    def _read(self, raw: dict[str, Any]) -> tuple[ConfigFile, list[str]]:
        """The file; where some of it cannot be right, the rest of it, so that mistakes elsewhere are told as well."""
        try:
            return ConfigFile.model_validate(raw), []
        except ValidationError as error:
            message = str(explain(error, ConfigFile, self.source, where=self._where))
            places = [problem["loc"] for problem in error.errors(include_url=False)]
        rest = self._sound(raw, places)
        try:
            file = ConfigFile.model_validate(rest)
        except ValidationError:
            rest, file = {}, ConfigFile()
        self.raw = rest
        return file, [message]

    def _sound(self, raw: dict[str, Any], places: list[tuple[Any, ...]]) -> dict[str, Any]:
        """The sections, and of data sets and experiments the entries, that have no problem in one of these places."""
        broken: dict[Any, set[Any]] = {}
        for section, *entry in filter(None, places):
            broken.setdefault(section, set()).update(entry[:1] or [None])
        rest = {key: value for key, value in raw.items() if key in ConfigFile.model_fields and key not in broken}
        for section in {"datasets", "experiments"} & broken.keys():
            if None in broken[section]:  # not even its entries are known, and the others could only be told so
                return {}
            rest[section] = {name: entry for name, entry in raw[section].items() if name not in broken[section]}
        self._unknown = broken.get("datasets", set())
        return rest

    def _problem(self, check: Callable[[], object]) -> list[str]:
        try:
            check()
        except UserError as error:
            return [str(error)]
        return []

    def _enter(self, make: Callable[[], Entry]) -> None:
        entry = make()
        self.entries[entry.name] = entry
        if not self._unknown & set(entry.raw.get("datasets") or {}):  # of those the data set's own mistake is told
            self.experiment(entry.name)

    def _entries(self) -> Iterator[Callable[[], Entry]]:
        """What makes each entry, or raises UserError: one mistake must not hide the others."""
        raw = self.raw.get("experiments") or {}
        for name, entry in raw.items():
            yield partial(self._listed, name, entry or {})
        made = dict.fromkeys(raw, "experiments")
        for grid_name, grid in self.file.grids.items():
            yield from self._grid(grid_name, grid, raw, made)

    def _listed(self, name: str, entry: dict[str, Any]) -> Entry:
        return self._entry(name, self._extended(name, entry, ()), f"experiments.{name}")

    def _grid(self, name: str, grid: Grid, raw: dict[str, Any], made: dict[str, str]) -> Iterator[Callable[[], Entry]]:
        try:
            check_grid(self, name, grid, raw)
            base = self._extended(grid.extends, raw[grid.extends] or {}, ())
        except UserError as error:
            yield partial(_fail, error)
            return
        key = f"grids.{name}.over"
        for point, entry in points(name, base, grid.over):
            if point in made:
                other = "experiments has too" if made[point] == "experiments" else f"grids.{made[point]} makes too"
                text = f"makes an experiment {point!r} that {other}; give the values labels: {{label: value}}"
                yield partial(_fail, self.error(key, text))
                return
            made[point] = name
            yield partial(self._entry, point, entry, key)

    def _extended(self, name: str, entry: dict[str, Any], below: tuple[str, ...]) -> dict[str, Any]:
        base, raw = entry.get("extends"), self.raw["experiments"]
        if not isinstance(base, str | None):
            raise self.error(f"experiments.{name}.extends", f"must be an experiment's name, found {base!r}")
        if base is None:
            return merge(self.raw.get("defaults") or {}, entry)
        if base not in raw:
            raise self.error(f"experiments.{name}.extends", unknown("experiment", base, raw))
        if base in (*below, name):
            raise self.error(f"experiments.{name}.extends", f"is circular: {' -> '.join([*below, name, base])}")
        return merge(self._extended(base, raw[base] or {}, (*below, name)), entry)

    def _entry(self, name: str, raw: dict[str, Any], key: str) -> Entry:
        if not re.match(NAME, name):
            raise self.error(key, f"makes an experiment {name[:60]!r} of {len(name)} characters; {NAME_RULE}")
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
                hint = "; a further one needs kind and path under datasets: of a configuration file (--config)"
                raise self.error(f"{key}.datasets.{dataset}", unknown("data set", dataset, self.datasets) + hint)
        fields = {k: v for k, v in raw.items() if k not in _NOT_FIELDS}
        fields["datasets"] = {n: raw["datasets"][n] for n in names}
        fields["data"] = {n: self.datasets[n] for n in names}
        joint = fields.get("update_rule") == "joint"
        for section in ("optimizer", "lr_schedule"):
            fields[section] = self._per_dataset(fields.get(section), names, f"{key}.{section}", joint)
        fields["recipe"] = self._per_dataset(fields.get("recipe"), names, f"{key}.recipe", joint=False)
        try:
            experiment = Experiment.model_validate(fields)
        except ValidationError as error:
            raise explain(error, Experiment, self.source, key, self._where) from None
        self._check(experiment, key)
        return experiment.seeing(*pixels_of_weights(None)) if self._of_the_paper(experiment.pretrain) else experiment

    def _of_the_paper(self, pretrain: str) -> bool:
        """Whether the paper's pixels are right without a look at the weights."""
        return pretrain == "none" or (pretrain in PUBLISHED and pretrain not in self.file.weights)

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
        if experiment.validation.wanted and (lacking := without_val(experiment)):
            text = f"looks at val; there is none of {', '.join(lacking)}. Set validation.holdout: 0.1, or leave it out"
            raise self.error(f"{key}.validation.every", text)
        if experiment.evaluation.split == "val" and (lacking := without_val(experiment)):
            text = f"there is no val of {', '.join(lacking)}. Set validation.holdout: 0.1, or evaluate another split"
            raise self.error(f"{key}.evaluation.split", text)
        for path, text in problems(experiment):
            raise self.error(f"{key}.{path}", text)
        for name, schedule in experiment.lr_schedule.items():
            self._check_schedule(schedule, experiment.iterations, f"{key}.lr_schedule.{name}")

    def _check_schedule(self, schedule: ScheduleOptions, iterations: int, key: str) -> None:
        """What lies after the last iteration means nothing, and is a mistake more often than not."""
        if schedule.warmup and schedule.warmup >= iterations:
            raise self.error(f"{key}.warmup", f"{schedule.warmup} iterations of {iterations}: the rate never peaks")
        late = [f"{m:g}" for m in schedule.milestones if m >= 1 and m >= iterations]
        if schedule.name == "MultiStepLR" and late:
            raise self.error(f"{key}.milestones", f"{', '.join(late)} lie after the last of {iterations} iterations")


def expanded(path: str) -> Path:
    """A path with ~ spelled out.

    Raises:
        UserError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UserError(f"{path}: there is no such user; write the folder's full path") from None


def _fail(error: UserError) -> Entry:
    raise error
