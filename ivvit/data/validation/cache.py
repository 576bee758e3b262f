"""Findings of earlier validations, so that only new and changed files are opened again.

One JSON line per file, appended while validation runs: killed at any point, it goes on where it was.
"""

import json
from pathlib import Path
from typing import TextIO

from ivvit.data.validation.finding import Finding
from ivvit.ground.files import explained, write_text

FORMAT = 3
"""Raise it when probing finds out something else for the same file."""


class FindingsCache:
    """Findings by path; valid for a file of the same size and modification time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, Finding] = {}
        self._stream: TextIO | None = None
        if file.is_file():
            self._read()

    def _read(self) -> None:
        for line in self._file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
                number, path = row.pop("format"), row.pop("path")
                if number == FORMAT:
                    self._known[path] = Finding(**row)
            except (ValueError, TypeError, KeyError):  # a line that a kill cut short, or of an older version
                continue

    def get(self, path: str, size: int, mtime_ns: int) -> Finding | None:
        """The finding for a file that has not changed since."""
        known = self._known.get(path)
        return known if known and (known.size, known.mtime_ns) == (size, mtime_ns) else None

    def add(self, path: str, finding: Finding) -> None:
        """Remember a finding, on disk at once."""
        self._known[path] = finding
        with explained(self._file):
            if self._stream is None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._stream = self._file.open("a", buffering=1, encoding="utf-8")
                self._stream.write("\n")  # ends a line that a kill cut short
            self._stream.write(_line(path, finding))

    def close(self, keep: set[str]) -> None:
        """Forget files that are no longer part of the data set, and close."""
        if self._stream is None and self._known.keys() <= keep:
            return
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        if self._known:
            write_text(self._file, "".join(_line(p, f) for p, f in sorted(self._known.items()) if p in keep))


def _line(path: str, finding: Finding) -> str:
    return json.dumps({"format": FORMAT, "path": path, **vars(finding)}, separators=(",", ":")) + "\n"
