"""A short training to see how fast a shape of run is here; it leaves nothing behind."""

import json
import signal
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ivvit.cli.jobs import make_job
from ivvit.config import Config, Experiment
from ivvit.staleness.estimates import Speed
from ivvit.staleness.superseded import size

SECONDS = 6.0  # of training, after the first iterations, which are slower; one more iteration where that takes longer


class _Watch:
    """A tracker that asks training to stop, as a time limit does, when it has seen enough."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, int]] = []

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        """The time of an iteration that training has reported."""
        if self.seen and step == self.seen[-1][1]:
            return
        self.seen.append((time.monotonic(), step))
        if self.enough:
            signal.raise_signal(signal.SIGTERM)

    @property
    def enough(self) -> bool:
        """Whether the speed is known."""
        return self.seen[-1][0] - self.seen[0][0] > SECONDS if self.seen else False

    def iterations_per_second(self) -> float | None:
        """Between the first and the last report; None where there is one only."""
        (begin, first), (end, last) = self.seen[0], self.seen[-1]
        return (last - first) / (end - begin) if last > first else None


def probe(config: Config, name: str, experiment: Experiment) -> Speed:
    """Train some iterations of an experiment (or of a study's trial) on this machine.

    Raises:
        UserError: it cannot be trained.
        KeyboardInterrupt: Ctrl-C.
    """
    from ivvit.training.job import Interrupted
    from ivvit.training.run import train

    print(f"probing {name} ...", file=sys.stderr)
    experiment = experiment.model_copy(update={"pretrain": "none"})  # what it starts from does not change the speed
    runtime = config.entries[name].runtime.model_copy(update={"comet": False, "tensorboard": False})
    watch = _Watch()
    with tempfile.TemporaryDirectory(prefix="ivvit-probe-") as folder:
        job = make_job(config, experiment, 0, Path(folder) / "run", None, runtime, {}, name)
        try:
            train(job, tracking=lambda _: nullcontext(watch))
        except Interrupted:
            if not watch.enough:
                raise KeyboardInterrupt from None
        recorded = json.loads((job.folder / "provenance.json").read_text())
        return _speed(recorded, watch, experiment, _samples(config, experiment), size(job.folder))


def _speed(
    recorded: dict[str, Any], watch: _Watch, experiment: Experiment, samples: dict[str, int], bytes_: int
) -> Speed:
    told = recorded["speed"]
    per_second = watch.iterations_per_second() or told["iterations_per_second"]
    samples_per_second = told["samples"] / told["iterations"] * per_second
    views = {name: experiment.evaluation.clips if data.is_video else 1 for name, data in experiment.data.items()}
    seen = experiment.evaluation.crops * sum(count * views[name] for name, count in samples.items())
    return Speed(
        per_second,
        samples_per_second,
        seen / (3 * samples_per_second),  # forward is a third of forward and backward
        told["save_seconds"],
        bytes_,
        recorded["sessions"][-1]["device"],
    )


def _samples(config: Config, experiment: Experiment) -> dict[str, int]:
    """Validation samples of each data set."""
    folder = config.results / "manifests"
    return {name: json.loads((folder / f"{name}.json").read_text())["counts"]["val"] for name in experiment.data}
