"""Layouts on disk, in the variants that researchers have."""

import os
import pickle
import shutil
from pathlib import Path

import pytest
from data_sets import cifar, image, image_folder, link_real, options, video, video_folder

from ivvit.config.datasets import official_counts
from ivvit.data.layouts import Listing, list_samples
from ivvit.ground.errors import UserError


def listing(root: Path, name: str = "", **changes: object) -> Listing:
    return list_samples(name or "D", options(name, **changes), root)


def labels(samples: list) -> dict[str, int]:
    return {Path(sample.path).name: sample.label for sample in samples}


def test_real_data_works_as_it_is(shared: Path, tmp_path: Path) -> None:
    root = link_real(shared, tmp_path)
    ucf, tiny = listing(root, "UCF101"), listing(root, "Tiny-ImageNet")
    assert ucf.classes == ("BabyCrawling", "Punch", "PushUps")
    assert (len(ucf.train), len(ucf.test), ucf.missing, ucf.ignored) == (60, 30, [], [])
    assert all(ucf.classes[s.label] == Path(s.path).parent.name for s in ucf.samples)
    assert (len(tiny.classes), len(tiny.train), len(tiny.test)) == (20, 2000, 1000)
    assert list(tiny.classes) == sorted(tiny.classes)
    assert all((root / s.path).is_file() for s in [*ucf.train, *tiny.test])


@pytest.fixture(scope="module")
def whole_ucf101(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the official lists and all 13,320 videos as empty files."""
    root = tmp_path_factory.mktemp("whole-ucf101")
    base = root / "datasets" / "UCF101"
    base.mkdir(parents=True)
    os.symlink(shared / "data/annotations/ucf101", base / "ucfTrainTestlist")
    for file in ("trainlist01.txt", "testlist01.txt"):
        for line in (base / "ucfTrainTestlist" / file).read_text().split("\n"):
            if line.strip():
                target = base / "UCF-101" / line.split()[0]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.touch()
    return root


@pytest.mark.parametrize("split", [1, 2, 3])
def test_official_ucf101_lists(whole_ucf101: Path, split: int) -> None:
    found = listing(whole_ucf101, "UCF101", split=split)
    sizes = {"classes": len(found.classes)} | {name: len(samples) for name, samples in found.splits.items()}
    assert sizes == official_counts("ucf101", split).model_dump()
    assert found.missing == []
    assert found.classes[0] == "ApplyEyeMakeup" and found.classes[100] == "YoYo"


def ucf(base: Path, videos: str, *, newline: str = "\n") -> None:
    lists = base / "ucfTrainTestlist"
    lists.mkdir(parents=True)
    names = {"classInd": ["1 Jump", "2 Archery"], "trainlist01": ["Jump/v_Jump_g01_c01.avi 1", "Archery/v_A.avi 2"],
             "testlist01": ["Archery/v_B.avi"]}  # fmt: skip
    for stem, lines in names.items():
        (lists / f"{stem}.txt").write_bytes((newline.join(lines) + newline).encode())
    for file in ("Jump/v_Jump_g01_c01.avi", "Archery/v_A.avi", "Archery/v_B.avi"):
        name = Path(file).name if videos.endswith("flat") else file
        target = base / videos.removesuffix("flat") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()


@pytest.mark.parametrize("videos", ["video", "UCF-101", "", "UCF-101/flat"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_ucf101_variants(tmp_path: Path, videos: str, newline: str) -> None:
    ucf(tmp_path / "datasets/UCF101", videos, newline=newline)
    found = listing(tmp_path, "UCF101")
    assert found.classes == ("Jump", "Archery")  # classInd's order, not the alphabet's
    assert labels(found.train) == {"v_Jump_g01_c01.avi": 0, "v_A.avi": 1}
    assert labels(found.test) == {"v_B.avi": 1}


def test_ucf101_upper_case_missing_and_wrong_label(tmp_path: Path) -> None:
    base = tmp_path / "datasets/UCF101"
    ucf(base, "video")
    (base / "video/Archery/v_A.avi").rename(base / "video/Archery/v_A.AVI")
    (base / "video/Archery/v_B.avi").unlink()
    found = listing(tmp_path, "UCF101")
    assert labels(found.train) == {"v_Jump_g01_c01.avi": 0, "v_A.AVI": 1}
    assert found.missing == ["video/Archery/v_B.avi"]
    (base / "ucfTrainTestlist/trainlist01.txt").write_text("Jump/v_Jump_g01_c01.avi 2\n")
    with pytest.raises(UserError, match=r"trainlist01.txt, line 1: .* is labelled 2, classInd says 1"):
        listing(tmp_path, "UCF101")
    with pytest.raises(UserError, match=r"trainlist03.txt does not exist"):
        listing(tmp_path, "UCF101", split=3)


def test_official_tiny_imagenet(tmp_path: Path) -> None:
    base = tmp_path / "datasets/Tiny-ImageNet/tiny-imagenet-200"
    for wnid in ("n02", "n01"):
        image(base / "train" / wnid / "images" / f"{wnid}_0.JPEG")
        (base / "train" / wnid / f"{wnid}_boxes.txt").write_text("box\n")
    image(base / "val/images/val_0.JPEG"), image(base / "val/images/val_1.jpeg")
    (base / "val/val_annotations.txt").write_bytes(
        b"val_0.JPEG\tn02\t0\t0\t1\t1\r\nval_1.jpeg\tn01\t0\t0\t1\t1\r\nval_2.JPEG\tn01\t0\t0\t1\t1\r\n"
    )
    image(base / "test/images/test_0.JPEG")
    found = listing(tmp_path, "Tiny-ImageNet")
    assert found.classes == ("n01", "n02")
    assert labels(found.train) == {"n01_0.JPEG": 0, "n02_0.JPEG": 1}
    assert labels(found.test) == {"val_0.JPEG": 1, "val_1.jpeg": 0}
    assert found.missing == ["tiny-imagenet-200/val/images/val_2.JPEG"] and found.ignored == []
    moved = list_samples("T", options("Tiny-ImageNet", path=str(base)), tmp_path / "elsewhere")
    assert [s.label for s in moved.train] == [0, 1] and Path(moved.train[0].path).is_absolute()


@pytest.mark.parametrize("protocol", [2, 5])
def test_cifar100(tmp_path: Path, protocol: int) -> None:
    cifar(tmp_path / "datasets/CIFAR100/cifar-100-python", protocol=protocol)
    found = listing(tmp_path, "CIFAR100")
    assert found.classes == ("thing0", "thing1", "thing2") and (len(found.train), len(found.test)) == (12, 6)
    by_row = {int(s.path.rsplit("#", 1)[1]): s.label for s in found.train}
    assert by_row == {row: row % 3 for row in range(12)}
    assert found.train[0].path.startswith("datasets/CIFAR100/cifar-100-python/train#")


class _Evil:
    def __reduce__(self) -> tuple:
        return os.mkdir, ("evil",)


def test_a_pickle_cannot_run_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = cifar(tmp_path / "datasets/CIFAR100/cifar-100-python")
    (folder / "train").write_bytes(pickle.dumps({b"data": _Evil()}))
    with pytest.raises(UserError, match=r"train cannot be read .*mkdir"):
        listing(tmp_path, "CIFAR100")
    assert not (tmp_path / "evil").exists()


def test_kinetics_below_a_common_folder(tmp_path: Path) -> None:
    base = tmp_path / "datasets/Kinetics200/kinetics"
    for file in ("train/air drumming/a.mp4", "train/zumba/b.MP4", "train/zumba/notes.txt", "val/zumba/c.mp4"):
        (base / file).parent.mkdir(parents=True, exist_ok=True)
        (base / file).touch()
    found = listing(tmp_path, "Kinetics200")
    assert found.classes == ("air drumming", "zumba")
    assert labels(found.train) == {"a.mp4": 0, "b.MP4": 1} and labels(found.test) == {"c.mp4": 1}
    assert found.ignored == ["kinetics/train/zumba/notes.txt"]
    (base / "val/yoga").mkdir()
    with pytest.raises(UserError, match=r"Kinetics200: .*val has 1 classes that the training split has not: yoga"):
        listing(tmp_path, "Kinetics200")


def test_folders_with_links_nesting_and_hidden_files(tmp_path: Path) -> None:
    store = image_folder(tmp_path / "elsewhere")
    base = tmp_path / "datasets/D"
    (base / "train").mkdir(parents=True)
    os.symlink(store / "val", base / "test")
    os.symlink(store / "train/c1", base / "train/c1")
    image(base / "train/c0/deep/er/x.PNG"), (base / "train/c0/.DS_Store").touch(), (base / "train/.hidden").mkdir()
    found = listing(tmp_path, kind="image-folder", path="datasets/D")
    assert found.classes == ("c0", "c1") and len(found.test) == 4
    assert [s.path for s in found.train if s.label == 0] == ["datasets/D/train/c0/deep/er/x.PNG"]
    assert found.ignored == []


@pytest.mark.parametrize(
    ("text", "classes", "train", "val"),
    [
        ("path,label,split\na.png,cat,train\nb c.png,ape,val\n", ("ape", "cat"), {"a.png": 1}, {"b c.png": 0}),
        ("a.png 1\r\nb c.png 0\r\n", ("0", "1"), {"a.png": 1, "b c.png": 0}, {}),
        ("# mine\na.png\tcat\ttrain\n\nb c.png\tcat\ttest\n", ("cat",), {"a.png": 0}, {"b c.png": 0}),
        ('\ufeffa.png,"cat, big",train\n', ("cat, big",), {"a.png": 0}, {}),
    ],
)
def test_list_files(tmp_path: Path, text: str, classes: tuple, train: dict, val: dict) -> None:
    image(tmp_path / "lists/a.png"), image(tmp_path / "lists/b c.png")
    (tmp_path / "lists/all.csv").write_bytes(text.encode())
    found = listing(tmp_path, kind="list-file", media="image", path="lists/all.csv")
    assert (found.classes, labels(found.train), labels(found.test)) == (classes, train, val)


def test_three_splits_are_what_they_are_called(tmp_path: Path) -> None:
    """Nothing of them is dropped, and none of test is selected by."""
    for split in ("train", "valid", "test"):
        image(tmp_path / f"datasets/D/{split}/c0/{split}.png")
    found = listing(tmp_path, kind="image-folder", path="datasets/D")
    assert [list(labels(rows)) for rows in found.splits.values()] == [["train.png"], ["valid.png"], ["test.png"]]
    rows = [f"{i}.png,cat,{split}" for i, split in enumerate(["train"] * 10 + ["val"] * 4 + ["test"] * 6)]
    for i in range(20):
        image(tmp_path / f"lists/{i}.png")
    (tmp_path / "lists/all.csv").write_text("\n".join(rows))
    found = listing(tmp_path, kind="list-file", media="image", path="lists/all.csv")
    assert [len(rows) for rows in found.splits.values()] == [10, 4, 6]
    for split in ("train", "val", "test"):
        (tmp_path / f"lists/{split}.csv").write_text("\n".join(r for r in rows if r.endswith(split)))
    found = listing(tmp_path, kind="list-file", media="image", path="lists")
    assert [len(rows) for rows in found.splits.values()] == [10, 4, 6]


def test_groups_come_from_names_patterns_and_lists(tmp_path: Path) -> None:
    for name in ("a/p1_x.png", "a/p2_x.png", "b/p1_y.png"):
        image(tmp_path / "datasets/D/train" / name), image(tmp_path / "datasets/D/val" / name)
    folder = {"kind": "image-folder", "path": "datasets/D"}
    assert listing(tmp_path, **folder).train[0].group == "train/a/p1_x.png", "each its own"
    assert [s.group for s in listing(tmp_path, **folder, group=r"(p\d)_").train] == ["p1", "p2", "p1"]
    with pytest.raises(UserError, match=r"datasets\.D\.group: 'q' matches nothing in train/a/p1_x\.png"):
        listing(tmp_path, **folder, group="q")
    image(tmp_path / "lists/a.png"), image(tmp_path / "lists/b.png")
    (tmp_path / "lists/all.csv").write_text("path,label,split,group\na.png,cat,train,one\nb.png,cat,test,\n")
    found = listing(tmp_path, kind="list-file", media="image", path="lists/all.csv")
    assert [s.group for s in found.samples] == ["one", "b.png"]


def test_a_pair_of_lists_and_missing_files(tmp_path: Path) -> None:
    video(tmp_path / "D/clips/a.avi", frames=2)
    (tmp_path / "D/train.csv").write_text("clips/a.avi 0\nclips/gone.avi 1\n")
    (tmp_path / "D/val.csv").write_text(f"{tmp_path}/D/clips/a.avi 0\n")
    found = listing(tmp_path, kind="list-file", media="video", path="D")
    assert found.missing == ["clips/gone.avi"] and found.classes == ("0", "1")
    assert [s.path for s in found.train] == ["D/clips/a.avi"] and len(found.test) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.png\n", r"all.csv, line 1: expected path,label"),
        ("a.png,cat,dev\n", r"line 1: the split must be train, val or test, found 'dev'"),
        ("a.png,7000\n", r"labels are numbers up to 7000"),
        ("", r"names no samples"),
        ("\xff\xfe", r"not UTF-8"),
    ],
)
def test_bad_lists(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "all.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=message):
        listing(tmp_path, kind="list-file", media="image", path="all.csv")


@pytest.mark.parametrize("folder", [".", ".hidden", "a/b"])
def test_paths_lead_to_the_files(tmp_path: Path, folder: str) -> None:
    image_folder(tmp_path / folder)
    found = listing(tmp_path, kind="image-folder", path=folder)
    assert all((tmp_path / sample.path).is_file() for sample in found.train) and len(found.train) == 8
    assert not found.train[0].path.startswith("./")


def test_missing_folders_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"UCF101: .*datasets/UCF101 does not exist; .*root_path"):
        listing(tmp_path, "UCF101")
    video_folder(tmp_path / "datasets/D", train=1)
    shutil.rmtree(tmp_path / "datasets/D/val")
    with pytest.raises(UserError, match=r"D: the folder of the test split not found"):
        listing(tmp_path, kind="video-folder", path="datasets/D")
