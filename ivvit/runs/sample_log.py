"""An optional record of every sample that was trained on, for tests and inspection."""

from pathlib import Path

from ivvit.numerics.batch import Batch
from ivvit.numerics.world import World
from ivvit.runs.rows import RowLog

COLUMNS = ("iteration", "dataset", "index", "path", "start_seconds", "substitute_for")


class SampleLog:
    """A CSV file with a row per sample; without a path it does nothing. Further processes write <stem>.<rank>.csv."""

    def __init__(self, path: Path | None, world: World, iteration: int) -> None:
        self._waiting: list[tuple[object, ...]] = []
        self._rows = None
        if path is not None:
            own = path if world.is_main else path.with_suffix(f".{world.rank}{path.suffix}")
            self._rows = RowLog(own, COLUMNS, lambda row: int(row["iteration"]) <= iteration)

    def add(self, iteration: int, batches: dict[str, Batch]) -> None:
        """Record an iteration's samples."""
        if self._rows is not None:
            self._waiting += [
                (iteration, name, r.index, r.path, f"{r.start_seconds:.9g}", r.substitute_for or "")
                for name, batch in batches.items() for r in batch.records
            ]  # fmt: skip

    def flush(self) -> None:
        """Write the buffered rows."""
        if self._rows is not None and self._waiting:
            self._rows.append(self._waiting)
            self._waiting = []

    def flush_pending(self) -> None:
        """Write the rows that wait for space.

        Raises:
            UserError: the disk is still full.
        """
        if self._rows is not None:
            self._rows.flush_pending()
