"""docs/using.md does what it says: every block of it, run in its order on small models."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from data_sets import image, image_folder, video, video_folder
from safetensors.torch import load_file

from ivvit.cli import main

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "docs/using.md"
CONFIG = """\
datasets:
  UCF101: {kind: video-folder, path: films, clip_seconds: 0.4}
  CIFAR100: {kind: image-folder, path: pets}
  my-clips: {kind: video-folder, path: films, frames: original}
  mine: {kind: image-folder, path: cars}
defaults:
  backbone: {name: vit_tiny_patch16_224, img_size: 32, embed_dim: 24, depth: 1, num_heads: 3}
  iterations: 2
  num_frames: 2
  precision: fp32
  datasets: {UCF101: 2, CIFAR100: 2}
runtime: {workers: 0, gpus: 0}
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose names are the page's, with the files that it talks of."""
    folder = tmp_path_factory.mktemp("using")
    root = folder / "data_root"
    for name in ("pets", "cars"):
        image_folder(root / name, classes=2 + (name == "cars"))
    video_folder(root / "films")
    for name in ("holiday.mp4", "clip.mp4", "clips/one.avi", "videos/deep/two.mp4"):
        video(folder / name, frames=20)
    image(folder / "photos/one.png")
    (folder / "names.yaml").write_text("c0: c0\n")  # those that are named alike need no entry
    config = yaml.safe_load(CONFIG) | {"root_path": str(root)}
    config["experiments"] = {"msca": {"model": "MSCA", "seeds": [0, 1]}, "tokenshift": {"model": "TokenShift"}}
    (entries,) = (yaml.safe_load(text.replace("/elsewhere", str(folder)))["experiments"] for text in blocks("yaml"))
    config["experiments"] |= entries
    (folder / "config").mkdir()
    (folder / "config/config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in config["datasets"]:
            assert main(["validate", name]) == 0
        for words in ("extract UCF101", "train msca", "train msca --seed 1", "train tokenshift"):
            assert main(words.split()) == 0
    shutil.copy(folder / "results/experiments/msca/seed0/model.safetensors", folder)
    return folder


@pytest.fixture(autouse=True)
def _inside(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("HOME", str(workspace))


def test_every_command(workspace: Path) -> None:
    lines = [line.partition(" #")[0] for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) > 12
    for line in lines:
        program, *words = shlex.split(line.replace("/elsewhere", str(workspace)))
        assert program == "ivvit" and main(words) == 0, line
    for name in ("predictions.csv", "page.html", "predictions/metrics.json", "msca.tar", "exported/README.md"):
        assert Path(name).is_file(), name


def test_the_lines_of_python(workspace: Path) -> None:
    (text,) = blocks("python")
    names = {"pixels": torch.rand(1, 2, 3, 32, 32)}
    exec(text, names)
    assert names["logits"].shape == (1, 2)


def test_every_experiment(workspace: Path) -> None:
    """A child goes on with the heads that both have, one from a file has new ones, a probe keeps the features."""
    assert main(["weights", f"file:{workspace}/model.safetensors"]) == 0
    for name in ("child", "other", "probe"):
        assert main(["train", name, "--seed", "0"]) == 0
    found = {
        name: load_file(f"results/experiments/{name}/seed0/model.safetensors")
        for name in ("msca", "child", "other", "probe")
    }
    kept = [name for name in found["msca"] if "heads." not in name]
    assert all(torch.equal(found["probe"][name], found["msca"][name]) for name in kept)
    assert not all(torch.equal(found["child"][name], found["msca"][name]) for name in kept)
    assert found["other"].keys() == found["msca"].keys() and "heads.mine.weight" in found["child"]
