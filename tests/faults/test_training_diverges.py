"""A loss that is not finite on one of two processes: both stop there, and the samples are named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import training_runs

PROGRAM = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from training_runs import job
from ivvit.ground.ending import leave
from ivvit.numerics import trainer
from ivvit.numerics.finite import Diverged
from ivvit.runs.run import train

sums, calls = trainer.batch_sums, []
def broken(*arguments):
    calls.append(None)
    found = sums(*arguments)
    return found * float("nan") if os.environ["RANK"] == "1" and len(calls) == 3 else found
trainer.batch_sums = broken

try:
    train(job(Path(sys.argv[2]), Path(sys.argv[3]), names=["shades"], max_skipped=int(sys.argv[4])))
except Diverged as error:
    print(f"rank {os.environ['RANK']} after {len(calls)}: {error}", flush=True)
else:
    print(f"rank {os.environ['RANK']} finished", flush=True)
leave(0)
"""


@pytest.mark.parametrize("max_skipped", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_processes_agree_on_a_loss_that_is_not_finite(data: Path, tmp_path: Path, max_skipped: int) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    arguments = [Path(training_runs.__file__).parent, data, tmp_path / "run", max_skipped]
    command = [sys.executable, *torchrun, program, *map(str, arguments)]
    done = subprocess.run(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    lines = sorted(line for line in done.stdout.splitlines() if line.startswith("rank"))
    if max_skipped:
        assert lines == ["rank 0 finished", "rank 1 finished"]
        return
    assert [line.split(":")[0] for line in lines] == ["rank 0 after 3", "rank 1 after 3"]
    assert lines[0].split(":", 1)[1] == lines[1].split(":", 1)[1]
    assert "the loss of shades is not finite in iteration 3 (samples: shades/train/" in lines[0]
