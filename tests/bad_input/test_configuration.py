"""Configurations that cannot be right: one message with the key and what to do, at once, and no traceback."""

import time
from pathlib import Path

import pytest
import yaml

from ivvit.config import load_config
from ivvit.ground.errors import UserError

BASE = """\
root_path: data
defaults: {backbone: vit_tiny_patch16_224, datasets: {CIFAR100: 4}}
experiments:
  a: {model: IV-ViT}
"""


def experiment(settings: str) -> str:
    """The configuration with other settings of its experiment."""
    return BASE.replace("model: IV-ViT", settings)


CASES = {
    case["what"]: (case["text"], case["message"])
    for case in yaml.safe_load((Path(__file__).parent / "configurations.yaml").read_text(encoding="utf-8"))
}
ALIASES = "".join(f"k{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10 if i else ['x'] * 10)}]\n" for i in range(10))
LONG = {
    "a name of 300 characters": (BASE.replace(" a:", f" {'a' * 300}:"), "is not a valid name"),
    "a study's": (BASE + f"studies: {{{'s' * 300}: {{base: a, n_trials: 1}}}}\n", "is not a valid name"),
    "a data set's": (BASE + f"datasets: {{{'d' * 300}: {{kind: image-folder, path: x}}}}\n", "is not a valid name"),
    "a grid's point": (
        BASE + f"grids: {{g: {{extends: a, over: {{pretrain: ['file:{'x' * 400}']}}}}}}\n",
        "of 407 characters; names become folders",
    ),
    "a grid of a million": (
        BASE + f"grids: {{g: {{extends: a, over: {{iterations: {list(range(1, 1001))}, num_frames: "
        f"{list(range(1, 1001))}}}}}}}\n",
        "makes 1,000,000 experiments; at most 10,000 are sensible",
    ),
    "5,000 unknown keys": (BASE + "".join(f"k{i}: 1\n" for i in range(5000)), "... and 4990 more"),
    "nested 2,000 times": ("experiments: " + "{a: " * 2000 + "1" + "}" * 2000, "is nested too deeply"),
    "aliases of aliases": (ALIASES, "its aliases (*name) stand for more than 200,000 values"),
}  # fmt: skip
RIGHT = {  # what YAML 1.1 takes for something else
    "010": "10", "1_000": "1000", "0x10": "16", "0o20": "16", "1e4": "10000", "10.0": "10",
}  # fmt: skip


@pytest.mark.parametrize("case", [*CASES, *LONG])
def test_one_message_and_no_traceback(case: str, tmp_path: Path) -> None:
    text, words = {**CASES, **LONG}[case]
    path = tmp_path / "config.yaml"
    path.write_text(text)
    start = time.process_time()
    with pytest.raises(UserError) as caught:
        load_config(path)
    message = str(caught.value)
    assert str(path) in message or "~" in text
    assert words in message
    assert len(message.splitlines()) <= 11
    assert time.process_time() - start < 30  # they took forever: no clock's second matters here


@pytest.mark.parametrize("written", RIGHT)
def test_numbers_are_what_they_look_like(written: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(experiment(f"iterations: {written}"))
    assert load_config(tmp_path / "config.yaml").experiment("a").iterations == int(RIGHT[written])


@pytest.mark.parametrize("name", ["2020-01-01", "yes", "on", "n"])
def test_names_that_yaml_1_1_takes_for_dates_or_truth_values(name: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(BASE.replace(" a:", f" {name}:"))
    assert list(load_config(tmp_path / "config.yaml").entries) == [name]


def test_files_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(BASE.encode() + b"# \xe4")
    with pytest.raises(UserError, match=r"config\.yaml: cannot be read \('utf-8'"):
        load_config(path)
    path.write_bytes(b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode())  # as Windows writes
    assert list(load_config(path).entries) == ["a"]


def test_mistakes_of_all_sections_come_together(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        experiment("modle: x") + "  b: {precision: fp8}\nweights: {none: {}}\nruntime: {gpus: -1}\n"
    )
    with pytest.raises(UserError) as caught:
        load_config(tmp_path / "config.yaml")
    found = str(caught.value)
    assert len(found.splitlines()) == 4
    assert all(words in found for words in ("runtime.gpus", "a.modle", "b.precision", "weights.none"))


def test_mistakes_of_data_sets_do_not_hide_those_of_experiments(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "datasets: {own: {kind: imagefolder, path: x}}\n"
        "experiments:\n"
        "  a: {datasets: {own: 2}}\n"
        "  b: {datasets: {CIFAR100: 2}, modle: MSCA}\n"
        "  c: 3\n"
    )
    with pytest.raises(UserError) as caught:
        load_config(tmp_path / "config.yaml")
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    for words in ("datasets.own.kind: found 'imagefolder'", "b.modle: unknown key 'modle'", "experiments.c: must hold"):
        assert any(words in line for line in lines), lines
