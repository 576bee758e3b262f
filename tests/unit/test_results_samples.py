"""Sheets of samples and words for classes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from data_sets import image_folder, options, video_folder
from made_results import predictions, write_predictions
from PIL import Image

from ivvit.data.validation import validate
from ivvit.results.comparison import compare
from ivvit.results.pixels import FRAMES, PixelSource
from ivvit.results.runs import RunRef
from ivvit.results.samples import write_samples
from ivvit.results.sheet import PAGE, Cell, Section, write_sheet
from ivvit.results.words import class_words


def made_source(root: Path, kind: str) -> PixelSource:
    """A validated data set of two classes."""
    make = video_folder if kind == "video-folder" else image_folder
    make(root / "data" / kind, train=3, val=3)
    chosen, lock = options(kind=kind, path=f"data/{kind}", clip_seconds=0.4), root / f"{kind}.json"
    validate(kind, chosen, root, lock)
    return PixelSource(root, chosen, lock)


def made_run(root: Path, source: PixelSource, name: str) -> RunRef:
    """A run that takes everything for the first class."""
    folder = root / "run"
    folder.mkdir()
    rows = source._table.reset_index()
    rows = rows[rows["split"] != "train"]
    labels = rows["label"].to_numpy()
    top = np.tile([0, 1], (len(rows), 1))
    part = predictions(labels, top, list(rows["path"]), [None] * len(rows))
    write_predictions(folder, {name: part}, {name: ["c0", "c1"]})
    per_class = [{"name": n, "num_samples": 3, "top1": t} for n, t in (("c0", 1.0), ("c1", 0.0))]
    result = {"split": "test", "num_samples": len(rows), "top1": 0.5, "loss": 1.0, "top5": None, "per_class": per_class}
    (folder / "metrics.json").write_text(json.dumps({"datasets": {name: result}}))
    (folder / "experiment.yaml").write_text("iterations: 1\n")
    (folder / "provenance.json").write_text("{}")
    return RunRef("a", 0, folder, folder)


def test_sheets_of_right_and_wrong_samples(tmp_path: Path) -> None:
    for kind in ("image-folder", "video-folder"):
        (tmp_path / kind).mkdir()
        source = made_source(tmp_path / kind, kind)
        comparison = compare([made_run(tmp_path / kind, source, kind)])
        for out in ("one", "two"):
            write_samples(comparison, {kind: source}, tmp_path / kind / out)
        entries = json.loads((tmp_path / kind / "one" / "samples.json").read_text())
        assert [entry["name"] for entry in entries] == [f"samples_{kind}"] and "a, seed 0" in entries[0]["caption"]
        file = f"samples_{kind}.png"
        assert (tmp_path / kind / "one" / file).read_bytes() == (tmp_path / kind / "two" / file).read_bytes()
        with Image.open(tmp_path / kind / "one" / file) as sheet:
            assert sheet.width <= PAGE + 20 and len(sheet.getcolors(1_000_000)) > 20


def test_frames_come_with_their_times(tmp_path: Path) -> None:
    source = made_source(tmp_path, "video-folder")
    pictures, seconds = source.pictures("data/video-folder/val/c1/0.avi")
    assert len(pictures) == len(seconds) == FRAMES and seconds == sorted(seconds) and seconds[0] > 0


def test_a_lost_file_costs_only_its_picture(tmp_path: Path) -> None:
    source = made_source(tmp_path, "image-folder")
    comparison = compare([made_run(tmp_path, source, "image-folder")])
    (tmp_path / "data/image-folder/val/c1/0.png").unlink()
    write_samples(comparison, {"image-folder": source}, tmp_path / "out")
    assert (tmp_path / "out" / "samples_image-folder.png").is_file()
    write_samples(comparison, {}, tmp_path / "none")
    assert json.loads((tmp_path / "none" / "samples.json").read_text()) == []


def test_a_sheet_uses_the_page(tmp_path: Path) -> None:
    """Sixteen images took 652 x 2362 pixels, mostly white."""
    lines = ["a name of a file that is far too long for its cell.png"] * 2
    cells = [Cell([Image.new("RGB", (32, 32), "black")], lines)] * 16
    with Image.open(write_sheet([Section("title", cells)], tmp_path / "sheet.png")) as sheet:
        assert sheet.width <= PAGE + 20 and sheet.height < 550
        assert np.mean(np.asarray(sheet.convert("L")) < 200) > 0.25


def test_words_for_wordnet_ids(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    text = "n00000001\tcrane, bird\nn00000002\tgoldfish, Carassius auratus\nn00000003\tcrane\nn00000004\tother\n"
    (tmp_path / "inner" / "words.txt").write_text(text)
    found = class_words(tmp_path, ["n00000001", "n00000002", "n00000003", "n00000009", "cat"])
    assert found == {"n00000001": "crane (n00000001)", "n00000002": "goldfish", "n00000003": "crane (n00000003)"}
    assert class_words(tmp_path, ["cat"]) == {} and class_words(tmp_path / "nowhere", ["n00000001"]) == {}


def test_no_torch() -> None:
    code = "import sys, ivvit.results.samples; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
