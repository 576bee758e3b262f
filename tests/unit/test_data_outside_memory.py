"""Validation of more files than memory holds: the same texts, places, digests and lists as of a few."""

import hashlib
import json
import random
from pathlib import Path

import pytest
from data_sets import image, options

from ivvit.data import columns
from ivvit.data.layouts import files, list_samples
from ivvit.data.manifest import load_manifest
from ivvit.data.spill import SortedTexts
from ivvit.data.validation import path_index, validate
from ivvit.ground.errors import UserError

NAMES = ["a.png", "a b.png", "a!.png", 'q".png', "b\\.png", "\u00e9.png", "z\u00e9.png", "\U0001f600.png", "\ue000.png"]
LIST = {"kind": "list-file", "media": "image", "path": "D/all.csv"}


@pytest.fixture(params=[3, 16384])
def batch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Rows that are held at a time."""
    monkeypatch.setattr(columns, "BATCH", request.param)
    return request.param


@pytest.mark.parametrize("count", [0, 1, 500])
def test_texts_are_sorted_whatever_order_they_come_in(tmp_path: Path, batch: int, count: int) -> None:
    draw = random.Random(0)
    texts = ["".join(draw.choices("ab\u00e9\ue000\U0001f600 !", k=draw.randrange(5))) for _ in range(count)]
    for given in (texts, sorted(texts), sorted(texts)[::-1]):
        kept = SortedTexts(tmp_path)
        for first in range(0, count, batch):
            kept.add(given[first : first + batch])
        assert list(kept) == sorted(texts)
    assert not list(tmp_path.iterdir()), "files without a name"


@pytest.mark.usefixtures("batch")
def test_digests_are_of_the_sorted_rows_as_json(tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        image(tmp_path / "D/train/c" / name, number), image(tmp_path / "D/val/c" / name, number + 50)
    lock = tmp_path / "D.json"
    validate("D", options(kind="image-folder", path="D"), tmp_path, lock)
    table = load_manifest(lock).table
    rows = {
        split: sorted(
            json.dumps([split, path.removeprefix("D/"), int(label), group, sha256])
            for path, label, group, sha256 in own[["path", "label", "group", "sha256"]].to_numpy()
        )
        for split, own in table.groupby("split")
    }
    content = json.loads(lock.read_text())
    assert {split: len(own) for split, own in rows.items()} == {"train": len(NAMES), "test": len(NAMES)}
    for split, own in rows.items():
        assert content["digests"][split] == hashlib.sha256("\n".join(own).encode()).hexdigest()
    whole = [row for split in sorted(rows) for row in rows[split]]
    assert content["digest"] == hashlib.sha256("\n".join(whole).encode()).hexdigest()


@pytest.mark.usefixtures("batch")
@pytest.mark.parametrize("hashed", [hash, len], ids=["as ever", "many of one hash"])
def test_paths_are_found_by_hash_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hashed) -> None:
    monkeypatch.setattr(path_index, "hash", hashed, raising=False)
    for name in "abcdef":
        image(tmp_path / f"D/{name}.png", ord(name))
    rows = [f"{name}.png,cat,{split}\n" for name, split in zip("abcdea", ["train"] * 4 + ["val"] * 2, strict=True)]
    (tmp_path / "D/all.csv").write_text("".join([*rows, "a.png,dog,train\n"]))
    samples = list_samples("D", options(**LIST), tmp_path).samples
    index = path_index.PathIndex(samples)
    assert [sample.path for sample in samples] == [f"D/{name}.png" for name in "aabcdae"]
    found = index.places(["D/a.png", "D/d.png", "D/f.png", "", "D/a.png"]).tolist()
    assert found[2:4] == [-1, -1] and set(found) <= {0, 4, -1}
    pairs = [pair.tolist() for pair in index.repeated()]
    assert all(samples[later].path == samples[first].path for later, first in zip(*pairs, strict=True))
    assert hashed is len or (found, pairs) == ([0, 4, -1, -1, 0], [[1, 5], [0, 0]])
    validate("D", options(**LIST, allow_overlap=True), tmp_path, tmp_path / "D.json")
    table = load_manifest(tmp_path / "D.json").table
    assert table["sha256"].tolist() == [
        hashlib.sha256((tmp_path / sample.path).read_bytes()).hexdigest() for sample in samples
    ]


def test_a_file_that_a_list_names_again_has_one_group(tmp_path: Path) -> None:
    """Or a hold-out could have it on both sides."""
    image(tmp_path / "D/a.png", 1), image(tmp_path / "D/b.png", 2)
    rows = [
        "path,label,split,group",
        "a.png,cat,train,one",
        "a.png,dog,train,two",
        "a.png,ape,train,",
        "b.png,cat,val,",
    ]
    (tmp_path / "D/all.csv").write_text("\n".join(rows))
    samples = list_samples("D", options(**LIST), tmp_path).samples
    assert [(sample.path, sample.group) for sample in samples] == [("D/a.png", "two")] * 3 + [("D/b.png", "b.png")]


def test_a_list_is_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["\ufeffone", "", " two ", "three\x1cfour", "five\u2028six", "last"]
    for block in (1, 2, 7, 1 << 20):
        monkeypatch.setattr(files, "BLOCK", block)
        for end in ("\n", "\r\n", "\r"):
            (tmp_path / "list.txt").write_bytes(end.join(lines).encode())
            found = list(files.numbered_lines(tmp_path / "list.txt", "write it"))
            assert found == [(1, "one"), (3, "two"), (4, "three"), (5, "four"), (6, "five"), (7, "six"), (8, "last")]
    (tmp_path / "list.txt").write_bytes(b"a.png,cat\n" * 5000 + b"\xff")
    with pytest.raises(UserError, match=r"is not UTF-8 text \(.* 0xff in position 50000"):
        list(files.numbered_lines(tmp_path / "list.txt", "write it"))
