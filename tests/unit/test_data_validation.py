"""Validation: what is found, what is written, and what a second run does."""

import errno
import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pytest
from data_sets import cifar, image, image_folder, link_real, options, video, video_folder
from made_videos import CASES
from PIL import Image
from privileges import bound_by_permissions

import ivvit.data.validation.findings as findings
from ivvit.config.datasets import Counts
from ivvit.data.manifest import load_manifest
from ivvit.data.validation import validate
from ivvit.data.validation.access import of_access
from ivvit.ground.errors import UserError
from ivvit.numerics.decode import UnreadableError

FOLDER = {"kind": "image-folder", "path": "datasets/D"}
VIDEOS = {"kind": "video-folder", "path": "datasets/D"}


def checked(root: Path, lock: Path, **changes: object) -> dict:
    validate("D", options(**changes), root, lock, workers=2)
    return json.loads(lock.read_text())


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that validation opens from now on."""
    opened: list[str] = []
    real = findings.probe
    monkeypatch.setattr(findings, "probe", lambda path, is_video: (opened.append(path.name), real(path, is_video))[1])
    return opened


def test_real_videos(shared: Path, tmp_path: Path, probed: list[str]) -> None:
    root, lock = link_real(shared, tmp_path), tmp_path / "m/UCF101.json"
    validate("UCF101", options("UCF101", expect="official"), root, lock, workers=2)
    content, manifest = json.loads(lock.read_text()), load_manifest(lock)
    assert content["counts"] == {"train": 60, "val": 0, "test": 30} and content["quarantined"] == []
    assert "classes: expected 101, found 3" in content["warnings"]
    assert manifest.classes == ["BabyCrawling", "Punch", "PushUps"] and len(manifest.split("test")) == 30
    assert set(manifest.table["fps"]) == {25.0} and set(manifest.table["width"]) == {320}
    assert manifest.table["keys"].notna().all()  # every clip can be entered at its key frames, packed B-frames too
    report = lock.with_suffix(".md").read_text()
    assert (
        "3 classes, 60 training, 0 validation and 30 test videos" in report
        and "set `expect` to what you have" in report
    )
    before = lock.read_bytes()
    probed.clear()
    validate("UCF101", options("UCF101", expect="official"), root, lock)
    assert probed == [] and lock.read_bytes() == before


def test_equal_data_gives_equal_locks(tmp_path: Path) -> None:
    for place in ("one", "two"):
        image_folder(tmp_path / place / "datasets/D")
        checked(tmp_path / place, tmp_path / place / "D.json", **FOLDER)
    os.utime(tmp_path / "two/datasets/D/train/c0/0.png", (1, 1))
    checked(tmp_path / "two", tmp_path / "two/D.json", **FOLDER)
    one = (tmp_path / "one/D.json").read_bytes()
    other = json.loads((tmp_path / "two/D.json").read_text())
    other["table"] = json.loads(one)["table"]  # the table says when each file was changed
    assert other == json.loads(one)
    shutil.move(tmp_path / "two/datasets/D", tmp_path / "moved")
    checked(tmp_path / "two", tmp_path / "three.json", kind="image-folder", path=str(tmp_path / "moved"))
    assert json.loads((tmp_path / "three.json").read_text())["digest"] == json.loads(one)["digest"]
    assert str(tmp_path) not in one.decode()


@pytest.mark.parametrize("change", ["content", "label", "name", "split", "added", "removed"])
def test_any_change_of_the_data_changes_the_digest(tmp_path: Path, change: str) -> None:
    base, lock = image_folder(tmp_path / "datasets/D"), tmp_path / "D.json"
    before = checked(tmp_path, lock, **FOLDER)["digest"]
    first = base / "train/c0/0.png"
    {
        "content": lambda: image(first, 999),
        "label": lambda: first.rename(base / "train/c1/moved.png"),
        "name": lambda: first.rename(base / "train/c0/other.png"),
        "split": lambda: first.rename(base / "val/c0/9.png"),
        "added": lambda: image(base / "train/c0/new.png", 998),
        "removed": first.unlink,
    }[change]()
    assert checked(tmp_path, lock, **FOLDER)["digest"] != before


def test_only_changed_files_are_opened_again(tmp_path: Path, probed: list[str]) -> None:
    base, lock = image_folder(tmp_path / "datasets/D"), tmp_path / "D.json"
    checked(tmp_path, lock, **FOLDER)
    probed.clear()
    image(base / "train/c0/0.png", 999), image(base / "train/c0/new.png", 998)
    checked(tmp_path, lock, **FOLDER)
    assert sorted(probed) == ["0.png", "new.png"]
    probed.clear()
    validate("D", options(**FOLDER), tmp_path, lock, full=True)
    assert len(probed) == 13


def test_a_change_behind_size_and_time_is_found_by_full(tmp_path: Path) -> None:
    base, lock = image_folder(tmp_path / "datasets/D"), tmp_path / "D.json"
    file = base / "train/c0/0.png"
    before, stat, content = checked(tmp_path, lock, **FOLDER)["digest"], file.stat(), bytearray(file.read_bytes())
    content[-1] ^= 1  # in the trailing chunk's checksum
    file.write_bytes(content)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert checked(tmp_path, lock, **FOLDER)["digest"] == before
    validate("D", options(**FOLDER), tmp_path, lock, full=True)
    assert json.loads(lock.read_text())["digest"] != before


def broken_videos(base: Path, source: Path) -> dict[str, str]:
    """Files that cannot be used, below train/c0: name -> what the reason must say."""
    content = source.read_bytes()
    mp4 = CASES["b-frames.mp4"](base.parent / "whole.mp4").read_bytes()
    damaged = bytearray(mp4)
    damaged[len(mp4) // 3 : len(mp4) // 3 + 900] = bytes(900)
    files = {
        "zero.avi": (b"", "empty"),
        "truncated.avi": (content[: len(content) // 2], "truncated: .* bytes are missing"),
        "truncated.mp4": (mp4[: len(mp4) * 2 // 3], "truncated|Invalid data"),
        "text.mp4": (b"<html>404 not found</html>" * 40, "Invalid data"),
        "picture.mp4": (image(base.parent / "p.png").read_bytes(), "."),
        "damaged.mp4": (bytes(damaged), "corrupt|decoded|Invalid"),
    }
    for name, (data, _) in files.items():
        (base / "train/c0" / name).write_bytes(data)
    return {name: reason for name, (_, reason) in files.items()}


def test_damaged_videos_are_quarantined_by_name(tmp_path: Path) -> None:
    base, lock = video_folder(tmp_path / "datasets/D"), tmp_path / "D.json"
    healthy = checked(tmp_path, lock, **VIDEOS)["digest"]
    wrong = broken_videos(base, base / "train/c0/0.avi")
    os.symlink(tmp_path / "nowhere", base / "train/c0/dangling.avi")
    shutil.copy(base / "train/c0/0.avi", base / "train/c0/really-an-avi.mp4")  # opens all the same
    with pytest.raises(UserError, match=r"7 of 16 files are damaged, above max_damaged \(1.0%\).*max_damaged"):
        checked(tmp_path, lock, **VIDEOS)
    content = checked(tmp_path, lock, **VIDEOS, max_damaged=0.5)
    reasons = {Path(q["path"]).name: q["reason"] for q in content["quarantined"]}
    assert set(reasons) == {*wrong, "dangling.avi"}
    for name, pattern in wrong.items():
        assert re.search(pattern, reasons[name]), (name, reasons[name])
    assert str(tmp_path) not in lock.read_text()
    used = set(load_manifest(lock).table["path"])
    assert "datasets/D/train/c0/really-an-avi.mp4" in used and not any("zero" in path for path in used)
    assert "train/c0/zero.avi: it is empty (0 bytes)" in lock.with_suffix(".md").read_text()
    for name in (*wrong, "dangling.avi", "really-an-avi.mp4"):
        (base / "train/c0" / name).unlink()
    assert checked(tmp_path, lock, **VIDEOS)["digest"] == healthy


@pytest.mark.parametrize("kind", ["image-folder", "video-folder"])
def test_what_cannot_be_read_this_time_is_not_remembered(tmp_path: Path, kind: str) -> None:
    make = {"image-folder": image_folder, "video-folder": video_folder}[kind]
    base, lock = make(tmp_path / "datasets/D"), tmp_path / "D.json"
    chosen = {"kind": kind, "path": "datasets/D"}
    files = sorted((base / "train/c0").iterdir())[:2]
    for file in files:
        file.chmod(0)
    with bound_by_permissions():
        with pytest.raises(UserError, match=r"D: 2 of \d+ files cannot be read.*\(Permission denied\)\. Mend access"):
            checked(tmp_path, lock, **chosen)
        content = checked(tmp_path, lock, **chosen, max_damaged=0.5)
    assert [entry["path"] for entry in content["quarantined"]] == [f"train/c0/{file.name}" for file in files]
    report = lock.with_suffix(".md").read_text()
    assert "2 files could not be read this time: mend access" in report and "Fetch the damaged" not in report
    for file in files:
        file.chmod(0o644)  # changes neither size nor time
    assert checked(tmp_path, lock, **chosen)["quarantined"] == []


def test_damage_and_lack_of_access_are_told_apart(tmp_path: Path) -> None:
    base, lock = image_folder(tmp_path / "datasets/D"), tmp_path / "D.json"
    (base / "train/c0/0.png").write_bytes(b"no image")
    (base / "train/c1/0.png").chmod(0)
    message = r"2 of 12 files are damaged.*c0/0.png: it is not an image\. 1 of them only could not .* as train/c1/0.png"
    with bound_by_permissions(), pytest.raises(UserError, match=message):
        checked(tmp_path, lock, **FOLDER)


@pytest.mark.parametrize("code", ["EIO", "ESTALE", "EACCES", "EPERM", "EMFILE", "ENFILE", "ENOMEM", "ETIMEDOUT"])
def test_errors_of_access_are_known_in_ffmpegs_form_too(code: str) -> None:
    number = getattr(errno, code)
    assert of_access(OSError(number, "so"))
    with pytest.raises(av.FFmpegError) as caught:
        av.error.err_check(-number)
    outer = UnreadableError("so")
    outer.__cause__ = caught.value
    assert of_access(caught.value) and of_access(outer)
    assert not of_access(UnreadableError("so")) and not of_access(FileNotFoundError(errno.ENOENT, "so"))


def test_images_of_every_mode(tmp_path: Path) -> None:
    base = image_folder(tmp_path / "datasets/D", train=1)
    rgb = Image.open(base / "train/c0/0.png")
    folder = base / "train/c0"
    rgb.convert("L").save(folder / "grey.JPG")
    rgb.convert("CMYK").save(folder / "cmyk.jpeg")
    rgb.convert("P").save(folder / "palette.gif")
    rgb.convert("RGBA").save(folder / "alpha.png")
    rgb.convert("1").save(folder / "one-bit.png")
    Image.fromarray(np.arange(320, dtype=np.uint16).reshape(16, 20) * 200).save(folder / "deep.png")
    rgb.save(folder / "png-inside.jpg", format="png")
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    rgb.save(folder / "turned.jpg", exif=exif)
    (folder / "half.jpg").write_bytes((folder / "turned.jpg").read_bytes()[:400])
    content = checked(tmp_path, tmp_path / "D.json", **FOLDER, max_damaged=0.2)
    assert [q["path"] for q in content["quarantined"]] == ["train/c0/half.jpg"]
    rows = load_manifest(tmp_path / "D.json").table.set_index("path")
    turned = rows.loc["datasets/D/train/c0/turned.jpg"]
    assert (turned["width"], turned["height"]) == (16, 20)
    assert any("png-inside.jpg: its content is png" in warning for warning in content["warnings"])


def test_counts_strict_and_explicit(tmp_path: Path) -> None:
    image_folder(tmp_path / "datasets/D")
    lock = tmp_path / "D.json"
    right, wrong = Counts(classes=2, train=8, val=4), Counts(classes=3, train=8, val=4)
    assert checked(tmp_path, lock, **FOLDER, expect=right, strict=True)["warnings"] == []
    assert checked(tmp_path, lock, **FOLDER, expect=wrong)["warnings"] == ["classes: expected 3, found 2"]
    with pytest.raises(UserError, match=r"D: classes: expected 3, found 2. Complete the data"):
        checked(tmp_path, lock, **FOLDER, expect=wrong, strict=True)


def test_overlap_and_duplicates(tmp_path: Path) -> None:
    base = image_folder(tmp_path / "datasets/D")
    shutil.copy(base / "train/c0/0.png", base / "val/c0/copy.png")
    shutil.copy(base / "train/c0/1.png", base / "train/c1/twin.png")
    with pytest.raises(UserError, match=r"D: 1 contents are in both train and test, such as train/c0/0\.png = val/c0/c"
                       r"opy\.png.*datasets\.D\.allow_overlap: true"):  # fmt: skip
        checked(tmp_path, tmp_path / "D.json", **FOLDER)
    warnings = checked(tmp_path, tmp_path / "D.json", **FOLDER, allow_overlap=True)["warnings"]
    assert "train: 1 duplicates by content, such as train/c0/1.png = train/c1/twin.png" in warnings
    assert "1 contents are in both train and test, such as train/c0/0.png = val/c0/copy.png" in warnings


def test_what_is_selected_by_may_overlap(tmp_path: Path) -> None:
    base = image_folder(tmp_path / "datasets/D")
    shutil.copytree(base / "val", base / "test")
    shutil.rmtree(base / "val/c1")
    content = checked(tmp_path, tmp_path / "D.json", **FOLDER)
    assert content["counts"] == {"train": 8, "val": 2, "test": 4}
    assert content["warnings"] == [
        "1 class has no sample in val: c1",
        "2 contents are in both val and test, such as val/c0/0.png = test/c0/0.png",
    ]


def test_each_split_has_its_digest(tmp_path: Path) -> None:
    """A change of test makes no training stale."""
    base, lock = image_folder(tmp_path / "datasets/D"), tmp_path / "D.json"
    before = checked(tmp_path, lock, **FOLDER)
    image(base / "val/c0/0.png", 999)
    after = checked(tmp_path, lock, **FOLDER)
    assert after["digest"] != before["digest"]
    assert {split for split in after["digests"] if after["digests"][split] != before["digests"][split]} == {"test"}


def test_cifar_rows_have_their_own_hashes(tmp_path: Path) -> None:
    cifar(tmp_path / "datasets/CIFAR100/cifar-100-python", protocol=2)
    lock = tmp_path / "CIFAR100.json"
    validate("CIFAR100", options("CIFAR100"), tmp_path, lock)
    before = json.loads(lock.read_text())
    assert before["counts"] == {"train": 12, "val": 0, "test": 6}
    assert load_manifest(lock).table["sha256"].nunique() == 18
    cifar(tmp_path / "datasets/CIFAR100/cifar-100-python", protocol=5)  # the same images in other bytes
    validate("CIFAR100", options("CIFAR100"), tmp_path, lock)
    assert json.loads(lock.read_text())["digest"] == before["digest"]


def test_missing_list_entries_are_reported_not_fatal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    video(tmp_path / "D/a.avi", frames=4), video(tmp_path / "D/b.avi", 9, frames=4)
    (tmp_path / "D/all.csv").write_text("a.avi,x,train\nb.avi,y,val\ngone.avi,y,train\nlost.avi,y,train\n")
    content = checked(tmp_path, tmp_path / "D.json", kind="list-file", media="video", path="D/all.csv")
    assert content["counts"] == {"train": 1, "val": 0, "test": 1}
    assert content["warnings"] == [
        "1 class has no sample in train: y",
        "1 class has no sample in test: x",
        "2 listed files are not on disk, such as gone.avi",
    ]
    assert "- lost.avi" in (tmp_path / "D.md").read_text()
    assert caplog.messages == [f"D: 3 warnings, 0 damaged files left out; {tmp_path}/D.md says what to do"]


def test_a_manifest_and_its_table_belong_together(tmp_path: Path) -> None:
    base, lock = image_folder(tmp_path / "datasets/D"), tmp_path / "D.json"
    checked(tmp_path, lock, **FOLDER)
    old = lock.read_text()
    image(base / "train/c0/0.png", 999)
    checked(tmp_path, lock, **FOLDER)
    lock.write_text(old)
    with pytest.raises(UserError, match=r"D: .* are not of the same validation; validate the data set"):
        load_manifest(lock)
    lock.with_suffix(".arrow").unlink()
    with pytest.raises(UserError, match=r"D.arrow is missing"):
        load_manifest(lock)
    with pytest.raises(UserError, match=r"nothing.json does not exist; make it with `ivvit validate`"):
        load_manifest(tmp_path / "nothing.json")


def test_a_cache_cut_short_is_no_obstacle(tmp_path: Path, probed: list[str]) -> None:
    image_folder(tmp_path / "datasets/D")
    lock, cache = tmp_path / "D.json", tmp_path / "D.cache.jsonl"
    checked(tmp_path, lock, **FOLDER)
    before, lines = lock.read_bytes(), cache.read_text().splitlines()
    cache.write_text("\n".join(lines[:5]) + "\n" + lines[5][:40])  # as a kill leaves it
    probed.clear()
    checked(tmp_path, lock, **FOLDER)
    assert len(probed) == len(lines) - 5 and lock.read_bytes() == before


@pytest.mark.parametrize("rows", [4, 16384])
def test_the_table_has_a_row_per_sample_in_the_listing_s_order(tmp_path: Path, monkeypatch, rows: int) -> None:
    """Whatever order files are found in; null where a video has no time stamps of its own."""
    video_folder(tmp_path / "datasets/D", train=5, val=3)
    monkeypatch.setattr("ivvit.data.columns.BATCH", rows)
    monkeypatch.setattr(findings, "TOGETHER", 2), monkeypatch.setattr(findings, "MANY", rows)
    lock = tmp_path / "D.json"
    for workers in (3, 1):  # the second time, a few lines are left of what is known, one of them twice
        validate("D", options(kind="video-folder", path="datasets/D"), tmp_path, lock, workers=workers)
        table = pa.ipc.open_file(str(lock.with_suffix(".arrow"))).read_all().to_pylist()
        assert [row["path"] for row in table] == [
            f"datasets/D/{folder}/c{label}/{number}.avi"
            for folder, count in (("train", 5), ("val", 3)) for label in range(2) for number in range(count)
        ]  # fmt: skip
        for row in table:
            content = (tmp_path / row["path"]).read_bytes()
            assert (row["sha256"], row["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
            assert row["pts"] is None and row["keys"] and row["duration"] == row["frames"] / row["fps"]
            assert row["label"] == int(row["path"].split("/")[3][1])
        cache = lock.with_suffix(".cache.jsonl")
        lines = cache.read_text().splitlines(keepends=True)
        assert len(lines) == 16
        cache.write_text("".join(lines[2::-1] + lines[:1]))
