"""Weights of any known layout into a model, with an account of every name."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ivvit.errors import UserError
from ivvit.weights.converted import Converted
from ivvit.weights.fit import fit
from ivvit.weights.layouts import convert
from ivvit.weights.read import unwrap

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass
class LoadReport:
    """What became of every name: the model's for loaded and missing, the checkpoint's for unexpected."""

    layout: str
    loaded: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"{self.layout} layout: {len(self.loaded)} loaded, {len(self.missing)} missing, "
            f"{len(self.unexpected)} unexpected"
        ]
        heads = dict.fromkeys(name.split(".")[1].replace("%2E", ".") for name in self.missing if _is_head(name))
        lines += [f"  new heads: {', '.join(heads)}"] if heads else []
        lines += [f"  missing: {name}" for name in self.missing if not _is_head(name)]
        lines += [f"  unexpected: {name}" for name in self.unexpected]
        return "\n".join(lines + [f"  {note}" for note in self.notes])


def load_weights(model: "nn.Module", state_dict: "dict[str, Tensor]", allow_partial: bool = False) -> LoadReport:
    """Load a checkpoint of any known layout into one of the four models, in place.

    Position embeddings are interpolated to the model's size, image weights inflated for polyvit; a classifier is
    loaded where the model has one of that data set and as many classes, and reported as unexpected otherwise.

    Args:
        model: made by `ivvit.models.create_model`.
        state_dict: as `ivvit.weights.read_state_dict` gives it, or still inside {"state_dict": ...}.
        allow_partial: accept a checkpoint that lacks some of the backbone's parameters.

    Returns:
        A report: `loaded`, `missing` (names of the model), `unexpected` (names of the checkpoint), `notes`.

    Raises:
        UserError: an unknown layout, another shape, or less than all of the backbone. The model is then unchanged.
    """
    converted = convert(unwrap(state_dict))
    tensors, notes = fit(converted.tensors, model)
    targets = {_short(name): (name, tensor) for name, tensor in model.state_dict().items()}
    chosen = {name: tensor for name, tensor in tensors.items() if name in targets}
    for name in [name for name in chosen if name.startswith("heads.")]:
        shapes = chosen[name].shape, targets[name][1].shape
        if shapes[0] != shapes[1]:
            notes.append(f"{name}: left out, {shapes[0][0]} classes in the checkpoint, {shapes[1][0]} in the model")
            del chosen[name]
    _check_shapes(chosen, targets)
    report = _account(converted, chosen, targets, notes)
    _check_complete(report, allow_partial)
    _copy(chosen, targets)
    return report


def _short(name: str) -> str:
    """The model's own names without the part that timm's lack."""
    return name.removeprefix("backbone.")


def _is_head(name: str) -> bool:
    return name.startswith("heads.")


def _account(converted: Converted, chosen: "dict[str, Tensor]", targets: dict, notes: list[str]) -> LoadReport:
    unexpected = [source for name, origin in converted.origin.items() if name not in chosen for source in origin]
    return LoadReport(
        layout=converted.layout,
        loaded=[full for name, (full, _) in targets.items() if name in chosen],
        missing=[full for name, (full, _) in targets.items() if name not in chosen],
        unexpected=unexpected + converted.leftover,
        notes=notes,
    )


def _check_shapes(chosen: "dict[str, Tensor]", targets: dict) -> None:
    wrong = [name for name, tensor in chosen.items() if tensor.shape != targets[name][1].shape]
    if wrong:
        some = "; ".join(
            f"{name} is {tuple(chosen[name].shape)}, the model's {tuple(targets[name][1].shape)}" for name in wrong[:3]
        )
        raise UserError(
            f"the weights are of another backbone: {len(wrong)} of {len(chosen)} shapes differ ({some}); "
            "choose the backbone that they were trained with"
        )


def _check_complete(report: LoadReport, allow_partial: bool) -> None:
    lacking = [name for name in report.missing if not name.startswith("heads.")]
    if lacking and not allow_partial:
        raise UserError(
            f"the weights ({report.layout} layout) lack {len(lacking)} of the backbone's parameters, for instance "
            f"{', '.join(lacking[:3])}; choose a fitting backbone, or allow partial loading (allow_partial=True)"
        )


def _copy(chosen: "dict[str, Tensor]", targets: dict) -> None:
    import torch

    with torch.no_grad():
        for name, tensor in chosen.items():
            targets[name][1].copy_(tensor)
