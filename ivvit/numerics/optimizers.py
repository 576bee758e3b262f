"""Optimisers by data set: torch's three and timm's, in groups by layer and by weight decay."""

from typing import TYPE_CHECKING, Any

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from ivvit.numerics.layers import layers_of, without_decay

if TYPE_CHECKING:
    from ivvit.config.experiment import Experiment
    from ivvit.config.optimisation import OptimizerOptions
    from ivvit.numerics.models.common import JointModel

TORCHS = (0.9, 0.999)
"""The betas of torch's Adam: where a configuration does not change them, timm's optimisers keep their own."""


def make_optimizers(model: "JointModel", experiment: "Experiment") -> dict[str, Optimizer]:
    """One optimiser per data set over all trained parameters, or the one named `default` for `joint`.

    Every data set's optimiser holds the other data sets' heads too, as in the authors' code; a parameter without
    gradient is left alone by torch, weight decay included.
    """
    return {name: _make(model, options, experiment.layer_decay) for name, options in experiment.optimizer.items()}


def trained(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that are not frozen."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def keeps_gradients(optimizer: Optimizer) -> bool:
    """Whether its step leaves `.grad` as it is; some of timm's write into it."""
    return isinstance(optimizer, SGD | Adam | AdamW)


def _make(model: "JointModel", options: "OptimizerOptions", layer_decay: float | None) -> Optimizer:
    last = len(model.backbone.blocks) + 1
    layers = layers_of(model) if layer_decay else {}
    spared = without_decay(model) if options.no_decay else set()
    members: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            members.setdefault((layers.get(name, last), name in spared), []).append(parameter)
    groups = [
        {"params": parameters, "peak_lr": options.lr * (layer_decay or 1.0) ** (last - layer)}
        | ({"weight_decay": 0.0} if decay_free else {})
        for (layer, decay_free), parameters in sorted(members.items())
    ]
    return _optimizer(options, groups)


def _optimizer(options: "OptimizerOptions", groups: list[dict[str, Any]]) -> Optimizer:
    lr, decay = options.lr, options.weight_decay
    match options.name:
        case "SGD":
            return SGD(groups, lr, momentum=options.momentum, weight_decay=decay, fused=True)
        case "Adam":
            return Adam(groups, lr, betas=options.betas, weight_decay=decay, fused=True)
        case "AdamW":
            return AdamW(groups, lr, betas=options.betas, weight_decay=decay, fused=True)
        case name:
            # here, because timm.optim imports torch's compiler, which takes two seconds
            import ivvit.numerics.compat  # noqa: F401  (before timm)

            # isort: split
            from timm.optim import create_optimizer_v2, get_optimizer_info

            chosen = get_optimizer_info(name).has_betas and options.betas != TORCHS
            betas: dict[str, Any] = {"betas": options.betas} if chosen else {}
            return create_optimizer_v2(groups, name, lr=lr, weight_decay=decay, momentum=options.momentum,
                                       filter_bias_and_bn=False, **betas)  # fmt: skip
