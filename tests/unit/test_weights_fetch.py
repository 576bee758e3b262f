"""Names of weights, files put there by hand, and locks that equal weights share."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
import yaml
from safetensors.torch import save_file

from ivvit.ground.errors import UserError
from ivvit.numerics.models import create_model
from ivvit.weights import load_converted, load_weights
from ivvit.weights.fetch import fetch
from ivvit.weights.sources import TABLE, find_source

VIT = {"img_size": 32, "embed_dim": 24, "depth": 1, "num_heads": 3, "mlp_ratio": 2}
PLACES = {
    "Kinetics400": "Kinetics400/video_model_kinetics_pretrained.pth",
    "ImageNet-21k": "ImageNet21k/video_model_imagenet21k_pretrained.pth",
    "polyvit": "polyvit/polyvit_pretrained.pth",
}


def model(name="IV-ViT", seed=0):
    torch.manual_seed(seed)
    return create_model(name, {"A": 3}, num_frames=2, backbone_args=VIT)


def put(path, state):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": state}, path)
    return path


@pytest.mark.parametrize("name", PLACES)
def test_a_file_put_there_by_hand_is_used(tmp_path, name):
    source = model("polyvit")
    put(tmp_path / "pretrained_weight" / PLACES[name], source.state_dict())
    fetch(name, root=tmp_path, lock=tmp_path / "lock.json")
    lock = json.loads((tmp_path / "lock.json").read_text())
    assert lock["left_out"] == ["heads.A.bias", "heads.A.weight"]
    target = model("polyvit", seed=1)
    report = load_weights(target, load_converted(tmp_path / "lock.json", tmp_path))
    assert report.missing == ["heads.A.weight", "heads.A.bias"]
    for parameter, tensor in source.state_dict().items():
        if not parameter.startswith("heads."):
            assert torch.equal(target.state_dict()[parameter], tensor), parameter


def test_polyvits_weights_can_only_be_put_there_by_hand(tmp_path):
    with pytest.raises(UserError, match=f"no public link: put the file at .*{PLACES['polyvit']}"):
        fetch("polyvit", root=tmp_path, lock=tmp_path / "lock.json")


def test_the_published_imagenet_1k_is_enforced_on_files_put_by_hand(tmp_path):
    put(tmp_path / "pretrained_weight/ImageNet1k/vit_b_16-c867db91.pth", model().state_dict())
    with pytest.raises(UserError, match=r"vit_b_16-c867db91.pth has SHA-256 \w+, but c867db91 is published"):
        fetch("ImageNet-1k", root=tmp_path, lock=tmp_path / "lock.json")


@pytest.mark.parametrize(
    "form",
    ["file:{}", "file://{}", "file:my weights.pth", "file://my weights.pth", "weights entry", "relative to root"],
)
def test_local_files_are_read_where_they_lie(tmp_path, form, monkeypatch):
    path = put(tmp_path / "root" / "my weights.pth", model().backbone.state_dict())
    monkeypatch.chdir(tmp_path if form == "relative to root" else path.parent)
    tmp_path = tmp_path / "root"
    sources = {"weights entry": {"path": str(path)}, "relative to root": {"path": path.name}}
    name = form.format(path)
    fetch(name, root=tmp_path, lock=tmp_path / "lock.json", sources=sources)
    assert torch.equal(
        load_converted(tmp_path / "lock.json", tmp_path)["cls_token"], model().backbone.state_dict()["cls_token"]
    )
    assert not (tmp_path / "pretrained_weight/checksums.json").exists()  # a changed local file is just another one
    put(path, model(seed=1).backbone.state_dict())
    fetch(name, root=tmp_path, lock=tmp_path / "again.json", sources=sources)
    assert json.loads((tmp_path / "again.json").read_text())["sha256"] not in (tmp_path / "lock.json").read_text()


def test_equal_weights_give_an_equal_lock(tmp_path):
    """Other container, other order, another process, another root: the same bytes."""
    state = model().backbone.state_dict()
    put(tmp_path / "one" / "w.pth", state)
    (tmp_path / "two").mkdir()
    save_file({name: state[name] for name in reversed(state)}, tmp_path / "two" / "w.pth")
    code = (
        "import sys; from pathlib import Path; from ivvit.weights.fetch import fetch; root = Path(sys.argv[1])\n"
        "fetch('w', root=root, lock=root / 'lock.json', sources={'w': {'path': 'w.pth'}})"
    )
    for root in ("one", "two"):
        subprocess.run([sys.executable, "-c", code, tmp_path / root], check=True)
    assert (tmp_path / "one/lock.json").read_bytes() == (tmp_path / "two/lock.json").read_bytes()
    path = json.loads((tmp_path / "one/lock.json").read_text())["path"]
    assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


def test_fetching_again_mends_a_lost_or_damaged_conversion(tmp_path):
    put(tmp_path / "w.pth", model().backbone.state_dict())
    sources = {"w": {"path": "w.pth"}}
    fetch("w", root=tmp_path, lock=tmp_path / "lock.json", sources=sources)
    content = (tmp_path / "lock.json").read_bytes()
    converted = tmp_path / json.loads(content)["path"]
    whole = converted.read_bytes()
    converted.write_bytes(whole[:-4] + b"oops")
    with pytest.raises(UserError, match=r"is not the file that was locked; delete .*lock.json and fetch 'w' again"):
        load_converted(tmp_path / "lock.json", tmp_path)
    fetch("w", root=tmp_path, lock=tmp_path / "lock.json", sources=sources)
    assert converted.read_bytes() == whole
    shutil.rmtree(converted.parent)
    with pytest.raises(UserError, match="does not exist"):
        load_converted(tmp_path / "lock.json", tmp_path)
    fetch("w", root=tmp_path, lock=tmp_path / "lock.json", sources=sources)
    assert ((tmp_path / "lock.json").read_bytes(), converted.read_bytes()) == (content, whole)


@pytest.mark.parametrize("content", ["", "{}", '{"format": 0}'])
def test_a_lock_that_cannot_be_read(tmp_path, content):
    (tmp_path / "lock.json").write_text(content)
    with pytest.raises(UserError, match=r"lock.json .*fetch the weights again"):
        load_converted(tmp_path / "lock.json", tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Kinetics-400", "did you mean Kinetics400.*ImageNet-21k"),
        ("none", "nothing to fetch"),
        ("experiment:joint", "nothing to fetch"),
        ("file:missing.pth", "missing.pth does not exist"),
    ],
)
def test_names_that_are_no_weights(tmp_path, name, message):
    with pytest.raises(UserError, match=message):
        fetch(name, root=tmp_path, lock=tmp_path / "lock.json")


@pytest.mark.parametrize("entry", [{}, {"sha256": "0" * 64}, {"url": "https://a/b", "timm": "c"}])
def test_an_entry_needs_one_place(entry):
    with pytest.raises(UserError, match=r"'mine' need exactly one of url, gdrive, timm, path"):
        find_source("mine", {"mine": entry})


def test_another_place_for_a_known_name_drops_the_published_checksum():
    source = find_source("ImageNet-1k", {"ImageNet-1k": {"url": "https://a/b.pth", "sha256": None}})
    assert (source.location, source.sha256) == ("https://a/b.pth", None)
    assert source.file == "ImageNet1k/vit_b_16-c867db91.pth"


def test_two_addresses_do_not_share_a_file():
    addresses = ["https://a/model.pth", "https://b/model.pth", "https://b/model.pth?version=2"]
    assert len({find_source(address).file for address in addresses}) == 3


def test_the_shipped_table_is_what_the_configuration_knows():
    from ivvit.config.checks import PUBLISHED

    assert set(yaml.safe_load(TABLE.read_text())) == set(PUBLISHED)
    assert all(find_source(name).file for name in PUBLISHED)


def test_looking_names_up_needs_no_torch():
    code = "import sys, ivvit.weights.fetch; print({'torch', 'timm', 'requests'} & set(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"
