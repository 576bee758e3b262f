"""What each check depends on: a check (validation, extraction, conversion) is done again when its key changes."""

from collections.abc import Iterable
from pathlib import Path

from ivvit.config import Config
from ivvit.ground.digest import digest
from ivvit.identity.closure import Code
from ivvit.identity.entries import (
    CONVERSION,
    DEMO,
    EXTRACTION,
    TABLES,
    VALIDATION,
    WITHIN_CONVERSION,
    WITHIN_DEMO,
    WITHIN_EXTRACTION,
    WITHIN_TABLES,
    WITHIN_VALIDATION,
)
from ivvit.identity.fingerprint import fingerprint

_CHECKED = {"kind", "path", "media", "split", "expect", "strict", "max_damaged"}


class Keys:
    """Today's keys, from files' names, sizes and times; no file's content is read but list files' and the code's."""

    def __init__(self, config: Config, code: Code) -> None:
        self._config = config
        self._code = code

    def demo(self) -> str:
        """The demo's data: its options and the code that makes it."""
        return digest([self._config.file.demo.model_dump(), self._digest(DEMO, WITHIN_DEMO)])

    def validation(self, dataset: str) -> str:
        """A manifest: the data set's options, names and times of its folders and lists, the readers' code."""
        options = self._config.datasets[dataset]
        seen = fingerprint(dataset, options, self._config.root)
        return digest(
            [options.model_dump(mode="json", include=_CHECKED), seen, self._digest(VALIDATION, WITHIN_VALIDATION)]
        )

    def extraction(self, dataset: str, manifest: str | None) -> str:
        """A frame store: the manifest's digest, the store's options and place, the extractor's code."""
        options = self._config.datasets[dataset]
        return digest(
            [
                manifest,
                options.store.model_dump(),
                str(self._config.root),
                self._digest(EXTRACTION, WITHIN_EXTRACTION),
            ]
        )

    def weights(self, pretrain: str) -> str:
        """Converted weights: their source, a local file's size and time, the conversion's code."""
        source = self._config.file.weights.get(pretrain)  # as written: an equal root elsewhere changes nothing
        path = self.local_weights(pretrain)
        stat = path.stat() if path and path.is_file() else None
        version = [stat.st_size, stat.st_mtime_ns] if stat else None
        return digest(
            [
                pretrain,
                source.model_dump() if source else None,
                version,
                self._digest(CONVERSION, WITHIN_CONVERSION),
            ]
        )

    def tables(self) -> str:
        """The code that writes tables and figures."""
        return self._digest(TABLES, WITHIN_TABLES)

    def local_weights(self, pretrain: str) -> Path | None:
        """The local file that weights are read from, if they are not downloaded."""
        source = self._config.sources.get(pretrain, {})
        url = pretrain if pretrain.startswith("file:") else source.get("url", "")
        if url.startswith("file:"):
            return Path(url.removeprefix("file:").removeprefix("//"))
        return self._config.root / source["path"] if "path" in source else None

    def _digest(self, entries: tuple[str, ...], within: Iterable[str]) -> str:
        return self._code.closure(entries, within).digest
