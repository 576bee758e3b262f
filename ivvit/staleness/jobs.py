"""What the workflow's jobs need, are called, and depend on: everything that the rules ask for by a function.

Each `*_key` is a digest of what a job's output depends on; Snakemake re-runs a job when its key changes.
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from ivvit.config import Config, RuntimeOptions
from ivvit.data.fingerprint import fingerprint
from ivvit.errors import UserError
from ivvit.staleness.closure import Code
from ivvit.staleness.digest import digest
from ivvit.staleness.entries import CONVERSION, DEMO, EXTRACTION, NEUTRAL, VALIDATION
from ivvit.staleness.identity import Identities
from ivvit.staleness.locks import Pending
from ivvit.staleness.paths import slug

Gate = Callable[..., Any]
VIDEOS_PER_SHARD = 2_000  # from the data set's size alone, so that no setting can make a shard stale


class Jobs:
    """Answers the rules' questions from lock files; never waits for anything."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._code = Code()
        self._done = Identities(config, code=self._code)
        self.paths = self._done.paths
        self.names: dict[str, str] = {}
        """Identity -> an experiment that has it."""

    @cached_property
    def weights(self) -> dict[str, str]:
        """File name -> name of the pretrained weights, for all that experiments start from."""
        used = [self.config.experiment(name).pretrain for name in self.config.entries]
        return {slug(name): name for name in used if name != "none" and not name.startswith("experiment:")}

    @property
    def demo_lock(self) -> Path:
        """Says that the demo's data is complete."""
        return self.config.root / ".complete"

    def demo_key(self) -> str:
        """What the demo's data depends on."""
        return digest([self.config.file.demo.model_dump(), self._code_key(*DEMO)])

    def dataset_needs(self, gate: Gate) -> list[Any]:
        """What must be there before data sets are validated: the demo's data, if it is made here."""
        if self.config.file.demo is None:
            return []
        return [gate("demo") or str(self.demo_lock)]

    def weights_needs(self, name: str, gate: Gate) -> list[Any]:
        """What must be there before weights are fetched: the demo's, if they lie among its data."""
        source = self._local_source(self.weights[name])
        inside = source is not None and source.absolute().is_relative_to(self.config.root.absolute())
        return self.dataset_needs(gate) if inside else []

    def weights_key(self, pretrain: str) -> str:
        """What converted weights depend on: their source, a local file's size and time, the conversion's code."""
        source = self.config.file.weights.get(pretrain)  # as written: an equal root elsewhere changes nothing
        path = self._local_source(pretrain)
        stat = path.stat() if path and path.is_file() else None
        version = [stat.st_size, stat.st_mtime_ns] if stat else None
        return digest([pretrain, source.model_dump() if source else None, version, self._code_key(CONVERSION)])

    def validation_key(self, dataset: str) -> str:
        """What a manifest depends on: the options, names and times of folders and lists, the readers' code."""
        options = self.config.datasets[dataset]
        settings = options.model_dump(
            mode="json", include={"kind", "path", "media", "split", "expect", "strict", "max_damaged"}
        )
        seen = fingerprint(dataset, options, self.config.root)
        return digest([settings, seen, self._code_key(VALIDATION)])

    def manifest_needs(self, dataset: str, gate: Gate) -> list[Any]:
        """The manifest, once it is up to date."""
        return [gate("validate", dataset=dataset) or str(self.paths.manifest(dataset))]

    def extraction_key(self, dataset: str) -> str:
        """What a frame store depends on: the manifest, the store's options, where it lies, the extractor's code."""
        try:
            manifest = self._done._data(dataset)
        except Pending:
            manifest = None
        store = self.config.datasets[dataset].store.model_dump()
        return digest([manifest, store, str(self.config.root), self._code_key(EXTRACTION)])

    def shards(self, dataset: str, gate: Gate) -> list[Any]:
        """The parts of an extraction, once the manifest says how many there are."""
        if (pending := gate("validate", dataset=dataset)) is not None:
            return [pending]
        manifest = self._done._locks.read(self.paths.manifest(dataset), "validate", dataset=dataset)
        count = -(-sum(manifest["counts"].values()) // VIDEOS_PER_SHARD) or 1
        folder = self.paths.frames(dataset).with_suffix("")
        return [f"{folder}/shard-{shard}-of-{count}.done" for shard in range(count)]

    def train_needs(self, identity: str, seed: str) -> list[str]:
        """The run whose model this one starts from, if any; it has the same seed."""
        name = self.find(identity)
        pretrain = self._done.resolved(name).pretrain if name else "none"
        if not pretrain.startswith("experiment:"):
            return []
        parent = self._done.experiment(pretrain.removeprefix("experiment:")).digest
        return [f"{self.paths.run(parent, int(seed))}/metrics.json"]

    def study_needs(self, study: str, identity: str, n_trials: str) -> list[str]:
        """The workers' marks."""
        count = self.config.file.studies[study].workers
        return [f"{self.paths.study(study, identity)}/workers/{n_trials}-{worker}.done" for worker in range(count)]

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
                known[name] = self._done.experiment(name).digest
            except Pending:
                continue
        return known

    def listing(self) -> str:
        """Changes when a name, a seed or an identity does."""
        seeds = {name: entry.seeds for name, entry in self.config.entries.items()}
        return digest([seeds, self.identities(), self.config.file.results.model_dump()])

    def _code_key(self, *entries: str) -> str:
        return digest(self._code.modules(entries, without=NEUTRAL))

    def _local_source(self, pretrain: str) -> Path | None:
        source = self.config.sources.get(pretrain, {})
        url = pretrain if pretrain.startswith("file:") else source.get("url", "")
        if url.startswith("file:"):
            return Path(url.removeprefix("file:").removeprefix("//"))
        return self.config.root / source["path"] if "path" in source else None


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
