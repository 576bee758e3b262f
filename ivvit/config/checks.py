"""What must hold between experiments, studies and sources of weights. Each raises UserError where it does not."""

from typing import Any, Protocol

from ivvit.config.experiment import Experiment
from ivvit.config.explain import unknown
from ivvit.config.root import ConfigFile
from ivvit.ground.errors import UserError

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


def check_references(config: Resolved, name: str) -> None:
    """An experiment's study, parent and weights must be there, and not depend on it."""
    entry, key = config.entries[name], f"experiments.{name}"
    if entry.from_study is not None and entry.from_study not in config.file.studies:
        raise config.error(f"{key}.from_study", unknown("study", entry.from_study, config.file.studies))
    if entry.from_study is not None and config.file.studies[entry.from_study].base == name:
        raise config.error(f"{key}.from_study", f"goes in a circle: {entry.from_study} searches {name} itself")
    seen = [name]
    while (pretrain := config.experiment(seen[-1]).pretrain).startswith("experiment:"):
        parent = pretrain.removeprefix("experiment:")
        if parent not in config.entries:
            raise config.error(f"experiments.{seen[-1]}.pretrain", unknown("experiment", parent, config.entries))
        if parent in seen:
            raise config.error(f"{key}.pretrain", f"goes in a circle: {' -> '.join([*seen, parent])}")
        seen.append(parent)
    _check_source(config, config.experiment(name).pretrain, f"{key}.pretrain")


def _check_source(config: Resolved, pretrain: str, key: str) -> None:
    known = [*PUBLISHED, "none", *config.file.weights]
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
    for search in study.set.keys() & study.space.keys():
        raise config.error(f"{key}.set.{search}", "is searched too; leave it out of one of set and space")
    try:
        base = config.trial(name, {})
    except UserError as error:
        raise config.error(f"{key}.set", f"is not possible: {str(error).splitlines()[0]}") from None
    if study.pruner.name != "none" and base.evaluation.every is None:
        raise config.error(f"{key}.pruner", f"needs evaluations on the way; set evaluation.every in {study.base}")
    for objective in study.objective:
        for dataset in objective.datasets if objective.datasets != "all" else ():
            if dataset not in base.datasets:
                text = unknown("data set of the base experiment", dataset, base.datasets)
                raise config.error(f"{key}.objective.datasets", text)
    _check_space(config, name, key)


def _check_space(config: Resolved, name: str, key: str) -> None:
    for search, dimension in config.file.studies[name].space.items():
        for value in dimension.choices or (dimension.low, dimension.high):
            try:
                config.trial(name, {search: value})
            except UserError as error:
                raise config.error(
                    f"{key}.space.{search}", f"{value!r} is not possible: {str(error).splitlines()[0]}"
                ) from None
