"""Where results lie: the one place that knows the layout below `results/`."""

from dataclasses import dataclass
from pathlib import Path

from ivvit.ground.names import safe_name


@dataclass(frozen=True)
class Paths:
    """All paths below the results folder."""

    results: Path

    def manifest(self, dataset: str, key: str) -> Path:
        """The lock of a data set's manifest; its table (.arrow) and report (.md) lie beside it."""
        return self.results / "manifests" / dataset / key / "manifest.json"

    def report(self, dataset: str) -> Path:
        """The link by which people find the report of the last validation."""
        return self.results / "manifests" / f"{dataset}.md"

    def findings(self, dataset: str) -> Path:
        """What validations found out about each file, so that only new and changed files are opened again."""
        return self.results / "manifests" / dataset / "findings.jsonl"

    def frames(self, dataset: str, key: str) -> Path:
        """The lock of a data set's frame store."""
        return self.results / "frames" / dataset / f"{key}.json"

    def shard(self, frames: Path, shard: int, count: int) -> Path:
        """The mark of a finished part of an extraction."""
        return frames.with_suffix("") / f"{shard}-of-{count}.done"

    def weights(self, pretrain: str, key: str) -> Path:
        """The lock of converted weights."""
        return self.results / "weights" / safe_name(pretrain) / f"{key}.json"

    def study(self, name: str, identity: str) -> Path:
        """A study's folder."""
        return self.results / "studies" / name / identity

    def best(self, name: str, identity: str, n_trials: int) -> Path:
        """The best parameters of a study's first trials."""
        return self.study(name, identity) / f"best-{n_trials}.yaml"

    def worker(self, name: str, identity: str, n_trials: int, worker: int) -> Path:
        """The mark of a worker that saw a study's first trials finished."""
        return self.study(name, identity) / "workers" / f"{n_trials}-{worker}.done"

    def study_report(self, name: str, identity: str, n_trials: int) -> Path:
        """The report of a study's first trials."""
        return self.study(name, identity) / f"report-{n_trials}.html"

    def run(self, identity: str, seed: int) -> Path:
        """A run's folder."""
        return self.results / f"runs/{identity}/seed{seed}"

    def finished(self, identity: str, seed: int) -> Path:
        """The file that a run's training writes last: its model."""
        return self.run(identity, seed) / "model.safetensors"

    def evaluation(self, identity: str, seed: int, evaluation: str) -> Path:
        """The folder of an evaluation of a run."""
        return self.run(identity, seed) / f"evaluations/{evaluation}"

    def evaluated(self, identity: str, seed: int, evaluation: str) -> Path:
        """The file that an evaluation writes last: its numbers."""
        return self.run(identity, seed) / f"evaluations/{evaluation}/metrics.json"

    def links(self, name: str, seed: int) -> Path:
        """The folder of links by which people find a run's files."""
        return self.results / "experiments" / name / f"seed{seed}"

    def accepted(self, identity: str) -> Path:
        """The record that an earlier run was accepted as this identity's."""
        return self.results / "accepted" / f"{identity}.json"

    @property
    def tables(self) -> Path:
        """The folder of tables."""
        return self.results / "tables"

    @property
    def parts(self) -> Path:
        """The folder of what tables are made of: each part at its key, so that it is made once."""
        return self.results / "parts"

    @property
    def page(self) -> Path:
        """The link to the report."""
        return self.results / "report.html"

    @property
    def figures(self) -> Path:
        """The folder of figures."""
        return self.results / "figures"
