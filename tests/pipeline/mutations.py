"""What may happen to a workflow that has run, and exactly which jobs must run after it."""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from workspace import (
    CHILD,
    IMAGES,
    JOINT,
    SHIFTED,
    STORED,
    STUDY,
    TRAINED,
    TUNED,
    VALIDATED,
    Workspace,
    make_video,
    run,
    touch_all,
    write_weights,
)

CONFIG_FILE = "config/config.yaml"
EVALUATED = {job for job in TRAINED if job.startswith("evaluate:")}
MOVES_ALL = {"validate:moves", *STORED, *JOINT}
SHADES_ALL = {"validate:shades", *JOINT, *IMAGES, *CHILD, *STUDY, *TUNED}


@dataclass(frozen=True)
class Mutation:
    """A change, and the jobs that must run after it (tables may)."""

    apply: Callable[[Workspace], None]
    jobs: set[str] = field(default_factory=set)
    arguments: tuple[str, ...] = ()


MUTATIONS: dict[str, Mutation] = {}


def mutation(jobs: set[str] = frozenset(), *arguments: str) -> Callable[[Callable[[Workspace], None]], None]:
    def enter(function: Callable[[Workspace], None]) -> None:
        MUTATIONS[function.__name__] = Mutation(function, set(jobs), arguments)

    return enter


def edit(name: str, file: str, old: str, new: str, jobs: set[str] = frozenset(), *arguments: str) -> None:
    """A mutation that replaces a text in a file."""
    MUTATIONS[name] = Mutation(lambda workspace: workspace.edit(file, old, new), set(jobs), arguments)


def configured(name: str, old: str, new: str, jobs: set[str] = frozenset()) -> None:
    edit(name, CONFIG_FILE, old, new, jobs)


def appended(name: str, file: str, text: str, jobs: set[str] = frozenset()) -> None:
    """A mutation that adds lines to a file."""

    def apply(workspace: Workspace) -> None:
        with (workspace / file).open("a") as stream:
            stream.write(text)

    MUTATIONS[name] = Mutation(apply, set(jobs))


# --- the specification
configured("iterations_of_all", "iterations: 2", "iterations: 1", JOINT | SHIFTED | IMAGES | CHILD | STUDY)
configured(
    "weight_decay_of_all", "optimizer: {lr: 1.0e-3}", "optimizer: {lr: 1.0e-3, weight_decay: 0.1}", TRAINED | STUDY
)
configured("weight_decay_of_one", "{model: MSCA,", "{model: MSCA, optimizer: {weight_decay: 0.01},", SHIFTED)
configured("model_option", "{model: MSCA,", "{model: {name: MSCA, shift: qk},", SHIFTED)
configured("batch_size", "  datasets: {shades: 2, moves: 2}", "  datasets: {shades: 1, moves: 2}", JOINT)
configured("searched_key_of_the_base", "{shades: 2}}\n  child", "{shades: 2}, optimizer: {lr: 0.5}}\n  child",
           IMAGES | CHILD)  # fmt: skip
configured("flips", "path: datasets/walks, flip: false", "path: datasets/walks, flip: true", SHIFTED)
configured("original_frames_to_store", ", frames: original", "", SHIFTED | {"extract:walks", "frames:walks"})
configured("store_to_original_frames", "0.24, max_damaged", "0.24, frames: original, max_damaged", JOINT)
configured("store_settings", "max_damaged: 0.5}", "max_damaged: 0.5, store: {quality: 5}}", STORED | JOINT)
configured("pretrained_from_nothing", "pretrain: local", "pretrain: none", JOINT)
configured("expected_counts", "path: datasets/walks,", "path: datasets/walks, expect: {classes: 2, train: 8, val: 4},",
           {"validate:walks"})  # fmt: skip
configured("a_comment_in_the_configuration", "experiments:", "# what we compare\nexperiments:")
configured("defaults_spelled_out", "{model: MSCA,", "{model: {name: MSCA, shift: kv, shift_heads: 1}, grad_clip: null,")
configured("key_order", "{model: TokenShift, datasets: {shades: 2}}", "{datasets: {shades: 2}, model: TokenShift}")
configured("dataset_order", "  datasets: {shades: 2, moves: 2}", "  datasets: {moves: 2, shades: 2}")
configured("yaml_anchors", "datasets: {shades: 2}}\n  child: {extends: images,",
           "datasets: &only {shades: 2}}\n  child: {extends: images, datasets: *only,")  # fmt: skip
configured("number_notation", "lr: 1.0e-3", "lr: 0.001")
configured("listing_of_folders", "runtime: {", "runtime: {listing: folders, ", VALIDATED)
configured("runtime", "{workers: 0, gpus: 0,", "{workers: 1, gpus: 0, threads: 2, checkpoint_minutes: 9,")
configured("unused_dataset", "datasets:\n  shades", "datasets:\n  CIFAR100: {expect: none}\n  shades")
configured("evaluation_of_all", "defaults:", "defaults:\n  evaluation: {clips: 2}", EVALUATED)
configured("batch_size_of_evaluations", "defaults:", "defaults:\n  evaluation: {batch_size: 1}")
# --- experiments and seeds
configured("experiment_added", "studies:", "  wide: {extends: images, num_frames: 3}\nstudies:", run("wide/0"))
configured("equal_experiment_added", "studies:", "  twin: {extends: images}\nstudies:")
configured("experiment_removed", "  shifted: {model: MSCA, datasets: {walks: 2}}\n", "")
configured("experiment_renamed", "  shifted: {model", "  msca: {model")
configured("seeds_added", "{model: MSCA,", "{seeds: [0, 3], model: MSCA,", run("shifted/3"))
configured("grid_added", "studies:", "grids:\n  g: {extends: images, over: {ema: [0.5, 0.9]}}\nstudies:",
           run("g-0.5/0") | run("g-0.9/0"))  # fmt: skip
# --- the study
configured("search_space", "low: 1.0e-4", "low: 2.0e-4", STUDY | TUNED)
configured("study_workers", "n_trials: 2,", "n_trials: 2, workers: 2,")
configured("unsearched_key_of_the_base", "{shades: 2}}\n  child", "{shades: 2}, ema: 0.5}\n  child",
           IMAGES | CHILD | STUDY | TUNED)  # fmt: skip
# --- code
appended("own_models_code", "ivvit/numerics/models/msca.py", "\nVALUE = 1\n", SHIFTED)
appended("another_models_code", "ivvit/numerics/models/polyvit.py", "\nVALUE = 1\n")
appended("shared_code_of_models", "ivvit/numerics/models/common.py", "\nVALUE = 1\n", TRAINED | STUDY)
appended("shared_code_of_training", "ivvit/numerics/optimizers.py", "\nVALUE = 1\n", TRAINED | STUDY)
appended("code_of_batches", "ivvit/numerics/transforms.py", "\nVALUE = 1\n", TRAINED | STUDY)
appended("a_comment", "ivvit/numerics/trainer.py", "\n# a remark\n")
appended("a_new_unused_module", "ivvit/numerics/unused.py", "VALUE = 1\n")
appended("the_encoder", "ivvit/data/extraction/encode.py", "\nVALUE = 1\n", STORED | JOINT)  # all is encoded anew
appended("the_extractor", "ivvit/data/extraction/run.py", "\nVALUE = 1\n", STORED)  # what is there stays
appended("the_decoder", "ivvit/numerics/decode.py", "\nVALUE = 1\n", VALIDATED | STORED | TRAINED | STUDY)
appended("a_layout_reader", "ivvit/data/layouts/folders.py", "\nVALUE = 1\n", VALIDATED)
appended("the_conversion", "ivvit/weights/layouts.py", "\nVALUE = 1\n", {"weights:local"})
# The study is searched again and finds the same best, so `tuned` is not trained again.
appended("views_of_evaluations", "ivvit/evaluation/views.py", "\nVALUE = 1\n", EVALUATED | STUDY)
appended("what_is_selected_by", "ivvit/evaluation/summary.py", "\nVALUE = 1\n", EVALUATED | STUDY)
appended("metrics_of_evaluations", "ivvit/evaluation/metrics.py", "\nVALUE = 1\n", EVALUATED)
appended("intervals_of_evaluations", "ivvit/evaluation/intervals.py", "\nVALUE = 1\n", EVALUATED)
appended("predictions_of_evaluations", "ivvit/evaluation/predictions.py", "\nVALUE = 1\n", EVALUATED)
appended("tracking", "ivvit/tracking/__init__.py", "\nVALUE = 1\n")
appended("progress", "ivvit/runs/progress.py", "\nVALUE = 1\n")
appended("journal_of_studies", "ivvit/study/journal.py", "\nVALUE = 1\n")
appended("proposals_of_studies", "ivvit/study/proposals.py", "\nVALUE = 1\n", STUDY)
appended("tables", "ivvit/results/tables.py", "\nVALUE = 1\n")
appended("configuration_code", "ivvit/config/explain.py", "\nVALUE = 1\n")
# a module of each layer that changes no number
appended("layer_ground", "ivvit/ground/files.py", "\nVALUE = 1\n")
appended("layer_config", "ivvit/config/canonical.py", "\nVALUE = 1\n")
appended("layer_data", "ivvit/data/open.py", "\nVALUE = 1\n")
appended("layer_runs", "ivvit/runs/session.py", "\nVALUE = 1\n")
appended("layer_study", "ivvit/study/worker.py", "\nVALUE = 1\n")
appended("layer_demo", "ivvit/demo/clips.py", "\nVALUE = 1\n")
appended("layer_identity", "ivvit/identity/checks.py", "\nVALUE = 1\n")
appended("layer_planning", "ivvit/planning/jobs.py", "\nVALUE = 1\n")
appended("layer_ledger", "ivvit/ledger/status.py", "\nVALUE = 1\n")
appended("layer_cli", "ivvit/cli/train.py", "\nVALUE = 1\n")
edit("command_of_a_rule", "workflow/rules/training.smk", "ivvit train --identity", "ivvit  train --identity")


@mutation()
def formatting(workspace: Workspace) -> None:
    path = workspace / "ivvit/numerics/update_rules.py"
    text = path.read_text()
    assert "work.clear()\n    for dataset in datasets:" in text
    path.write_text("\n\n" + text.replace("work.clear()\n    for", "work.clear( )\n\n    for").replace("'", '"'))


@mutation()
def module_moved(workspace: Workspace) -> None:
    """Under another name, with all imports mended."""
    numerics = workspace / "ivvit/numerics"
    (numerics / "ema.py").rename(numerics / "averaging.py")
    count = 0
    for path in (workspace / "ivvit").rglob("*.py"):
        text = path.read_text()
        if "ivvit.numerics.ema" in text:
            path.write_text(text.replace("ivvit.numerics.ema", "ivvit.numerics.averaging"))
            count += 1
    assert count


@mutation()
def messages_reworded(workspace: Workspace) -> None:
    path = workspace / "ivvit/numerics/finite.py"
    text, count = re.subn(r'raise (\w+)\(\s*(f?)"', r'raise \1(\2"Sorry: ', path.read_text())
    assert count
    path.write_text(text)


@mutation()
def docstrings(workspace: Workspace) -> None:
    path = workspace / "ivvit/numerics/ema.py"
    text, count = re.subn(r'"""[^"]+"""', '"""Something else."""', path.read_text())
    assert count > 3
    path.write_text(text)


# --- data
def _frames(seed: int, path: Path) -> None:
    make_video(path, np.random.default_rng(seed))


@mutation(MOVES_ALL)
def bytes_of_a_video(workspace: Workspace) -> None:
    """In place: its folder's time stays."""
    _frames(1, workspace / "data/datasets/moves/train/class0/0.avi")


@mutation(MOVES_ALL)
def video_copied_over_another(workspace: Workspace) -> None:
    """`cp other.avi old.avi`: the name and the folder's time stay."""
    train = workspace / "data/datasets/moves/train"
    shutil.copyfile(train / "class1/0.avi", train / "class0/0.avi")


@mutation(VALIDATED)
def times_of_all_data(workspace: Workspace) -> None:
    touch_all(workspace / "data" / "datasets")


@mutation(VALIDATED, "--forcerun", "validate")
def validation_asked_for(workspace: Workspace) -> None:
    """Nothing but the command line differs."""


@mutation({"validate:shades"})
def time_of_an_image(workspace: Workspace) -> None:
    os.utime(workspace / "data/datasets/shades/train/class0/0.png")


@mutation({"validate:moves"})
def content_of_before(workspace: Workspace) -> None:
    """A video was another one for a while, and trained on; now it is what it was."""
    video = workspace / "data/datasets/moves/train/class0/0.avi"
    content = video.read_bytes()
    _frames(1, video)
    assert workspace.run().jobs == MOVES_ALL & {"validate:moves", *STORED, *JOINT}
    video.write_bytes(content)


@mutation(VALIDATED)
def data_copied_without_times(workspace: Workspace) -> None:
    data = workspace / "data/datasets"
    data.rename(workspace / "old")
    shutil.copytree(workspace / "old", data, copy_function=shutil.copyfile)
    for folder in [data, *(path for path in data.rglob("*") if path.is_dir())]:
        os.utime(folder)


@mutation(STORED)
def root_moved(workspace: Workspace) -> None:
    """The store is looked for at the new place; nothing is extracted again."""
    (workspace / "data").rename(workspace / "elsewhere")
    workspace.edit(CONFIG_FILE, "root_path: data", "root_path: elsewhere")


@mutation(MOVES_ALL)
def video_added(workspace: Workspace) -> None:
    _frames(2, workspace / "data/datasets/moves/train/class1/new.avi")


@mutation(MOVES_ALL)
def video_quarantined(workspace: Workspace) -> None:
    path = workspace / "data/datasets/moves/train/class1/1.avi"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 3])


@mutation({"validate:moves", *STORED, "evaluate:joint/0"})
def video_replaced_that_is_evaluated_on(workspace: Workspace) -> None:
    """Training never looks at it."""
    _frames(3, workspace / "data/datasets/moves/val/class0/0.avi")


@mutation(SHADES_ALL)
def image_relabelled(workspace: Workspace) -> None:
    train = workspace / "data/datasets/shades/train"
    (train / "class0/0.png").rename(train / "class1/moved.png")


@mutation(SHADES_ALL)
def class_without_images(workspace: Workspace) -> None:
    """No sample changes, but the heads do."""
    (workspace / "data/datasets/shades/train/class2").mkdir()
    (workspace / "data/datasets/shades/val/class2").mkdir()


@mutation({"validate:shades"})
def manifest_lost(workspace: Workspace) -> None:
    shutil.rmtree(workspace.manifests("shades")[0])


@mutation({"validate:shades"})
def file_added_that_is_no_image(workspace: Workspace) -> None:
    (workspace / "data/datasets/shades/train/class0/notes.txt").write_text("nothing\n")


# --- weights
@mutation({"weights:local"} | JOINT)
def weights_replaced(workspace: Workspace) -> None:
    write_weights(workspace / "data/pretrained_weight/local.pth", seed=1)


@mutation({"weights:local"})
def weights_fetched_again(workspace: Workspace) -> None:
    path = workspace / "data/pretrained_weight/local.pth"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


# --- results
def _best(workspace: Workspace) -> Path:
    return next((workspace / "results/studies/rate").glob("*/best-2.yaml"))


@mutation(TUNED)
def best_changed(workspace: Workspace) -> None:
    path = _best(workspace)
    path.write_text(re.sub(r"optimizer.lr: .*", "optimizer.lr: 0.0042", path.read_text()))


@mutation({"study:rate"})
def best_lost(workspace: Workspace) -> None:
    _best(workspace).unlink()


@mutation(IMAGES)
def run_lost(workspace: Workspace) -> None:
    """Those that started from it stay: they are what they were."""
    shutil.rmtree(workspace.folder_of("images"))


@mutation()
def links_lost(workspace: Workspace) -> None:
    shutil.rmtree(workspace / "results/experiments")


@mutation()
def memory_of_snakemake_lost(workspace: Workspace) -> None:
    shutil.rmtree(workspace / ".snakemake")


@mutation(MOVES_ALL)
def memory_lost_and_video_added(workspace: Workspace) -> None:
    memory_of_snakemake = workspace / ".snakemake"
    shutil.rmtree(memory_of_snakemake)
    _frames(2, workspace / "data/datasets/moves/train/class1/new.avi")


@mutation()
def results_touched(workspace: Workspace) -> None:
    touch_all(workspace / "results")
    touch_all(workspace / "ivvit")
    touch_all(workspace / "workflow")


@mutation()
def memory_lost_and_results_touched(workspace: Workspace) -> None:
    shutil.rmtree(workspace / ".snakemake")
    touch_all(workspace / "results")


@mutation((), "--workflow-profile", "none")
def no_profile(workspace: Workspace) -> None:
    """Nothing but the command line differs."""


@mutation()
def another_torch(workspace: Workspace) -> None:
    """What `pip install -U` would leave, as far as versions can be seen without importing."""
    folder = workspace / "torch-99.0.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 99.0.0\n")


def recorded(workspace: Workspace, name: str) -> dict:
    """The provenance of an experiment's run."""
    return json.loads((workspace / f"results/experiments/{name}/seed0/provenance.json").read_text())
