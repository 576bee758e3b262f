"""More iterations: a longer run goes on from a shorter one's last checkpoint, where that gives the same bits."""

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ivvit.ground.errors import UserError

if TYPE_CHECKING:
    from ivvit.runs.job import TrainJob

log = logging.getLogger("ivvit")


def obstacle(spec: dict[str, Any], reached: int) -> str | None:
    """Why a run of `reached` iterations is not the beginning of one with this specification; None if it is.

    Args:
        spec: the longer run's canonical specification; the shorter one's differs in `iterations` only.
        reached: the shorter run's iterations.
    """
    for name, schedule in spec["lr_schedule"].items():
        if schedule["name"] == "cosine" and schedule["period"] is None:
            return f"the cosine schedule of {name} spans all iterations, so every learning rate was another one"
        if schedule["name"] == "MultiStepLR" and any(milestone < 1 for milestone in schedule["milestones"]):
            return f"milestones of {name} are fractions of all iterations; give them as iterations to go on from there"
    if spec["task_schedule"] == "weighted":
        return "task_schedule: weighted shuffles the turns over all iterations, so the order was another one"
    every = spec["validation"]["every"]
    if spec["validation"]["keep"] == "best" and (every is None or reached % every):
        return f"the best model may be that of iteration {reached}, after which a longer run is not validated"
    return None


def extend(job: "TrainJob", earlier: Path) -> int | None:
    """Let the job begin where the run in the folder `earlier` ended; gives that iteration, or None if it cannot.

    Nothing is done where the job has a state of its own. The caller has made sure that code, data, weights, seed and
    specification agree but for the number of iterations, and that there is no `obstacle`.
    """
    # here, because they load torch, which a plan does not need
    from ivvit.runs.checkpoint import checkpoints, load_checkpoint, save_checkpoint
    from ivvit.runs.model_file import is_finished
    from ivvit.runs.resume import fingerprint

    if checkpoints(job.folder / "state") or is_finished(job.folder):
        return None
    try:
        state = load_checkpoint(earlier / "state")
    except UserError:
        return None
    if state is None or not (earlier / "history.csv").is_file():
        return None
    reached, every = state.pop("iteration"), job.experiment.validation.every
    state.pop("format")
    state["job"] = fingerprint(job)
    state["evaluated"] = reached // every * every if every else 0
    if state["evaluated"] < reached:
        state["best"] = None  # of the shorter run's end, which is no validation of the longer one
    job.folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(earlier / "history.csv", job.folder / "history.csv")
    save_checkpoint(job.folder / "state", reached, state)
    log.info("%s: goes on from iteration %d, where the run in %s ended", job.name, reached, earlier)
    return reached
