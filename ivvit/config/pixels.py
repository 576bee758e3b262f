"""How pixels are normalised and resized: a named setting, the weights' own, or numbers."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ivvit.config.base import Section

Channel = Annotated[float, Field(ge=0, le=1)]
Deviation = Annotated[float, Field(gt=0, le=1)]


class PixelOptions(Section):
    """Mean and deviation of each channel, after scaling to 0..1."""

    mean: tuple[Channel, Channel, Channel]
    """Subtracted, for red, green and blue."""
    std: tuple[Deviation, Deviation, Deviation]
    """Divided by, after that."""


PIXELS: dict[str, PixelOptions] = {
    "paper": PixelOptions(mean=(0.45, 0.45, 0.45), std=(0.225, 0.225, 0.225)),
    "imagenet": PixelOptions(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
    "inception": PixelOptions(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    "clip": PixelOptions(mean=(0.48145466, 0.4578275, 0.40821073), std=(0.26862954, 0.26130258, 0.27577711)),
}
"""paper: the authors' for all their weights; imagenet: torchvision, DeiT, DINOv2 and v3; inception: AugReg, SigLIP."""
Interpolation = Literal["bilinear", "bicubic"]


def _by_name(value: Any) -> Any:
    return PIXELS.get(value, value) if isinstance(value, str) else value


NormalizeField = Annotated[
    Literal["weights"] | PixelOptions,
    BeforeValidator(
        _by_name, json_schema_input_type=Literal["weights", "paper", "imagenet", "inception", "clip"] | PixelOptions
    ),
]
"""A name, or {mean, std}; resolved to numbers but for `weights`."""


def pixels_of_weights(lock: dict[str, Any] | None) -> tuple[PixelOptions, Interpolation]:
    """What weights were trained with, by their lock; the paper's where it says nothing, or there are none."""
    known = (lock or {}).get("pixels")
    if known is None:
        return PIXELS["paper"], "bilinear"
    return PixelOptions(mean=known["mean"], std=known["std"]), known["interpolation"]
