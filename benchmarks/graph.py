"""How fast the workflow plans: `snakemake -n`, identities, `ivvit status`, `why` and `plan` for 10 to 10,000 runs.

    python benchmarks/graph.py [--runs 10 100 1000 3000 10000]

All checks are done. First nothing is trained (`dry_run_cold_s`), beside a Snakefile of two short rules with as many
jobs (`bare_s`); then every run is there but the last: the plan has one job, and everything else must be found fresh.
Then a setting of all experiments changes, and all is stale (`..._stale_s`).

What bounds it: of a cold plan, Snakemake's own time for a job, of which a run has two; else reading what is there.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import show_and_save
from PIL import Image

PROJECT = Path(__file__).parents[1]
SEEDS = 3
DRY_RUN = ("-m", "snakemake", "-n", "--quiet", "rules", "--cores", "1")
BARE = """
rule all:
    input: expand("{{run}}/metrics.json", run=range({runs}))
rule train:
    output: "{{run}}/model"
    shell: "train {{output}}"
rule evaluate:
    input: "{{run}}/model"
    output: "{{run}}/metrics.json"
    shell: "evaluate {{input}} {{output}}"
"""
"""What Snakemake needs of itself."""


def main() -> None:
    """Measure, print a table and write results/<processor>-graph.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[10, 100, 1000, 3000, 10000])
    show_and_save("graph", [measure(runs) for runs in parser.parse_args().runs])


def measure(runs: int) -> dict[str, Any]:
    """One workspace of so many runs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        experiments = max(1, runs // SEEDS)
        _workspace(folder, experiments)
        cold = _timed(folder, *DRY_RUN)
        assert re.search(rf"^train +{experiments * SEEDS}$", cold["text"], re.MULTILINE), cold["text"]
        bare = _bare(folder / "bare", experiments * SEEDS)
        identities = _identities(folder, experiments)
        dry = _timed(folder, *DRY_RUN)
        assert re.search(r"^train +1$", dry["text"], re.MULTILINE), dry["text"]
        row = {
            "runs": experiments * SEEDS,
            "experiments": experiments,
            "identities_cpu_ms": identities,
            "dry_run_cold_s": cold["seconds"],
            "bare_s": bare["seconds"],
            "dry_run_s": dry["seconds"],
            "dry_run_cpu_s": dry["cpu"],
            "dry_run_mb": dry["mb"],
            "status_s": _timed(folder, "-m", "ivvit", "status")["seconds"],
            "why_one_s": _timed(folder, "-m", "ivvit", "why", "e0")["seconds"],
            "why_all_s": _timed(folder, "-m", "ivvit", "why")["seconds"],
            "why_if_s": _timed(folder, "-m", "ivvit", "why", "--if", "optimizer.lr=3e-5")["seconds"],
        }
        config = folder / "config" / "config.yaml"
        config.write_text(config.read_text().replace('"num_frames": 8', '"num_frames": 4'))
        for command in ("status", "plan"):
            stale = _timed(folder, "-m", "ivvit", command)
            row[f"{command}_stale_s"] = stale["seconds"]
            assert f"{experiments * SEEDS - 1} stale" in stale["text"] or command == "plan", stale["text"]
        return row


def _workspace(folder: Path, experiments: int) -> None:
    for name in ("workflow", "ivvit"):
        source = PROJECT / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / name)
    for split in ("train", "val"):
        (folder / "data/shades" / split / "one").mkdir(parents=True)
        Image.new("L", (8, 8), len(split)).save(folder / "data/shades" / split / "one" / "0.png")
    (folder / "config").mkdir()
    models = ("IV-ViT", "TokenShift", "MSCA", "polyvit")
    entries = {
        f"e{i}": {"model": models[i % 4], "num_frames": 8, "optimizer": {"lr": 1e-5 * (i + 1)}, "seeds": [0, 1, 2]}
        for i in range(experiments)
    }
    config = {
        "root_path": "data",
        "datasets": {"shades": {"kind": "image-folder", "path": "shades"}},
        "defaults": {"datasets": {"shades": 1}},
        "experiments": entries,
        "runtime": {"gpus": 0},
    }
    (folder / "config/config.yaml").write_text(json.dumps(config))
    done = _timed(folder, "-m", "ivvit", "validate", "shades")
    assert list((folder / "results/manifests/shades").glob("*/manifest.json")), done["text"]


def _bare(folder: Path, runs: int) -> dict[str, Any]:
    folder.mkdir()
    (folder / "Snakefile").write_text(BARE.format(runs=runs))
    return _timed(folder, *DRY_RUN)


def _identities(folder: Path, experiments: int) -> float:
    """CPU milliseconds for all identities where all is imported and read; makes all runs but one."""
    code = f"""
import json, time
from pathlib import Path
from ivvit.config import load_config
from ivvit.cli.jobs import link_run
from ivvit.ground.versions import versions
from ivvit.identity.identity import Identities
speeds = ("iterations_per_second", "samples_per_second", "evaluate_seconds", "save_seconds")
config = load_config()
Identities(config).experiment("e0")
start = time.process_time()
identities = Identities(config)
found = [identities.experiment(name) for name in config.entries]
print(json.dumps(1000 * (time.process_time() - start)))
evaluations = [identities.evaluation(name) for name in config.entries]
for number, identity in enumerate(found):
    for seed in range({SEEDS}):
        if (number, seed) != ({experiments - 1}, {SEEDS - 1}):
            folder = identities.paths.run(identity.digest, seed)
            folder.mkdir(parents=True)
            (folder / "model.safetensors").write_text("{{}}")
            provenance = {{"name": f"e{{number}}", "seed": seed, "identity": identity.digest, "parts": identity.parts}}
            provenance |= {{"versions": versions(), "sessions": [{{"device": "CPU", "ended": "2026-01-01T00:00:00"}}]}}
            provenance["speed"] = dict.fromkeys(speeds, 1.0)
            (folder / "provenance.json").write_text(json.dumps(provenance, indent=2))
            evaluation = identities.paths.evaluated(identity.digest, seed, evaluations[number].digest)
            evaluation.parent.mkdir(parents=True)
            evaluation.write_text("{{}}")
            (evaluation.parent / "predictions.parquet").touch()
            link_run(identities.paths, f"e{{number}}", seed, identity.digest, evaluations[number].digest)
"""
    return float(_timed(folder, "-c", code)["text"].split()[0])


def _timed(folder: Path, *arguments: str) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    assert os.waitstatus_to_exitcode(status) == 0, text
    cpu = usage.ru_utime + usage.ru_stime
    return {"text": text, "seconds": seconds, "cpu": cpu, "mb": usage.ru_maxrss / (1 << 10)}


if __name__ == "__main__":
    main()
