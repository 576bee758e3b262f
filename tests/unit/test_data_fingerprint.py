"""The fingerprint notices files that come and go, quickly, without heavy imports."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from data_sets import cifar, image, image_folder, options

from ivvit.identity.fingerprint import fingerprint

FOLDER = options(kind="image-folder", path="datasets/D")


def changed(root: Path, change: Callable[[], object], chosen: object = FOLDER) -> bool:
    for path in root.rglob("*"):
        os.utime(path, (0, 0))  # so that a folder's time can differ, however coarse the clock is
    before = fingerprint("D", chosen, root)
    assert fingerprint("D", chosen, root) == before
    change()
    return fingerprint("D", chosen, root) != before


def test_files_that_come_and_go_are_noticed(tmp_path: Path) -> None:
    base = image_folder(tmp_path / "datasets/D/archive")
    assert changed(tmp_path, lambda: image(base / "train/c0/new.png"))
    assert changed(tmp_path, (base / "val/c1/0.png").unlink)
    assert changed(tmp_path, lambda: (base / "train/c0/0.png").rename(base / "train/c0/zero.png"))
    assert changed(tmp_path, (base / "train/c9").mkdir)
    assert changed(tmp_path, lambda: (base / "val_annotations.txt").write_text("a"))
    assert changed(tmp_path, lambda: (base / "val_annotations.txt").write_text("ab"))
    assert not changed(tmp_path, lambda: None)


def test_official_nesting_is_reached(tmp_path: Path) -> None:
    images = tmp_path / "datasets/D/tiny-imagenet-200/train/n01/images"
    image(images / "a.JPEG")
    assert changed(tmp_path, lambda: image(images / "b.JPEG"))


def test_pickles_and_list_files(tmp_path: Path) -> None:
    folder = cifar(tmp_path / "datasets/CIFAR100/cifar-100-python")
    content = (folder / "train").read_bytes()
    assert changed(tmp_path, lambda: (folder / "train").write_bytes(content), options("CIFAR100"))
    chosen = options(kind="list-file", media="image", path="list.csv")
    (tmp_path / "list.csv").write_text("a.png,x\n")
    assert changed(tmp_path, lambda: (tmp_path / "list.csv").write_text("a.png,y\nb.png,x\n"), chosen)


def test_a_missing_folder_is_a_constant(tmp_path: Path) -> None:
    assert fingerprint("D", FOLDER, tmp_path) == "missing"
    assert fingerprint("D", FOLDER, tmp_path / "nowhere") == "missing"


def test_only_folders_are_asked_about_so_that_a_million_files_take_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for label in range(3):
        folder = tmp_path / f"datasets/D/train/c{label}"
        folder.mkdir(parents=True)
        for i in range(50):
            (folder / f"{i}.png").touch()
    asked = []
    watched = SimpleNamespace(stat=lambda path: asked.append(path) or os.stat(path), scandir=os.scandir)
    monkeypatch.setattr("ivvit.identity.fingerprint.os", watched)
    fingerprint("D", FOLDER, tmp_path)
    assert len(asked) == 1 + 1 + 3 and all(Path(path).is_dir() for path in asked)


def test_it_imports_nothing_heavy() -> None:
    code = "import sys, ivvit.identity.fingerprint; print({'torch', 'pandas', 'numpy', 'av', 'PIL'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
