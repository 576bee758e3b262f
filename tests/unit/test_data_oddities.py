"""What is odd about a data set is said by name, and only where nothing is, that it is as expected."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from data_sets import image, image_folder, options, video, video_folder
from privileges import bound_by_permissions

from ivvit.data.layouts import list_samples
from ivvit.data.validation import validate
from ivvit.ground.errors import UserError
from ivvit.identity.fingerprint import Listings, fingerprint

FOLDER = {"kind": "image-folder", "path": "D"}
AS_EXPECTED = "Nothing: the data set is as expected."


def report(root: Path, **changes: object) -> str:
    validate("D", options(**{**FOLDER, **changes}), root, root / "lock.json")
    return (root / "lock.md").read_text()


def linked(link: Path, target: str) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)


ODD: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "a class without training samples": (
        lambda d: [file.unlink() for file in (d / "train/c1").iterdir()],
        ["1 class has no sample in train: c1"],
    ),
    "classes without test samples": (
        lambda d: [image(d / "train/c7/7.png", 7), image(d / "train/c8/8.png", 8)],
        ["2 classes have no sample in test: c7, c8"],
    ),
    "an empty second split": (
        lambda d: [file.unlink() for file in d.glob("val/*/*")],
        ["test is empty: nothing can be reported on"],
    ),
    "an archive's own folder": (
        lambda d: image(d / "train/__MACOSX/x.png", 999),
        ["1 files or folders belong to no class and are left out, such as train/__MACOSX/", "\n2 classes, 8 training"],
    ),
    "one content under two labels": (
        lambda d: image(d / "train/c1/again.png", 0),
        ["1 contents have two labels, such as train/c0/0.png (c0), train/c1/again.png (c1)"],
    ),
    "loose files": (lambda d: image(d / "val/loose.png", 999), ["such as val/loose.png"]),
    "a link to nowhere": (
        lambda d: linked(d / "train/c0/gone.png", "nowhere.png"),
        ["train/c0/gone.png: it cannot be opened (No such file or directory)"],
    ),
    "a class folder that is a link to nowhere": (
        lambda d: linked(d / "train/c5", "/nowhere/c5"),
        ["belong to no class and are left out, such as train/c5"],
    ),
    "a link to itself": (
        lambda d: linked(d / "train/c0/self.png", "self.png"),
        ["train/c0/self.png: it cannot be opened (Too many levels of symbolic links)"],
    ),
    "a folder that is a link to itself": (lambda d: linked(d / "train/loop", "loop"), ["such as train/loop"]),
    "a link to a folder around it": (lambda d: linked(d / "train/c0/up", ".."), []),
    "another extension": (
        lambda d: (d / "train/c0/notes.txt").write_text("x"),
        ["1 files have another extension and are ignored, such as train/c0/notes.txt"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ODD)
def test_oddities_of_folders(what: str, tmp_path: Path) -> None:
    make, told = ODD[what]
    make(image_folder(tmp_path / "D"))
    text = report(tmp_path, max_damaged=0.5)
    assert all(words in text for words in told), text
    assert (AS_EXPECTED in text) == (not told)


def test_a_sound_folder_is_as_expected(tmp_path: Path) -> None:
    image_folder(tmp_path / "D")
    assert AS_EXPECTED in report(tmp_path)


def test_a_video_of_one_frame(tmp_path: Path) -> None:
    video(video_folder(tmp_path / "D", train=1) / "train/c0/still.avi", 50, frames=1)
    text = report(tmp_path, kind="video-folder")
    assert "1 videos have a single frame, such as train/c0/still.avi" in text and AS_EXPECTED not in text


LISTS = {
    "commas": ("a.png,cat\nb c.png,dog\n", "commas between path, label; no header",
               {"a.png": "cat", "b c.png": "dog"}),
    "semicolons": ("a.png;cat\nb c.png;dog\n", "semicolons between path, label", {"a.png": "cat", "b c.png": "dog"}),
    "tabs, and a comma in a label": ("a.png\tcat, big\nb c.png\tdog\n", "tabs",
                                     {"a.png": "cat, big", "b c.png": "dog"}),
    "blanks": ("a.png 1\nb c.png 2\n", "labels are numbers from 1", {"a.png": "1", "b c.png": "2"}),
    "blanks and splits": ("a.png 0 train\nb c.png 1 test\n", "blanks between path, label, split", {"a.png": "0"}),
    "a header in another order": ("label,split,file\ncat,train,a.png\ndog,train,b c.png\n", "a header",
                                  {"a.png": "cat", "b c.png": "dog"}),
    "numbers from 0": ("a.png,0\nb c.png,2\n", "labels are numbers from 0", {"a.png": "0", "b c.png": "2"}),
    "numbers with zeros": ("a.png,01\nb c.png,02\n", "labels are numbers from 1", {"a.png": "1", "b c.png": "2"}),
}  # fmt: skip


@pytest.mark.parametrize("what", LISTS)
def test_a_list_is_one_dialect_and_the_report_says_which(what: str, tmp_path: Path) -> None:
    text, said, found = LISTS[what]
    image(tmp_path / "a.png", 1), image(tmp_path / "b c.png", 2)
    (tmp_path / "list.csv").write_text(text)
    chosen = {"kind": "list-file", "media": "image", "path": "list.csv"}
    listing = list_samples("D", options(**chosen), tmp_path)
    assert {sample.path: listing.classes[sample.label] for sample in listing.train} == found
    assert said in report(tmp_path, **chosen)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a.png,cat\nb c.png;dog\n", r"line 2: expected path,label.*found 'b c.png;dog' \(the list has commas"),
        ("a.png,cat,train\nb c.png,dog\n", r"line 2: expected .* commas between path, label, split"),
        ("a.png\tcat\nb c.png,dog\nb c.png\tdog\n", r"line 2: .*tabs between"),
    ],
)
def test_a_line_in_another_dialect_is_named(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(UserError, match=told):
        list_samples("D", options(kind="list-file", media="image", path="list.csv"), tmp_path)


def test_names_in_another_form_of_unicode(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    image(tmp_path / f"{decomposed}.png")
    (tmp_path / "list.csv").write_text(f"{composed}.png,x\n", encoding="utf-8")
    found = list_samples("D", options(kind="list-file", media="image", path="list.csv"), tmp_path)
    assert [sample.path for sample in found.train] == [f"{decomposed}.png"]
    base = image_folder(tmp_path / "D")
    image(base / "train" / composed / "1.png"), image(base / "val" / decomposed / "2.png")
    with pytest.raises(UserError, match="in another form of Unicode"):
        list_samples("D", options(**FOLDER), tmp_path)


def test_capitals_of_splits_do_not_matter(tmp_path: Path) -> None:
    base = image_folder(tmp_path / "D")
    (base / "train").rename(base / "Train"), (base / "val").rename(base / "VAL")
    assert [len(rows) for rows in list_samples("D", options(**FOLDER), tmp_path).splits.values()] == [8, 0, 4]


def test_flat_class_folders_are_told_what_to_do(tmp_path: Path) -> None:
    image(tmp_path / "D/cat/1.png"), image(tmp_path / "D/dog/1.png")
    with pytest.raises(UserError, match=r"there are cat, dog: if these are classes, `ivvit init` makes"):
        list_samples("D", options(**FOLDER), tmp_path)


def test_an_unreadable_class_folder_costs_its_own_data_set(tmp_path: Path) -> None:
    base = image_folder(tmp_path / "D")
    (base / "train/c1").chmod(0)
    with bound_by_permissions():
        assert fingerprint(options(**FOLDER), tmp_path)
        with pytest.raises(UserError, match=r"train/c1 cannot be read \(Permission denied\); mend access"):
            list_samples("D", options(**FOLDER), tmp_path)
        base.chmod(0)
        told = Listings().trouble(options(**FOLDER), tmp_path)
        base.chmod(0o755)
    assert told == f"{base} cannot be read (Permission denied)"


def test_a_pipe_is_no_list(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "list.csv")
    chosen = options(kind="list-file", media="image", path="list.csv")
    assert Listings().trouble(chosen, tmp_path) == f"{tmp_path}/list.csv is neither a folder nor a file"
    with pytest.raises(UserError, match=r"list\.csv is not a text file"):
        list_samples("D", chosen, tmp_path)


def test_the_digest_does_not_depend_on_the_locale(tmp_path: Path) -> None:
    image(image_folder(tmp_path / "D") / "train/c0/\u00fcber.png", 999)
    (tmp_path / "c.yaml").write_text("root_path: .\ndatasets: {D: {kind: image-folder, path: D}}\n")
    found = set()
    for locale in ({"PYTHONUTF8": "1"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        command = [sys.executable, "-m", "ivvit", "validate", "D", "--config", "c.yaml"]
        ran = subprocess.run(command, cwd=tmp_path, env={**os.environ, **locale}, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        (lock,) = tmp_path.glob("results/manifests/D/*/manifest.json")
        content = json.loads(lock.read_text(encoding="utf-8"))
        assert content["counts"]["train"] == 9 and not content["quarantined"]
        found.add((lock.parent.name, content["digest"]))
    assert len(found) == 1
