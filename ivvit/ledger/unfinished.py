"""How a run stands that is not finished: running (perhaps), failed or interrupted, as it recorded itself."""

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from ivvit.ground.files import read_object
from ivvit.ground.holder import holder
from ivvit.ledger.holders import reached
from ivvit.ledger.reasons import Reason

FAILURE = "failure.json"
"""What `ivvit train` leaves in a run's folder when it ends with an error; the next start removes it."""


@dataclass(frozen=True)
class Unfinished:
    """The state of a run that has begun, or has tried to."""

    state: Literal["running", "silent", "failed", "interrupted"]
    why: list[Reason]


def unfinished(folder: Path, total: int) -> Unfinished | None:
    """The state of a run of `total` iterations; None if it has not begun."""
    if not folder.is_dir():
        return None
    step, session = reached(folder), _last_session(folder)
    progress = f"iteration {step or 0} of {total}"
    if found := holder(folder / "state" / "lock"):
        if found.silent_since is not None:
            told = f"{found}; whether it has ended, the next start finds out"
            return Unfinished("silent", [Reason("holder", "", detail=told), _progress(progress)])
        why = [Reason("holder", "", detail=str(found)), _progress(progress + _left(session, step, total))]
        return Unfinished("running", why)
    failure = read_object(folder / FAILURE).get("message") or (
        session.get("message") if session.get("end") == "failed" else ""
    )
    if failure:
        return Unfinished(
            "failed", [Reason("failure", "", detail=failure), *([_progress(progress)] if session else [])]
        )
    return Unfinished("interrupted", [_progress(f"{progress}; goes on from its checkpoint")]) if session else None


def duration(seconds: float) -> str:
    """In words, no more exact than an estimate is."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _progress(text: str) -> Reason:
    return Reason("progress", "", detail=text)


def _left(session: dict[str, Any], step: int | None, total: int) -> str:
    """`, about 5 min left` at the speed since the run was started (again)."""
    done = (step or 0) - session.get("from_iteration", 0)
    if done <= 0:
        return ""
    seconds = time.time() - datetime.fromisoformat(session["started"]).timestamp()
    return f", about {duration(seconds / done * (total - (step or 0)))} left"


def _last_session(folder: Path) -> dict[str, Any]:
    sessions = read_object(folder / "provenance.json").get("sessions")
    last = sessions[-1] if isinstance(sessions, list) and sessions else {}
    return last if isinstance(last, dict) else {}
