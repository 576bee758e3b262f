"""Checkpoint layouts -> timm's names, one adapter a layout; no tensor is dropped silently.

Converted names are timm's (`blocks.0.attn.qkv.weight`), `heads.<data set>.weight` for classifiers of a named data set,
and polyvit's `tubelet.weight`, `tubelet.bias`, `pos_embed_video`.
"""

import re
from typing import TYPE_CHECKING

from ivvit.ground.errors import UserError
from ivvit.weights.converted import Converted, join_qkv
from ivvit.weights.google import convert_google, is_google

if TYPE_CHECKING:
    from torch import Tensor

Rules = list[tuple[str, str]]
PREFIX = re.compile(r"^(?:(?:module|base_model|model|_orig_mod)\.)+")

TIMM: Rules = [
    (
        r"(?:backbone\.)?((?:cls_token|dist_token|reg_token|pos_embed|patch_embed|norm_pre|blocks|norm|fc_norm|attn_pool)\b.*)",
        r"\1",
    ),
    (r"(heads\..+|tubelet\..+|pos_embed_video)", r"\1"),
]

TORCHVISION: Rules = [
    (r"class_token", "cls_token"),
    (r"conv_proj\.(.+)", r"patch_embed.proj.\1"),
    (r"conv3d_proj\.(.+)", r"tubelet.\1"),
    (r"encoder\.pos_embedding", "pos_embed"),
    (r"encoder\.pos_embedding_video", "pos_embed_video"),
    (r"encoder\.ln\.(.+)", r"norm.\1"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.ln_([12])\.(.+)", r"blocks.\1.norm\2.\3"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.self_attention\.in_proj_(.+)", r"blocks.\1.attn.qkv.\2"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.self_attention\.out_proj\.(.+)", r"blocks.\1.attn.proj.\2"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.mlp\.(?:linear_1|0)\.(.+)", r"blocks.\1.mlp.fc1.\2"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.mlp\.(?:linear_2|3)\.(.+)", r"blocks.\1.mlp.fc2.\2"),
    (r"heads\.head\.(.+)\.(weight|bias)", r"heads.\1.\2"),
]

TOKENSHIFT: Rules = [
    (r"transformer\.embeddings\.cls_token", "cls_token"),
    (r"transformer\.embeddings\.position_embeddings", "pos_embed"),
    (r"transformer\.embeddings\.patch_embeddings\.(.+)", r"patch_embed.proj.\1"),
    (r"transformer\.encoder\.encoder_norm\.(.+)", r"norm.\1"),
    (r"transformer\.encoder\.layer\.(\d+)\.attention_norm\.(.+)", r"blocks.\1.norm1.\2"),
    (r"transformer\.encoder\.layer\.(\d+)\.ffn_norm\.(.+)", r"blocks.\1.norm2.\2"),
    (r"transformer\.encoder\.layer\.(\d+)\.ffn\.(fc[12])\.(.+)", r"blocks.\1.mlp.\2.\3"),
    (r"transformer\.encoder\.layer\.(\d+)\.attn\.(query|key|value)\.(.+)", r"blocks.\1.attn.\2.\3"),
    (r"transformer\.encoder\.layer\.(\d+)\.attn\.out\.(.+)", r"blocks.\1.attn.proj.\2"),
    (r"head\.head\.(.+)\.(weight|bias)", r"heads.\1.\2"),
]

HUGGING_FACE: Rules = [
    (r"(?:\w+\.)?embeddings\.cls_token", "cls_token"),
    (r"(?:\w+\.)?embeddings\.position_embeddings", "pos_embed"),
    (r"(?:\w+\.)?embeddings\.patch_embeddings\.projection\.(.+)", r"patch_embed.proj.\1"),
    (r"(?:\w+\.)?layernorm\.(.+)", r"norm.\1"),
    (r"(?:\w+\.)?encoder\.layer\.(\d+)\.layernorm_before\.(.+)", r"blocks.\1.norm1.\2"),
    (r"(?:\w+\.)?encoder\.layer\.(\d+)\.layernorm_after\.(.+)", r"blocks.\1.norm2.\2"),
    (r"(?:\w+\.)?encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.(.+)", r"blocks.\1.attn.\2.\3"),
    (r"(?:\w+\.)?encoder\.layer\.(\d+)\.attention\.output\.dense\.(.+)", r"blocks.\1.attn.proj.\2"),
    (r"(?:\w+\.)?encoder\.layer\.(\d+)\.intermediate\.dense\.(.+)", r"blocks.\1.mlp.fc1.\2"),
    (r"(?:\w+\.)?encoder\.layer\.(\d+)\.output\.dense\.(.+)", r"blocks.\1.mlp.fc2.\2"),
]

# What only this layout has -> its name and rules; the first that is found decides.
LAYOUTS: list[tuple[str, str, Rules]] = [
    (r"transformer\.embeddings\.position_embeddings", "tokenshift", TOKENSHIFT),
    (r"conv3d_proj\.weight", "polyvit", TORCHVISION),
    (r"encoder\.pos_embedding", "torchvision", TORCHVISION),
    (r"(?:\w+\.)?embeddings\.patch_embeddings\.projection\.weight", "huggingface", HUGGING_FACE),
    (r"backbone\.(?:patch_embed|blocks|cls_token)\b.*", "ivvit", TIMM),
    (r"(?:patch_embed\.proj|blocks\.\d+)\..+", "timm", TIMM),
]


def convert(state_dict: "dict[str, Tensor]") -> Converted:
    """Recognise the layout and give every tensor timm's name.

    Raises:
        UserError: the layout is none of those known.
    """
    if is_google(state_dict):
        return convert_google(state_dict)
    names = {name: PREFIX.sub("", name) for name in state_dict}
    for mark, layout, rules in LAYOUTS:
        if any(re.fullmatch(mark, name) for name in names.values()):
            converted = Converted(layout)
            for source, name in names.items():
                _enter(converted, source, _rename(name, rules), state_dict[source])
            join_qkv(converted)
            return converted
    some = ", ".join(sorted(state_dict)[:4])
    known = ", ".join(dict.fromkeys(layout for _, layout, _ in LAYOUTS))
    raise UserError(f"unknown checkpoint layout (names such as {some}); known are {known} and Google's npz")


def _rename(name: str, rules: Rules) -> str | None:
    for pattern, replacement in rules:
        match = re.fullmatch(pattern, name)
        if match:
            return _escape_head(match.expand(replacement))
    return None


def _escape_head(name: str) -> str:
    """A data set's dots are escaped as `ivvit.numerics.models.heads` does; other layouts write them plainly."""
    match = re.fullmatch(r"heads\.(.+)\.(weight|bias)", name)
    if not match or "." not in match[1]:
        return name
    return f"heads.{match[1].replace('%', '%25').replace('.', '%2E')}.{match[2]}"


def _enter(converted: Converted, source: str, name: str | None, tensor: "Tensor") -> None:
    if name is None or name in converted.tensors:
        converted.leftover.append(source)
    else:
        converted.tensors[name] = tensor
        converted.origin[name] = [source]
