"""Write an export: all of its files, checked, or none."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ivvit.ground.errors import UserError
from ivvit.ground.files import explained
from ivvit.numerics.models.common import JointModel
from ivvit.runs.heads import head_of
from ivvit.runs.model_file import NAME
from ivvit.use.export.graph import Graph, graphs_of, write_onnx, write_torch
from ivvit.use.export.readme import write_texts
from ivvit.use.export.timm_form import write_timm
from ivvit.use.load import TrainedModel
from ivvit.use.results import evaluations_of

FORMATS = ("onnx", "torch-export", "timm", "safetensors")
_GRAPHS: dict[str, Callable[[Graph, JointModel, Path], tuple[Path, float]]] = {
    "onnx": write_onnx, "torch-export": write_torch,
}  # fmt: skip


@dataclass(frozen=True)
class Written:
    """A file of an export."""

    file: Path
    difference: float
    """The largest from the model's outputs."""


def export(run: TrainedModel, form: str, out: Path, heads: Sequence[str] = (), name: str = "") -> list[Written]:
    """Write the model in one of the FORMATS into the folder `out`, with README.md and preprocessing.json.

    Args:
        run: the model, on the CPU.
        form: onnx and torch-export give images and clips a file each; timm the backbone, with one head at most;
            safetensors the model's own file.
        out: the folder, made if missing.
        heads: the heads that are exported; by default all (timm: none).
        name: what the model card calls the model; by default its folder's name.

    Raises:
        UserError: an unknown head, the outputs differ, or the folder cannot be written.
    """
    for head in heads:
        head_of(run.card, head)
    with explained(out / "README.md"):
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=out) as temporary:
            folder = Path(temporary)
            written = _write(run, form, folder, heads)
            results = evaluations_of(run.file).values()
            write_texts(folder, run.card, name or _name(run), form, list(heads), results)
            for file in sorted(folder.iterdir()):
                file.replace(out / file.name)
    return [Written(out / file.name, difference) for file, difference in written]


def _write(run: TrainedModel, form: str, folder: Path, heads: Sequence[str]) -> list[tuple[Path, float]]:
    model = run.model
    if form in _GRAPHS:
        return [_GRAPHS[form](graph, model, folder) for graph in graphs_of(run.card, heads)]
    if form == "timm":
        if len(heads) > 1:
            raise UserError("a model of timm has one classifier; name one head with --dataset, or none")
        return [write_timm(model, run.card, heads[0] if heads else None, folder)]
    shutil.copyfile(run.file, folder / NAME)
    return [(folder / NAME, 0.0)]


def _name(run: TrainedModel) -> str:
    place = run.file.absolute()
    return "-".join(place.parts[-3:-1]) if place.name == NAME else place.stem
