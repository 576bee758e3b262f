"""What the workflow's jobs need and are called: everything that the rules ask for by a function."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from ivvit.config import Config, DatasetOptions, RuntimeOptions
from ivvit.ground.digest import digest
from ivvit.ground.errors import UserError
from ivvit.identity.closure import Code
from ivvit.identity.identity import Identities
from ivvit.identity.keys import Keys
from ivvit.identity.locks import Locks, Pending
from ivvit.identity.paths import slug

Gate = Callable[..., Any]
VIDEOS_PER_SHARD = 2_000  # from the data set's size alone, so that no setting can make a shard stale


class Jobs:
    """Answers the rules' questions from lock files; never waits for anything."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.code, self.locks = Code(), Locks()
        self.done = Identities(config, self.locks, self.code)
        """Identities as far as the locks that are there tell them."""
        self.paths = self.done.paths
        self.keys = Keys(config, self.code)
        self.names: dict[str, str] = {}
        """Identity -> an experiment that has it."""

    @cached_property
    def datasets(self) -> dict[str, DatasetOptions]:
        """All data sets that experiments use."""
        return {n: data for entry in self.config.entries for n, data in self.config.experiment(entry).data.items()}

    @cached_property
    def weights(self) -> dict[str, str]:
        """File name -> name of the pretrained weights, for all that experiments (and studies) start from."""
        used = [self.config.experiment(name).pretrain for name in self.config.entries]
        for study in self.config.file.studies.values():
            used += (study.space["pretrain"].choices or ()) if "pretrain" in study.space else ()
        return {slug(name): name for name in used if name != "none" and not name.startswith("experiment:")}

    @property
    def demo_lock(self) -> Path:
        """Says that the demo's data is complete."""
        return self.config.root / ".complete"

    def dataset_needs(self, gate: Gate) -> list[Any]:
        """What must be there before data sets are validated: the demo's data, if it is made here."""
        if self.config.file.demo is None:
            return []
        return [gate("demo") or str(self.demo_lock)]

    def weights_needs(self, name: str, gate: Gate) -> list[Any]:
        """What must be there before weights are fetched: the demo's, if they lie among its data."""
        source = self.keys.local_weights(self.weights[name])
        inside = source is not None and source.absolute().is_relative_to(self.config.root.absolute())
        return self.dataset_needs(gate) if inside else []

    def manifest_needs(self, dataset: str, gate: Gate) -> list[Any]:
        """The manifest, once it is up to date."""
        return [gate("validate", dataset=dataset) or str(self.paths.manifest(dataset))]

    def extraction_key(self, dataset: str) -> str:
        """The key of an extraction from the manifest that is there."""
        try:
            manifest = self.locks.read(self.paths.manifest(dataset), "validate", dataset=dataset)["digest"]
        except Pending:
            manifest = None
        return self.keys.extraction(dataset, manifest)

    def shards(self, dataset: str, gate: Gate) -> list[Any]:
        """The parts of an extraction, once the manifest says how many there are; another key means other parts."""
        if (pending := gate("validate", dataset=dataset)) is not None:
            return [pending]
        manifest = self.locks.read(self.paths.manifest(dataset), "validate", dataset=dataset)
        count = -(-sum(manifest["counts"].values()) // VIDEOS_PER_SHARD) or 1
        folder = self.paths.shards(dataset, self.keys.extraction(dataset, manifest["digest"]))
        return [f"{folder}/{shard}-of-{count}.done" for shard in range(count)]

    def train_needs(self, identity: str, seed: str) -> list[str]:
        """The run whose model this one starts from, if any; it has the same seed."""
        name = self.find(identity)
        pretrain = self.done.resolved(name).pretrain if name else "none"
        if not pretrain.startswith("experiment:"):
            return []
        parent = self.done.experiment(pretrain.removeprefix("experiment:")).digest
        needed = self.paths.run(parent, int(seed)) / "model.safetensors"
        finished = (self.paths.run(identity, int(seed)) / "model.safetensors").is_file()
        return [] if finished and not needed.is_file() else [str(needed)]  # a lost parent makes no child stale

    def study_needs(self, study: str, identity: str, n_trials: str) -> list[str]:
        """The workers' marks; once the best is known those that are there, so that more workers run nothing."""
        folder = self.paths.study(study, identity) / "workers"
        if self.paths.best(study, identity, int(n_trials)).is_file():
            return sorted(map(str, folder.glob(f"{n_trials}-*.done")))
        count = self.config.file.studies[study].workers
        return [f"{folder}/{n_trials}-{worker}.done" for worker in range(count)]

    def study_runtime(self, study: str) -> RuntimeOptions:
        """The base experiment's runtime settings."""
        return self.config.entries[self.config.file.studies[study].base].runtime

    def runtime(self, identity: str) -> RuntimeOptions:
        """The runtime settings of the experiment with this identity."""
        name = self.find(identity)
        return self.config.entries[name].runtime if name else self.config.file.runtime

    def name(self, identity: str) -> str:
        """A name for messages."""
        return self.find(identity) or f"run {identity}"

    def find(self, identity: str) -> str | None:
        """An experiment with this identity today, or None."""
        if identity not in self.names:
            self.names.update({value: key for key, value in reversed(self.identities().items())})
        return self.names.get(identity)

    def identities(self) -> dict[str, str]:
        """Experiment -> identity, for all that are known now."""
        known = {}
        for name in self.config.entries:
            try:
                known[name] = self.done.experiment(name).digest
            except Pending:
                continue
        return known

    def listing(self) -> str:
        """Changes when a name, a seed or an identity does, or how tables are made."""
        seeds = {name: entry.seeds for name, entry in self.config.entries.items()}
        return digest([seeds, self.identities(), self.config.file.results.model_dump(), self.keys.tables()])


def require_identity(jobs: Jobs, identity: str) -> str:
    """The experiment with this identity.

    Raises:
        UserError: no experiment has it: code, configuration or data changed while the job was queued.
    """
    name = jobs.find(identity)
    if name is None:
        raise UserError(
            f"no experiment has the identity {identity} now: code, configuration, data or weights changed after this"
            " job was planned; nothing was trained. Start snakemake again: it plans with what is there now"
        )
    return name
