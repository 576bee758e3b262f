"""Where today's checks lie: manifests, frame stores' locks, converted weights, and the demo's data.

Each lies at its key, a digest of what it depends on; it is due when that path does not exist.
"""

from functools import cache
from pathlib import Path

from ivvit.config import Config
from ivvit.ground.digest import digest
from ivvit.identity.closure import Code
from ivvit.identity.entries import (
    CONVERSION,
    DEMO,
    EXTRACTION,
    VALIDATION,
    WITHIN_CONVERSION,
    WITHIN_DEMO,
    WITHIN_EXTRACTION,
    WITHIN_VALIDATION,
)
from ivvit.identity.fingerprint import Listings
from ivvit.identity.locks import Locks, Pending
from ivvit.identity.paths import Paths

_CHECKED = {"kind", "path", "media", "split", "expect", "strict", "max_damaged", "group", "allow_overlap"}
_VIDEOS_PER_SHARD = 2_000  # from the data set's size alone, so that no setting can make a shard stale


class Checks:
    """Paths of today's checks. No data is read but list files, no code is imported."""

    def __init__(
        self, config: Config, code: Code, listings: Listings | None = None, locks: Locks | None = None
    ) -> None:
        self.config, self.code, self.paths = config, code, Paths(config.results)
        self.listings = listings or Listings(by_folder=config.file.runtime.listing == "folders")
        self.locks = locks or Locks()
        self._digest = cache(lambda entries, within: code.closure(entries, within).digest)
        self._manifest, self._weights = cache(self._find_manifest), cache(self._find_weights)

    @property
    def demo(self) -> Path | None:
        """Says that the demo's data is there, made with today's options and code; None where data is not made here."""
        options = self.config.file.demo
        if options is None:
            return None
        return self.config.root / "made" / f"{digest([options.model_dump(), self._digest(DEMO, WITHIN_DEMO)])}.json"

    def manifest(self, dataset: str) -> Path:
        """The lock of a data set's manifest: of its options, its files, and the readers' code.

        Raises:
            Pending: the data set must be made first.
        """
        return self._manifest(dataset)

    def manifest_key(self, dataset: str, files: str) -> str:
        """The key of a manifest of files with this fingerprint."""
        options = self.config.datasets[dataset].model_dump(mode="json", include=_CHECKED)
        return digest([options, files, self._digest(VALIDATION, WITHIN_VALIDATION)])

    def frames(self, dataset: str) -> Path:
        """The lock of a frame store: of the manifest, the store's options and place, and the extractor's code.

        Raises:
            Pending: the data set must be validated first.
        """
        manifest = self.locks.read(self.manifest(dataset))["digest"]
        store = self.config.datasets[dataset].store
        code = self._digest(EXTRACTION, WITHIN_EXTRACTION)
        place = store.folder or str(self.config.root)
        return self.paths.frames(dataset, digest([manifest, store.model_dump(), place, code]))

    def shards(self, dataset: str) -> list[Path]:
        """The marks of an extraction's finished parts. Raises Pending as `frames` does."""
        lock, counts = self.frames(dataset), self.locks.read(self.manifest(dataset))["counts"]
        count = -(-sum(counts.values()) // _VIDEOS_PER_SHARD) or 1
        return [self.paths.shard(lock, shard, count) for shard in range(count)]

    def weights(self, pretrain: str) -> Path:
        """The lock of converted weights: of their source, a local file's size and time, and the conversion's code.

        Raises:
            Pending: the file is among the demo's data, which must be made first.
        """
        return self._weights(pretrain)

    def local_weights(self, pretrain: str) -> Path | None:
        """The local file that weights are read from, if they are not downloaded."""
        source = self.config.sources.get(pretrain, {})
        url = pretrain if pretrain.startswith("file:") else source.get("url", "")
        if url.startswith("file:"):
            return Path(url.removeprefix("file:").removeprefix("//"))
        return self.config.root / source["path"] if "path" in source else None

    def is_made(self, path: Path) -> bool:
        """Whether a file or folder is among the demo's data, which the workflow makes itself."""
        return self.demo is not None and path.absolute().is_relative_to(self.config.root.absolute())

    def trouble(self, rule: str, name: str) -> str | None:
        """Why the check of this rule cannot be done as things are: `data/clips does not exist`; None if it can."""
        if rule == "validate":
            options = self.config.datasets[name]
            return self.listings.trouble(options, self.config.root)
        path = self.local_weights(name) if rule == "weights" else None
        return f"{path} does not exist" if path is not None and not path.exists() else None

    def _find_manifest(self, dataset: str) -> Path:
        options = self.config.datasets[dataset]
        if self.is_made(self.config.root / options.path):
            self._require_demo()
        files = self.listings.of(options, self.config.root)
        return self.paths.manifest(dataset, self.manifest_key(dataset, files))

    def _find_weights(self, pretrain: str) -> Path:
        source = self.config.file.weights.get(pretrain)  # as written: an equal root elsewhere changes nothing
        path = self.local_weights(pretrain)
        if path is not None and self.is_made(path):
            self._require_demo()
        stat = path.stat() if path and path.is_file() else None
        version = [stat.st_size, stat.st_mtime_ns] if stat else None
        code = self._digest(CONVERSION, WITHIN_CONVERSION)
        key = digest([pretrain, source.model_dump() if source else None, version, code])
        return self.paths.weights(pretrain, key)

    def _require_demo(self) -> None:
        if self.demo is not None and not self.demo.is_file():
            raise Pending([self.demo])
