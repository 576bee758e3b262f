"""`ivvit init`: what it finds in a folder, and that what it writes can be run."""

import csv
from pathlib import Path

import pytest

from ivvit.cli import main
from ivvit.config import load_config
from ivvit.project.survey import survey

IMAGES = ("a.png", "b.png", "c.png")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"12345")
    return folder


def classes(folder: Path, *splits: str, files: tuple[str, ...] = IMAGES) -> Path:
    fill(folder, *(f"{split}/{label}/{file}" for split in splits for label in ("one", "two") for file in files))
    return folder


def test_without_data_it_is_the_demo() -> None:
    assert main(["init"]) == 0
    assert load_config().file.demo is not None
    assert Path("workflow/Snakefile").is_file() and Path("slurm/config.yaml").is_file()


def test_folders_of_a_data_root(tmp_path: Path) -> None:
    data = tmp_path / "datasets"
    classes(data / "mine", "train", "val")
    classes(data / "clips", "train", "test", files=("1.mp4", "2.avi"))
    fill(data / "loose", "x.mp4")
    fill(data / "notes", "readme.txt")
    seen = survey(tmp_path)
    assert {one.name: (one.kind, one.media, one.classes, one.size) for one in seen.found} == {
        "clips": ("video-folder", "video", 2, 40),
        "mine": ("image-folder", "image", 2, 60),
    }
    assert {path.name: why for path, why in seen.left_out.items()} == {
        "loose": "videos, but not two class folders or more: put those of each class into a folder of its own"
    }
    assert main(["init", "--root", str(tmp_path)]) == 0
    config = load_config()
    assert config.root == tmp_path
    assert config.datasets["mine"].path == "datasets/mine"
    assert set(config.experiment("tokenshift").data) == {"mine", "clips"}


@pytest.mark.parametrize("name", ["UCF101", "Tiny-ImageNet"])
def test_known_data_sets_keep_their_names(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "datasets" / "some-name"
    if name == "UCF101":
        fill(folder, "video/Punch/v_Punch_g01_c01.avi", "video/Punch/v_Punch_g02_c01.avi")
        fill(folder / "lists", "classInd.txt", "trainlist01.txt", "testlist01.txt")
        (folder / "lists/classInd.txt").write_text("1 Punch\n")
        (folder / "lists/trainlist01.txt").write_text("Punch/v_Punch_g02_c01.avi 1\n")
        (folder / "lists/testlist01.txt").write_text("Punch/v_Punch_g01_c01.avi\n")
    else:
        fill(classes(folder, "train", "val"), "wnids.txt")
    assert [one.name for one in survey(tmp_path).found] == [name]
    assert main(["init", "--root", str(tmp_path)]) == 0
    options = load_config().datasets[name]
    assert options.path == "datasets/some-name" and options.expect == "none"  # for it is a part of the official one


def test_class_folders_without_splits_get_a_list(tmp_path: Path) -> None:
    names = [f"v_{label}_g{group:02}_c{clip:02}.mp4" for label in "A" for group in range(1, 6) for clip in (1, 2)]
    fill(tmp_path / "videos", *(f"A/{name}" for name in names), *(f"B/{number}.mp4" for number in range(5)))
    assert main(["init", "--root", str(tmp_path / "videos")]) == 0
    with open("data/datasets/videos.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    tested = {Path(row["path"]).name for row in rows if row["split"] == "test"}
    assert tested == {"v_A_g05_c01.mp4", "v_A_g05_c02.mp4", "4.mp4"}  # clips of one video stay on one side
    assert {row["group"] for row in rows} == {"", *(f"A/v_A_g{group:02}_c" for group in range(1, 6))}
    assert len(rows) == 15 and Path(rows[0]["path"]).is_file()
    assert load_config().datasets["videos"].media == "video"


def test_a_list_changed_by_hand_is_kept(tmp_path: Path) -> None:
    classes(tmp_path / "datasets", "mine")
    assert main(["init", "--root", str(tmp_path)]) == 0
    text = (tmp_path / "datasets/mine.csv").read_text()
    (tmp_path / "datasets/mine.csv").write_text(text.replace("train", "test", 1))
    assert main(["init", "--root", str(tmp_path), "--force"]) == 0
    assert (tmp_path / "datasets/mine.csv").read_text() != text


def test_what_is_there_is_not_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    before = Path("config/config.yaml").read_text()
    assert main(["init"]) == 2
    assert "--force" in capsys.readouterr().err
    assert Path("config/config.yaml").read_text() == before


def test_names_with_odd_letters(tmp_path: Path) -> None:
    classes(tmp_path / "meine Bilder: ä", "train", "val")
    assert main(["init", "--root", str(tmp_path / "meine Bilder: ä")]) == 0
    assert list(load_config().experiment("vit").data) == ["meine-Bilder---"]


def test_nothing_found_says_what_is_expected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["init", "--root", str(tmp_path / "empty")]) == 2
    assert "no data set was found; expected class folders" in capsys.readouterr().err
    assert not Path("config").exists()


def test_splits_may_have_capitals(tmp_path: Path) -> None:
    (one,) = survey(classes(tmp_path / "data", "Train", "Test")).found
    assert (one.kind, one.counts) == ("image-folder", {"train": 6, "test": 6})


def test_a_folder_that_a_list_is_of_is_no_second_data_set(tmp_path: Path) -> None:
    classes(tmp_path, "pictures")
    lines = [f"pictures/{label}/{file},{label},{split}" for label in ("one", "two")
             for file, split in zip(IMAGES, ("train", "train", "test"), strict=True)]  # fmt: skip
    (tmp_path / "list.csv").write_text("\n".join(["path,label,split", *lines]))
    assert [(one.name, one.counts) for one in survey(tmp_path).found] == [("list", {"train": 4, "test": 2})]


@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
def test_a_list_in_any_dialect_and_a_text_that_is_none(tmp_path: Path, separator: str) -> None:
    classes(tmp_path, "pictures")
    lines = [f"pictures/{label}/{file}{separator}{label}" for label in ("one", "two") for file in IMAGES]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    (tmp_path / "licence.txt").write_text("do what, say,\nyou want, with, it,\n")
    assert [(one.name, one.counts) for one in survey(tmp_path).found] == [("list", {"train": 6})]


def test_images_among_videos_are_left_out_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes(tmp_path / "mixed", ".", files=("1.mp4", "2.mp4", "3.mp4", "cover.jpg"))
    assert main(["init", "--root", str(tmp_path / "mixed")]) == 0
    shown = capsys.readouterr().out
    assert "2 classes, 6 videos" in shown and "left out: mixed: 2 images beside its videos" in shown
    assert ".jpg" not in Path("data/datasets/mixed.csv").read_text()


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (("1.mp4", "2.mp4"), "2 files without class folders: put those of each class into a folder of its own"),
        (("only/1.mp4",), "only: videos, but not two class folders or more: put those of each class into"),
        (("a/notes.txt", "b/notes.txt"), "no data set was found"),
    ],
)
def test_what_is_no_data_set_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: tuple[str, ...], why: str
) -> None:
    assert main(["init", "--root", str(fill(tmp_path / "videos", *files))]) == 2
    shown = capsys.readouterr()
    assert why in shown.out + shown.err
