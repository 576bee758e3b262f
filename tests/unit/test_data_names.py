"""Names of files and folders that are not UTF-8, as old archives leave them."""

import json
import os
import shutil
from pathlib import Path

import pytest
from data_sets import image, image_folder, options, video_folder

from ivvit.data.manifest import load_manifest
from ivvit.data.validation import validate
from ivvit.ground.errors import UserError

LATIN = os.fsdecode(b"caf\xe9")
SHOWN = "caf\\xe9"


@pytest.mark.parametrize("kind", ["image-folder", "video-folder"])
def test_a_file_is_quarantined(tmp_path: Path, kind: str) -> None:
    make = {"image-folder": image_folder, "video-folder": video_folder}[kind]
    base, lock = make(tmp_path / "datasets/D"), tmp_path / "D.json"
    chosen = {"kind": kind, "path": "datasets/D"}
    validate("D", options(**chosen), tmp_path, lock)
    before = json.loads(lock.read_text())["digest"]
    first = next((base / "train/c0").iterdir())
    shutil.copy(first, first.with_name(LATIN + first.suffix))
    shutil.copytree(base / "train/c0", base / "val/c1" / LATIN)
    (base / "train/c0" / f"{LATIN}.txt").touch()
    count = len(list((base / "train/c0").iterdir())) - 1  # in the folder of that name, without the text file
    with pytest.raises(UserError, match=rf"{count + 1} of \d+ files are damaged.*its name is not UTF-8; rename it"):
        validate("D", options(**chosen), tmp_path, lock)
    validate("D", options(**chosen, max_damaged=0.5), tmp_path, lock)
    content = json.loads(lock.read_text())
    paths = [entry["path"] for entry in content["quarantined"]]
    assert f"b'train/c0/{SHOWN}{first.suffix}'" in paths and len(paths) == count + 1
    assert content["digest"] == before and len(load_manifest(lock).table) == sum(content["counts"].values())
    assert f"- b'train/c0/{SHOWN}.txt'" in lock.with_suffix(".md").read_text()


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_class_folder_is_an_error(tmp_path: Path, split: str) -> None:
    base = image_folder(tmp_path / "datasets/D")
    image(base / split / LATIN / "0.png")
    with pytest.raises(UserError, match="rename") as refused:
        validate("D", options(kind="image-folder", path="datasets/D"), tmp_path, tmp_path / "D.json")
    assert f"b'{SHOWN}'" in str(refused.value)
