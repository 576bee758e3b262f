"""A wrong configuration gives one message: file, line, key, what was found, what is allowed, the nearest known name."""

from pathlib import Path

import pytest

from ivvit.config import load_config
from ivvit.ground.errors import UserError

GOOD = """\
root_path: data
defaults: {backbone: vit_tiny_patch16_224}
experiments:
  joint:
    model: IV-ViT
    datasets: {UCF101: {batch_size: 4}, CIFAR100: 3}
studies:
  lr: {base: joint, n_trials: 3, space: {optimizer.lr: {low: 1e-6, high: 1e-2, log: true}}}
"""

CASES = {
    "key": ("model: IV-ViT", "modle: IV-ViT", ":5: experiments.joint.modle: unknown key 'modle'; did you mean model?"),
    "top key": ("root_path", "rootpath", ":1: rootpath: unknown key 'rootpath'; did you mean root_path?"),
    "model": ("IV-ViT", "TokenShfit", ":5: experiments.joint.model: found 'TokenShfit'; did you mean TokenShift?"),
    "model's option": (
        "IV-ViT",
        "{name: MSCA, shft: q}",
        ":5: experiments.joint.model.shft: unknown key 'shft'; did you",
    ),
    "option's value": (
        "IV-ViT",
        "{name: MSCA, shift: qz}",
        "joint.model.shift: must be one to three different letters",
    ),
    "data set": (
        "UCF101:",
        "UCF11:",
        ":6: experiments.joint.datasets.UCF11: unknown data set 'UCF11'; did you mean UCF101",
    ),
    "batch size's type": ("batch_size: 4", "batch_size: four", "UCF101.batch_size: input should be a valid integer"),
    "batch size": (
        "batch_size: 4",
        "batch_size: 0",
        "UCF101.batch_size: input should be greater than or equal to 1; found 0",
    ),
    "no data sets": ("    datasets", "    seeds: [0] #", "experiments.joint.datasets: names no data set"),
    "twice": (
        "    model: IV-ViT",
        "    model: MSCA\n    model: MSCA",
        ":6: duplicate key 'model' (first in line 5)",
    ),
    "not YAML": ("experiments:", "experiments", ":4:8: not valid YAML"),
    "no mapping": (GOOD, "- a", "must hold keys and values (a mapping), found list"),
    "entry": ("  joint:\n", "  joint: 3\n  other:\n", ":4: experiments.joint: must hold keys and values"),
    "name": ("  joint:", "  jo int:", "experiments.jo int: is not a valid name"),
    "schedule": (
        "model: IV-ViT",
        "lr_schedule: cosin",
        "lr_schedule.default.name: found 'cosin'; did you mean cosine?",
    ),
    "optimiser": (
        "model: IV-ViT",
        "optimizer: {lr: -1}",
        "optimizer.default.lr: input should be greater than 0; found -1",
    ),
    "optimiser's data set": (
        "model: IV-ViT",
        "optimizer: {UCF11: {lr: 1}}",
        "optimizer.UCF11: unknown data set 'UCF11'",
    ),
    "weights": (
        "model: IV-ViT",
        "pretrain: Kinetics40",
        "unknown pretrained weights 'Kinetics40'; did you mean Kinetics400",
    ),
    "parent": ("model: IV-ViT", "pretrain: experiment:foo", "joint.pretrain: unknown experiment 'foo'; known: joint"),
    "own parent": ("model: IV-ViT", "pretrain: experiment:joint", "joint.pretrain: is circular: joint -> joint"),
    "extends itself": ("model: IV-ViT", "extends: joint", "joint.extends: is circular"),
    "seeds": ("model: IV-ViT", "seeds: [1, 1]", "joint.seeds: must be different numbers, at least one; found [1, 1]"),
    "frames": (
        "IV-ViT",
        "polyvit\n    num_frames: 5",
        "num_frames: must be a multiple of polyvit's tubelet_frames 2, found 5",
    ),
    "accumulate": ("model: IV-ViT", "accumulate: 2", "accumulate: 2 does not divide all batch sizes"),
    "joint rule": ("model: IV-ViT", "update_rule: joint\n    optimizer: {UCF101: {lr: 1}}", "has one optimiser"),
    "new data set": ("root_path: data", "datasets: {mine: {path: x}}", "datasets.mine.kind: is required and missing"),
    "split": (
        "root_path: data",
        "datasets: {UCF101: {split: 4}}",
        ":1: datasets.UCF101.split: input should be less than",
    ),
    "study's key": ("optimizer.lr:", "optimizer.lrr:", "unknown key 'lrr'; did you mean lr?"),
    "study's log": ("low: 1e-6", "low: 0", ":8: studies.lr.space.optimizer.lr: log needs low > 0, found 0"),
    "study's range": ("low: 1e-6", "low: 1", "the range is empty: low 1 must be less than high 0.01"),
    "study's base": ("base: joint", "base: joynt", "studies.lr.base: unknown experiment 'joynt'; did you mean joint?"),
    "study's data set": (
        "n_trials: 3",
        "n_trials: 3, objective: {datasets: Kinetics200}",
        "unknown data set of the base",
    ),
    "trials": ("n_trials: 3", "n_trials: 0", "studies.lr.n_trials: input should be greater than or equal to 1"),
    "moved": (
        "studies:",
        "  y: {extends: joint, evaluation: {every: 5, keep: best}}\nstudies:",
        "evaluation.every -> validation.every, evaluation.keep -> validation.keep",
    ),
    "nothing to choose from": (
        "studies:",
        "  y: {extends: joint, validation: {keep: best}}\nstudies:",
        "validation: keep: best needs validations to choose from; set validation.every",
    ),
    "no val": (
        "studies:",
        "  y: {extends: joint, validation: {every: 5}}\nstudies:",
        "validation.every: looks at val; there is none of CIFAR100, UCF101. Set validation.holdout: 0.1",
    ),
    "no val to evaluate": (
        "studies:",
        "  y: {extends: joint, evaluation: {split: val}}\nstudies:",
        "evaluation.split: there is no val of CIFAR100, UCF101. Set validation.holdout: 0.1, or evaluate another",
    ),
    "no val for trials": (
        "n_trials: 3",
        "n_trials: 3, holdout: null",
        "studies.lr.holdout: trials need val; there is none of CIFAR100, UCF101",
    ),
    "baseline": (
        "studies:",
        "results: {baseline: jont}\nstudies:",
        "results.baseline: unknown experiment 'jont'; did you mean joint",
    ),
    "each": (
        "studies:",
        "grids: {g: {extends: joint, over: {seeds: each}}}\nstudies:",
        "grids.g.over: seeds: each is for datasets only",
    ),
    "pruner": (
        "n_trials: 3",
        "n_trials: 3, pruner: median",
        "pruner: needs validations on the way; set validation.every",
    ),
    "objectives": (
        "n_trials: 3",
        "n_trials: 3, objective: [{}, {metric: loss}]",
        "several objectives need pick: 0 to 1",
    ),
    "searched and set": ("n_trials: 3", "n_trials: 3, set: {optimizer.lr: 1}", "lr.set.optimizer.lr: is searched too"),
}


def test_the_unchanged_configuration_is_right(tmp_path: Path) -> None:
    assert list(_load(tmp_path, GOOD).entries) == ["joint"]


@pytest.mark.parametrize("case", CASES)
def test_the_message_names_file_key_and_remedy(tmp_path: Path, case: str) -> None:
    old, new, expected = CASES[case]
    assert old in GOOD
    with pytest.raises(UserError) as caught:
        _load(tmp_path, GOOD.replace(old, new, 1))
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "config.yaml"))
    assert expected in message
    assert "pydantic" not in message and "Traceback" not in message


def test_all_problems_come_in_one_message(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        _load(tmp_path, GOOD.replace("model: IV-ViT", "modle: IV-ViT\n    precision: fp8"))
    assert len(str(caught.value).splitlines()) == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.yaml: no such configuration file"):
        load_config(tmp_path / "nowhere.yaml")


def _load(folder: Path, text: str):
    path = folder / "config.yaml"
    path.write_text(text)
    return load_config(path)
