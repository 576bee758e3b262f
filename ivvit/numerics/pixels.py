"""How pixels become numbers: normalisation, and the kernel by which images are resized."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ivvit.ground.errors import UserError

if TYPE_CHECKING:
    from ivvit.config.experiment import Experiment


@dataclass(frozen=True)
class Pixels:
    """Mean and deviation of each channel after scaling to 0..1, and torchvision's name of the interpolation."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bilinear"


PAPER = Pixels((0.45, 0.45, 0.45), (0.225, 0.225, 0.225))
"""The authors' setting for images and clips alike."""


def pixels_of(experiment: "Experiment") -> Pixels:
    """What an experiment trains with; what `weights` means must have been found out before."""
    by = experiment.normalize
    if isinstance(by, str) or experiment.interpolation == "weights":
        raise UserError("normalize and interpolation say `weights`; the weights must be looked at first")
    return Pixels(by.mean, by.std, experiment.interpolation)


def normalize(pixels: torch.Tensor, by: Pixels, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """uint8 pixels (..., C, H, W) as floats of about zero mean and unit deviation, on the pixels' device."""
    scale, shift = (_channels(values, pixels.device, dtype) for values in _affine(by))
    return pixels.to(dtype, memory_format=torch.contiguous_format).mul_(scale).sub_(shift)


def _affine(by: Pixels) -> tuple[list[float], list[float]]:
    """x -> x scale - shift, by channel."""
    scale = [1 / (255 * std) for std in by.std]
    return scale, [mean / std for mean, std in zip(by.mean, by.std, strict=True)]


def _channels(values: list[float], device: torch.device, dtype: torch.dtype) -> torch.Tensor | float:
    """A number where all channels have the same: cheaper than to copy three to the device for every batch."""
    if len(set(values)) == 1:
        return values[0]
    return torch.tensor(values, dtype=dtype, device=device)[:, None, None]
