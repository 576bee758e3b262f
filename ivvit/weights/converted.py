"""A checkpoint in timm's names, with an account of where each tensor came from."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Converted:
    """Tensors under timm's names; `origin` holds the file's names of each, `leftover` the names that have no place."""

    layout: str
    tensors: "dict[str, Tensor]" = field(default_factory=dict)
    origin: dict[str, list[str]] = field(default_factory=dict)
    leftover: list[str] = field(default_factory=list)


def join_qkv(converted: Converted) -> None:
    """`blocks.0.attn.{query,key,value}.weight` -> `blocks.0.attn.qkv.weight`."""
    import torch

    for name in [name for name in converted.tensors if ".attn.query." in name]:
        parts = [name.replace(".query.", f".{part}.") for part in ("query", "key", "value")]
        if all(part in converted.tensors for part in parts):
            joined = name.replace(".query.", ".qkv.")
            converted.tensors[joined] = torch.cat([converted.tensors.pop(part) for part in parts])
            converted.origin[joined] = [source for part in parts for source in converted.origin.pop(part)]
        elif name.endswith(".bias") and parts[2] in converted.tensors:  # VideoMAE's keys have none
            for part, short in ((parts[0], "q_bias"), (parts[2], "v_bias")):
                alone = name.replace("query.bias", short)
                converted.tensors[alone], converted.origin[alone] = (
                    converted.tensors.pop(part),
                    converted.origin.pop(part),
                )
