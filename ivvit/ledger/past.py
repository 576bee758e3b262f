"""The runs that are there, today's and superseded ones, as their provenance tells."""

import json
import os
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ivvit.ground.files import read_object
from ivvit.identity.identity import Identity
from ivvit.identity.paths import Paths

MODEL = "model.safetensors"
_HEAD = 1024  # bytes: a provenance begins with the experiment's name


@dataclass(frozen=True)
class PastRun:
    """A finished run."""

    folder: Path
    identity: str
    seed: int

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """provenance.json; read when it is asked for, since there may be thousands."""
        return read_object(self.folder / "provenance.json")

    @property
    def name(self) -> str:
        """The experiment's name when it was trained."""
        return self.provenance.get("name", "")

    @property
    def ended(self) -> str:
        """When it was finished (ISO 8601, UTC)."""
        try:
            return str(self.provenance["sessions"][-1]["ended"] or "")
        except (LookupError, TypeError):  # an earlier version's, or another program's
            return ""

    @property
    def parts(self) -> dict[str, Any]:
        """What its identity is a digest of."""
        return self.provenance.get("parts", {})

    @property
    def evaluation(self) -> str | None:
        """The identity of its latest evaluation."""
        found = sorted(self.folder.glob("evaluations/*/metrics.json"), key=lambda path: path.stat().st_mtime_ns)
        return found[-1].parent.name if found else None

    @property
    def iterations(self) -> int:
        """How many it had."""
        return self.parts.get("spec", {}).get("iterations", 0)

    def metrics(self) -> dict[str, Any]:
        """metrics.json of its latest evaluation; empty where there is none."""
        return read_object(self.folder / "evaluations" / self.evaluation / "metrics.json") if self.evaluation else {}


def finished_runs(paths: Paths, without: Container[str] = ()) -> Iterator[PastRun]:
    """All finished runs in no order, but for those of some identities; no provenance is read.

    A run that was accepted under another identity counts once.
    """
    for identity in _folders(paths.results / "runs"):
        if identity.name not in without:
            for entry in _folders(identity):
                if entry.name.startswith("seed") and (run := past_run(Path(entry.path))):
                    yield run


def past_run(folder: Path, seen_from: Path = Path()) -> PastRun | None:
    """The finished run in a folder, or behind a link; the folder may be relative to another one."""
    folder = Path(os.path.normpath(seen_from / folder))
    if not os.path.isfile(f"{folder}/{MODEL}"):
        return None
    place = os.fspath(folder)
    while os.path.islink(place):  # Path.resolve would look at every folder on the way, for thousands of runs
        place = os.path.normpath(os.path.join(os.path.dirname(place), os.readlink(place)))
    identity, seed = place.split(os.sep)[-2:]
    return PastRun(Path(place), identity, int(seed.removeprefix("seed")))


def linked_run(paths: Paths, name: str, seed: int) -> PastRun | None:
    """The finished run whose files people find by an experiment's name."""
    folder = paths.links(name, seed)
    try:
        return past_run(folder if folder.is_symlink() else Path(os.readlink(folder / MODEL)).parent, folder)
    except OSError:  # none, or it is no link
        return None


def named_runs(paths: Paths, without: Container[str] = ()) -> dict[tuple[str, int], list[PastRun]]:
    """(experiment, seed) -> its finished runs, but for those of some identities; only the heads of files are read."""
    found: dict[tuple[str, int], list[PastRun]] = {}
    for run in finished_runs(paths, without):
        found.setdefault((_name(run), run.seed), []).append(run)
    return found


def _folders(folder: os.PathLike[str]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:  # none, or not ours to read
        return []


def _name(run: PastRun) -> str:
    try:
        with (run.folder / "provenance.json").open(encoding="utf-8") as file:
            head = file.read(_HEAD)
        return json.JSONDecoder().raw_decode(head, head.index('"name": ') + len('"name": '))[0]
    except (OSError, ValueError):
        return run.name


def shorter_run(paths: Paths, identity: Identity, seed: int) -> PastRun | None:
    """The longest finished run that is the same in everything but its fewer iterations, or None."""
    wanted, total = _but_iterations(identity.parts), identity.parts["spec"]["iterations"]
    found = [run for run in finished_runs(paths) if run.seed == seed and _but_iterations(run.parts) == wanted]
    return max((run for run in found if run.iterations < total), key=lambda run: run.iterations, default=None)


def _but_iterations(parts: dict[str, Any]) -> dict[str, Any]:
    return {**parts, "spec": {key: value for key, value in parts.get("spec", {}).items() if key != "iterations"}}
