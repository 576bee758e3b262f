"""The fingerprint notices every change of a data set's files, quickly, without opening them or heavy imports."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from data_sets import cifar, image, image_folder, options

from ivvit.config.datasets import DatasetOptions
from ivvit.identity.fingerprint import Listings, fingerprint

FOLDER = options(kind="image-folder", path="datasets/D")


def changed(
    root: Path, change: Callable[[], object], chosen: DatasetOptions = FOLDER, *, by_folder: bool = False
) -> bool:
    before = fingerprint(chosen, root, by_folder=by_folder)
    assert fingerprint(chosen, root, by_folder=by_folder) == before
    change()
    return fingerprint(chosen, root, by_folder=by_folder) != before


def test_files_that_come_go_or_change_are_noticed(tmp_path: Path) -> None:
    base = image_folder(tmp_path / "datasets/D/archive")
    first = base / "train/c0/0.png"
    assert changed(tmp_path, lambda: image(base / "train/c0/new.png"))
    assert changed(tmp_path, (base / "val/c1/0.png").unlink)
    assert changed(tmp_path, lambda: first.rename(base / "train/c0/zero.png"))
    assert changed(tmp_path, (base / "train/c9").mkdir)
    assert changed(tmp_path, lambda: (base / "val_annotations.txt").write_text("a"))
    assert changed(tmp_path, lambda: (base / "val_annotations.txt").write_text("ab"))
    assert changed(tmp_path, lambda: os.utime(base / "train/c0/new.png", (1, 1)))
    assert changed(tmp_path, lambda: shutil.copyfile(base / "train/c1/0.png", base / "train/c0/new.png"))
    assert not changed(tmp_path, lambda: None)
    assert not changed(tmp_path, lambda: (base / "train/c0/.hidden").write_text("nothing"))


def test_by_folder_a_replaced_file_is_not_noticed_and_others_are(tmp_path: Path) -> None:
    base = image_folder(tmp_path / "datasets/D")
    times = os.stat(base / "train/c0")
    assert changed(tmp_path, lambda: image(base / "train/c0/new.png"), by_folder=True)
    os.utime(base / "train/c0", ns=(times.st_atime_ns, times.st_mtime_ns))
    replace = lambda: (base / "train/c0/0.png").write_bytes(b"another")  # noqa: E731
    assert not changed(tmp_path, replace, by_folder=True)


def test_official_nesting_is_reached(tmp_path: Path) -> None:
    images = tmp_path / "datasets/D/tiny-imagenet-200/train/n01/images"
    image(images / "a.JPEG")
    assert changed(tmp_path, lambda: image(images / "b.JPEG"))


def test_pickles_and_list_files(tmp_path: Path) -> None:
    folder = cifar(tmp_path / "datasets/CIFAR100/cifar-100-python")
    assert changed(tmp_path, lambda: os.utime(folder / "train", (1, 1)), options("CIFAR100"))
    chosen = options(kind="list-file", media="image", path="lists/list.csv")
    listed = tmp_path / "lists/list.csv"
    listed.parent.mkdir()
    listed.write_text("../elsewhere/a.png,x\n")
    image(tmp_path / "elsewhere/a.png")
    assert changed(tmp_path, lambda: listed.write_text("../elsewhere/a.png,y\nb.png,x\n"), chosen)
    assert changed(tmp_path, lambda: os.utime(tmp_path / "elsewhere/a.png", (1, 1)), chosen)
    assert changed(tmp_path, lambda: image(tmp_path / "lists/b.png"), chosen)


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    base = image_folder(tmp_path / "elsewhere")
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets/D").symlink_to(base)
    (base / "train/c0/loop").symlink_to(base)
    (base / "train/c0/nowhere.png").symlink_to(tmp_path / "nothing")
    assert changed(tmp_path, lambda: os.utime(base / "train/c0/0.png", (1, 1)))


def test_a_missing_folder_is_a_constant(tmp_path: Path) -> None:
    assert fingerprint(FOLDER, tmp_path) == "missing"
    assert fingerprint(FOLDER, tmp_path / "nowhere") == "missing"


def test_it_is_the_same_in_parallel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image_folder(tmp_path / "datasets/D/archive")
    alone = fingerprint(FOLDER, tmp_path)
    monkeypatch.setattr("ivvit.identity.fingerprint._PATIENCE", 0.0)
    assert fingerprint(FOLDER, tmp_path) == alone


def test_jobs_are_told_what_the_main_process_saw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(Listings.VARIABLE, "{}")
    base = image_folder(tmp_path / "datasets/D")
    main = Listings(share=True)
    seen = main.of(FOLDER, tmp_path)
    image(base / "train/c0/new.png")
    assert Listings().of(FOLDER, tmp_path) == seen == main.of(FOLDER, tmp_path)
    assert main.changed(FOLDER, tmp_path) and main.now(FOLDER, tmp_path) != seen
    assert Listings(share=True).of(FOLDER, tmp_path) != seen, "a workflow of its own looks for itself"


@pytest.mark.slow
def test_a_hundred_thousand_files_take_no_time(tmp_path: Path) -> None:
    for label in range(200):
        folder = tmp_path / f"datasets/D/train/c{label}"
        folder.mkdir(parents=True)
        for i in range(500):
            (folder / f"{i}.png").touch()
    begin = time.process_time()
    fingerprint(FOLDER, tmp_path)
    assert time.process_time() - begin < 4  # a second on an idle machine


def test_it_imports_nothing_heavy() -> None:
    code = "import sys, ivvit.identity.fingerprint; print({'torch', 'pandas', 'numpy', 'av', 'PIL'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
