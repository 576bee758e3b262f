"""What the report is filled with, besides the comparison."""

import json
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ivvit.ground.versions import drift
from ivvit.results.comparison import Comparison
from ivvit.results.figures import INDEX as FIGURES
from ivvit.results.runs import Run, RunRef
from ivvit.results.safe import plain
from ivvit.results.samples import INDEX as SAMPLES


@dataclass(frozen=True)
class StudyEntry:
    """A study of the configuration."""

    name: str
    state: str
    """How far it is, in words."""
    best: dict[str, str] = field(default_factory=dict)
    """Parameter -> the best value."""
    trials: list[list[str]] = field(default_factory=list)
    """Head and rows of trials.csv."""
    link: str | None = None
    """To its own report, relative to the report's place."""


@dataclass(frozen=True)
class DataEntry:
    """A data set's validation."""

    name: str
    sections: list[tuple[str, str]]
    """(heading, text); the first has no heading."""


@dataclass(frozen=True)
class ReportContext:
    """What the report says about everything around the numbers."""

    title: str
    studies: list[StudyEntry] = field(default_factory=list)
    data: list[DataEntry] = field(default_factory=list)
    graph: Path | None = None
    """The rule graph, an SVG."""
    links: dict[str, str] = field(default_factory=dict)
    """What -> where, relative to the report's place."""


@dataclass(frozen=True)
class Picture:
    """A picture within the page."""

    name: str
    title: str
    caption: str
    source: str
    """A data: address."""
    wide: bool = False
    """Whether it was made for a page's width."""


@dataclass(frozen=True)
class RunEntry:
    """A run, and where it came from."""

    title: str
    state: str
    facts: dict[str, str]
    specification: str
    """experiment.yaml."""


def pictures(folder: Path, index: str, suffix: str) -> list[Picture]:
    """The figures or sheets that the folder's index lists."""
    if not (folder / index).is_file():
        return []
    entries = json.loads((folder / index).read_text(encoding="utf-8"))
    return [Picture(**entry, source=embedded(folder / f"{entry['name']}{suffix}")) for entry in entries]


def figures(folder: Path) -> list[Picture]:
    """The figures of a comparison."""
    return pictures(folder, FIGURES, ".svg")


def samples(folder: Path) -> list[Picture]:
    """The sheets of samples."""
    return pictures(folder, SAMPLES, ".png")


def embedded(file: Path) -> str:
    """A picture as an address that holds it."""
    kind = "image/svg+xml" if file.suffix == ".svg" else "image/png"
    return f"data:{kind};base64,{b64encode(file.read_bytes()).decode()}"


def run_entries(comparison: Comparison) -> list[RunEntry]:
    """All runs in the configuration's order."""
    runs = {run.ref: run for row in comparison.finished for run in row.runs}
    return [_entry(ref, runs.get(ref), comparison.missing.get(ref, "")) for ref in comparison.refs]


def _entry(ref: RunRef, run: Run | None, missing: str) -> RunEntry:
    title = f"{plain(ref.experiment)}, seed {ref.seed}"
    if run is None:
        return RunEntry(title, plain(missing), {}, "")
    found, git = run.provenance, run.provenance.get("git") or {}
    sessions = found.get("sessions") or [{}]
    commit = f"{str(git.get('commit'))[:12]}{' with uncommitted changes' if git.get('dirty') else ''}" if git else None
    facts: dict[str, Any] = {
        "identity": found.get("identity"), "commit": commit, "device": run.device, "host": sessions[-1].get("host"),
        "started": sessions[0].get("started"), "ended": sessions[-1].get("ended"), "starts": len(sessions),
        "command": sessions[-1].get("command"), "other versions now": drift(found.get("versions") or {}),
        "accepted because": ref.accepted, "tuned by": ref.tuned,
        "evaluation": ", ".join(f"{key} {value}" for key, value in run.evaluation.items()),
        "unreadable files": sum(len(result.unreadable) for result in run.datasets.values()) or None,
    }  # fmt: skip
    known = {key: plain(value) for key, value in facts.items() if value not in (None, "")}
    specification = yaml.dump(
        run.specification, Dumper=_YAML, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )
    return RunEntry(title, "accepted" if ref.accepted else "finished", known, specification)


_YAML = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # ten times as fast, where libyaml is there
