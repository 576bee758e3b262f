"""A training run and a study without modules that are said to be neutral: others that do next to nothing replace them.

`python neutral_run.py DATA FOLDER WEIGHTS MODULE...`; the modules are replaced before anything imports them.
"""

import sys
import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any


class Nothing:
    """Answers every call and attribute with nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.seconds: dict[str, float] = {}
        self.latest: dict[str, Any] = {}
        self.iterations = self.samples = self.restarts = 0

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: {}


class Never(Nothing):
    """A pace and a stop request that never ask for anything."""

    def __init__(self, world: Any = None, stop: Any = None, *rest: Any) -> None:
        super().__init__()
        self.stop = stop

    def actions(self) -> int:
        return 0

    def reason(self) -> None:
        return None


class Equal(str):
    """A digest that equals all others."""

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


class Watch(Nothing):
    @contextmanager
    def phase(self, name: str) -> Any:
        yield

    def speed(self) -> None:
        return None


def write(path: Path, fill: Any) -> None:
    with path.open("wb") as file:
        fill(file)


def converted(tensors: dict[str, Any]) -> Any:
    from ivvit.weights.converted import Converted

    names = {name: name.removeprefix("backbone.") for name in tensors}
    return Converted("timm", {names[n]: t for n, t in tensors.items()}, {names[n]: [n] for n in tensors}, [])


def refused(*args: Any, **kwargs: Any) -> None:
    raise AssertionError("training needs nothing of this")


def lease(*args: Any) -> Any:
    import torch

    return nullcontext(torch.device("cpu"))


def write_json(path: Path, value: Any) -> None:
    import json

    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def plain_journal(path: Path) -> Any:
    """Optuna's own."""
    from optuna.storages.journal import JournalFileBackend

    path.parent.mkdir(parents=True, exist_ok=True)
    return JournalFileBackend(str(path))


STANDINS: dict[str, dict[str, Any]] = {
    "ivvit.slurm": {"job_number": lambda: None},
    "ivvit.study.journal": {"SoundJournal": plain_journal},
    "ivvit.training.deadline": {"watch_for_stop": lambda *_: nullcontext(Never()), "StopRequest": Never},
    "ivvit.training.lock": {
        "run_lock": lambda *_, **__: nullcontext(threading.Event()),
        "unheld": lambda paths: dict.fromkeys(paths),
        "Pulse": object,
    },
    "ivvit.training.pace": {"Pace": Never, "FLUSH": 1, "SAVE": 2, "STOP": 4},
    "ivvit.training.devices": {"lease_device": lease},
    "ivvit.training.files": {
        "write_atomically": write,
        "write_text": lambda path, text: path.write_text(text),
        "write_json": write_json,
        "sync_folder": lambda *_: None,
    },
    "ivvit.training.history": {"History": Nothing},
    "ivvit.training.rows": {"RowLog": Nothing, "read_rows": lambda *_: []},
    "ivvit.training.sample_log": {"SampleLog": Nothing},
    "ivvit.training.logs": {"log_to": lambda *_, **__: nullcontext()},
    "ivvit.training.progress": {
        "report_progress": lambda *_, **__: nullcontext(),
        "device_memory": lambda *_: 0.0,
        "Reporter": Nothing,
    },
    "ivvit.training.provenance": {"Provenance": Nothing},
    "ivvit.training.stopwatch": {"Stopwatch": Watch},
    "ivvit.training.tracker": {
        "open_tracker": lambda *_, **__: nullcontext(Nothing()),
        "Tracker": Nothing,
        "Tracking": Nothing,
    },
    "ivvit.weights.checksums": {"sha256_of": lambda *_: Equal()},
    "ivvit.weights.files": {"write_atomically": refused},
    "ivvit.weights.google": {"is_google": lambda *_: False},
    "ivvit.weights.layouts": {"convert": converted},
}


def replace(name: str) -> None:
    """Put a stand-in where the module would be; a name that it lacks does nothing."""
    module = ModuleType(name)
    module.__dict__.update(STANDINS[name])
    module.__dict__["__getattr__"] = _missing
    sys.modules[name] = module


def _missing(attribute: str) -> Any:
    if attribute.startswith("__"):
        raise AttributeError(attribute)
    return refused


def main() -> None:
    """Train, and run a study of other trainings."""
    data, folder, weights, *modules = sys.argv[1:]
    for name in modules:
        replace(name)
    from training_runs import job

    from ivvit.training.run import train

    train(job(Path(data), Path(folder), weights=Path(weights), evaluation={"every": 2, "keep": "best"}, ema=0.9))

    from study_runs import outcome, study, trainer

    from ivvit.study.worker import work

    trials = study(Path(folder, "study"), n_trials=12, pruner={"name": "median", "startup_trials": 2})
    work(trials, train=trainer())
    Path(folder, "study.txt").write_bytes(outcome(trials))


if __name__ == "__main__":
    main()
