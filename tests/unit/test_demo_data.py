"""The demo's data sets: official layouts, the same bytes every time, and only in a folder of their own."""

import hashlib
import pickle
import pickletools
from pathlib import Path

import numpy as np
import pytest

from ivvit.config import DatasetOptions
from ivvit.config.datasets import KNOWN_DATASETS
from ivvit.data.layouts.listing import list_samples
from ivvit.demo.data import write_demo_data
from ivvit.demo.motion import write_motion_data
from ivvit.ground.errors import UserError
from ivvit.numerics.decode import RGB, decode_all

CLASSES = {
    "Tiny-ImageNet": ("n90000001", "n90000002", "n90000003", "n90000004"),
    "CIFAR100": ("checkerboard", "diagonal_stripes", "horizontal_stripes", "speckle", "vertical_stripes"),
    "UCF101": ("SpinAnticlockwise", "SpinClockwise"),
    "Kinetics200": ("growing disc", "shrinking disc"),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "root"
    write_demo_data(root)
    return root


def digest(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def frames(path: Path) -> np.ndarray:
    convert = RGB()
    return np.stack([convert(frame) for frame in decode_all(path)]).astype(int)


@pytest.mark.parametrize("name", CLASSES)
def test_readers_of_the_official_layouts_find_every_class_in_both_splits(root: Path, name: str) -> None:
    listing = list_samples(name, DatasetOptions(**KNOWN_DATASETS[name]), root)
    assert tuple(listing.classes) == CLASSES[name]
    for samples in (listing.train, listing.test):
        counts = np.bincount([sample.label for sample in samples])
        assert len(counts) == len(CLASSES[name]) and len(set(counts)) == 1 and counts[0] >= 25
    assert not {sample.path for sample in listing.train} & {sample.path for sample in listing.test}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(root: Path, tmp_path: Path) -> None:
    (tmp_path / "again" / "datasets").mkdir(parents=True)  # an empty folder is no reason to refuse
    write_demo_data(tmp_path / "again")
    write_demo_data(tmp_path / "other", seed=1)
    first, other = digest(root), digest(tmp_path / "other")
    assert digest(tmp_path / "again") == first
    assert other.keys() == first.keys()
    equal = {path.split("/")[-1] for path in first if other[path] == first[path]}
    lists = {f"{kind}list0{split}.txt" for kind in ("train", "test") for split in (1, 2, 3)}
    assert equal == {"wnids.txt", "words.txt", "meta", "classInd.txt"} | lists


def test_a_second_call_leaves_finished_data_sets_alone(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    write_demo_data(root)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_a_folder_with_files_of_somebody_elses_is_refused(tmp_path: Path) -> None:
    (tmp_path / "datasets" / "UCF101").mkdir(parents=True)
    mine = tmp_path / "datasets" / "UCF101" / "mine.avi"
    mine.write_bytes(b"precious")
    with pytest.raises(UserError, match=r"mine\.avi.*\.ivvit-demo-data\.json.*root_path"):
        write_demo_data(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]


@pytest.mark.parametrize("write", [lambda root: write_demo_data(root, seed=1), write_motion_data])
def test_generated_data_of_another_kind_or_seed_are_not_mixed(root: Path, write) -> None:
    before = digest(root)
    with pytest.raises(UserError, match="delete it or choose another root_path"):
        write(root)
    assert digest(root) == before


@pytest.mark.parametrize("file", ["train", "test", "meta"])
def test_cifar_pickles_hold_what_python_2_wrote(root: Path, file: str) -> None:
    raw = (root / "datasets/CIFAR100/cifar-100-python" / file).read_bytes()
    opcodes = {opcode.name for opcode, _, _ in pickletools.genops(raw)}
    assert not opcodes & {"BINUNICODE", "SHORT_BINBYTES", "BINBYTES"}
    content, text = pickle.loads(raw, encoding="bytes"), pickle.loads(raw, encoding="latin1")
    assert {key.decode() for key in content} == set(text)
    if file == "meta":
        assert content[b"fine_label_names"] == [name.encode() for name in CLASSES["CIFAR100"]]
        return
    assert set(content) == {b"data", b"fine_labels", b"coarse_labels", b"filenames", b"batch_label"}
    assert content[b"data"].shape == (len(content[b"fine_labels"]), 3072) and content[b"data"].dtype == np.uint8
    np.testing.assert_array_equal(content[b"data"], text["data"])


def test_ucf101_lists_split_by_groups_and_end_lines_as_the_official_ones(root: Path) -> None:
    lists = root / "datasets/UCF101/ucfTrainTestlist"
    videos = {path.name for path in (root / "datasets/UCF101/UCF-101").rglob("*.avi")}
    tested = []
    for split in "123":
        train, test = ((lists / f"{kind}list0{split}.txt").read_bytes().decode() for kind in ("train", "test"))
        assert train.count("\r\n") == train.count("\n") == len(train.split("\r\n")) - 1
        train, test = ([line.split()[0].split("/")[1] for line in text.split("\r\n")[:-1]] for text in (train, test))
        assert not set(train) & set(test) and set(train) | set(test) == videos
        assert not {name[-11:-8] for name in train} & {name[-11:-8] for name in test}  # groups
        tested += test
    assert len(tested) == len(set(tested))


@pytest.mark.parametrize(
    ("folder", "forward", "backward", "suffix"),
    [
        ("UCF101/UCF-101", "SpinClockwise", "SpinAnticlockwise", "avi"),
        ("Kinetics200/val", "growing disc", "shrinking disc", "mp4"),
    ],
)
def test_each_clip_has_its_time_reversal_in_the_other_class(
    root: Path, folder: str, forward: str, backward: str, suffix: str
) -> None:
    files = sorted((root / "datasets" / folder / forward).glob(f"*.{suffix}"))
    assert len(files) > 20
    for file in files:
        twin = frames(file.parent.with_name(backward) / file.name.replace(forward, backward))
        clip = frames(file)
        assert clip.shape == (8, 32, 32, 3)
        forwards, backwards = abs(clip - twin).mean(), abs(clip - twin[::-1]).mean()
        assert backwards < 3 < 5 < forwards  # of 255: what the lossy coding leaves, and what the direction makes


def test_motion_clips_are_time_reversed_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivvit.demo.motion.SIZES", {"train": 3, "val": 2})
    write_motion_data(tmp_path)
    listing = list_samples("motion", DatasetOptions(kind="video-folder", path="datasets/motion"), tmp_path)
    assert listing.classes == ("down", "left", "right", "up") and (len(listing.train), len(listing.test)) == (12, 8)
    for forward, backward, axis in (("down", "up", 1), ("right", "left", 2)):
        for file in (tmp_path / "datasets/motion").glob(f"*/{forward}/*.avi"):
            clip, twin = frames(file), frames(file.parent.with_name(backward) / file.name)
            np.testing.assert_array_equal(clip, twin[::-1])
            assert (
                abs(clip[1:] - np.roll(clip[:-1], 4, axis)).mean() < abs(clip[1:] - np.roll(clip[:-1], -4, axis)).mean()
            )
