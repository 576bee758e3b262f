"""Paths that a shell would take apart or run are paths and nothing else; damaged results are made again."""

from pathlib import Path

import pytest
from workspace import Workspace

CONFIG = """\
root_path: "{root}"
datasets:
  shades: {{kind: image-folder, path: "datasets/shades", flip: false}}
weights:
  local: {{url: "file://{{root_path}}/pretrained_weight/local.pth"}}
defaults:
  backbone: {{name: vit_tiny_patch16_224, img_size: 32, embed_dim: 24, depth: 2, num_heads: 3}}
  iterations: 2
  precision: fp32
experiments:
  images: {{datasets: {{shades: 2}}, pretrain: local}}
results: {{path: "{results}"}}
runtime: {{workers: 0, gpus: 0, memory_gb: 1}}
"""
AWKWARD = "it's $(touch pwned) `touch pwned` ; touch pwned & \u00fc *"


@pytest.mark.slow
def test_paths_are_not_run_and_damage_is_mended(tmp_path: Path) -> None:
    workspace = Workspace.make(tmp_path / "a b")
    (workspace / "data").rename(workspace / f"data {AWKWARD}")
    text = CONFIG.format(root=f"data {AWKWARD}", results=f"results {AWKWARD}")
    (workspace / "config/config.yaml").write_text(text, encoding="utf-8")
    ran = workspace.python("-m", "snakemake", "--cores", "2")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not list(tmp_path.rglob("pwned"))
    results = workspace / f"results {AWKWARD}"
    model = (results / "experiments/images/seed0/model.safetensors").resolve()
    (lock,) = results.glob("manifests/shades/*/manifest.json")
    whole = {file: file.read_bytes() for file in (model, lock)}
    for file in whole:
        file.write_bytes(whole[file][:-9])
    row = workspace.states()["images/0"]
    assert row["state"] == "pending" and "manifest.json is damaged" in row["why"][0]
    assert "Forced execution" in workspace.python("-m", "snakemake", "--cores", "2", "--dry-run").stdout
    again = workspace.python("-m", "snakemake", "--cores", "2")
    assert again.returncode == 0, again.stdout + again.stderr
    assert {file: file.read_bytes() for file in whole} == whole
    assert workspace.states()["images/0"]["state"] == "fresh"
