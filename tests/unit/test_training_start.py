"""Runs start without what they do not need: torch's compiler alone takes two seconds, and timm.optim imports it."""

import subprocess
import sys
from pathlib import Path

from safetensors.torch import load_file
from training_runs import job, same_bits

from ivvit.runs.run import train

WHOLE = """
import sys
from pathlib import Path
from training_runs import job, wanted
from ivvit.runs.run import train

def heavy(*names):
    print(sorted({"torch._dynamo", "sympy", "timm.optim", "torchvision.transforms.v2", *names} & sys.modules.keys()))

data, folder = Path(sys.argv[1]), Path(sys.argv[2])
train(job(data, folder / "run", iterations=2))
heavy("pandas")

from ivvit.runs.evaluate import evaluate_run
evaluate_run(wanted(data, folder / "run/model.safetensors", folder / "evaluation"))
heavy("pandas")

import torch
layer = torch.compile(torch.nn.Linear(2, 2), backend="eager")
optimizer = torch.optim.AdamW(layer.parameters())
layer(torch.ones(1, 2)).sum().backward()
optimizer.step()
optimizer.load_state_dict(optimizer.state_dict())
print(len(optimizer.state), "torch._dynamo" in sys.modules)
"""


def test_a_run_and_its_evaluation_need_no_compiler_and_can_have_it_later(data, tmp_path):
    """A new torch or timm that brings it back is noticed here; the bits are those with it."""
    place = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", f"import sys; sys.path.append({place!r})\n{WHOLE}", str(data), str(tmp_path)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert [line for line in printed.splitlines() if line[0] in "[2"] == ["[]", "[]", "2 True"]
    import torch._dynamo  # noqa: F401

    train(job(data, tmp_path / "with", iterations=2))
    same_bits(load_file(tmp_path / "run/model.safetensors"), load_file(tmp_path / "with/model.safetensors"))
