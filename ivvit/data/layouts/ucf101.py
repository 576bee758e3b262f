"""UCF101: the official lists say which videos; their folder says which class; classInd says which index."""

import os
import re
from pathlib import Path

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts.entries import Entries
from ivvit.data.layouts.files import VIDEO_EXTENSIONS, files_under, folders, numbered_lines, split_by_extension
from ivvit.ground.errors import UserError

VIDEO_FOLDERS = ("video", "videos", "UCF-101", "UCF101")
ADVICE = "unpack the official lists there, or set another `split`"


def read_ucf101(path: Path, options: DatasetOptions) -> Entries:
    """Videos of the official split `options.split`; test lists carry no label, so the folder is the label.

    A video's group is its class and number in `v_Class_gNN_cMM`.

    Raises:
        UserError: a list is missing or has a line that cannot be understood, or a label contradicts its folder.
    """
    lists = _lists_folder(path)
    index = _read_class_index(lists / "classInd.txt")
    base = _videos_folder(path, set(index))
    on_disk, ignored = split_by_extension(files_under(base), VIDEO_EXTENSIONS)
    found = _Videos(on_disk, base.relative_to(path).as_posix())
    entries = Entries(sorted(index, key=index.__getitem__), ignored=[f"{found.prefix}{file}" for file in ignored])
    listed = set[str]()
    for split, stem in (("train", "trainlist"), ("test", "testlist")):
        for name, label in _read_list(lists / f"{stem}{options.split:02d}.txt", index):
            file = found.find(name)
            if file is None:
                entries.missing.append(found.prefix + name)
            else:
                entries.add(split, found.prefix + file, label, _group(file))
                listed.add(file)
    entries.loose = [found.prefix + file for file in on_disk if file not in listed]
    return entries


def _group(file: str) -> str:
    """v_<Class>_g<NN>_c<MM>.avi -> <Class>_g<NN>: such clips come from one video."""
    found = re.match(r"v_(.+_g\d+)_c\d+$", os.path.splitext(os.path.basename(file))[0])
    return found[1] if found else file


class _Videos:
    """The videos on disk by the name that a list gives them: exact, in another case, or without class folders."""

    def __init__(self, files: list[str], prefix: str) -> None:
        self.prefix = "" if prefix == "." else f"{prefix}/"
        self.exact = set(files)
        self.folded = {file.lower(): file for file in files}

    def find(self, name: str) -> str | None:
        if name in self.exact:
            return name
        return self.folded.get(name.lower()) or self.folded.get(os.path.basename(name).lower())


def _lists_folder(path: Path) -> Path:
    candidates = [path, *(path / name for name in folders(path))]
    candidates += [inner / name for inner in candidates[1:] for name in ("ucfTrainTestlist",)]
    for folder in candidates:
        if (folder / "classInd.txt").is_file():
            return folder
    raise UserError(f"no classInd.txt in {path} or in {path / 'ucfTrainTestlist'}; unpack the official lists there")


def _videos_folder(path: Path, classes: set[str]) -> Path:
    for folder in [*(path / name for name in VIDEO_FOLDERS), path]:
        if folder.is_dir() and (folder != path or classes & set(folders(path))):
            return folder
    raise UserError(f"no videos in {path}; expected {path}/video/<Class>/*.avi or {path}/UCF-101/<Class>/*.avi")


def _read_class_index(file: Path) -> dict[str, int]:
    index: dict[str, int] = {}
    for number, line in numbered_lines(file, ADVICE):
        fields = line.split()
        if len(fields) != 2 or not fields[0].isdigit():
            raise UserError(f"{file}, line {number}: expected '<number> <Class>', found {line!r}")
        index[fields[1]] = int(fields[0]) - 1
    if sorted(index.values()) != list(range(len(index))):
        raise UserError(f"{file}: the classes must be numbered 1 to {len(index)}, each once")
    return index


def _read_list(file: Path, index: dict[str, int]) -> list[tuple[str, int]]:
    samples = []
    for number, line in numbered_lines(file, ADVICE):
        name, _, given = line.replace("\\", "/").partition(" ")
        label = index.get(name.split("/")[0])
        if label is None:
            raise UserError(f"{file}, line {number}: the class of {name!r} is not in classInd.txt")
        if given.strip() and given.strip() != str(label + 1):
            raise UserError(f"{file}, line {number}: {name} is labelled {given.strip()}, classInd says {label + 1}")
        samples.append((name, label))
    return samples
