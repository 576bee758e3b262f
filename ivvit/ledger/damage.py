"""Finished results whose files are not what was written."""

from collections.abc import Iterator
from pathlib import Path

from ivvit.ground.seal import altered, resized
from ivvit.identity.paths import Paths
from ivvit.ledger.past import finished_runs
from ivvit.ledger.reasons import Reason
from ivvit.planning.remade import is_remade


def damage_of(result: Path) -> list[Reason]:
    """What sizes tell of a run's or an evaluation's files, and what to do; `result` is the one written last."""
    folder = result.parent
    if not (found := resized(folder)):
        return []
    how = "it is made again by the next start of snakemake" if is_remade(result) else f"put it back, or remove {folder}"
    return [Reason("damage", "", detail=f"{damage.text}; {how}") for damage in found]


def damaged_results(paths: Paths) -> Iterator[tuple[Path, str]]:
    """(folder, what is wrong) for every damaged run and evaluation; all files of all of them are read."""
    for run in finished_runs(paths):
        numbers = sorted(run.folder.glob("evaluations/*/metrics.json"))
        for folder in (run.folder, *(file.parent for file in numbers)):
            for damage in altered(folder):
                yield folder, damage.text
