"""What a configuration means: defaults, extends, grids, per-data-set settings, one canonical form."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ivvit.config import Config, load_config, reference
from ivvit.config.canonical import canonical
from ivvit.config.schema import PATH, schema, schema_text
from ivvit.ground.digest import canonical_json
from ivvit.ground.errors import UserError

BASE: dict[str, Any] = {
    "defaults": {"optimizer": {"lr": 1e-3}, "iterations": 50},
    "experiments": {"joint": {"datasets": {"UCF101": 4, "CIFAR100": 8}}},
}


def resolve(**changes: Any) -> Config:
    return Config({**BASE, **changes}, "test")


def spec(entry: dict[str, Any], **changes: Any) -> str:
    config = resolve(experiments={"x": {**BASE["experiments"]["joint"], **entry}}, **changes)
    return canonical_json(canonical(config.experiment("x")))


def test_data_sets_take_turns_in_the_papers_order_whatever_the_files() -> None:
    assert list(resolve().experiment("joint").datasets) == ["CIFAR100", "UCF101"]


@pytest.mark.parametrize(
    "entry",
    [
        {"optimizer": {"lr": 0.001, "name": "AdamW", "weight_decay": 5e-5}},
        {"optimizer": {"default": {"lr": 1e-3}}},
        {"optimizer": {"UCF101": {"lr": 1e-3}, "CIFAR100": {"lr": 1e-3}}},
        {"model": {"name": "IV-ViT"}},
        {"lr_schedule": "cosine"},
        {"lr_schedule": {"name": "CosineAnnealingLR"}},
        {"datasets": {"CIFAR100": {"batch_size": 8}, "UCF101": {"batch_size": 4, "loss_weight": 1}}},
        {"seeds": [3, 4]},
        {"runtime": {"workers": 9}},
        {"backbone": "vit_base_patch16_224"},
    ],
)
def test_spelling_out_a_default_changes_nothing(entry: dict[str, Any]) -> None:
    assert spec(entry) == spec({})


@pytest.mark.parametrize(
    "entry",
    [
        {"optimizer": {"lr": 2e-3}},
        {"optimizer": {"UCF101": {"lr": 2e-3}}},
        {"model": "MSCA"},
        {"backbone": {"depth": 3}},
        {"datasets": {"CIFAR100": 8, "UCF101": 5}},
        {"iterations": 51},
    ],
)
def test_a_real_change_changes_the_canonical_form(entry: dict[str, Any]) -> None:
    assert spec(entry) != spec({})


def test_where_data_lies_is_not_part_of_the_specification_but_how_it_is_used_is() -> None:
    assert spec({}, datasets={"UCF101": {"path": "/elsewhere", "expect": "none", "strict": True}}) == spec({})
    assert spec({}, datasets={"UCF101": {"flip": False}}) != spec({})
    assert spec({}, datasets={"UCF101": {"store": {"quality": 5}}}) != spec({})
    original = {"UCF101": {"frames": "original"}}
    stored = {"UCF101": {"frames": "original", "store": {"quality": 5}}}
    assert spec({}, datasets=original) == spec({}, datasets=stored)


def test_extends_merges_keys_and_replaces_data_sets() -> None:
    experiments = {
        **BASE["experiments"],
        "child": {"extends": "joint", "optimizer": {"weight_decay": 0.5}, "datasets": {"CIFAR100": 2}},
        "grandchild": {"extends": "child", "optimizer": {"CIFAR100": {"lr": 7e-3}}},
    }
    config = resolve(experiments=experiments)
    child, grandchild = config.experiment("child"), config.experiment("grandchild")
    assert list(child.datasets) == ["CIFAR100"]
    assert (child.optimizer["CIFAR100"].lr, child.optimizer["CIFAR100"].weight_decay) == (1e-3, 0.5)
    assert (grandchild.optimizer["CIFAR100"].lr, grandchild.optimizer["CIFAR100"].weight_decay) == (7e-3, 0.5)


def test_another_model_does_not_inherit_options() -> None:
    experiments = {
        "a": {"model": {"name": "TokenShift", "fold_div": 4}, "datasets": {"UCF101": 4}},
        "b": {"extends": "a", "model": "MSCA"},
        "c": {"extends": "a", "model": {"fold_div": 16}},
    }
    config = resolve(experiments=experiments)
    assert config.experiment("b").model.name == "MSCA"
    assert config.experiment("c").model.fold_div == 16


def test_a_grid_names_every_combination() -> None:
    over = {"model": ["IV-ViT", {"name": "MSCA", "shift": "qk"}], "optimizer.lr": [1e-3, 1e-4]}
    config = resolve(grids={"g": {"extends": "joint", "over": over}})
    names = ["g-IV-ViT-0.001", "g-IV-ViT-0.0001", "g-MSCA+shift=qk-0.001", "g-MSCA+shift=qk-0.0001"]
    assert list(config.entries) == ["joint", *names]
    last = config.experiment(names[-1])
    assert (last.model.shift, last.optimizer["UCF101"].lr) == ("qk", 1e-4)


def test_a_grid_takes_labels_and_batch_sizes() -> None:
    over = {"model": {"plain": "IV-ViT"}, "datasets.UCF101.batch_size": [1, 2]}
    config = resolve(grids={"g": {"extends": "joint", "over": over}})
    assert config.experiment("g-plain-2").datasets["UCF101"].batch_size == 2
    assert config.experiment("g-plain-2").datasets["CIFAR100"].batch_size == 8


def test_a_grid_over_an_unknown_key_is_an_error() -> None:
    with pytest.raises(UserError, match=r"grids\.g\.over.*unknown key 'iteration'; did you mean iterations"):
        resolve(grids={"g": {"extends": "joint", "over": {"iteration": [1]}}})


def test_a_studys_parameters_lie_on_top() -> None:
    study = {"base": "joint", "n_trials": 1, "set": {"iterations": 3}, "space": {"optimizer.lr": [1e-3, 1e-4]}}
    config = resolve(studies={"s": study})
    trial = config.trial("s", {"optimizer.lr": 1e-4})
    assert (trial.iterations, trial.optimizer["UCF101"].lr) == (3, 1e-4)


def test_numbers_without_a_point_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("experiments: {x: {backbone: {name: v, init_values: 1e-5}, datasets: {UCF101: 1}}}")
    assert load_config(path).experiment("x").backbone.args["init_values"] == 1e-5


def test_later_files_win(tmp_path: Path) -> None:
    first, second = tmp_path / "1.yaml", tmp_path / "2.yaml"
    first.write_text(yaml.safe_dump(BASE))
    second.write_text("defaults: {iterations: 7}")
    experiment = load_config(first, second).experiment("joint")
    assert (experiment.iterations, experiment.optimizer["UCF101"].lr) == (7, 1e-3)


def test_the_committed_schema_is_that_of_the_models() -> None:
    assert PATH.read_text(encoding="utf-8") == schema_text(), "run `make schema`"


def test_the_committed_reference_is_that_of_the_models() -> None:
    assert reference.PATH.read_text(encoding="utf-8") == reference.reference_text(), "run `make schema`"


def test_every_key_is_described() -> None:
    sections = {"ConfigFile": schema(), **schema()["$defs"]}
    bare = {
        f"{name}.{key}"
        for name, section in sections.items()
        for key, field in section.get("properties", {}).items()
        if "description" not in field and "const" not in field and "$ref" not in str(field)
    }
    assert not bare


@pytest.mark.parametrize("path", sorted(PATH.parent.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_configurations_are_right_and_name_the_schema(path: Path) -> None:
    assert path.read_text().startswith("# yaml-language-server: $schema=schema.json")
    assert load_config(path).entries
