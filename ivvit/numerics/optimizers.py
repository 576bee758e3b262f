"""Optimisers by data set, layer-wise learning rates, and layers that are not trained."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from ivvit.ground.errors import UserError

if TYPE_CHECKING:
    from ivvit.config.experiment import Experiment
    from ivvit.config.optimisation import OptimizerOptions

_BLOCK = re.compile(r"\bblocks\.(\d+)\.")
_EMBEDDING = re.compile(r"\b(patch_embed|pos_embed\w*|cls_token|reg_token|norm_pre|tubelet)\b")


def make_optimizers(model: nn.Module, experiment: "Experiment") -> dict[str, Optimizer]:
    """One optimiser per data set over all trained parameters, or the one named `default` for `joint`.

    Every data set's optimiser holds the other data sets' heads too, as in the authors' code; a parameter without
    gradient is left alone by torch, weight decay included.
    """
    return {name: _make(model, options, experiment.layer_decay) for name, options in experiment.optimizer.items()}


def freeze(model: nn.Module, blocks: int) -> None:
    """Stop training the embedding and the first `blocks` blocks (0: nothing is frozen).

    Raises:
        UserError: the backbone has fewer blocks.
    """
    depth = len(model.backbone.blocks)
    if blocks > depth:
        raise UserError(f"freeze is {blocks}, but the backbone has {depth} blocks")
    for name, parameter in model.named_parameters():
        if blocks and layer_of(name, depth) <= blocks:
            parameter.requires_grad_(False)


def layer_of(name: str, depth: int) -> int:
    """0 for the embedding, 1 ... depth for the blocks, depth + 1 for the final norm and the heads."""
    if block := _BLOCK.search(name):
        return int(block[1]) + 1
    return 0 if _EMBEDDING.search(name) and not name.startswith("heads.") else depth + 1


def trained(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that are not frozen."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _make(model: nn.Module, options: "OptimizerOptions", layer_decay: float | None) -> Optimizer:
    depth = len(model.backbone.blocks)
    layers: dict[int, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            layers.setdefault(layer_of(name, depth) if layer_decay else depth + 1, []).append(parameter)
    groups = [
        {"params": parameters, "peak_lr": options.lr * (layer_decay or 1.0) ** (depth + 1 - layer)}
        for layer, parameters in sorted(layers.items())
    ]
    return _torch_optimizer(options, groups)


def _torch_optimizer(options: "OptimizerOptions", groups: Iterable[dict]) -> Optimizer:
    common = {"lr": options.lr, "weight_decay": options.weight_decay, "fused": True}
    match options.name:
        case "SGD":
            return SGD(groups, momentum=options.momentum, **common)
        case "Adam":
            return Adam(groups, betas=options.betas, **common)
        case _:
            return AdamW(groups, betas=options.betas, **common)
