"""Dropout and its kin as functions of a sample's position in its batch: the same for one process and for several.

timm's modules draw from the process's generator, so what is dropped would depend on how a batch is shared out. Here a
module hashes (seed, iteration, data set, module, position, element). That needs no state, and gives the same again
where gradient checkpointing computes a block twice.
"""

import ivvit.numerics.compat  # noqa: F401  (before timm)

# isort: split
from typing import Any, cast

import torch
from timm.layers import DropPath, PatchDropout, PatchDropoutWithIndices
from torch import Tensor, nn

from ivvit.numerics.rng import Rng, mix, uniforms


class _Keyed(nn.Module):
    """A module that was given a key for each sample of the batch to come; without, it draws as torch does."""

    keys: Tensor | None = None

    def draw(self, rows: int, count: int) -> Tensor:
        """(rows, count) numbers in [0, 1); several rows (frames) may be of one sample."""
        assert self.keys is not None, "only a module that has keys draws by them"
        return uniforms(self.keys, rows * count // len(self.keys)).view(rows, count)


class KeyedDropout(_Keyed, nn.Dropout):
    """torch's dropout."""

    def forward(self, x: Tensor) -> Tensor:
        """Any (B, ...) -> the same shape."""
        if not self.training or self.p == 0 or self.keys is None:
            return super().forward(x)
        kept = self.draw(len(x), x[0].numel()).view(x.shape) >= self.p
        return x * kept / (1 - self.p)


class KeyedDropPath(_Keyed, DropPath):
    """timm's stochastic depth."""

    def forward(self, x: Tensor) -> Tensor:
        """Any (B, ...) -> the same shape."""
        if not self.training or self.drop_prob == 0 or self.keys is None:
            return super().forward(x)
        kept = (self.draw(len(x), 1) >= self.drop_prob).view(-1, *(1,) * (x.dim() - 1)).to(x.dtype)
        return x * (kept / (1 - self.drop_prob) if self.scale_by_keep else kept)


class _KeyedPatches(_Keyed):
    """timm's choice of patches that are kept."""

    prob: float
    num_prefix_tokens: int
    ordered: bool

    def choose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N, D) -> (B, prefix + kept, D), and the kept patches' numbers (B, kept)."""
        prefix, patches = x[:, : self.num_prefix_tokens], x[:, self.num_prefix_tokens :]
        rows, count = patches.shape[:2]
        kept = self.draw(rows, count).argsort(-1)[:, : max(1, int(count * (1 - self.prob)))]
        kept = kept.sort(-1)[0] if self.ordered else kept
        chosen = patches.gather(1, kept[..., None].expand(-1, -1, patches.shape[-1]))
        return torch.cat([prefix, chosen], 1), kept


class KeyedPatchDropout(_KeyedPatches, PatchDropout):
    """timm's, for VisionTransformer."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, prefix + kept, D)."""
        active = self.training and self.prob > 0 and self.keys is not None
        return self.choose(x)[0] if active else super().forward(x)


class KeyedPatchDropoutWithIndices(_KeyedPatches, PatchDropoutWithIndices):
    """timm's, for Eva."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, N, D) -> (B, prefix + kept, D), and which."""
        active = self.training and self.prob > 0 and self.keys is not None
        return self.choose(x) if active else super().forward(x)


_KINDS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Dropout: KeyedDropout,
    DropPath: KeyedDropPath,
    PatchDropout: KeyedPatchDropout,
    PatchDropoutWithIndices: KeyedPatchDropoutWithIndices,
}


class Dropping:
    """All modules of a model that drop something. Their classes are changed; parameters and names stay."""

    def __init__(self, model: nn.Module, seed: int) -> None:
        self._seed = seed
        self._modules = [module for module in model.modules() if type(module) in _KINDS and _drops(module)]
        for module in self._modules:
            module.__class__ = _KINDS[type(module)]
        for module in model.modules():  # the fused kernel draws by itself
            if getattr(getattr(module, "attn_drop", None), "p", 0) > 0 and hasattr(module, "fused_attn"):
                cast(Any, module).fused_attn = False  # an attribute of timm's attentions, of which there are several

    def prepare(self, iteration: int, dataset: str, positions: range, device: torch.device) -> None:
        """Give every module its keys for samples at these positions of a batch."""
        if not self._modules:
            return
        places = torch.arange(positions.start, positions.stop, device=device)
        for number, module in enumerate(self._modules):
            module.keys = mix(Rng(self._seed, "dropout", iteration, dataset, number).integer(2**62), places)


def _drops(module: nn.Module) -> bool:
    return any(getattr(module, name, 0) > 0 for name in ("p", "drop_prob", "prob"))
