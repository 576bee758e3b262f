"""What a name of pretrained weights stands for: a download, a file placed by hand, a timm tag, a local file."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import yaml

from ivvit.ground.errors import UserError
from ivvit.ground.names import did_you_mean, safe_name

TABLE = Path(__file__).with_name("sources.yaml")
Kind = Literal["url", "gdrive", "timm", "path", "file", "hand"]
KINDS: tuple[Kind, ...] = ("url", "gdrive", "timm", "path")
SCHEMES = ("timm:", "file:", "https://", "http://")


@dataclass(frozen=True)
class Source:
    """One source; `file` is relative to pretrained_weight/ and None for a local file, which is read where it lies.

    A local file's location is relative to root_path for the kind `path`, to the working directory for `file`.
    """

    name: str
    kind: Kind
    location: str
    file: str | None = None
    sha256: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.location}" if self.location else self.kind


def find_source(name: str, sources: dict[str, dict[str, Any]] | None = None) -> Source:
    """The source of a name in ivvit/weights/sources.yaml or `sources`, of timm:<tag>, file:<path>, or an address.

    Raises:
        UserError: an unknown name, or an entry without exactly one place to get the file from.
    """
    if name == "none" or name.startswith("experiment:"):
        raise UserError(f"pretrain {name!r} is nothing to fetch")
    table = load_table(sources)
    if name in table:
        return _from_entry(name, table[name])
    if name.startswith("timm:"):
        return _from_entry(name, {"timm": name.removeprefix("timm:")})
    if name.startswith(SCHEMES):
        return _from_entry(name, {"url": name})
    raise UserError(
        f"unknown pretrained weights {name!r}; {did_you_mean(name, table)}known: {', '.join(table)}, "
        "timm:<tag>, file:<path>, https://<address>, or a name of your own under `weights:` in the configuration"
    )


def load_table(sources: dict[str, dict[str, Any]] | None = None) -> dict[str, dict[str, Any]]:
    """ivvit/weights/sources.yaml with the configuration's own entries over it."""
    table = yaml.safe_load(TABLE.read_text()) if TABLE.is_file() else {}
    for name, entry in (sources or {}).items():
        entry = {key: value for key, value in entry.items() if value is not None}
        shipped = table.get(name, {})
        if set(entry) & set(KINDS):  # another place: what is published about the shipped one says nothing about it
            shipped = {key: value for key, value in shipped.items() if key == "file"}
        table[name] = shipped | entry
    return table


def _from_entry(name: str, entry: dict[str, Any]) -> Source:
    kinds = [kind for kind in KINDS if entry.get(kind)]
    file, sha256 = entry.get("file"), entry.get("sha256")
    if not kinds and file:
        return Source(name, "hand", "", file, sha256)
    if len(kinds) != 1:
        raise UserError(f"weights {name!r} need exactly one of {', '.join(KINDS)}; the entry has {kinds or 'none'}")
    kind, location = kinds[0], str(entry[kinds[0]])
    if kind == "url" and location.startswith("file:"):
        kind, location = "file", _local_path(location)
    if kind in ("path", "file"):
        return Source(name, kind, location, None, sha256)
    return Source(name, kind, location, file or _default_file(name, kind, location), sha256)


def _local_path(url: str) -> str:
    """file:relative, file:/absolute, file:~/home, or with two more slashes; written plainly, without %20."""
    return url.removeprefix("file:").removeprefix("//")


def _default_file(name: str, kind: Kind, location: str) -> str:
    if kind == "timm":
        return f"timm/{safe_name(location)}.safetensors"
    if kind == "url":
        address = location.partition("://")[2]
        suffix = PurePosixPath(address).suffix
        suffix = suffix if re.fullmatch(r"\.\w{1,12}", suffix) else ""  # not what follows it in a query
        return f"downloads/{safe_name(address.removesuffix(suffix))}{suffix}"
    return f"{safe_name(name)}/weights.pth"
