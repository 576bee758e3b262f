"""The batch of a step is a pure function: the same stream for any workers, ranks, and beginnings."""

import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from data_sets import cifar, made, options
from PIL import Image

from ivvit.data.extraction import extract
from ivvit.data.validation import validate
from ivvit.evaluation.views import EvalData
from ivvit.ground.errors import UserError
from ivvit.numerics.batch import Batch
from ivvit.numerics.train_data import TrainData
from ivvit.results.contact_sheet import contact_sheet
from ivvit.runs.inputs import open_eval, open_train
from ivvit.runs.loader import eval_loader, train_loader

SIZE = {"img_size": 32, "num_frames": 4}


@pytest.fixture(scope="module", params=["images", "stored", "original", "cifar"])
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TrainData:
    root = tmp_path_factory.mktemp(request.param)
    if request.param == "cifar":
        cifar(root / "datasets/CIFAR100/cifar-100-python")
        chosen, lock = options("CIFAR100"), root / "D.json"
        validate("CIFAR100", chosen, root, lock)
    elif request.param == "images":
        chosen, lock = made(root, "image-folder")
    else:
        chosen, lock = made(root, "video-folder", clip_seconds=0.4, frames=request.param.replace("stored", "store"))
    return open_train("D", chosen, root, lock, **SIZE, seed=3)


def same(some: Iterable[Batch], others: Iterable[Batch]) -> bool:
    pairs = zip(some, others, strict=True)
    return all(
        torch.equal(a.pixels, b.pixels) and torch.equal(a.labels, b.labels) and a.records == b.records for a, b in pairs
    )


def stream(data: TrainData, first: int = 0, last: int = 7, **keywords: int) -> list[Batch]:
    return list(train_loader(data, batch_size=4, first_step=first, last_step=last, **keywords))


def test_the_stream_does_not_depend_on_workers_or_beginnings(data: TrainData) -> None:
    alone = stream(data)
    assert same(alone, [data.batch(step, 4) for step in range(7)])
    assert same(alone, stream(data, workers=1)) and same(alone, stream(data, workers=4))
    assert same(alone[3:], stream(data, first=3, workers=2))
    assert same(alone, stream(data)), "a second pass differs"
    assert alone[0].pixels.dtype == torch.uint8 and alone[0].pixels.movedim(-3, -1).is_contiguous()
    assert alone[0].pixels.shape == ((4, 4, 3, 32, 32) if data.options.is_video else (4, 3, 32, 32))


def test_ranks_share_a_batch(data: TrainData) -> None:
    whole = stream(data)
    for world in (2, 3):
        parts = [stream(data, rank=rank, world=world) for rank in range(world)]
        for step, batch in enumerate(whole):
            joined = torch.cat([part[step].pixels for part in parts])
            assert torch.equal(joined, batch.pixels)
            assert [record for part in parts for record in part[step].records] == batch.records


def test_seeds_differ(data: TrainData) -> None:
    other = replace(data, seed=4)
    assert not same(stream(data, last=2), stream(other, last=2))
    assert [r.index for b in stream(data) for r in b.records] != [r.index for b in stream(other) for r in b.records]


def test_every_sample_of_an_epoch_once(data: TrainData) -> None:
    size = len(data.samples)
    indices = [record.index for step in range(3 * size) for record in data.batch(step, 1).records]
    for epoch in range(3):
        assert Counter(indices[epoch * size : (epoch + 1) * size]) == Counter(range(size))


def test_labels_belong_to_their_files(data: TrainData) -> None:
    for batch in stream(data):
        for label, record in zip(batch.labels.tolist(), batch.records, strict=True):
            if data.options.kind == "cifar100":
                assert label == int(record.path.rsplit("#", 1)[1]) % 3
            else:
                assert data.samples.classes[label] == Path(record.path).parent.name


PROGRAM = """
import hashlib, sys
from pathlib import Path
sys.modules["av"] = None  # training on images does not need it
from ivvit.config.datasets import DatasetOptions
from ivvit.runs.inputs import open_train
data = open_train("D", DatasetOptions(kind="image-folder", path="datasets/D"), Path(sys.argv[1]), Path(sys.argv[2]),
                  img_size=32, num_frames=4, seed=3)
print(hashlib.sha256(b"".join(data.batch(s, 4).pixels.numpy().tobytes() for s in range(5))).hexdigest())
"""


def test_two_processes_draw_the_same_and_images_need_no_av(tmp_path: Path) -> None:
    _, lock = made(tmp_path, "image-folder")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(lock)]
    environment = {"OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    processes = [
        subprocess.Popen(command, env=environment | {"PYTHONHASHSEED": seed}, stdout=subprocess.PIPE, text=True)
        for seed in ("1", "2")
    ]
    one, two = (process.communicate()[0].strip() for process in processes)
    assert one == two and len(one) == 64


def test_the_store_and_the_originals_give_the_same_frames(shared: Path, tmp_path: Path) -> None:
    files = sorted((shared / "data/UCF101/video").glob("*/*_c01.avi"))[::8]
    (tmp_path / "list.csv").write_text("".join(f"{file},{file.parent.name},train\n" for file in files))
    fields = {"kind": "list-file", "media": "video", "path": "list.csv"}
    stored, original = options(**fields), options(**fields, frames="original")
    lock, size = tmp_path / "D.json", {"img_size": 112, "num_frames": 8, "seed": 0}
    validate("D", stored, tmp_path, lock)
    with pytest.raises(UserError, match=r"does not exist; run `ivvit extract`, or set `frames: original`"):
        open_train("D", stored, tmp_path, lock, **size)
    extract("D", stored, tmp_path, lock)
    decoded, kept = (open_train("D", chosen, tmp_path, lock, **size) for chosen in (original, stored))
    for step in range(2 * len(files)):
        a, b = decoded.batch(step, 1), kept.batch(step, 1)
        assert a.records == b.records and torch.equal(a.labels, b.labels)
        assert (a.pixels.float() - b.pixels.float()).abs().mean() < 4
    next((tmp_path / "frames").rglob("*.mp4")).unlink()
    records = [kept.batch(step, 1).records[0] for step in range(len(files))]
    assert sum("is missing in the frame store; run `ivvit extract`" in (r.reason or "") for r in records) == 1


def broken(root: Path, chosen: object, lock: Path, name: str) -> TrainData:
    """Training data one of whose files broke after its validation."""
    (root / "datasets/D/train/c0" / name).write_bytes(b"no longer an image" * 20)
    return open_train("D", chosen, root, lock, **SIZE, seed=0)


@pytest.mark.parametrize(("kind", "name"), [("image-folder", "1.png"), ("video-folder", "1.avi")])
def test_a_substitute_is_named_and_a_function_of_the_position(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, name: str
) -> None:
    data = broken(tmp_path, *made(tmp_path, kind, **({"frames": "original"} if "video" in kind else {})), name)
    epochs = range(2 * len(data.samples))
    with caplog.at_level(logging.WARNING, "ivvit.data"):
        alone = list(train_loader(data, batch_size=1, first_step=0, last_step=len(epochs)))
    bad = [record for batch in alone for record in batch.records if record.substitute_for]
    assert len(bad) == 2 and {record.substitute_for for record in bad} == {f"datasets/D/train/c0/{name}"}
    assert all(record.path != record.substitute_for and record.reason for record in bad)
    assert len(caplog.messages) == 2
    assert f"D: datasets/D/train/c0/{name} cannot be read" in caplog.messages[0] and bad[0].path in caplog.messages[0]
    assert same(alone, train_loader(data, batch_size=1, first_step=0, last_step=len(epochs), workers=2))
    others = Counter(r.index for b in alone for r in b.records if not r.substitute_for)
    assert others == Counter({i: 2 for i in range(len(data.samples)) if data.samples.paths[i] != bad[0].substitute_for})


def test_lost_data_is_an_error_not_a_stream_of_substitutes(tmp_path: Path) -> None:
    chosen, lock = made(tmp_path, "image-folder")
    data = open_train("D", chosen, tmp_path, lock, **SIZE, seed=0)
    (tmp_path / "datasets/D").rename(tmp_path / "datasets/lost")
    for workers in (0, 1):
        with pytest.raises(UserError, match=r"^D: .* cannot be read \(No such file.*nor can 19 others"):
            list(train_loader(data, batch_size=2, first_step=0, last_step=2, workers=workers))


def opened(root: Path, kind: str, **views: int) -> EvalData:
    chosen, lock = made(root, kind, **({"clip_seconds": 0.4} if "video" in kind else {}))
    return open_eval("D", chosen, root, lock, **SIZE, **views)


@pytest.mark.parametrize("kind", ["image-folder", "video-folder"])
def test_evaluation_has_every_sample_once(tmp_path: Path, kind: str) -> None:
    data = opened(tmp_path, kind, clips=2, crops=3)
    views = (6, 4) if data.options.is_video else (3,)
    for world in (1, 2, 3):
        parts = [list(eval_loader(data, batch_size=2, rank=rank, world=world)) for rank in range(world)]
        indices = [record.index for part in parts for batch in part for record in batch.records]
        assert sorted(indices) == list(range(len(data.samples)))
    batches = list(eval_loader(data, batch_size=2))
    assert batches[0].pixels.shape == (2, *views, 3, 32, 32)
    assert same(batches, eval_loader(data, batch_size=2, workers=2))


def test_evaluation_leaves_out_what_it_cannot_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = opened(tmp_path, "image-folder")
    for name in ("0.png", "1.png"):
        (tmp_path / "datasets/D/val/c0" / name).write_bytes(b"")
    batches = list(eval_loader(data, batch_size=2))
    assert [record.path for batch in batches for record in batch.records] == [
        "datasets/D/val/c1/0.png", "datasets/D/val/c1/1.png",
    ]  # fmt: skip
    assert len([m for m in caplog.messages if "evaluated without it" in m]) == 2


def test_evaluation_tries_once_more_what_the_system_refuses(tmp_path: Path) -> None:
    """The file is gone for the first attempt only, as on a server that comes back."""
    data = opened(tmp_path, "image-folder", crops=3)
    whole = data.batch([0, 1])
    file = tmp_path / data.samples.paths[0]
    hidden = file.rename(tmp_path / "hidden.png")

    class Mended:
        attempts = 0

        def image(self, index: int) -> torch.Tensor:
            self.attempts += 1
            try:
                return data.samples.source.image(index)
            finally:
                if self.attempts == 1:
                    hidden.rename(file)

    source = Mended()
    again = replace(data, samples=replace(data.samples, source=source)).batch([0, 1])
    assert same([again], [whole]) and again.unreadable == [] and source.attempts == 3
    file.unlink()
    assert [record.path for record in data.batch([0, 1]).unreadable] == [data.samples.paths[0]]


def test_an_empty_split_is_an_error(tmp_path: Path) -> None:
    chosen, lock = made(tmp_path, "image-folder")
    with pytest.raises(UserError, match=r"D has no samples in split val"):
        open_eval("D", chosen, tmp_path, lock, **SIZE, split="val")


def test_a_contact_sheet_shows_the_batch(tmp_path: Path, data: TrainData) -> None:
    file = contact_sheet(data, 2, 3, tmp_path / "sheets/step2.png")
    with Image.open(file) as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    frame = data.batch(2, 3).pixels[0].reshape(-1, 3, 32, 32)[0].permute(1, 2, 0).numpy()
    side = 112 if data.batch(2, 3).pixels[0].ndim == 4 else 168  # of a clip's frames, of an image
    tile = np.asarray(Image.fromarray(frame).resize((side, side))).astype(int)
    found = [np.abs(pixels[y : y + side, 6 : 6 + side] - tile).max() for y in range(20, len(pixels) - side)]
    assert min(found) == 0
