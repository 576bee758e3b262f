"""`train`: one function starts or resumes a run."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch

from ivvit.ground.errors import UserError
from ivvit.numerics.world import World, check_world
from ivvit.runs.context import OnEvaluation, RunContext
from ivvit.runs.devices import lease_device
from ivvit.runs.holder import one_holder
from ivvit.runs.job import Interrupted, Result, TrainJob
from ivvit.runs.logs import log_to
from ivvit.runs.model_file import NAME, is_finished, read_card
from ivvit.runs.outputs import write_experiment
from ivvit.runs.pace import Pace
from ivvit.runs.processes import join_world, leave_world
from ivvit.runs.progress import report_progress
from ivvit.runs.provenance import Provenance
from ivvit.runs.session import Session
from ivvit.runs.stop import StopRequest, watch_for_stop
from ivvit.runs.tracker import Tracking, open_tracker

log = logging.getLogger("ivvit")


def train(
    job: TrainJob,
    on_evaluation: OnEvaluation | None = None,
    *,
    tracking: Tracking | None = None,
    sample_log: Path | None = None,
) -> Result:
    """Train, resuming from where an earlier start of the same run was stopped or killed.

    A finished run is returned at once. Under torchrun all processes call this together.

    Args:
        job: what to train, and where.
        on_evaluation: called after each validation with the iteration and {"datasets", "mean"}; True ends the run
            there, without a model. After a kill it may hear a validation again.
        tracking: opens the trackers that the job asks for (`ivvit.tracking.open_tracking`).
        sample_log: a CSV file to record every training sample in.

    Raises:
        Interrupted: a signal or the job's time limit asked for a stop; the state is saved.
        UserError: anything else that the user can fix.
    """
    if is_finished(job.folder):
        return _result(job)
    world = join_world()
    try:
        check_world(world, job.experiment)
        job.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            return _train(job, on_evaluation, tracking, sample_log, world, stack)
    except Interrupted as stopped:
        if stopped.__cause__ is None:  # otherwise the other processes are not here
            world.broadcast(None)  # torchrun ends all processes with the first, and the main one has to finish writing
        raise
    finally:
        leave_world(world)


def _train(
    job: TrainJob, on_evaluation: OnEvaluation | None, tracking: Tracking | None, sample_log: Path | None,
    world: World, stack: ExitStack,
) -> Result:  # fmt: skip
    lost = stack.enter_context(one_holder(job.folder / "state" / "lock", world))
    if world.broadcast(is_finished(job.folder)):  # by the lock's previous holder
        return _result(job)
    stack.enter_context(log_to(job.folder / "train.log", world.is_main))
    device = stack.enter_context(lease_device(job.runtime, world))
    stop = stack.enter_context(watch_for_stop(job.runtime.deadline_minutes))
    stack.enter_context(_failures_as_stops(job.name, stop))
    tracker = stack.enter_context(open_tracker(tracking, job, world.is_main))
    pace = Pace(world, stop, lost, job.runtime.checkpoint_minutes)
    session = Session(job, RunContext(device, world, pace, tracker, sample_log, on_evaluation))
    if world.is_main:
        write_experiment(job.folder, job.experiment, job.seed)
    with (
        _provenance(job, device, world, session),
        report_progress(job.name, session.iteration, job.experiment.iterations, world.is_main) as progress,
    ):
        return session.run(progress)


def _result(job: TrainJob) -> Result:
    return Result(job.folder, read_card(job.folder / NAME).validation)


@contextmanager
def _failures_as_stops(name: str, stop: StopRequest) -> Iterator[None]:
    """An error after a stop was requested is not a failure of the run: the signal may have hit a process it needs."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if (reason := stop.reason()) is None:
            raise
        log.warning("%s: failed while stopping (%s)", name, reason, exc_info=error)
        raise Interrupted(
            f"{name}: stopped ({reason}), but not cleanly: {type(error).__name__}: {error}; "
            "start it again to resume from its last checkpoint"
        ) from error


@contextmanager
def _provenance(job: TrainJob, device: torch.device, world: World, session: Session) -> Iterator[None]:
    """Record this start of the run and how it ended."""
    if not world.is_main:
        yield
        return
    record, end = Provenance(job, device, world, session.iteration), ("finished", "")
    session.record = record
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, Interrupted | KeyboardInterrupt)
        end = ("interrupted" if stopped else "failed", f"{type(error).__name__}: {error}")
        raise
    finally:
        record.end(*end, session.iteration, session.watch.speed())
