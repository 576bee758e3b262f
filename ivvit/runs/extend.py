"""More iterations: a longer run goes on from a shorter one's last checkpoint, where that gives the same bits."""

import logging
import shutil
from pathlib import Path

from ivvit.ground.errors import UserError
from ivvit.runs.checkpoint import checkpoints, load_checkpoint, save_checkpoint
from ivvit.runs.job import TrainJob
from ivvit.runs.model_file import is_finished
from ivvit.runs.resume import fingerprint

log = logging.getLogger("ivvit")


def extend(job: TrainJob, earlier: Path) -> int | None:
    """Let the job begin where the run in the folder `earlier` ended; gives that iteration, or None if it cannot.

    Nothing is done where the job has a state of its own. The caller has made sure that code, data, weights, seed and
    specification agree but for the number of iterations, and that nothing is in the way (ivvit.config.extension).
    """
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
