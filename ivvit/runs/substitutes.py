"""How many training samples were replaced by others because their files could not be read."""

from ivvit.numerics.batch import Batch
from ivvit.numerics.world import World


class Substitutes:
    """Counts by data set; each process counts its own."""

    def __init__(self, counts: dict[str, int], world: World) -> None:
        self._counts, self._world = dict(counts) if world.is_main else {}, world

    def count(self, batches: dict[str, Batch]) -> None:
        """Count an iteration's batches."""
        for name, batch in batches.items():
            if bad := sum(record.substitute_for is not None for record in batch.records):
                self._counts[name] = self._counts.get(name, 0) + bad

    def total(self) -> dict[str, int]:
        """The sum over all processes, without data sets that have none; a collective call."""
        parts = self._world.gather(self._counts)
        names = sorted({name for part in parts for name in part})
        return {name: sum(part.get(name, 0) for part in parts) for name in names}
