"""Weights & Biases: live with WANDB_API_KEY, else on disk for `wandb sync`; one run however often it is restarted."""

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

from ivvit.config.canonical import flatten
from ivvit.ground.errors import UserError
from ivvit.ground.files import write_text
from ivvit.runs.job import TrainJob
from ivvit.runs.tracker import Tracker
from ivvit.tracking.live import Live

log = logging.getLogger("ivvit.tracking")
_SECONDS = 10.0  # to begin, and to end, before the network counts as dead: less than Live waits


@contextmanager
def track_with_wandb(job: TrainJob) -> Iterator[Tracker]:
    """The job's run at W&B. Raises UserError where wandb is not installed."""
    if find_spec("wandb") is None:
        raise UserError("runtime.wandb is true, but wandb is not installed: `pip install wandb`")
    key = job.folder / "wandb" / "id"
    if not key.is_file():
        write_text(key, secrets.token_hex(8))
    live = Live(partial(_Run, job, key.read_text()), "wandb")
    try:
        yield live
    finally:
        if not live.close():
            log.warning("%s: not all numbers reached W&B; `wandb sync %s/wandb/*run-*`", job.name, job.folder)


class _Run:
    """A run at W&B, without code, console and machine."""

    alive = True

    def __init__(self, job: TrainJob, key: str) -> None:
        live = os.environ.get("WANDB_MODE", "online") == "online" and bool(os.environ.get("WANDB_API_KEY"))
        try:
            self._run = _begin(job, key, "online" if live else "offline")
        except Exception:  # no network; files for `wandb sync` need none
            import wandb

            wandb.teardown()  # or the id would be in use
            self._run = _begin(job, key, "offline")
        self._run.define_metric("*", step_metric="iteration")  # a step cannot come again, which it does after a kill

    def log_metrics(self, values: dict[str, float], *, step: int) -> None:
        self._run.log({**values, "iteration": step})

    def end(self) -> None:
        self._run.finish()


def _begin(job: TrainJob, key: str, mode: Any) -> Any:
    import wandb

    switches = ("silent", "disable_code", "disable_git", "x_disable_stats", "x_disable_machine_info", "x_disable_meta")
    settings = wandb.Settings(**dict.fromkeys(switches, True), console="off", x_save_requirements=False)
    if mode == "online":
        settings.init_timeout = settings.finish_timeout = _SECONDS
        settings.finish_timeout_raises = True
    spec = flatten(job.experiment.model_dump(mode="json"))
    return wandb.init(
        project=os.environ.get("WANDB_PROJECT", "ivvit"), id=key, name=job.name, config=spec, dir=job.folder, mode=mode,
        resume="allow" if mode == "online" else None, settings=settings,
    )  # fmt: skip
