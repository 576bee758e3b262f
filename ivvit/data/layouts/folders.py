"""{train,val,test}/<class>/...: image folders, video folders, and what the other folder layouts are built on."""

from pathlib import Path

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts.entries import Entries, class_index
from ivvit.data.layouts.files import (
    IMAGE_EXTENSIONS,
    VIDEO_EXTENSIONS,
    files_under,
    first_folder,
    folders,
    split_by_extension,
)
from ivvit.ground.errors import UserError

VAL_NAMES, TEST_NAMES = ("val", "validation", "valid"), ("test",)


def read_folders(path: Path, options: DatasetOptions, *, labelled_test: bool = True) -> Entries:
    """{train,val,test}/<class>/... below `path`, or below the one folder in it; classes are train's folders, sorted.

    Raises:
        UserError: a split's folder is missing, or another one has a class that train has not.
    """
    base = split_base(path)
    train = base / "train"
    extensions = VIDEO_EXTENSIONS if options.is_video else IMAGE_EXTENSIONS
    classes = folders(train)
    if not classes:
        raise UserError(f"{train} has no class folders; expected {train}/<class>/<files>")
    entries = Entries(classes)
    for split, folder in {"train": train, **_other_splits(base, labelled_test)}.items():
        index = class_index(classes, set(folders(folder)), str(folder))
        add_class_folders(entries, split, folder, index, path, extensions)
    return entries


def _other_splits(base: Path, labelled_test: bool) -> dict[str, Path]:
    """The folders of val and test; the only one beside train is test."""
    val = [base / name for name in VAL_NAMES if (base / name).is_dir()][:1]
    test = [base / name for name in TEST_NAMES if (base / name).is_dir() and labelled_test]
    if val and test:
        return {"val": val[0], "test": test[0]}
    names = (*TEST_NAMES, *VAL_NAMES) if labelled_test else VAL_NAMES
    return {"test": first_folder([base / name for name in names], "the folder of the test split")}


def split_base(path: Path) -> Path:
    """The folder that holds train/: `path` itself, or a folder in it (an archive's own top folder).

    Raises:
        UserError: there is none, or more than one.
    """
    if (path / "train").is_dir():
        return path
    nested = [path / name for name in folders(path) if (path / name / "train").is_dir()]
    if len(nested) != 1:
        found = f"several: {', '.join(p.name for p in nested)}" if nested else "none"
        raise UserError(f"expected a folder train/ in {path} or in one folder below it; found {found}")
    return nested[0]


def add_class_folders(
    entries: Entries, split: str, folder: Path, index: dict[str, int], base: Path, extensions: frozenset[str]
) -> None:
    """Add the files of each class folder of a split, named relative to `base`."""
    for name in folders(folder):
        prefix = (folder / name).relative_to(base).as_posix()
        kept, ignored = split_by_extension(files_under(folder / name), extensions)
        entries.samples[split] += [(f"{prefix}/{file}", index[name]) for file in kept]
        entries.ignored += [f"{prefix}/{file}" for file in ignored]
