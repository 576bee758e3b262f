"""`ivvit predict`: files of all kinds and lengths, damaged ones passed over, as text, CSV, JSON and a page."""

import csv
import json
import os
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from data_sets import image, video

import ivvit
from ivvit.cli import main
from ivvit.ground.errors import UserError
from ivvit.numerics.timeline import Timeline
from ivvit.use.protocol import Protocol, end_of


def predict(*arguments: object) -> int:
    return main(["predict", *map(str, arguments)])


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A folder with an image, a short and a longer video, and three files that cannot be read."""
    folder = tmp_path_factory.mktemp("files")
    image(folder / "a <b>.png")
    video(folder / "deep/short.avi", frames=5)
    video(folder / "deep/long.avi", frames=40)
    (folder / "damaged.mp4").write_bytes((folder / "deep/short.avi").read_bytes()[:700])
    (folder / "empty.png").write_bytes(b"")
    shutil.copy(folder / "a <b>.png", folder / "picture.mp4")
    (folder / "note.txt").write_text("none of them")
    return folder


BAD = ["damaged.mp4", "empty.png", "picture.mp4"]


def test_a_folder_of_all_kinds(files, model, tmp_path, capsys):
    """Damaged files are named and passed over; worker processes change nothing."""
    found = []
    for workers in (0, 2):
        out = tmp_path / f"{workers}.json"
        assert predict(model, files, "--json", "--out", out, "--workers", workers) == 1
        said = capsys.readouterr()
        assert said.out == "" and all(f"{files / name} cannot be read: " in said.err for name in BAD)
        found.append(json.loads(out.read_text()))
    assert found[0] == found[1]
    by_name = {os.path.relpath(entry["path"], files): entry for entry in found[0]}
    assert list(by_name) == ["a <b>.png", "damaged.mp4", "deep/long.avi", "deep/short.avi", "empty.png", "picture.mp4"]
    assert [name for name, entry in by_name.items() if entry["damage"]] == BAD
    assert list(by_name["a <b>.png"]["heads"]) == ["shades"] and by_name["a <b>.png"]["seconds"] is None
    windows = by_name["deep/long.avi"]["heads"]["moves"]["windows"]
    assert by_name["deep/long.avi"]["seconds"] == pytest.approx(windows[-1]["end"])
    shares = [{entry["class"]: entry["probability"] for entry in window["top"]}["class0"] for window in windows]
    whole = by_name["deep/long.avi"]["heads"]["moves"]["top"]
    assert {entry["class"]: entry["probability"] for entry in whole}["class0"] == pytest.approx(np.mean(shares))
    assert len(windows) > 2 and len(by_name["deep/short.avi"]["heads"]["moves"]["windows"]) == 1


def test_damaged_files_are_named_once(files, model, capsys):
    """Where the text names them, what is beside it only counts them."""
    assert predict(model, files, "--workers", 0, "--clips", 1) == 1
    said = capsys.readouterr()
    assert said.err == "3 of 6 files cannot be read\n"
    assert all(said.out.count(f"{files / name}  cannot be read: ") == 1 for name in BAD)


def test_csv_of_named_heads_and_an_evaluations_clips(files, model, capsys):
    clip = files / "deep/long.avi"
    assert predict(model, clip, "--dataset", "shades", "moves", "--clips", 2, "--csv", "--top", 2) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["head"] for row in rows] == ["shades"] * 6 + ["moves"] * 6
    run = ivvit.load_run(model)
    said = [(row["class"], pytest.approx(float(row["probability"]))) for row in rows if not row["start"]]
    assert said == run.predict(clip, "shades", top=2, clips=2) + run.predict(clip, "moves", top=2, clips=2)
    assert ivvit.load_run(model).predict(clip, "moves", clips=None) != run.predict(clip, "moves")


def test_patterns_and_files_named_twice(files, model, capsys):
    assert predict(model, f"{files}/**/*.avi", files / "deep/short.avi", "--top", 1) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("/")] == [
        f"{files}/deep/long.avi  (1.60 s)", f"{files}/deep/short.avi  (0.20 s)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{model}", "{empty}"), "has no images or videos"),
        (("{model}", "no.png"), "no.png does not exist"),
        (("{model}", "*.nothing"), "no file matches *.nothing"),
        (("{empty}", "{files}"), "has no model.safetensors; name the folder of a finished run"),
        (("{files}/note.txt", "{files}"), "note.txt cannot be read as a model"),
        (("{model}", "{files}", "--dataset", "move"), "the model has no head move; did you mean moves?"),
        (("{model}", "{files}", "--out", "{empty}"), "is a folder; name a file in it"),
        (("{model}", "{files}", "--out", "/proc/nothing/out.csv"), "cannot write /proc/nothing/out.csv: No such file"),
        (("{model}", "{files}", "--out", "{files}/note.txt/x"), "note.txt/x: "),
        (("{model}", "{files}", "--device", "cuda"), "--device cuda: no GPU can be used here"),
    ],
)
def test_one_clear_error(arguments, message, files, model, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    names = {"model": model, "files": files, "empty": tmp_path}
    refused = "note.txt/x" in message  # by the system
    assert predict(*(argument.format(**names) for argument in arguments)) == (1 if refused else 2)
    said = capsys.readouterr()
    assert message in said.err and said.err.count("\n") == 1 and not said.out


def test_a_gpu_without_memory_is_an_error_that_says_what_to_lower(files, model):
    import torch

    def run_out(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    run = ivvit.load_run(model)
    run.model.register_forward_pre_hook(run_out)
    with pytest.raises(UserError, match=r"too little memory .* lower --batch-size"):
        run.predict(files / "a <b>.png", "shades")


def test_windows_slide_over_all_of_a_video():
    """They begin every stride, whatever the clock of the container; the last one ends with the video."""
    even = Timeline(100, 25.0, Fraction(1, 25))
    starts = [clip.start_seconds for clip in Protocol().place(even, 1.0, 4)]
    assert starts == [0, 1, 2, 3] and Protocol(stride=1.5).place(even, 1.0, 4)[-1].start_seconds == 3
    assert [clip.indices[-1] for clip in Protocol().place(even, 1.0, 4)] == [24, 49, 74, 99]
    assert [clip.start_seconds for clip in Protocol().place(even, 3.0, 4)] == [0, 1]
    (short,) = Protocol().place(even, 9.0, 4)
    assert short.indices.tolist() == [0, 33, 66, 99] and end_of(even, short, 9.0) == 4
    milliseconds = np.round(np.arange(90) * 1001 / 30).astype(np.int64)
    rounded = Timeline(90, 30 / 1.001, Fraction(1, 1000), pts=milliseconds, step=0)
    clips = Protocol().place(rounded, 1.001, 2)
    assert [clip.indices.tolist() for clip in clips] == [[0, 29], [30, 59], [60, 89]]
    assert len(Protocol(stride=1e-6).place(even, 3.9, 4)) == 3, "never two windows at one frame"


def test_a_page_that_is_complete_in_itself(files, model, tmp_path):
    """Looked at in a real browser, wide and narrow: nothing is cut off, nothing is fetched."""
    page = tmp_path / "page.html"
    assert predict(model, files, "--html", page, "--out", tmp_path / "text") == 1
    text = page.read_text()
    assert text.count("data:image/jpeg;base64,") == 1 + 8 + 5 and "a &lt;b&gt;.png" in text and "<b>" not in text
    assert "http" not in text and "<script" not in text and "cannot be read: it is empty" in text
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    for width in (1400, 480):
        found = _measured(chromium, text, tmp_path, width)
        assert found == {"images": 14, "broken": 0, "overflow": 0}


def _measured(chromium: str, text: str, folder: Path, width: int) -> dict[str, int]:
    """What a browser makes of the page: pictures, those that do not show, pixels beyond the right edge."""
    script = """<script>addEventListener("load", () => {
      const images = [...document.images], root = document.documentElement;
      document.body.innerHTML = "FOUND" + JSON.stringify({images: images.length,
        broken: images.filter(image => !image.naturalWidth).length,
        overflow: Math.max(0, root.scrollWidth - root.clientWidth)}) + "END"; });</script>"""
    (folder / "measured.html").write_text(text.replace("</body>", f"{script}</body>"))
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    ran = subprocess.run(
        [chromium, *options, f"--window-size={width},900", "--dump-dom", f"file://{folder / 'measured.html'}"],
        capture_output=True, text=True, timeout=600, check=True,
    )  # fmt: skip
    return json.loads(ran.stdout.rpartition("FOUND")[2].partition("END")[0])
