"""Tensors under timm's names into a model, with an account of every name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ivvit.ground.errors import UserError
from ivvit.numerics.fit import fit

if TYPE_CHECKING:
    from torch import Tensor

    from ivvit.numerics.models.common import JointModel

NEW = ("heads.", "adapters.")
"""What weights of an image model do not have."""


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
        lines += ["  new adapters"] if any(name.startswith("adapters.") for name in self.missing) else []
        lines += [f"  missing: {name}" for name in self.missing if not name.startswith(NEW)]
        lines += [f"  unexpected: {name}" for name in self.unexpected]
        return "\n".join(lines + [f"  {note}" for note in self.notes])


def load_tensors(
    model: "JointModel",
    tensors: "dict[str, Tensor]",
    layout: str = "ivvit",
    origin: Mapping[str, list[str]] | None = None,
    leftover: list[str] | None = None,
    allow_partial: bool = False,
) -> LoadReport:
    """Load tensors in place, resized and inflated where the model needs it.

    Args:
        model: made by `create_model`.
        tensors: under timm's names, `backbone.` before them or not; heads under `heads.<data set>`.
        layout: the layout they came in, for the report.
        origin: the checkpoint's names for each tensor; by default its own.
        leftover: names of the checkpoint that have no place.
        allow_partial: accept a checkpoint that lacks some of the backbone's parameters.

    Raises:
        UserError: another shape, or less than all of the backbone. The model is then unchanged.
    """
    tensors = {_short(name): tensor for name, tensor in tensors.items()}
    origin = origin or {name: [name] for name in tensors}
    given = set(tensors)
    tensors, notes = fit(tensors, model)
    used = given - set(tensors)  # joined with others under another name
    targets = {_short(name): (name, tensor) for name, tensor in model.state_dict().items()}
    chosen = {name: tensor for name, tensor in tensors.items() if name in targets}
    for name in [name for name in chosen if name.startswith("heads.")]:
        shapes = chosen[name].shape, targets[name][1].shape
        if shapes[0] != shapes[1]:
            notes.append(f"{name}: left out, {shapes[0][0]} classes in the checkpoint, {shapes[1][0]} in the model")
            del chosen[name]
    _check_shapes(chosen, targets)
    report = LoadReport(
        layout=layout,
        loaded=[full for name, (full, _) in targets.items() if name in chosen],
        missing=[full for name, (full, _) in targets.items() if name not in chosen],
        unexpected=[
            *(s for name, source in origin.items() if name not in {*chosen, *used} for s in source),
            *(leftover or ()),
        ],
        notes=notes,
    )
    _check_complete(report, model, allow_partial)
    _copy(chosen, targets)
    return report


def _short(name: str) -> str:
    """The model's own names without the part that timm's lack."""
    return name.removeprefix("backbone.")


def _is_head(name: str) -> bool:
    return name.startswith("heads.")


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


def _check_complete(report: LoadReport, model: "JointModel", allow_partial: bool) -> None:
    lacking = [name for name in report.missing if not name.startswith(NEW)]
    if lacking and not allow_partial:
        raise UserError(
            f"the weights ({report.layout} layout) lack {len(lacking)} of the backbone's parameters, for instance "
            f"{', '.join(lacking[:3])}; {_advice(lacking, model)}"
        )


def _advice(lacking: list[str], model: "JointModel") -> str:
    """What to change in the configuration."""
    if all(name.endswith(("cls_token", "cls_token_video")) for name in lacking):
        return (
            "they have no class token: give backbone {class_token: false, global_pool: avg}, where the model allows it"
        )
    if any(name.startswith("backbone.norm_pre") for name in lacking):
        return "choose the backbone that they were trained with, one without a norm before the blocks"
    return f"choose the backbone that they were trained with; this is a {type(model.backbone).__name__}"


def _copy(chosen: "dict[str, Tensor]", targets: dict) -> None:
    import torch

    with torch.no_grad():
        for name, tensor in chosen.items():
            targets[name][1].copy_(tensor)
