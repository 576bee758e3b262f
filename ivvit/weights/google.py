"""Google's npz checkpoints (vision_transformer, AugReg; big_vision with its other numbering or stacked blocks)."""

import re
from typing import TYPE_CHECKING

from ivvit.weights.converted import Converted, join_qkv

if TYPE_CHECKING:
    from torch import Tensor

PREFIXES = ("", "opt/target/", "params/", "params/img/")
STACKED = "Transformer/encoderblock/"
RULES = [
    (r"embedding/kernel", "patch_embed.proj.weight"),
    (r"embedding/bias", "patch_embed.proj.bias"),
    (r"cls", "cls_token"),
    (r"(?:Transformer/posembed_input/)?pos_embedding", "pos_embed"),
    (r"Transformer/encoder_norm/(.+)", r"norm.\1"),
    (r"Transformer/encoderblock_(\d+)/LayerNorm_0/(.+)", r"blocks.\1.norm1.\2"),
    (r"Transformer/encoderblock_(\d+)/LayerNorm_[12]/(.+)", r"blocks.\1.norm2.\2"),
    (r"Transformer/encoderblock_(\d+)/MultiHeadDotProductAttention_\d/(query|key|value)/(.+)", r"blocks.\1.attn.\2.\3"),
    (r"Transformer/encoderblock_(\d+)/MultiHeadDotProductAttention_\d/out/(.+)", r"blocks.\1.attn.proj.\2"),
    (r"Transformer/encoderblock_(\d+)/MlpBlock_\d/Dense_0/(.+)", r"blocks.\1.mlp.fc1.\2"),
    (r"Transformer/encoderblock_(\d+)/MlpBlock_\d/Dense_1/(.+)", r"blocks.\1.mlp.fc2.\2"),
]


def is_google(state_dict: "dict[str, Tensor]") -> bool:
    """Whether the names are those of a Flax ViT."""
    return any(f"{prefix}embedding/kernel" in state_dict for prefix in PREFIXES)


def convert_google(state_dict: "dict[str, Tensor]") -> Converted:
    """Flax names and axes (inputs first) -> timm's (outputs first)."""
    prefix = next(prefix for prefix in PREFIXES if f"{prefix}embedding/kernel" in state_dict)
    converted = Converted("google")
    for source, tensor in state_dict.items():
        placed = False
        for name, part in _unstack(source.removeprefix(prefix), tensor):
            target = _rename(name) if source.startswith(prefix) else None
            if target is not None:
                converted.tensors[target] = _transpose(target, name, part)
                converted.origin[target] = [source]
                placed = True
        if not placed:
            converted.leftover.append(source)
    join_qkv(converted)
    return converted


def _unstack(name: str, tensor: "Tensor") -> "list[tuple[str, Tensor]]":
    if not name.startswith(STACKED):
        return [(name, tensor)]
    rest = name.removeprefix(STACKED)
    return [(f"Transformer/encoderblock_{i}/{rest}", part) for i, part in enumerate(tensor)]


def _rename(name: str) -> str | None:
    for pattern, replacement in RULES:
        match = re.fullmatch(pattern, name)
        if match:
            leaf = match.expand(replacement)
            return re.sub(r"\.(?:kernel|scale)$", ".weight", leaf)
    return None


def _transpose(target: str, name: str, tensor: "Tensor") -> "Tensor":
    """query (D, H, K) -> (H*K, D), out (H, K, D) -> (D, H*K), dense (in, out) -> (out, in), patches HWIO -> OIHW."""
    if target == "pos_embed":
        return tensor if tensor.dim() == 3 else tensor[None]
    if "/query/" in name or "/key/" in name or "/value/" in name:
        return tensor.flatten(1).T if name.endswith("kernel") else tensor.flatten()
    if not name.endswith("kernel"):
        return tensor
    if name.endswith("/out/kernel"):
        return tensor.flatten(0, 1).T
    return tensor.permute(3, 2, 0, 1) if tensor.dim() == 4 else tensor.T
