"""One classifier per data set: linear, or attentive as in V-JEPA's evaluation."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, cast

import torch
from timm.layers import AttentionPoolLatent
from torch import nn

from ivvit.ground.errors import UserError

if TYPE_CHECKING:
    from ivvit.numerics.models.blocks import BlockParts
    from ivvit.numerics.models.common import Backbone


class Heads(nn.Module):
    """Heads by data set name, any name: ModuleDict alone refuses dots and names such as `type`.

    In a state dict the name is written with `%` and `.` escaped as in a URL: `heads.my%2Edata.weight`.

    Args:
        make: classes -> a head.
        num_classes: classes of each data set.
        attentive: whether heads take tokens (B, N, D) in place of features (B, D).
    """

    def __init__(self, make: Callable[[int], nn.Module], num_classes: Mapping[str, int], attentive: bool) -> None:
        super().__init__()
        if not num_classes:
            raise UserError("num_classes is empty: a model needs at least one data set")
        self.attentive = attentive
        self._keys = {name: _escape(name) for name in num_classes}
        for name, classes in num_classes.items():
            if classes < 1:
                raise UserError(f"num_classes[{name!r}] is {classes}: a data set needs at least one class")
            self._modules[self._keys[name]] = make(classes)

    def __getitem__(self, name: str) -> nn.Module:
        if name not in self._keys:
            raise UserError(f"the model has no head for data set {name!r}; it has {', '.join(self._keys)}")
        head = self._modules[self._keys[name]]
        assert head is not None, "torch allows that a module has no submodule of a name; a head is always there"
        return head

    def __contains__(self, name: str) -> bool:
        return name in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def keys(self) -> Iterator[str]:
        """The data sets' names, in the order given."""
        return iter(self._keys)

    def items(self) -> Iterator[tuple[str, nn.Module]]:
        """Pairs of data set and head."""
        return ((name, self[name]) for name in self._keys)

    def forward(self, features: torch.Tensor, dataset: str) -> torch.Tensor:
        """(B, D), or (B, N, D) where heads are attentive -> (B, classes of the data set)."""
        return self[dataset](features)


def _escape(name: str) -> str:
    return name.replace("%", "%25").replace(".", "%2E")


def make_heads(kind: str, backbone: "Backbone", num_classes: Mapping[str, int]) -> Heads:
    """Heads for a backbone of timm, `linear` or `attentive`."""
    if kind == "linear":
        return Heads(lambda classes: _linear(backbone.num_features, classes), num_classes, attentive=False)
    heads = _num_heads(backbone)
    return Heads(lambda classes: AttentiveHead(backbone.embed_dim, heads, classes), num_classes, attentive=True)


class AttentiveHead(nn.Module):
    """A learnt query attends to all tokens of a sample, then a linear layer (V-JEPA, arXiv 2404.08471, section 4.2)."""

    def __init__(self, width: int, heads: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.pool = AttentionPoolLatent(width, num_heads=heads, norm_layer=nn.LayerNorm)
        self.linear = _linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, N, D) -> (B, classes)."""
        return self.linear(self.pool(self.norm(x)))


def _linear(width: int, classes: int) -> nn.Linear:
    head = nn.Linear(width, classes)
    nn.init.trunc_normal_(head.weight, std=0.02)
    nn.init.zeros_(head.bias)
    return head


def _num_heads(backbone: "Backbone") -> int:
    return cast("BlockParts", backbone.blocks[0]).attn.num_heads
