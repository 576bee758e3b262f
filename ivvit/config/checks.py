"""What must hold between experiments, studies and sources of weights. Each raises UserError where it does not."""

from typing import Any, Protocol

from ivvit.config.backbone import shape_difference
from ivvit.config.experiment import Experiment
from ivvit.config.grids import MOST, size
from ivvit.config.root import ConfigFile, Grid
from ivvit.ground.errors import UserError
from ivvit.ground.names import unknown

TWO_SPLITS = ("tiny-imagenet", "cifar100", "ucf101")
"""Layouts that have no val: known before any data set is looked at."""
PUBLISHED = ("Kinetics400", "ImageNet-21k", "ImageNet-1k", "polyvit")
"""Pretrained weights whose sources ship in ivvit/weights/sources.yaml."""


class Resolved(Protocol):
    """A configuration with its experiments (`ivvit.config.resolve.Config`)."""

    file: ConfigFile
    entries: dict[str, Any]

    def experiment(self, name: str) -> Experiment:
        """The resolved experiment."""

    def trial(self, study: str, parameters: dict[str, Any]) -> Experiment:
        """The experiment that a study's trial trains."""

    def error(self, key: str, text: str) -> UserError:
        """An error about one key."""


def without_val(experiment: Experiment) -> list[str]:
    """The data sets of which it is known by their layout that they have no val, and from which none is held out."""
    held = experiment.validation.holdout is not None
    return [n for n, data in experiment.data.items() if data.kind in TWO_SPLITS and not (held or data.holdout)]


_FIXED = ("seeds", "extends", "runtime")
"""Keys of an experiment that no search or grid can vary: they are not in what is trained."""


def check_grid(config: Resolved, name: str, grid: Grid, experiments: dict[str, Any]) -> None:
    """A grid must extend an experiment, over keys that make a difference, and have a sensible number of points."""
    key = f"grids.{name}"
    if grid.extends not in experiments:
        raise config.error(f"{key}.extends", unknown("experiment", grid.extends, experiments))
    for over, values in grid.over.items():
        _check_varied(config, over, f"{key}.over.{over}", "a grid")
        if not values:
            raise config.error(f"{key}.over.{over}", "is empty; give at least one value")
    if (count := size(grid.over)) > MOST:
        raise config.error(f"{key}.over", f"makes {count:,} experiments; at most {MOST:,} are sensible")


def _check_varied(config: Resolved, varied: str, key: str, who: str) -> None:
    if (first := varied.split(".")[0]) in _FIXED:
        raise config.error(key, f"{who} cannot vary {first}: it changes nothing that is trained")


def check_results(config: Resolved) -> None:
    """What tables compare with must be an experiment."""
    baseline = config.file.results.baseline
    if baseline is not None and baseline not in config.entries:
        raise config.error("results.baseline", unknown("experiment", baseline, config.entries))


def check_references(config: Resolved, name: str) -> None:
    """An experiment's study, parent and weights must be there, and not depend on it."""
    entry, key = config.entries[name], f"experiments.{name}"
    if entry.from_study is not None and entry.from_study not in config.file.studies:
        raise config.error(f"{key}.from_study", unknown("study", entry.from_study, config.file.studies))
    if entry.from_study is not None and config.file.studies[entry.from_study].base == name:
        raise config.error(f"{key}.from_study", f"is circular: {entry.from_study} searches {name} itself")
    seen = [name]
    while (pretrain := config.experiment(seen[-1]).pretrain).startswith("experiment:"):
        parent = pretrain.removeprefix("experiment:")
        if parent not in config.entries:
            raise config.error(f"experiments.{seen[-1]}.pretrain", unknown("experiment", parent, config.entries))
        if parent in seen:
            raise config.error(f"{key}.pretrain", f"is circular: {' -> '.join([*seen, parent])}")
        ours, theirs = config.experiment(seen[-1]).backbone, config.experiment(parent).backbone
        if differing := shape_difference(ours.name, ours.args, theirs.name, theirs.args):
            raise config.error(f"experiments.{seen[-1]}.pretrain", f"{parent} has another backbone: {differing}")
        seen.append(parent)
    _check_source(config, config.experiment(name).pretrain, f"{key}.pretrain")


def _check_source(config: Resolved, pretrain: str, key: str) -> None:
    known = [*PUBLISHED, "none", *config.file.weights]
    if pretrain in ("timm:", "file:"):
        raise config.error(key, f"{pretrain!r} names no {'tag' if pretrain == 'timm:' else 'file'}")
    if pretrain not in known and not pretrain.startswith(("timm:", "file:", "experiment:")):
        hint = "; or timm:<tag>, file:<path>, experiment:<name>"
        raise config.error(key, unknown("pretrained weights", pretrain, known) + hint)


def check_study(config: Resolved, name: str) -> None:
    """A study must be possible at the edges of its space, and its objective known."""
    study, key = config.file.studies[name], f"studies.{name}"
    if study.base not in config.entries:
        raise config.error(f"{key}.base", unknown("experiment", study.base, config.entries))
    if config.entries[study.base].from_study is not None:
        raise config.error(f"{key}.base", f"{study.base} itself takes its parameters from a study")
    for part in ("set", "space"):
        for search in getattr(study, part):
            _check_varied(config, search, f"{key}.{part}.{search}", "a study")
    for search in study.set.keys() & study.space.keys():
        raise config.error(f"{key}.set.{search}", "is searched too; leave it out of one of set and space")
    try:
        base = config.trial(name, {})
    except UserError as error:
        raise config.error(f"{key}.set", f"is not possible: {str(error).splitlines()[0]}") from None
    if study.pruner.name != "none" and base.validation.every is None:
        text = f"needs validations on the way; set validation.every in {study.base}, or in set"
        raise config.error(f"{key}.pruner", text)
    if lacking := without_val(base):
        text = f"trials need val; there is none of {', '.join(lacking)}. Leave holdout at 0.1"
        raise config.error(f"{key}.holdout", text)
    for objective in study.objective:
        for dataset in objective.datasets if objective.datasets != "all" else ():
            if dataset not in base.datasets:
                text = unknown("data set of the base experiment", dataset, base.datasets)
                raise config.error(f"{key}.objective.datasets", text)
    if study.pruner.name != "none" and study.pruner.min_iterations > base.iterations:
        text = f"{study.pruner.min_iterations} is more than the {base.iterations} iterations of a trial"
        raise config.error(f"{key}.pruner.min_iterations", text)
    _check_space(config, name, key)


def _check_space(config: Resolved, name: str, key: str) -> None:
    for search, dimension in config.file.studies[name].space.items():
        for value in dimension.choices or (dimension.low, dimension.high):
            try:
                trial = config.trial(name, {search: value})
            except UserError as error:
                raise config.error(
                    f"{key}.space.{search}", f"{value!r} is not possible: {str(error).splitlines()[0]}"
                ) from None
            _check_source(config, trial.pretrain, f"{key}.space.{search}")


def check_weights(config: Resolved, name: str) -> None:
    """A source of weights must say where the weights come from, and not be named `none`."""
    source, key = config.file.weights[name], f"weights.{name}"
    if name == "none":
        raise config.error(key, "the name none stands for random weights; choose another")
    if name not in PUBLISHED and not any((source.url, source.gdrive, source.timm, source.path, source.file)):
        raise config.error(
            key, "give url, gdrive, timm or path to get them from, or file for one that is put there by hand"
        )
