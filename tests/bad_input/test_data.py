"""Data sets that cannot be right: `ivvit validate` ends with one message that names the file and what to do."""

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from data_sets import cifar, image, image_folder, video, video_folder
from outcomes import refused, run, share
from PIL import Image

IMAGES, VIDEOS, LIST = "kind: image-folder", "kind: video-folder", "kind: list-file, media: image"
Make = Callable[[Path], object]


def sound(place: Path) -> Path:
    return image_folder(place, train=10, val=2)


def without(*names: str) -> Make:
    """A sound folder of images without some of it."""

    def make(place: Path) -> None:
        sound(place)
        for name in names:
            shutil.rmtree(place / name)

    return make


def spoilt(content: bytes, name: str = "train/c0/0.png") -> Make:
    """A sound folder of images with another content of a file."""
    return lambda place: (sound(place) / name).write_bytes(content)


def png(mode: str) -> Make:
    """All images in a mode whose range is not known."""
    return lambda place: [Image.new(mode, (8, 8)).save(file.with_suffix(".tif")) or file.unlink()
                          for file in sound(place).rglob("*.png")]  # fmt: skip


def listed(text: str | bytes, *files: str) -> Make:
    """A list, and images that it may name."""

    def make(place: Path) -> None:
        for number, name in enumerate(files or ("a.png", "b.png")):
            image(place.parent / name, number)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())

    return make


def pickled(file: str, content: object) -> Make:
    """CIFAR100 with another content of a file."""

    def make(place: Path) -> None:
        folder = cifar(place)
        (folder / file).write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, 2))

    return make


class _Bomb:
    def __reduce__(self) -> tuple:
        return os.system, ("touch /tmp/ivvit-was-run",)


def tiny(change: Make) -> Make:
    """The official Tiny-ImageNet, changed."""

    def make(place: Path) -> None:
        for number, name in enumerate(("n01", "n02")):
            image(place / f"train/{name}/images/{name}_0.JPEG", number)
        image(place / "val/images/val_0.JPEG", 5)
        (place / "val/val_annotations.txt").write_text("val_0.JPEG\tn01\t0\t0\t1\t1\n")
        change(place)

    return make


def ucf(change: Make) -> Make:
    """UCF101 with two videos, changed."""

    def make(place: Path) -> None:
        for number, name in enumerate(("v_Punch_g01_c01", "v_Punch_g08_c01")):
            video(place / f"UCF-101/Punch/{name}.avi", number * 9, frames=4)
        lists = place / "ucfTrainTestlist"
        lists.mkdir()
        (lists / "classInd.txt").write_text("1 Punch\n")
        (lists / "trainlist01.txt").write_text("Punch/v_Punch_g08_c01.avi 1\n")
        (lists / "testlist01.txt").write_text("Punch/v_Punch_g01_c01.avi\n")
        change(place)

    return make


def write(name: str, text: str) -> Make:
    return lambda place: (place / name).write_text(text)


def remove(name: str) -> Make:
    return lambda place: shutil.rmtree(place / name) if (place / name).is_dir() else (place / name).unlink()


CASES: dict[str, tuple[str, Make, str]] = {
    # folders
    "nothing there": (IMAGES, lambda place: None, "D does not exist; put the data there, or set datasets.D.path"),
    "a link to nowhere": (IMAGES, lambda place: place.symlink_to("nowhere"), "D is a link that leads nowhere"),
    "a link to itself": (IMAGES, lambda place: place.symlink_to("D"), "D is a link that leads nowhere"),
    "a file": (IMAGES, lambda place: place.write_text("x"), "D is a file; the data set's `path` must be its folder"),
    "a pipe": (IMAGES, lambda place: os.mkfifo(place), "D is a file; the data set's `path` must be its folder"),
    "an empty folder": (IMAGES, Path.mkdir, "expected a folder train/ in"),
    "no train": (IMAGES, without("train"), "expected a folder train/ in"),
    "no test": (IMAGES, without("val"), "the folder of the test split not found; looked for"),
    "no classes": (IMAGES, without("train/c0", "train/c1", "val/c0", "val/c1"), "train has no class folders"),
    "a class only in test": (IMAGES, without("train/c1"), "has 1 classes that the training split has not: c1"),
    "flat classes": (IMAGES, lambda place: [image(place / f"{c}/1.png") for c in "ab"], "`ivvit init` makes"),
    "two archives": (IMAGES, lambda place: [sound(place / name) for name in "ab"], "found several: a, b"),
    "only MACOSX": (IMAGES, lambda place: image(place / "train/__MACOSX/1.png"), "train has no class folders"),
    "no images": (IMAGES, lambda place: [file.rename(file.with_suffix(".txt")) for file in sound(place).rglob("*.png")],
                  "D has no usable training samples"),
    "videos in a folder of images": (IMAGES, video_folder, "D has no usable training samples"),
    "images in a folder of videos": (VIDEOS, sound, "D has no usable training samples"),
    "an empty file": (IMAGES, spoilt(b""), "the first is train/c0/0.png: it is empty (0 bytes)"),
    "no image": (IMAGES, spoilt(b"hello"), "the first is train/c0/0.png: it is not an image"),
    "a web page": (IMAGES, spoilt(b"<html>"), "train/c0/0.png: it is not an image"),
    "a cut image": (IMAGES, lambda place: cut(sound(place) / "train/c0/0.png"), "train/c0/0.png:"),
    "a name that is not UTF-8": (IMAGES, lambda place: (sound(place) / "train/c0/0.png").rename(
        os.fsdecode(os.fsencode(place) + b"/train/c0/\xff.png")), "its name is not UTF-8; rename it"),
    "a class that is not UTF-8": (IMAGES, lambda place: (sound(place) / "train/c0").rename(
        os.fsdecode(os.fsencode(place) + b"/train/\xff")), "has 1 classes that the training split has not: c0"),
    "32-bit integers": (IMAGES, png("I"), "its pixels are 32-bit integers of unknown range"),
    "floats": (IMAGES, png("F"), "its pixels are floating-point numbers of unknown range"),
    "test in train": (IMAGES, lambda place: shutil.copy(sound(place) / "val/c0/0.png", place / "train/c0/copy.png"),
                      "contents are in both train and test"),
    "another form of Unicode": (IMAGES, lambda place: [image(sound(place) / "train/caf\u00e9/1.png", 400),
                                                       image(place / "val/cafe\u0301/1.png", 401)],
                                "in another form of Unicode"),
    "a cut video": (VIDEOS, lambda place: cut(video_folder(place) / "train/c0/0.avi"), "0.avi: it is truncated"),
    "no video": (VIDEOS, lambda place: (video_folder(place) / "train/c0/0.avi").write_bytes(b"no"), "train/c0/0.avi:"),
    "an image called a video": (VIDEOS, lambda place: shutil.copy(image(place.parent / "x.png"),
                                                                  video_folder(place) / "train/c0/0.avi"),
                                "train/c0/0.avi: it is an image (png), not a video"),
    "a folder called an image": (IMAGES, lambda place: (sound(place) / "train/c2/x.png").mkdir(parents=True), ""),
    # lists
    "no list": (LIST, lambda place: None, "D does not exist"),
    "a list that is a pipe": (LIST, lambda place: os.mkfifo(place), "D is not a text file"),
    "a list that is a folder": (LIST, Path.mkdir, "lacks lists; a list-file folder needs train.csv and test.csv"),
    "a list without lines": (LIST, listed(""), "names no samples"),
    "comments only": (LIST, listed("# a.png,x\n"), "names no samples"),
    "a header only": (LIST, listed("path,label\n"), "names no samples"),
    "one column": (LIST, listed("a.png\nb.png\n"), "line 1: expected path,label"),
    "five columns": (LIST, listed("a.png,x,train,g,h\n"), "line 1: expected path,label"),
    "no label": (LIST, listed("a.png,x\nb.png,\n"), "line 2: expected path,label"),
    "no path": (LIST, listed("a.png,x\n,y\n"), "line 2: expected path,label"),
    "another separator": (LIST, listed("a.png,x\nb.png;y\n"), "line 2: expected path,label"),
    "another split": (LIST, listed("a.png,x,train\nb.png,y,dev\n"), "line 2: the split must be train, val or test"),
    "labels too high": (LIST, listed("a.png,7000\nb.png,0\n"), "labels are numbers up to 7000"),
    "not UTF-8": (LIST, listed(b"a.png,\xff\n"), "is not UTF-8 text"),
    "binary": (LIST, listed(bytes(range(256))), "is not UTF-8 text"),
    "NUL": (LIST, listed("a\0.png,x\nb.png,y\n"), "NUL"),
    "an endless name": (LIST, listed(f"{'a' * 5000}.png,x\n"), "D has no usable training samples"),
    "all files missing": (LIST, listed("c.png,x\nd.png,y\n"), "D has no usable training samples"),
    "a folder listed": (LIST, lambda place: [listed(".,x\na.png,y\n")(place)], "it cannot be read"),
    "one file in both splits": (LIST, listed("a.png,x,train\na.png,x,test\n"), "contents are in both train and test"),
    # CIFAR100
    "CIFAR100 without meta": ("kind: cifar100", lambda place: (cifar(place) / "meta").unlink(), "meta does not exist"),
    "CIFAR100 without test": ("kind: cifar100", lambda place: (cifar(place) / "test").unlink(), "test does not exist"),
    "CIFAR100 cut": ("kind: cifar100", lambda place: cut(cifar(place) / "train"), "train cannot be read"),
    "CIFAR100 empty": ("kind: cifar100", pickled("train", b""), "train cannot be read"),
    "CIFAR100 with code": ("kind: cifar100", pickled("train", _Bomb()), "which CIFAR100's files do not need"),
    "CIFAR100, a list": ("kind: cifar100", pickled("train", [1]), "train"),
    "CIFAR100, no labels": ("kind: cifar100", pickled("train", {b"x": 1}), "train: expected"),
    "CIFAR100, labels of text": ("kind: cifar100", pickled("train", {b"fine_labels": ["x"]}), "expected a list"),
    "CIFAR100, no data": ("kind: cifar100", pickled("train", {b"fine_labels": [0]}), "expected data of N x 3072 bytes"),
    "CIFAR100, no names": ("kind: cifar100", pickled("meta", {}), "expected a list 'fine_label_names'"),
    "CIFAR100, names of numbers": ("kind: cifar100", pickled("meta", {b"fine_label_names": [1]}), "expected a list"),
    "CIFAR100, few names": ("kind: cifar100", pickled("meta", {b"fine_label_names": [b"a"]}), "has no name in"),
    # the others
    "Tiny-ImageNet without annotations": ("kind: tiny-imagenet", tiny(remove("val/val_annotations.txt")),
                                          "has images/ without val_annotations.txt"),
    "Tiny-ImageNet, one column": ("kind: tiny-imagenet", tiny(write("val/val_annotations.txt", "val_0.JPEG\n")),
                                  "line 1: expected <file><tab><wnid>"),
    "Tiny-ImageNet, another class": ("kind: tiny-imagenet", tiny(write("val/val_annotations.txt", "val_0.JPEG\tn9\n")),
                                     "has 1 classes that the training split has not: n9"),
    "Tiny-ImageNet, two labels": ("kind: tiny-imagenet", tiny(write(
        "val/val_annotations.txt", "val_0.JPEG\tn01\nval_0.JPEG\tn02\n")), "is n02 here and n01 before"),
    "Tiny-ImageNet without val": ("kind: tiny-imagenet", tiny(remove("val")), "the folder of the test split not found"),
    "UCF101 without lists": ("kind: ucf101", ucf(remove("ucfTrainTestlist")), "no classInd.txt in"),
    "UCF101 without videos": ("kind: ucf101", ucf(remove("UCF-101")), "no videos in"),
    "UCF101 without a split": ("kind: ucf101, split: 2", ucf(lambda place: None), "trainlist02.txt does not exist"),
    "UCF101, another class": ("kind: ucf101", ucf(write("ucfTrainTestlist/trainlist01.txt", "Kick/v_1.avi 1\n")),
                              "is not in classInd.txt"),
    "UCF101, another label": ("kind: ucf101", ucf(write("ucfTrainTestlist/trainlist01.txt",
                                                        "Punch/v_Punch_g08_c01.avi 2\n")), "classInd says 1"),
    "UCF101, numbers with gaps": ("kind: ucf101", ucf(write("ucfTrainTestlist/classInd.txt", "3 Punch\n")),
                                  "must be numbered 1 to 1"),
    "UCF101, no numbers": ("kind: ucf101", ucf(write("ucfTrainTestlist/classInd.txt", "Punch\n")), "'<number> <Class>"),
    "counts that differ": ("kind: image-folder, strict: true, expect: {classes: 3, train: 5}", sound,
                           "classes: expected 3, found 2"),
    "a group that matches nothing": ("kind: image-folder, group: zebra", sound, "datasets.D.group: 'zebra' matches"),
}  # fmt: skip


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize("what", share(CASES, 3))
def test_data_sets(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options, make, words = CASES[what]
    make(Path.cwd() / "D")
    Path("c.yaml").write_text(f"root_path: .\ndatasets: {{D: {{{options}, path: D}}}}\n")
    arguments = ["validate", "D", "--config", "c.yaml"]
    if words:
        refused(arguments, 2, words)
        assert not list(Path().glob("results/manifests/*/*/manifest.*[nt]"))  # neither the lock nor its table
    else:
        assert run(*arguments).status == 0
    assert not Path("/tmp/ivvit-was-run").exists()
