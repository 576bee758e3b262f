"""Where results lie: the one place that knows the layout below `results/`."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path


def slug(name: str) -> str:
    """A name that is safe in a path: `timm:vit_tiny` -> `timm_vit_tiny-1a2b3c4d`; safe names stay as they are."""
    safe = re.sub(r"[^A-Za-z0-9._=+-]+", "_", name)
    return name if safe == name else f"{safe[-60:]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Paths:
    """All paths below the results folder."""

    results: Path

    def manifest(self, dataset: str) -> Path:
        """The lock of a data set's manifest."""
        return self.results / "manifests" / f"{dataset}.json"

    def frames(self, dataset: str) -> Path:
        """The lock of a data set's frame store."""
        return self.results / "frames" / f"{dataset}.json"

    def shards(self, dataset: str, key: str) -> Path:
        """The folder of marks of an extraction's finished parts."""
        return self.results / "frames" / dataset / key

    def key(self, lock: Path) -> Path:
        """What the check behind a lock was done for."""
        inside = lock.is_relative_to(self.results)
        return self.results / "keys" / (lock.relative_to(self.results) if inside else lock.name)

    def due(self, lock: Path) -> Path:
        """The mark that tells Snakemake whether the check behind a lock must be done (again)."""
        key = self.key(lock)
        return key.with_name(f"{key.name}.due")

    def weights(self, pretrain: str) -> Path:
        """The lock of pretrained weights."""
        return self.results / "weights" / f"{slug(pretrain)}.json"

    def study(self, name: str, identity: str) -> Path:
        """A study's folder."""
        return self.results / "studies" / name / identity

    def best(self, name: str, identity: str, n_trials: int) -> Path:
        """The best parameters of a study's first trials."""
        return self.study(name, identity) / f"best-{n_trials}.yaml"

    def run(self, identity: str, seed: int) -> Path:
        """A run's folder."""
        return self.results / "runs" / identity / f"seed{seed}"

    def evaluation(self, identity: str, seed: int, evaluation: str) -> Path:
        """The folder of an evaluation of a run."""
        return self.run(identity, seed) / "evaluations" / evaluation

    def link(self, name: str, seed: int) -> Path:
        """The link by which people find a run."""
        return self.results / "experiments" / name / f"seed{seed}"

    def accepted(self, identity: str) -> Path:
        """The record that an earlier run was accepted as this identity's."""
        return self.results / "accepted" / f"{identity}.json"

    @property
    def tables(self) -> Path:
        """The folder of tables."""
        return self.results / "tables"

    @property
    def figures(self) -> Path:
        """The folder of figures."""
        return self.results / "figures"
