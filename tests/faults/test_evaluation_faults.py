"""Evaluations that are killed, or that several processes share."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import training_runs
from training_runs import job

from ivvit.runs.run import train

TIMEOUT = 600
PROGRAM = """
import sys
sys.path[:0] = [sys.argv[1]]
from dataclasses import replace
from pathlib import Path
import ivvit.runs.evaluate as evaluation
from ivvit.config import DatasetOptions, EvaluationOptions, RuntimeOptions
from ivvit.ground.ending import leave
from ivvit.runs.evaluation_job import EvaluatedDataset, EvaluationJob
from slow_run import SlowPictures
from training_runs import DATASETS

root, model, folder, pause = Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), float(sys.argv[5])
opens = evaluation.open_for_head

def slow(*arguments):
    data = opens(*arguments)
    return replace(data, samples=replace(data.samples, source=SlowPictures(data.samples.source, pause)))

if pause:
    evaluation.open_for_head = slow
entry = EvaluatedDataset("shades", DatasetOptions(**DATASETS["shades"]), root / "manifests/shades.json", "shades")
runtime = RuntimeOptions(workers=0, gpus=0, checkpoint_minutes=1e-9)
evaluation.evaluate_run(EvaluationJob(model, folder, root, (entry,), EvaluationOptions(batch_size=1), runtime))
leave(0)
"""


def command(root: Path, model: Path, folder: Path, pause: float, processes: int = 1) -> list[str]:
    program = folder.parent / "program.py"
    program.write_text(PROGRAM)
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    arguments = [Path(training_runs.__file__).parent, root, model, folder, pause]
    return [sys.executable, *torchrun, program, *map(str, arguments)]


def run(*arguments, **keywords) -> None:
    done = subprocess.run(command(*arguments, **keywords), capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def model(data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    train(job(data, folder, names=["shades"]))
    return folder / "model.safetensors"


def test_a_killed_evaluation_ends_in_the_same_bytes(data, model, tmp_path):
    run(data, model, tmp_path / "whole", 0.0)
    parts = tmp_path / "run/state/parts/shades"
    kills = 0
    for count in (3, 7):
        process = subprocess.Popen(command(data, model, tmp_path / "run", 0.2), stderr=subprocess.DEVNULL)
        end = time.monotonic() + TIMEOUT
        while len(list(parts.glob("*.npz"))) < count and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills == 2 and not (tmp_path / "run/metrics.json").exists()
    kept = {file: file.stat().st_mtime_ns for file in parts.glob("*.npz")}
    assert 7 <= len(kept) < 12
    run(data, model, tmp_path / "run", 0.0)
    for name in ("metrics.json", "predictions.parquet"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert not (tmp_path / "run/state").exists()


@pytest.mark.slow
def test_two_processes_evaluate_every_sample_once(data, model, tmp_path):
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run(data, model, tmp_path / "one", 0.0)
    run(data, model, tmp_path / "two", 0.0, processes=2)
    one, two = (pq.read_table(tmp_path / name / "predictions.parquet") for name in ("one", "two"))
    assert one["path"].to_pylist() == two["path"].to_pylist() and len(set(two["path"].to_pylist())) == 12
    assert two["loss"].to_pylist() == pytest.approx(one["loss"].to_pylist(), abs=1e-5)
    first, second = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("one", "two"))
    assert first["datasets"]["shades"]["top1"] == second["datasets"]["shades"]["top1"]
    assert {**first, "datasets": 0, "mean": 0} == {**second, "datasets": 0, "mean": 0}
