"""Resuming from a checkpoint, if it is of the same experiment."""

import json
from typing import Any

from ivvit.config.canonical import canonical, flatten
from ivvit.ground.digest import canonical_json
from ivvit.ground.errors import UserError
from ivvit.runs.checkpoint import load_checkpoint
from ivvit.runs.inputs import data_digests
from ivvit.runs.job import TrainJob


def fingerprint(job: TrainJob) -> str:
    """What must be the same for a checkpoint to be resumed, as JSON."""
    return canonical_json({"spec": canonical(job.experiment), "seed": job.seed, "data": data_digests(job)})


def find_state(job: TrainJob) -> dict[str, Any] | None:
    """The newest sound checkpoint of the run; None to start at the beginning.

    Raises:
        UserError: the checkpoint belongs to another experiment, seed or data.
    """
    state = load_checkpoint(job.folder / "state")
    if state is not None and state["job"] != fingerprint(job):
        old, new = flatten(json.loads(state["job"])), flatten(json.loads(fingerprint(job)))
        key = next(key for key in sorted({*old, *new}) if old.get(key) != new.get(key))
        raise UserError(
            f"{job.folder / 'state'} holds the state of another run: {key} is {old.get(key)!r} there and "
            f"{new.get(key)!r} now; choose another folder, or remove that one"
        )
    return state
