"""{train,val,test}/<class>/...: image folders, video folders, and what the other folder layouts are built on."""

from collections.abc import Callable
from pathlib import Path

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts.entries import Entries, class_index
from ivvit.data.layouts.files import (
    IMAGE_EXTENSIONS,
    VIDEO_EXTENSIONS,
    files_under,
    folders,
    left_behind,
    loose_files,
    named,
    split_by_extension,
)
from ivvit.ground.errors import UserError

TRAIN_NAMES, VAL_NAMES, TEST_NAMES = ("train",), ("val", "validation", "valid"), ("test",)


def read_folders(
    path: Path, options: DatasetOptions, *, labelled_test: bool = True, group: Callable[[str], str] | None = None
) -> Entries:
    """{train,val,test}/<class>/... below `path`, or below the one folder in it; classes are train's folders, sorted.

    `group` gives each file's, if the layout has such.

    Raises:
        UserError: a split's folder is missing, or another one has a class that train has not.
    """
    train = train_folder(path)
    base = train.parent
    extensions = VIDEO_EXTENSIONS if options.is_video else IMAGE_EXTENSIONS
    classes = folders(train)
    if not classes:
        raise UserError(f"{train} has no class folders; expected {train}/<class>/<files>")
    entries = Entries(classes)
    for split, folder in {"train": train, **_other_splits(base, labelled_test)}.items():
        index = class_index(classes, set(folders(folder)), str(folder))
        add_class_folders(entries, split, folder, index, path, extensions, group)
    return entries


def _other_splits(base: Path, labelled_test: bool) -> dict[str, Path]:
    """The folders of val and test; the only one beside train is test."""
    val, test = named(base, VAL_NAMES), named(base, TEST_NAMES) if labelled_test else None
    if val and test:
        return {"val": val, "test": test}
    if only := test or val:
        return {"test": only}
    names = [*TEST_NAMES, *VAL_NAMES] if labelled_test else VAL_NAMES
    looked = "\n  ".join(str(base / name) for name in names)
    raise UserError(
        f"the folder of the test split not found; looked for\n  {looked}\nPut the data there, or set the data set's "
        "`path`; `ivvit init` splits a data set that has only one folder of classes"
    )


def train_folder(path: Path) -> Path:
    """train/ of a data set, in `path` itself or in a folder in it (an archive's own top folder).

    Raises:
        UserError: there is none, or more than one.
    """
    if not path.is_dir():
        raise UserError(f"{path} is a file; the data set's `path` must be its folder (a list is `kind: list-file`)")
    if train := named(path, TRAIN_NAMES):
        return train
    nested = [train for name in folders(path) if (train := named(path / name, TRAIN_NAMES))]
    if len(nested) != 1:
        found = f"several: {', '.join(train.parent.name for train in nested)}" if nested else "none"
        flat = folders(path)
        hint = (
            f"; there are {', '.join(flat[:3])}{', ...' if len(flat) > 3 else ''}: if these are classes, `ivvit init` "
            "makes a list that splits them into train and test"
        )
        raise UserError(
            f"expected a folder train/ in {path} or in one folder below it; found {found}" + (hint if flat else "")
        )
    return nested[0]


def add_class_folders(
    entries: Entries, split: str, folder: Path, index: dict[str, int], base: Path, extensions: frozenset[str],
    group: Callable[[str], str] | None = None,
) -> None:  # fmt: skip
    """Add the files of each class folder of a split, named relative to `base`."""
    place = folder.relative_to(base).as_posix()
    loose, others = split_by_extension(iter(loose_files(folder)), extensions)
    dangling = [name for name in others if (folder / name).is_symlink()]
    entries.loose += [f"{place}/{name}" for name in [*loose, *dangling]]
    entries.ignored += [f"{place}/{name}" for name in others if name not in dangling]
    entries.loose += [f"{place}/{name}/" for name in left_behind(folder)]
    for name in folders(folder):
        prefix = (folder / name).relative_to(base).as_posix()
        kept, ignored = split_by_extension(files_under(folder / name), extensions)
        for file in kept:
            entries.add(split, f"{prefix}/{file}", index[name], group(file) if group else None)
        entries.ignored += [f"{prefix}/{file}" for file in ignored]
