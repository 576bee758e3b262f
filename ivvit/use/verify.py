"""Evaluate a bundle's models again, on the data as it lies here, and compare sample by sample."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from ivvit.config.optimisation import EvaluationOptions
from ivvit.data.manifest import load_manifest
from ivvit.ground.errors import UserError
from ivvit.numerics.sources import CifarSource
from ivvit.runs.evaluation_job import EvaluationMetrics, read_metrics
from ivvit.runs.model_file import NAME, load_model, read_card
from ivvit.use.bundle import About
from ivvit.use.outcome import FileResult
from ivvit.use.predict import Predictor
from ivvit.use.protocol import Protocol
from ivvit.use.results import PREDICTIONS
from ivvit.use.views import crop

TOLERANCES = {"fp32": 1e-4, "bf16": 2e-2, "fp16": 5e-3}
"""How far probabilities may differ on another machine, by the precision that the model is evaluated in."""
_PART = 64  # of a CIFAR's images at a time


@dataclass(frozen=True)
class Verified:
    """One data set of one seed."""

    seed: int
    dataset: str
    split: str
    num_samples: int
    top1: tuple[float, float]
    """As the bundle says, and as found here."""
    largest: float
    """The largest difference of a sample's probability of the true class."""
    tolerance: float
    different: list[str]
    """Samples whose probability differs by more than the tolerance."""
    unusable: dict[str, str]
    """Files that are missing, damaged, or not those of the bundle's manifest, and why."""
    votes: bool = False
    """Whether the bundle has numbers of nearest neighbours as well, which are not compared."""

    @property
    def agrees(self) -> bool:
        """Whether all samples are as the bundle says."""
        return not self.different and not self.unusable


def verify(about: About, folder: Path, root: Path, device: torch.device, workers: int = 0) -> Iterator[Verified]:
    """One result after the other.

    Args:
        about: of the bundle.
        folder: where it is unpacked.
        root: the folder with `datasets/`, as in a configuration's root_path.
        device: where to compute.
        workers: processes that read files.

    Raises:
        UserError: a part of the bundle is not readable, or memory does not suffice.
    """
    for seed in about.seeds:
        place = folder / f"seed{seed}"
        card, metrics = read_card(place / NAME), read_metrics(place)
        options = EvaluationOptions.model_validate({k: v for k, v in metrics.evaluation.items() if k != "precision"})
        model, protocol = load_model(place / NAME, card).to(device), Protocol(options.clips, options.crops)
        predictor = Predictor(model, card, device, protocol, workers=workers)
        for name in metrics.datasets:
            yield _dataset(predictor, metrics, seed, name, folder, root)


def _dataset(
    predictor: Predictor, metrics: EvaluationMetrics, seed: int, name: str, folder: Path, root: Path
) -> Verified:
    table = pq.read_table(folder / f"seed{seed}" / PREDICTIONS).to_pandas()
    table = table[table["dataset"] == name]
    said = {row.path: (int(row.label), float(row.probability)) for row in table.itertuples()}
    hashes = load_manifest(folder / "manifests" / f"{name}.json").table.set_index("path")["sha256"].to_dict()
    head, found = metrics.heads[name], dict[str, np.ndarray]()
    unusable: dict[str, str] = {}
    for path, result in zip(said, _results(predictor, head, list(said), root), strict=True):
        if isinstance(result, np.ndarray):
            found[path] = result
        elif result.damage:
            unusable[path] = result.damage
        elif result.sha256 != hashes.get(path):
            unusable[path] = "its content is not that of the bundle's manifest"
        else:
            found[path] = result.predictions[0].probabilities
    gaps = {path: abs(found[path][said[path][0]] - said[path][1]) for path in found}
    tolerance = TOLERANCES[predictor.card.precision]
    right = [float(found[path].argmax() == said[path][0]) for path in found]
    return Verified(
        seed, name, metrics.evaluation["split"], len(said),
        (metrics.datasets[name].top1, float(np.mean(right)) if right else float("nan")),
        max(gaps.values(), default=0.0), tolerance, [path for path, gap in gaps.items() if not gap <= tolerance],
        unusable, name in metrics.knn,
    )  # fmt: skip


def _results(predictor: Predictor, head: str, paths: list[str], root: Path) -> Iterator[FileResult | np.ndarray]:
    """What becomes of each sample: of files, a result; of rows of CIFAR's pickles, probabilities."""
    if not any("#" in path and not (root / path).exists() for path in paths):
        yield from predictor.files([str(root / path) for path in paths], [head])
        return
    try:
        source = CifarSource([str(root / path) for path in paths])
        for begin in range(0, len(paths), _PART):
            images = [source.image(index) for index in range(begin, min(begin + _PART, len(paths)))]
            card = predictor.card
            views = [crop(image, card, card.heads[head], predictor.protocol.crops) for image in images]
            yield from np.exp(predictor.scores(head, torch.stack(views)))
    except (UserError, ValueError, IndexError) as error:
        raise UserError(f"{paths[0].partition('#')[0]} cannot be read in {root}: {error}") from None


def require_data(root: Path, about: About) -> None:
    """Look for the data before anything is computed.

    Raises:
        UserError: the folder has none of the bundle's data sets.
    """
    places = {name: root / options["path"] for name, options in about.datasets.items()}
    if not any(place.exists() for place in places.values()):
        raise UserError(
            f"{root} has none of the bundle's data sets (looked for {', '.join(map(str, places.values()))}); name the "
            "folder that they lie in with --root"
        )
