"""`ivvit plan`: the jobs that a real run then does, what they cost, and that asking leaves nothing behind."""

import re
from pathlib import Path

import pytest
from workspace import SMALL, Workspace, run

STUDY = "studies:\n  rate: {base: images, n_trials: 1, space: {optimizer.lr: {low: 1.0e-4, high: 1.0e-2, log: true}}}\n"
MORE = """\
  tuned: {extends: images, from_study: rate}
  deep: {extends: images, backbone: {name: vit_tiny_patch16_224, img_size: 32, embed_dim: 24, depth: 3, num_heads: 3}}
"""


@pytest.fixture(scope="module")
def workspace(small: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = small.copy(tmp_path_factory.mktemp("plan") / "it")
    made.edit("config/config.yaml", "runtime:", f"{MORE}{STUDY}runtime:")
    return made


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_known_and_unknown_shapes_and_a_study(workspace: Workspace) -> None:
    before = files(workspace.folder)
    plan = workspace.ivvit("plan")
    assert files(workspace.folder) == before
    assert re.search(r"^study: rate, 1 of 1 trials are left: \d+ s; measured: 1 run of the same shape", plan, re.M)
    assert "train: deep, seed 0 (never run): unknown time; unknown" in plan
    assert re.search(r"^maybe: tuned, seed 0 \(after study rate\): \d+ s; measured", plan, re.M)
    assert "tables: " in plan and "1 runs to train, 1 trials, and up to 1 more" in plan


def test_before_anything_has_run(tmp_path: Path) -> None:
    workspace = Workspace.make(tmp_path / "it", SMALL.replace("runtime:", f"{MORE}{STUDY}runtime:"))
    plan = workspace.ivvit("plan", "--probe")  # nothing can be probed before the data is validated
    first = ["validate: shades must be validated first", "extract: frames of moves", "weights: weights local must"]
    assert all(line in plan for line in first)
    assert "study: rate, 1 of 1 trials are left, after the checks: unknown time" in plan
    assert "train: joint, seed 0 (after the checks): unknown time" in plan and "maybe" not in plan
    assert "4 runs to train, 1 trials\n" in plan and "how sure: 5 unknown" in plan
    assert re.search(
        r"^extract: frames of moves: 12 of 12 videos .*, at most [\d.]+ MB by the headers of 12", plan, re.M
    )
    assert re.search(r"^frame stores: at most [\d.]+ MB, twice what", plan, re.M)


def test_a_probe_tells_the_speed_and_leaves_nothing(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = files(workspace.folder)
    plan = workspace.ivvit("plan", "--probe")
    assert re.search(r"^train: deep, seed 0 \(never run\): \d+ s; probed: some iterations on CPU", plan, re.M)
    assert "1 measured, 1 probed" in plan
    assert files(workspace.folder) == before and not list(tmp_path.iterdir())


def test_the_jobs_are_those_of_a_real_run(workspace: Workspace) -> None:
    (workspace / "data/datasets/shades/train/class0/notes.txt").write_text("nothing\n")
    plan = workspace.ivvit("plan")
    assert "validate: shades changed and will be validated again" in plan
    assert workspace.run().jobs == {
        "validate:shades", "study_worker:rate", "study:rate", *run("tuned/0"), *run("deep/0"),
    }  # fmt: skip
    assert workspace.ivvit("plan").startswith("0 runs to train")


def test_more_trials_of_a_study_that_has_some(workspace: Workspace) -> None:
    workspace.edit("config/config.yaml", "n_trials: 1", "n_trials: 3")
    assert "study: rate, 2 of 3 trials are left" in workspace.ivvit("plan")


def test_videos_to_code(workspace: Workspace) -> None:
    workspace.edit("config/config.yaml", "max_damaged: 0.5}", "max_damaged: 0.5, store: {quality: 5}}")
    plan = workspace.ivvit("plan")
    line = r"^extract: frames of moves changed .+: 12 of 12 videos to encode, at most ([\d.]+) MB by frames and sizes"
    size = re.search(line, plan, re.M)
    assert size and f"frame stores: at most {size[1]} MB" in plan


def test_what_is_done_already_is_not_counted(workspace: Workspace) -> None:
    workspace.edit("config/config.yaml", "images: {", "images: {lr_schedule: constant, ")
    workspace.ivvit("train", "images")
    workspace.edit("config/config.yaml", "lr_schedule: constant, ", "lr_schedule: constant, iterations: 9, ")
    assert "train: images, seed 0 (stale, goes on from iteration 2): " in workspace.ivvit("plan")
    workspace.edit("config/config.yaml", "lr_schedule: constant, ", "")
    assert "train: images, seed 0 (stale): " in workspace.ivvit("plan")


def test_why_a_study_must_be_done_again(workspace: Workspace) -> None:
    workspace.edit("config/config.yaml", "low: 1.0e-4", "low: 2.0e-4")
    (why,) = workspace.states()["tuned/0"]["why"]
    assert (
        why.startswith("study rate must be done first (") and "search.space.optimizer.lr.low: 0.0001 -> 0.0002" in why
    )
