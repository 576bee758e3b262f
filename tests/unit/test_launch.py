"""What a job asks the cluster for, and how it becomes several processes."""

import pytest

from ivvit.cli.launch import launch, spreads, step_command
from ivvit.config import RuntimeOptions
from ivvit.ground.errors import UserError
from ivvit.planning.resources import Request


def asked(**options: object) -> dict[str, object]:
    request = Request(RuntimeOptions(**options))
    names = ("cpus", "minutes", "gpu", "gpu_model", "gres", "nodes", "mpi", "tasks_per_gpu")
    return {name: value for name in names if (value := getattr(request, name)) is not None}


def test_one_node() -> None:
    assert asked(gpus=1, hours=1.5) == {"cpus": 5, "minutes": 90, "gpu": 1}
    assert asked(gpus=4, gpu_model="a100", workers=1, hours=1) == {
        "cpus": 8, "minutes": 60, "gpu": 4, "gpu_model": "a100",
    }  # fmt: skip
    assert asked(gpus=0, gpu_model="a100", workers=0, threads=6, hours=1) == {"cpus": 6, "minutes": 60}
    assert asked(gpus=2, cpus=3, hours=0.001) == {"cpus": 3, "minutes": 1, "gpu": 2}


def test_several_nodes_count_gpus_for_each() -> None:
    assert asked(gpus=4, nodes=2, gpu_model="h100", cpus=16, hours=1) == {
        "cpus": 16, "minutes": 60, "gres": "gpu:h100:4", "nodes": 2, "mpi": "srun", "tasks_per_gpu": 0,
    }  # fmt: skip
    assert "gres" not in asked(gpus=0, nodes=2)


def test_memory_grows_with_attempts() -> None:
    request = Request(RuntimeOptions(memory_gb=10))
    assert [request.mem_mb(attempt) for attempt in (1, 2, 3)] == [10_000, 15_000, 20_000]


def test_a_study_worker_is_one_process() -> None:
    alone = Request(RuntimeOptions(gpus=4, nodes=2)).alone()
    assert (alone.gpu, alone.nodes) == (1, None)
    assert Request(RuntimeOptions(gpus=0)).alone().gpu is None


def test_only_the_first_process_starts_others() -> None:
    assert spreads(RuntimeOptions(gpus=2), {}) and spreads(RuntimeOptions(gpus=0, nodes=2), {})
    assert not spreads(RuntimeOptions(gpus=1), {}) and not spreads(RuntimeOptions(gpus=0), {})
    assert not spreads(RuntimeOptions(gpus=2), {"WORLD_SIZE": "2"})


def test_a_step_has_one_task_a_node() -> None:
    command = " ".join(step_command(RuntimeOptions(gpus=4, nodes=2), ["train", "joint"]))
    assert "--nodes 2 --ntasks 2 --ntasks-per-node=1" in command and "--gres=gpu:4" in command
    assert command.endswith("-m ivvit train joint")


def test_several_nodes_need_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(UserError, match=r"nodes is 2.*--profile slurm"):
        launch(RuntimeOptions(nodes=2), ["train"])
