"""Where a data set lies under the root."""

from pathlib import Path

from ivvit.config.datasets import DatasetOptions


def dataset_path(options: DatasetOptions, root: Path) -> Path:
    """The data set's folder (or list file): `path` under the root, or `path` itself where it is absolute."""
    return Path(root).expanduser() / Path(options.path).expanduser()


def dataset_folder(options: DatasetOptions, root: Path) -> Path:
    """The folder that a data set's files are named from: a list file's own folder, else the data set's."""
    path = dataset_path(options, root)
    return path.parent if path.is_file() else path


def relative_to_root(path: Path, root: Path) -> str:
    """A posix path relative to the root where it lies under it, else absolute (symbolic links are not followed)."""
    root = Path(root).expanduser()
    return (path.relative_to(root) if path.is_relative_to(root) else path.absolute()).as_posix()
