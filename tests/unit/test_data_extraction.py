"""The frame store: what is in it, what is added, and that the bytes are always the same."""

import json
import re
import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from data_sets import made, options, video, video_folder
from made_videos import encode
from privileges import bound_by_permissions

import ivvit.data.extraction.plan as plan
from ivvit.config import load_config
from ivvit.config.datasets import StoreOptions
from ivvit.data.extraction import extract, lock_store
from ivvit.data.extraction.encode import fitted, jpeg_format
from ivvit.data.extraction.estimate import store_size, unvalidated_size
from ivvit.data.extraction.plan import estimated_bytes, store_tasks
from ivvit.data.manifest import load_manifest
from ivvit.data.open import READERS, open_samples
from ivvit.data.timelines import timelines
from ivvit.data.validation import validate
from ivvit.ground.errors import UserError
from ivvit.identity.frame_store import CODERS, PACKAGE, coder, settings_name
from ivvit.numerics.decode import UnreadableError
from ivvit.numerics.sampling import Clip


def store(root: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((root / "frames").rglob("*")) if file.is_file()}


def times(root: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in (root / "frames").rglob("*.mp4")}


def test_the_same_bytes_in_any_shards_and_threads(tmp_path: Path) -> None:
    chosen, lock = made(tmp_path, "video-folder")
    whole = store(tmp_path)
    assert len(whole) == 8 and set(whole) == {f"{h}.mp4" for h in load_manifest(lock).table["sha256"]}
    shutil.rmtree(tmp_path / "frames")
    for shard in (2, 0, 1):
        extract("D", chosen, tmp_path, lock, shard=shard, shards=3, workers=2)
    assert store(tmp_path) == whole


def test_one_added_video_extracts_one(tmp_path: Path) -> None:
    chosen, lock = made(tmp_path, "video-folder")
    before, first = times(tmp_path), json.loads((tmp_path / "frames.json").read_text())
    video(tmp_path / "datasets/D/train/c1/new.avi", 31)
    shutil.copy(tmp_path / "datasets/D/train/c1/0.avi", tmp_path / "datasets/D/train/c1/twin.avi")
    validate("D", chosen, tmp_path, lock)
    with pytest.raises(UserError, match=r"D: 1 of 9 videos are not in the frame store, .*new.avi.*run `ivvit extract`"):
        lock_store("D", chosen, tmp_path, lock, tmp_path / "frames.json")
    extract("D", chosen, tmp_path, lock)
    after = times(tmp_path)
    assert len(after) == 9 and {name: after[name] for name in before} == before
    lock_store("D", chosen, tmp_path, lock, tmp_path / "frames.json")
    second = json.loads((tmp_path / "frames.json").read_text())
    assert second["videos"] == 9 and second["digest"] != first["digest"]


def test_other_code_has_another_place_and_another_comment_has_not(tmp_path: Path) -> None:
    package = shutil.copytree(PACKAGE, tmp_path / "ivvit")
    for name in CODERS:
        before = coder.__wrapped__(package)
        path = package.parent / f"{name.replace('.', '/')}.py"
        text = path.read_text()
        path.write_text(f"# a remark\n{text}")
        assert coder.__wrapped__(package) == before
        path.write_text(f"{text}\nVALUE = 1\n")
        assert coder.__wrapped__(package) != before
    assert settings_name(StoreOptions()) == f"mjpeg-q3-320-{coder()}"


def test_the_code_that_decides_what_is_stored_is_all_that_the_encoder_imports() -> None:
    modules, queue = set(), ["ivvit.data.extraction.encode"]
    while queue:
        modules.add(queue[-1])
        found = re.findall(
            r"from ivvit\.(?!config|ground)(\S+) import",
            (PACKAGE.parent / f"{queue.pop().replace('.', '/')}.py").read_text(),
        )
        queue += {f"ivvit.{name}" for name in found} - modules
    assert modules == set(CODERS)


def test_other_settings_have_another_place(tmp_path: Path) -> None:
    _, lock = made(tmp_path, "video-folder")
    digests = {json.loads((tmp_path / "frames.json").read_text())["digest"]}
    for number, settings in enumerate([{"short_side": 32}, {"quality": 5}, {"codec": "ffv1"}]):
        other = options(kind="video-folder", path="datasets/D", store=StoreOptions(**settings))
        extract("D", other, tmp_path, lock)
        lock_store("D", other, tmp_path, lock, tmp_path / f"{number}.json")
        digests.add(json.loads((tmp_path / f"{number}.json").read_text())["digest"])
    folders = sorted(folder.name for folder in (tmp_path / "frames").iterdir())
    assert folders == [f"{name}-{coder()}" for name in ("ffv1-320", "mjpeg-q3-32", "mjpeg-q3-320", "mjpeg-q5-320")]
    assert len(digests) == 4
    small = next((tmp_path / f"frames/mjpeg-q3-32-{coder()}").rglob("*.mp4"))
    with av.open(str(small)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (42, 32)


def test_sizes() -> None:
    assert fitted(320, 240, 256) == (320, 240)  # never enlarged
    assert fitted(1280, 720, 256) == (456, 256)
    assert fitted(720, 1280, 256) == (256, 456)
    assert fitted(341, 255, 256) == (341, 255)
    assert [jpeg_format(name) for name in ("yuv420p10le", "yuv422p", "bgr0", "gray")] == [
        "yuvj420p", "yuvj422p", "yuvj444p", "yuvj420p",
    ]  # fmt: skip


@pytest.mark.parametrize("codec", ["mjpeg", "ffv1"])
def test_odd_sizes_and_rgb_sources(tmp_path: Path, codec: str) -> None:
    video_folder(tmp_path / "datasets/D", train=1)
    source = encode(tmp_path / "datasets/D/train/c0/rgb.mkv", "ffv1", {}, pix_fmt="bgr0", frames=5)
    chosen, lock = options(kind="video-folder", path="datasets/D", store=StoreOptions(codec=codec)), tmp_path / "D.json"
    validate("D", chosen, tmp_path, lock)
    extract("D", chosen, tmp_path, lock)
    rows = load_manifest(lock).table
    rows = rows[rows["path"].str.endswith("rgb.mkv")]
    task = next(task for task in store_tasks("D", chosen, tmp_path, lock) if task.source == source)
    kept = READERS[codec](str(task.target), next(timelines(rows)), range(5))
    with av.open(str(source)) as container:
        originals = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for pixels, original in zip(kept, originals, strict=True):
        error = abs(pixels.astype(int) - original.astype(int))
        assert error.max() == 0 if codec == "ffv1" else error.mean() < 6


@pytest.mark.slow
def test_the_estimate_is_generous_but_no_fantasy(shared: Path, tmp_path: Path) -> None:
    files = sorted((shared / "data/UCF101/video").glob("*/*_c01.avi"))[::10]
    (tmp_path / "list.csv").write_text("".join(f"{file},x,train\n" for file in files))
    for settings in ({}, {"quality": 8}, {"codec": "ffv1"}):
        chosen = options(kind="list-file", media="video", path="list.csv", store=StoreOptions(**settings))
        validate("D", chosen, tmp_path, tmp_path / "D.json")
        extract("D", chosen, tmp_path, tmp_path / "D.json")
        tasks = store_tasks("D", chosen, tmp_path, tmp_path / "D.json")
        taken = sum(task.target.stat().st_size for task in tasks)
        assert taken < estimated_bytes(tasks, chosen.store) < 4 * taken, settings


def test_a_full_disk_is_told_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, lock = made(tmp_path, "video-folder")
    shutil.rmtree(tmp_path / "frames")
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(plan.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(UserError, match=r"D: the frame store needs about .* GB are free; make room, lower datasets.D"):
        extract("D", chosen, tmp_path, lock)
    assert store(tmp_path) == {}


def test_a_source_that_changed_is_named(tmp_path: Path) -> None:
    chosen, lock = made(tmp_path, "video-folder")
    shutil.rmtree(tmp_path / "frames")
    video(tmp_path / "datasets/D/train/c0/0.avi", 40, frames=10)
    with pytest.raises(UserError, match=r"train/c0/0.avi has changed since its validation; validate the data"):
        extract("D", chosen, tmp_path, lock)
    (tmp_path / "datasets/D/train/c0/0.avi").unlink()
    with pytest.raises(UserError, match=r"train/c0/0.avi cannot be read any more"):
        extract("D", chosen, tmp_path, lock)


def test_a_stored_file_cut_short_is_found(tmp_path: Path) -> None:
    chosen, lock = made(tmp_path, "video-folder")
    file = next((tmp_path / "frames").rglob("*.mp4"))
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(UserError, match=r"1 of 8 videos are not in the frame store"):
        lock_store("D", chosen, tmp_path, lock, tmp_path / "frames.json")


@pytest.mark.parametrize("damage", ["cut", "empty", "scrambled"])
def test_a_damaged_stored_file_is_named_and_made_again(tmp_path: Path, damage: str) -> None:
    chosen, lock = made(tmp_path, "video-folder")
    before = store(tmp_path)
    file = next((tmp_path / "frames").rglob("*.mp4"))
    whole = file.read_bytes()
    ruined = {"cut": whole[:-50], "empty": b"", "scrambled": b"\0" * len(whole)}[damage]
    file.write_bytes(ruined)
    row = next(row for _, row in load_manifest(lock).table.iterrows() if row["sha256"] == file.stem)
    samples = open_samples("D", chosen, tmp_path, lock, row["split"])
    if damage != "cut":
        with pytest.raises(UnreadableError, match=rf"{file.name} of the frame store is damaged: .* `ivvit extract`"):
            samples.source.clip(samples.paths.index(row["path"]), Clip(np.arange(4), 0.0))
    extract("D", chosen, tmp_path, lock, full=damage == "scrambled")
    assert store(tmp_path) == before


def test_frames_lie_elsewhere_where_the_root_cannot_be_written(tmp_path: Path) -> None:
    video_folder(tmp_path / "root/datasets/D", train=1)
    (tmp_path / "c.yaml").write_text(
        f"root_path: {tmp_path}/root\ndatasets: {{D: {{kind: video-folder, path: datasets/D}}}}\n"
    )
    chosen = load_config(tmp_path / "c.yaml").datasets["D"]
    validate("D", chosen, tmp_path / "root", tmp_path / "D.json")
    (tmp_path / "root").chmod(0o555)
    with bound_by_permissions():
        with pytest.raises(UserError, match=r"cannot write .*/root/frames/.*: Permission denied; set frames_path: to"):
            extract("D", chosen, tmp_path / "root", tmp_path / "D.json")
        with (tmp_path / "c.yaml").open("a") as file:
            file.write(f"frames_path: {tmp_path}/elsewhere\n")
        config = load_config(tmp_path / "c.yaml")
        extract("D", config.datasets["D"], config.root, tmp_path / "D.json")
        lock_store("D", config.datasets["D"], config.root, tmp_path / "D.json", tmp_path / "frames.json")
    (tmp_path / "root").chmod(0o755)
    assert len(list((tmp_path / "elsewhere").rglob("*.mp4"))) == 4
    assert len(open_samples("D", config.datasets["D"], config.root, tmp_path / "D.json", "train")) == 2
    assert config.datasets["D"].store.model_dump() == chosen.store.model_dump()  # no part of a result


def test_images_have_no_store(tmp_path: Path) -> None:
    chosen, lock = made(tmp_path, "image-folder")
    with pytest.raises(UserError, match=r"D is a data set of images"):
        extract("D", chosen, tmp_path, lock)


def test_the_disk_is_the_same_by_headers_as_by_the_manifest(tmp_path: Path) -> None:
    chosen, lock = made(tmp_path, "video-folder")
    assert store_size("D", chosen, tmp_path, lock).todo == 0
    shutil.rmtree(tmp_path / "frames")
    early, late = unvalidated_size("D", chosen, tmp_path), store_size("D", chosen, tmp_path, lock)
    assert early is not None and early.size == late.size > 0 and early.todo == late.todo == early.total == 8
    assert "headers of 8 videos" in early.basis and "manifest" in late.basis


def test_videos_whose_headers_say_nothing_are_left_out_of_the_estimate(tmp_path: Path) -> None:
    video_folder(tmp_path / "datasets/D")
    chosen = options(kind="video-folder", path="datasets/D")
    whole = unvalidated_size("D", chosen, tmp_path)
    (tmp_path / "datasets/D/train/c1/0.avi").write_bytes(b"nothing")
    rest = unvalidated_size("D", chosen, tmp_path)
    assert rest is not None and whole is not None and "headers of 7" in rest.basis
    assert rest.size == pytest.approx(whole.size, rel=0.01)
    for file in (tmp_path / "datasets/D").rglob("*.avi"):
        file.write_bytes(b"nothing")
    assert unvalidated_size("D", chosen, tmp_path) is None
