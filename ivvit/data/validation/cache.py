"""Findings of earlier validations, so that only new and changed files are opened again.

One JSON line per file, appended while validation runs: killed at any point, it goes on where it was.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ivvit.data.validation.finding import Finding
from ivvit.data.validation.found import Found
from ivvit.ground.files import explained, replacing

FORMAT = 3
"""Raise it when probing finds out something else for the same file."""


class FindingsCache:
    """Findings by path, on disk alone; later lines count."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream: TextIO | None = None

    def __bool__(self) -> bool:
        """Whether anything was remembered."""
        return self._file.is_file()

    def read(self) -> Iterator[tuple[str, Finding]]:
        """What earlier validations found, line by line."""
        if not self:
            return
        with self._file.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    row = json.loads(line)
                    number, path = row.pop("format"), row.pop("path")
                    finding = Finding(**row) if number == FORMAT else None
                except (ValueError, TypeError, KeyError, AttributeError):  # cut short by a kill, or an older version's
                    continue
                if finding is not None:
                    yield path, finding

    def add(self, path: str, finding: Finding) -> None:
        """Remember a finding, on disk at once."""
        with explained(self._file):
            if self._stream is None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._stream = self._file.open("a", buffering=1, encoding="utf-8")
                self._stream.write("\n")  # ends a line that a kill cut short
            self._stream.write(_line(path, finding))

    def close(self, found: Found, current: bool) -> None:
        """Keep these findings and no others; `current`: what was read is just these."""
        if self._stream is None and current:
            return
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        with replacing(self._file) as temporary, temporary.open("w", encoding="utf-8") as stream:
            stream.writelines(_line(path, one) for path, one in found.findings() if not one.no_access)
            if found.barred.any():  # what is known of them is as good as before
                stream.writelines(_line(path, one) for path, one in self.read() if found.is_barred(path))


def _line(path: str, finding: Finding) -> str:
    return json.dumps({"format": FORMAT, "path": path, **vars(finding)}, separators=(",", ":")) + "\n"
