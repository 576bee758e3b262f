"""What the folder and the log of a run that is not finished tell: it runs, it failed, or it was interrupted."""

import json
import os
import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from ivvit.ground.holder import holder
from ivvit.ledger.holders import reached

_FAILURE = re.compile(r"error: |(\w+\.)*\w*(Error|Exception|Exit)\b")  # ours, or the last line of a traceback
_INTERRUPTED = "Interrupted: "
_REFUSED = "is being trained by process"  # a second job's last words, which say nothing of the first one's end


def unfinished(folder: Path, log: str, total: int) -> tuple[str, list[str]] | None:
    """(running, silent, failed or interrupted; in words), or None if it has not begun. It has `total` iterations."""
    last = _last_line(log) if os.path.isfile(log) else ""
    if not os.path.isdir(folder):
        return ("failed", [last]) if _FAILURE.match(last) else None
    step, session = reached(folder), _last_session(folder)
    progress = f"iteration {step or 0} of {total}"
    if found := holder(folder / "state" / "lock"):
        if found.silent_since is not None:
            return "silent", [f"{found}; whether it has ended, the next start finds out", progress]
        return "running", [str(found), progress + _left(session, step, total)]
    end = session.get("end") or "killed"
    stopped = end.startswith(_INTERRUPTED) and last.endswith(end.removeprefix(_INTERRUPTED))
    if not stopped and (_FAILURE.match(last) or not end.startswith(("killed", _INTERRUPTED))):
        return "failed", [last or end, *([progress] if session else [])]
    return ("interrupted", [f"{progress}; goes on from its checkpoint"]) if session else None


def duration(seconds: float) -> str:
    """In words, no more exact than an estimate is."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _left(session: dict[str, Any], step: int | None, total: int) -> str:
    """`, about 5 min left` at the speed since the run was started (again)."""
    done = (step or 0) - session.get("from_iteration", 0)
    if done <= 0:
        return ""
    seconds = time.time() - datetime.fromisoformat(session["started"]).timestamp()
    return f", about {duration(seconds / done * (total - step))} left"


def _last_session(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["sessions"][-1]
    except (OSError, ValueError, LookupError):
        return {}


def _last_line(log: str) -> str:
    lines = [line.strip() for line in Path(log).read_text(errors="replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return "" if _REFUSED in last else last
