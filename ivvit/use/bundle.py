"""A bundle: one file with all that a paper's appendix needs, and what it takes to check it elsewhere.

bundle.json                       what is in it: name, identity, data sets, versions, commit
experiment.yaml                   the resolved specification
manifests/<data set>.{json,arrow}   the lists of samples with their files' hashes, and their digests
locks/...                         frame stores' and weights' locks
seed<k>/...                       model, metrics, predictions, history, provenance
SHA256SUMS                        of all files, as sha256sum checks them
"""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ivvit.data.manifest import table_file
from ivvit.ground.digest import sha256_of
from ivvit.ground.errors import UserError
from ivvit.ground.files import replacing
from ivvit.use.results import PREDICTIONS

FORMAT = 1
INDEX, SUMS = "bundle.json", "SHA256SUMS"
_RUN = ("model.safetensors", "history.csv", "experiment.yaml", "provenance.json")
_EVALUATION = ("metrics.json", PREDICTIONS)


@dataclass(frozen=True)
class About:
    """bundle.json."""

    name: str
    identity: str
    code: dict[str, Any]
    """{"digest", "commit", "dirty"} of what trained the first seed."""
    versions: dict[str, str | None]
    seeds: list[int]
    datasets: dict[str, dict[str, Any]]
    """The options of each data set."""
    data: dict[str, dict[str, str]]
    """The digest of each split of each data set."""
    format: int = FORMAT


@dataclass(frozen=True)
class Sources:
    """Where the parts of a bundle lie."""

    runs: dict[int, Path]
    """Seed -> the run's folder."""
    evaluations: dict[int, Path]
    """Seed -> the evaluation's folder."""
    manifests: dict[str, Path]
    """Data set -> the manifest's lock."""
    locks: dict[str, Path] = field(default_factory=dict)
    """Further locks, by the names that they get."""

    def files(self) -> Iterator[tuple[str, Path]]:
        """(name in the bundle, file)."""
        yield "experiment.yaml", next(iter(self.runs.values())) / "experiment.yaml"
        for name, lock in self.manifests.items():
            yield f"manifests/{name}.json", lock
            yield f"manifests/{name}.arrow", table_file(lock)
        for name, lock in self.locks.items():
            yield f"locks/{name}.json", lock
        for seed, folder in self.runs.items():
            yield from ((f"seed{seed}/{name}", folder / name) for name in _RUN)
            yield from ((f"seed{seed}/{name}", self.evaluations[seed] / name) for name in _EVALUATION)


def write_bundle(about: About, sources: Sources, out: Path) -> None:
    """Write the bundle, whole or not at all; equal contents give equal bytes.

    Raises:
        UserError: a part is missing, or `out` cannot be written.
    """
    files = dict(sources.files())
    if missing := [path for path in files.values() if not path.is_file()]:
        raise UserError(f"{missing[0]} is missing; start `snakemake`, which makes what is not there")
    index = json.dumps(asdict(about), indent=1, ensure_ascii=False).encode() + b"\n"
    with replacing(out) as temporary, _archive(temporary, out.suffix in (".gz", ".tgz")) as archive:
        _add(archive, INDEX, index)
        sums = []
        for name, path in files.items():
            entry = archive.gettarinfo(path, name)
            entry.uid = entry.gid = entry.mtime = 0
            entry.uname = entry.gname = ""
            entry.mode, entry.type, entry.linkname, entry.size = 0o644, tarfile.REGTYPE, "", path.stat().st_size
            with path.open("rb") as file:
                archive.addfile(entry, file)
            sums.append(f"{sha256_of(path)}  {name}\n")
        _add(archive, SUMS, "".join(sums).encode())


@contextmanager
def _archive(file: Path, compressed: bool) -> Iterator[tarfile.TarFile]:
    """A new archive without dates."""
    with file.open("wb") as raw, ExitStack() as stack:
        packed = stack.enter_context(gzip.GzipFile("", "wb", fileobj=raw, mtime=0)) if compressed else raw
        yield stack.enter_context(tarfile.open(fileobj=packed, mode="w"))


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def open_bundle(file: Path, folder: Path) -> About:
    """Unpack a bundle into a folder.

    Raises:
        UserError: it is none, or one of its files is not what was packed.
    """
    try:
        with tarfile.open(file) as archive:
            archive.extractall(folder, filter="data")
        about = TypeAdapter(About).validate_json((folder / INDEX).read_bytes())
        sums = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, tarfile.TarError, EOFError, ValidationError) as error:
        raise UserError(f"{file} is not a bundle, or is damaged ({str(error).splitlines()[0]})") from None
    if about.format != FORMAT:
        raise UserError(f"{file} is of another version of ivvit (format {about.format}, expected {FORMAT})")
    for digest, _, name in (line.partition("  ") for line in sums):
        if not (folder / name).is_file() or sha256_of(folder / name) != digest:
            raise UserError(f"{file} is damaged: {name} is not what was packed; get it again")
    return about
