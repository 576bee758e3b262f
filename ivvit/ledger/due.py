"""The checks that are due, and what was found by the last ones of their kind."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from ivvit.identity.checks import Checks
from ivvit.identity.locks import Pending
from ivvit.planning.jobs import Jobs


@dataclass(frozen=True)
class DueCheck:
    """A check whose path does not exist."""

    rule: Literal["demo", "validate", "extract", "weights"]
    name: str
    """Of the data set or weights."""
    path: Path
    again: bool
    """Whether there is an earlier one."""
    trouble: str | None = None
    """What keeps it from being done, or why it must be: its file is damaged, the data are not there."""

    @property
    def text(self) -> str:
        """`shades must be validated first`."""
        what = {
            "demo": "the demo's data",
            "validate": self.name,
            "extract": f"frames of {self.name}",
            "weights": f"weights {self.name}",
        }[self.rule]
        done = {"demo": "made", "validate": "validated", "extract": "extracted", "weights": "fetched"}[self.rule]
        text = f"{what} changed and will be {done} again" if self.again else f"{what} must be {done} first"
        return f"{text}; {self.trouble}" if self.trouble else text


def due_checks(jobs: Jobs) -> dict[Path, DueCheck]:
    """The checks that experiments need and that are due, by path, as far as they are known before others are done."""
    found = {}

    def look(rule: Literal["demo", "validate", "extract", "weights"], name: str, place: Callable[[], Path]) -> None:
        try:
            path = place()
        except Pending:  # the demo's data or the manifest, which is due itself
            return
        if not jobs.checks.locks.is_sound(path):
            trouble = jobs.checks.locks.damage(path) or jobs.checks.trouble(rule, name)
            found[path] = DueCheck(rule, name, path, bool(_others(path)), trouble)

    if jobs.checks.demo is not None:
        look("demo", "", lambda: jobs.checks.demo or Path())
    for name, data in jobs.datasets.items():
        look("validate", name, partial(jobs.checks.manifest, name))
        if data.uses_store:
            look("extract", name, partial(jobs.checks.frames, name))
    for name in jobs.weights.values():
        look("weights", name, partial(jobs.checks.weights, name))
    return found


class LastChecks(Checks):
    """Today's checks, or where they are due the last ones of their kind: what if they find nothing new?"""

    @classmethod
    def of(cls, checks: Checks) -> "LastChecks":
        """With what another one has seen already."""
        return cls(checks.config, checks.code, checks.listings, checks.locks)

    def manifest(self, dataset: str) -> Path:
        """The lock of today's manifest or of the last one. Raises Pending if there is none."""
        return self._last(lambda: super(LastChecks, self).manifest(dataset), self.paths.manifest(dataset, "*"))

    def weights(self, pretrain: str) -> Path:
        """The lock of today's weights or of the last ones. Raises Pending if there is none."""
        return self._last(lambda: super(LastChecks, self).weights(pretrain), self.paths.weights(pretrain, "*"))

    def _last(self, today: Callable[[], Path], pattern: Path) -> Path:
        try:
            path, pending = today(), None
            if self.locks.is_sound(path):
                return path
        except Pending as error:
            path, pending = pattern, error
        if found := [file for file in _glob(pattern) if self.locks.is_sound(file)]:
            return max(found, key=lambda file: file.stat().st_mtime)
        raise pending or Pending([path])


def _others(path: Path) -> list[Path]:
    """The same kind of file at other keys."""
    if path.name == "manifest.json":
        return list(_glob(path.parents[1] / "*" / path.name))
    return list(_glob(path.with_name("*.json")))


def _glob(pattern: Path) -> Iterator[Path]:
    """The files that match a pattern whose one star is in one of the last two parts."""
    base = pattern.parents[1]
    return base.glob(str(pattern.relative_to(base)))
