"""A short training to see how fast a shape of run is here; it leaves nothing behind."""

import json
import signal
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from ivvit.cli.jobs import make_job
from ivvit.config import Experiment
from ivvit.config.pixels import pixels_of_weights
from ivvit.config.splits import holdout_of
from ivvit.identity.identity import Identities
from ivvit.ledger.estimates import Speed
from ivvit.ledger.superseded import size

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


def probe(identities: Identities, name: str, experiment: Experiment) -> Speed:
    """Train some iterations of an experiment (or of a study's trial) on this machine.

    Raises:
        UserError: it cannot be trained.
        KeyboardInterrupt: Ctrl-C.
    """
    from ivvit.runs.job import Interrupted
    from ivvit.runs.run import train

    print(f"probing {name} ...", file=sys.stderr)
    # What it starts from does not change the speed, nor do the pixels that it was trained with.
    experiment = experiment.model_copy(update={"pretrain": "none"}).seeing(*pixels_of_weights(None))
    runtime = identities.config.entries[name].runtime
    watch = _Watch()
    with tempfile.TemporaryDirectory(prefix="ivvit-probe-") as folder:
        job = make_job(identities, experiment, 0, Path(folder) / "run", None, runtime, {}, name)
        try:
            train(job, tracking=lambda _: nullcontext(watch))
        except Interrupted:
            if not watch.enough:
                raise KeyboardInterrupt from None
        recorded = json.loads((job.folder / "provenance.json").read_text())
        told, device = recorded["speed"], recorded["sessions"][-1]["device"]
        processes = max(1, runtime.gpus * runtime.nodes)  # the probe is one process with all of the batch
        per_second = processes * (watch.iterations_per_second() or told["iterations_per_second"])
        samples = per_second * told["samples"] / told["iterations"]
        return Speed(
            iterations_per_second=per_second,
            samples_per_second=samples,
            validation=_views(identities, experiment) / (3 * samples),  # forward is a third of forward and backward
            saving=told["save_seconds"],
            size=size(job.folder),
            device=device if processes == 1 else f"{device}, reckoned for {processes}",
        )


def _views(identities: Identities, experiment: Experiment) -> int:
    """What a validation looks at."""
    count = 0
    for name, data in experiment.data.items():
        counts = identities.checks.locks.read(identities.checks.manifest(name))["counts"]
        holdout = holdout_of(experiment, name)
        samples = counts["val"] or (round(holdout.share * counts["train"]) if holdout else 0)
        count += samples * (experiment.validation.clips if data.is_video else 1)
    return count * experiment.validation.crops
