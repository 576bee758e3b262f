"""Studies whose trainings take milliseconds, for the tests of studies: resumable, and checked for every repeated step.

The trainings are real enough to be killed: each trial is a chain of numbers that is saved now and then and gone on
with, so that a restart from a wrong place or with other parameters changes the result.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ivvit.config import StudyOptions
from ivvit.ground.ending import leave
from ivvit.ground.files import write_json
from ivvit.runs.job import Result, TrainJob
from ivvit.study.choice import best_text, best_trial
from ivvit.study.finish import trials_table
from ivvit.study.job import StudyJob
from ivvit.study.worker import work

ITERATIONS, EVERY, SAVE = 12, 3, 2
SPACE = {
    "optimizer.lr": {"low": 1e-4, "high": 1e-1, "log": True},
    "optimizer.name": ["SGD", "Adam"],
    "optimizer.momentum": {"low": 0.5, "high": 0.9, "when": {"optimizer.name": "SGD"}},
    "warmup": {"low": 0, "high": 12, "step": 4},
}
EXPERIMENT = SimpleNamespace(iterations=ITERATIONS, validation=SimpleNamespace(every=EVERY))


def study(folder: Path, n_trials: int = 5, **options: Any) -> StudyJob:
    """A study in a folder."""
    options = StudyOptions.model_validate({"base": "tiny", "n_trials": n_trials, "space": SPACE} | options)
    return StudyJob("test", options, folder, make_job)


def make_job(parameters: dict[str, Any], number: int, folder: Path) -> TrainJob:
    """The training of a trial."""
    return TrainJob(EXPERIMENT, 0, folder, folder, {}, provenance={"parameters": parameters}, name=str(number))


def trainer(pause: float = 0.0) -> Callable[..., Result]:
    """A training that takes `pause` seconds a step."""

    def train(run: TrainJob, on_evaluation: Callable[[int, dict[str, Any]], bool]) -> Result:
        run.folder.mkdir(parents=True, exist_ok=True)
        if (metrics := _read(run.folder / "end.json")) is not None:
            return Result(run.folder, metrics)
        state = _read(run.folder / "state.json") or {"step": 0, "chain": 1}
        step, chain = state["step"], state["chain"]
        while step < ITERATIONS:
            time.sleep(pause)
            step, chain = step + 1, (chain * 6364136223846793005 + 1442695040888963407) % 2**64
            _log(run.folder / "steps.log", f"{step}\n")
            metrics = _metrics(run.provenance["parameters"], step, chain)
            if step % EVERY == 0 and on_evaluation(step, metrics) and step < ITERATIONS:
                return Result(run.folder, metrics, pruned=True)
            if step % SAVE == 0:
                write_json(run.folder / "state.json", {"step": step, "chain": chain})
        metrics = _metrics(run.provenance["parameters"], step, chain)
        write_json(run.folder / "end.json", metrics)
        return Result(run.folder, metrics)

    return train


def outcome(job: StudyJob) -> bytes:
    """All that a study says in the end: the best, the table, and the journal's record of each trial but for times."""
    from ivvit.study.records import Records

    found = Records(job).places(job.options.n_trials)
    best = best_trial(job, found)
    table = trials_table(job, found, best.number).to_csv()
    return (best_text(job, best) + table + json.dumps(trials(job), indent=1)).encode()


def trials(job: StudyJob) -> list[dict[str, Any]]:
    """The trials as they are recorded, without times."""
    from ivvit.study.records import Records

    return [
        {"number": t.number, "state": t.state.name, "values": t.values, "params": t.params, "user": t.user_attrs,
         "system": t.system_attrs, "steps": t.intermediate_values}
        for t in Records(job).trials()
    ]  # fmt: skip


def start(job: StudyJob, pause: float = 0.0, prepare: Callable[[], None] = lambda: None) -> int:
    """Start a worker as a process of its own (a fork, so that it need not import everything again); gives its pid."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        prepare()
        work(job, train=trainer(pause), poll_seconds=0.05)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def end(pid: int, seconds: float = 60) -> int:
    """Wait for a process; its exit status, or minus the signal that ended it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    kill(pid)
    raise AssertionError(f"process {pid} did not end within {seconds} s")


def kill(pid: int) -> None:
    """SIGKILL, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _metrics(parameters: dict[str, Any], step: int, chain: int) -> dict[str, Any]:
    good = 1 / (1 + abs(parameters["optimizer.lr"] - 0.01) * 50) + parameters.get("optimizer.momentum", 0.7) / 10
    top1 = (good + 0.05 * chain / 2**64) * step / ITERATIONS
    return {"datasets": {"A": {"top1": top1, "top5": top1, "loss": 1 - top1}}}


def _read(path: Path) -> Any:
    return json.loads(path.read_text()) if path.is_file() else None


def _log(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line)


def engine_study(data: Path, folder: Path, n_trials: int, **options: Any) -> StudyJob:
    """A study of real trainings: of the tiny job of training_runs, on its data."""
    from training_runs import job

    runtime = {"checkpoint_minutes": 1e-3} | options.pop("runtime", {})

    def make(parameters: dict[str, Any], number: int, place: Path) -> TrainJob:
        settings = {"optimizer": {"name": parameters["optimizer.name"], "lr": parameters["optimizer.lr"]}}
        validation = {"every": 2, "batch_size": 4}
        return job(data, place, validation=validation, runtime=runtime, **settings)

    space = {"optimizer.lr": {"low": 1e-5, "high": 1e-1, "log": True}, "optimizer.name": ["SGD", "AdamW"]}
    sampler = {"name": "TPE", "startup_trials": 2}
    fields = {"base": "tiny", "n_trials": n_trials, "space": space, "sampler": sampler} | options
    return StudyJob("engine", StudyOptions.model_validate(fields), folder, make)


def main() -> None:
    """`python study_runs.py DATA FOLDER N_TRIALS OPTIONS`: a worker of an engine study; also under torchrun."""
    from ivvit.runs.run import train

    data, folder, n_trials, options = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
    pause = options.pop("pause", 0.0)

    def slow(run: TrainJob, on_evaluation: Callable[[int, dict[str, Any]], bool]) -> Result:
        def heard(iteration: int, metrics: dict[str, Any]) -> bool:
            time.sleep(pause)
            return on_evaluation(iteration, metrics)

        return train(run, heard)

    work(engine_study(data, folder, n_trials, **options), train=slow, poll_seconds=0.2)


if __name__ == "__main__":
    main()
    leave(0)
