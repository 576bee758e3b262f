"""Manifests by memory map: the same values as the table's, and a worker is sent a file's name."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from data_sets import made

from ivvit.data.manifest import load_manifest, table_file
from ivvit.data.open import open_samples
from ivvit.ground.digest import checksum_of
from ivvit.ground.errors import UserError
from ivvit.numerics.selection import Selected, Selection


def test_values_lie_where_the_table_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivvit.data.columns.BATCH", 4)  # several record batches, the last one smaller
    opened, lock = made(tmp_path, "image-folder")
    manifest = load_manifest(lock)
    for split in ("train", "test"):
        rows, samples = manifest.split(split), open_samples("D", opened, tmp_path, lock, split)
        assert list(samples.paths) == [samples.paths[i] for i in range(len(samples))] == rows["path"].tolist()
        assert list(samples.labels) == rows["label"].tolist() and samples.labels[-1] == rows["label"].iloc[-1]
        assert samples.groups[1:3] == rows["group"].tolist()[1:3]
        with pytest.raises(IndexError):
            samples.paths[len(samples)]
        mask = rows["label"].to_numpy() == 1
        some = pickle.loads(pickle.dumps(samples.take(mask)))
        assert list(some.paths) == rows["path"][mask].tolist() and some.num_classes == samples.num_classes
        assert some.source.image(0).shape == samples.source.image(0).shape


def test_a_worker_is_sent_a_name(tmp_path: Path) -> None:
    opened, lock = made(tmp_path, "image-folder")
    samples = open_samples("D", opened, tmp_path, lock, "train")
    content = pickle.dumps(samples)
    assert not any(path.rpartition("/")[2].encode() in content for path in samples.paths)
    table_file(lock).write_bytes(b"another")
    with pytest.raises(UserError, match=r"cannot be read .*validate the data set again"):
        pickle.loads(content)


def test_damage_is_found_by_the_process_that_leads_and_by_size_in_all(tmp_path: Path, monkeypatch) -> None:
    opened, lock = made(tmp_path, "image-folder")
    table, before = table_file(lock), table_file(lock).read_bytes()
    place = before.index(b"c0/1.png")
    table.write_bytes(before[:place] + b"c0/2.png" + before[place + 8 :])
    with pytest.raises(UserError, match="its checksum differs; validate D again"):
        open_samples("D", opened, tmp_path, lock, "train")
    with pytest.raises(UserError, match="its checksum differs; validate D again"):
        assert load_manifest(lock).table is None
    monkeypatch.setenv("RANK", "1")  # its leader says so
    assert len(open_samples("D", opened, tmp_path, lock, "train")) == 8
    table.write_bytes(before[:place] + before[place + 8 :])
    with pytest.raises(UserError, match=r"validate (D|the data set) again"):
        load_manifest(lock)


def test_a_process_reads_a_table_for_its_checksum_once(tmp_path: Path, monkeypatch) -> None:
    opened, lock = made(tmp_path, "image-folder")
    read: list[Path] = []

    def counted(file: Path) -> str:
        read.append(file)
        return checksum_of(file)

    monkeypatch.setattr("ivvit.data.manifest.checksum_of", counted)
    for split in ("train", "test"):
        pickle.loads(pickle.dumps(open_samples("D", opened, tmp_path, lock, split)))
    assert read == [table_file(lock)]


def test_a_checksum_tells_files_apart_whose_pieces_are_the_same(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("ivvit.ground.digest.PIECE", 8)
    monkeypatch.setattr("ivvit.ground.digest.BLOCK", 3)
    contents = [b"", b"\0", b"a" * 8, b"a" * 16, b"a" * 15, b"a" * 8 + b"b" * 8, b"b" * 8 + b"a" * 8]
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
    sums = [checksum_of(tmp_path / str(number)) for number in range(len(contents))]
    assert len({*sums}) == len(contents)
    (tmp_path / "again").write_bytes(contents[-1])
    assert checksum_of(tmp_path / "again") == sums[-1]


@pytest.mark.parametrize("size", [1, 511, 512, 513, 3000])
def test_a_selection_counts_as_flatnonzero_does(size: int) -> None:
    mask = np.random.default_rng(size).random(size) < 0.3
    mask[-1] = True
    selection = Selection(mask)
    assert list(Selected(range(size), selection)) == np.flatnonzero(mask).tolist()
    with pytest.raises(IndexError):
        selection[len(selection)]
    assert len(pickle.dumps(Selection(np.ones(80_000, bool)))) < 16_000
