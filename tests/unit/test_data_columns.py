"""Manifests by memory map: the same values as the table's, and a worker is sent a file's name."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from data_sets import made

from ivvit.data.manifest import load_manifest, table_file
from ivvit.data.open import open_samples
from ivvit.data.validation import table as written
from ivvit.ground.errors import UserError
from ivvit.numerics.selection import Selected, Selection


def test_values_lie_where_the_table_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written, "BATCH", 4)  # several record batches, the last one smaller
    monkeypatch.setattr("ivvit.data.columns.BATCH", 4)
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


@pytest.mark.parametrize("size", [1, 511, 512, 513, 3000])
def test_a_selection_counts_as_flatnonzero_does(size: int) -> None:
    mask = np.random.default_rng(size).random(size) < 0.3
    mask[-1] = True
    selection = Selection(mask)
    assert list(Selected(range(size), selection)) == np.flatnonzero(mask).tolist()
    with pytest.raises(IndexError):
        selection[len(selection)]
    assert len(pickle.dumps(Selection(np.ones(80_000, bool)))) < 16_000
