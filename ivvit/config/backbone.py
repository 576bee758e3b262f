"""Which backbones may be named, and with which arguments: what timm would refuse, or take from elsewhere, in a job."""

import difflib
import re
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?")
_IDENTITY = "weights are named by `pretrain:`, which makes them a part of the result's identity"
_HEADS = "the heads follow from the data sets"
_TOKENS = "the models need all tokens of the last block"
_ONE_SIZE = "all images have the size img_size"
_ELSEWHERE = {
    **dict.fromkeys(("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_strict"), _IDENTITY),
    **dict.fromkeys(("checkpoint_path", "cache_dir", "local_dir", "hf_hub_id"), _IDENTITY),
    **dict.fromkeys(("num_classes", "head_init_scale"), _HEADS),
    **dict.fromkeys(("features_only", "out_indices", "feature_cfg", "feature_cls"), _TOKENS),
    **dict.fromkeys(("dynamic_img_size", "dynamic_img_pad", "strict_img_size"), _ONE_SIZE),
    "in_chans": "images have three channels",
    "device": "it is chosen under `runtime:`",
    "dtype": "it is chosen by `precision:`",
    "scriptable": "models are not scripted",
    "exportable": "models are exported by `ivvit export`",
    "grad_checkpointing": "it is chosen by `runtime: {grad_checkpointing: true}`",
}
_LENGTHS = ("img_size", "patch_size")  # or [height, width]
_COUNTS = ("depth", "embed_dim", "num_heads", "num_kv_heads", "attn_pool_num_heads")
_RATES = ("drop_rate", "pos_drop_rate", "patch_drop_rate", "proj_drop_rate", "attn_drop_rate", "drop_path_rate")
_FACTORS = ("mlp_ratio", "init_values")
_POOLS = ("token", "avg", "avgmax", "max", "map")

KNOWN_ARGS = frozenset(
    {*_LENGTHS, *_COUNTS, *_RATES, "global_pool", "mlp_ratio", "init_values", "reg_tokens", "num_reg_tokens"}
    | {"act_layer", "norm_layer", "embed_norm_layer", "weight_init", "fix_init", "attn_layer", "attn_type"}
    | {"class_token", "no_embed_class", "pos_embed", "pool_include_prefix", "pre_norm", "final_norm", "fc_norm"}
    | {"qkv_bias", "qkv_fused", "qk_norm", "proj_bias", "scale_attn_norm", "scale_mlp_norm", "scale_attn_inner"}
    | {"scale_mlp", "swiglu_mlp", "swiglu_align_to", "attn_only_layer_scale", "attn_pool_mlp_ratio"}
    | {"use_abs_pos_emb", "use_rot_pos_emb", "use_fc_norm", "use_pre_transformer_norm", "use_post_transformer_norm"}
    | {"use_post_norm", "ref_feat_shape", "rope_type", "rope_grid_offset", "rope_grid_indexing", "rope_temperature"}
    | {"rope_rotate_half", "rope_shift_coords", "rope_jitter_coords", "rope_rescale_coords", "rope_mrope_section"}
)
"""Arguments of timm's VisionTransformer and Eva that a configuration can give (a test compares them with timm's)."""


def check_backbone(name: str, args: dict[str, Any]) -> None:
    """Whether timm may be asked for this.

    Raises:
        ValueError: it names the argument and says what to do.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"name: {name!r} is not a timm model; give a plain name such as vit_base_patch16_224. Models of a hub or "
            "folder would bring weights along that no identity knows: give those by `pretrain: timm:<tag>` or file:"
        )
    for key, value in args.items():
        if (problem := _problem(key, value)) is not None:
            raise ValueError(f"{key}: {problem}")
    width, heads = args.get("embed_dim"), args.get("num_heads")
    if width and heads and width % heads:
        raise ValueError(f"embed_dim: {width} is not a multiple of num_heads: {heads}")


_SHAPES = ("depth", "embed_dim", "num_heads", "patch_size", "mlp_ratio", "qkv_bias", "reg_tokens", "class_token")
"""What decides the parameters' shapes, so that weights of one cannot be those of the other (positions are adapted)."""


def shape_difference(name: str, args: dict[str, Any], other: str, other_args: dict[str, Any]) -> str | None:
    """`embed_dim 24, there 48`: why one backbone cannot take another's weights, as far as names and arguments tell."""
    size, other_size = (
        re.match(r"(\w+?_(?:tiny|small|medium|base|large|huge|giant))_patch(\d+)", n) for n in (name, other)
    )
    given = {key for key in _SHAPES if args.get(key) != other_args.get(key)}
    if size and other_size and size.groups() != other_size.groups():
        free = {"depth", "embed_dim", "num_heads", "patch_size"} - (args.keys() & other_args.keys())
        return f"{name}, there {other}" if free else None
    if name == other and given:
        key = min(given)
        return f"{key} {args.get(key, f'of {name}')}, there {other_args.get(key, f'of {other}')}"
    return None


def _problem(key: str, value: Any) -> str | None:
    if key in _ELSEWHERE:
        return f"cannot be given; {_ELSEWHERE[key]}"
    if key not in KNOWN_ARGS:
        near = difflib.get_close_matches(key, sorted(KNOWN_ARGS), n=1)
        return f"is not an argument of timm's vision transformers{f'; did you mean {near[0]}?' if near else ''}"
    if key in _LENGTHS and not (_is_count(value) or _is_pair(value)):
        return f"must be a whole number of pixels of at least 1, found {value!r}"
    if key in _COUNTS and not _is_count(value):
        return f"must be a whole number of at least 1, found {value!r}"
    if key in _RATES and not (_is_number(value) and 0 <= value < 1):
        return f"must be a rate, 0 <= rate < 1, found {value!r}"
    if key in _FACTORS and value is not None and not (_is_number(value) and value > 0):
        return f"must be a number above 0, found {value!r}"
    if key == "global_pool" and value not in _POOLS:
        return f"found {value!r}; allowed: {', '.join(_POOLS)}"
    return None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_count, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
