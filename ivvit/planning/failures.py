"""What the jobs that failed said: one failed job must not hide another's message."""

from collections.abc import Iterator
from pathlib import Path

_END = 8192  # bytes of a log that are looked at
_SHOWN = 600
_MARKS = ("error: ", "Traceback (most recent call last)")


def failures(logs: Path, since: float) -> Iterator[tuple[Path, str]]:
    """(log, what it ends with) for each log written since a time (seconds since the epoch) that ends with an error."""
    for log in sorted(logs.rglob("*.log")):
        try:
            if log.stat().st_mtime < since:
                continue
            with log.open("rb") as file:
                file.seek(max(0, log.stat().st_size - _END))
                text = file.read().decode(errors="replace")
        except OSError:
            continue
        if message := _message(text):
            yield log, message


def _message(text: str) -> str:
    """`error: ...` at the end of a log; of a traceback its last line; empty where it ends otherwise."""
    lines = text.rstrip().splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(_MARKS)]
    if not starts:
        return ""
    last = lines[starts[-1] :]
    told = last[-1] if last[0].startswith(_MARKS[1]) else "\n".join(last)
    return told.strip()[:_SHOWN]
