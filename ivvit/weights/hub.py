"""timm's tags: where the Hugging Face hub has their file, and how timm reads it.

The address and the token are huggingface_hub's. The download is ours: `hf_hub_download` would keep a second copy in its
own cache (or its own records beside the file), and a file that was put there by hand would not do.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ivvit.numerics.compat  # noqa: F401  (before timm)
from ivvit.ground.errors import UserError

if TYPE_CHECKING:
    from timm.models import PretrainedCfg
    from torch import Tensor


def hub_address(tag: str) -> tuple[str, str | None]:
    """Address of a timm tag's file, and the user's token of the hub if there is one.

    Raises:
        UserError: timm does not know the tag, or has no weights for it.
    """
    from huggingface_hub import get_token, hf_hub_url

    config = _config(tag)
    if config.hf_hub_id:
        name = config.hf_hub_filename or "model.safetensors"
        return hf_hub_url(config.hf_hub_id, name, endpoint=os.environ.get("HF_ENDPOINT")), get_token()
    if isinstance(config.url, str) and config.url:
        return config.url, None
    raise UserError(f"timm has no weights for {tag!r}")


def read_tag(tag: str, path: Path) -> "dict[str, Tensor]":
    """The file of a timm tag as that model's state dict, without its classifier."""
    import timm

    overlay = {"file": str(path), "custom_load": path.suffix == ".npz"}
    return timm.create_model(tag, pretrained=True, pretrained_cfg_overlay=overlay, num_classes=0).state_dict()


def pixels_of_tag(tag: str) -> dict[str, Any]:
    """{mean, std, interpolation} that the weights of a timm tag were trained with."""
    config = _config(tag)
    interpolation = config.interpolation if config.interpolation in ("bilinear", "bicubic") else "bilinear"
    return {"mean": list(config.mean), "std": list(config.std), "interpolation": interpolation}


def _config(tag: str) -> "PretrainedCfg":
    import timm
    from timm.models import get_pretrained_cfg

    try:
        config = get_pretrained_cfg(tag)
    except RuntimeError as error:
        raise UserError(f"timm:{tag}: {error}") from None
    if config is None:
        base = tag.split(".")[0]
        near = ", ".join(timm.list_models(f"{base}*", pretrained=True)[:5]) or "vit_base_patch16_224.augreg_in21k"
        raise UserError(f"timm {timm.__version__} does not know the tag {tag!r}; for instance {near}")
    return config
