"""What a loader hands to training."""

from dataclasses import dataclass

import torch

MEAN, STD = 0.45, 0.225
"""Of each channel, after scaling to 0..1 (the paper's setting for images and clips alike)."""


@dataclass(frozen=True, slots=True)
class Record:
    """Where a row of a batch comes from."""

    index: int
    """Position in the manifest's split."""
    path: str
    """The file, relative to the root."""
    start_seconds: float = 0.0
    """Where the clip's window begins (its first one, in evaluation)."""
    substitute_for: str | None = None
    """The unreadable file in whose place this sample stands."""


@dataclass
class Batch:
    """Rows of one data set.

    pixels: uint8 (B, C, H, W) images or (B, T, C, H, W) clips; in evaluation a dimension of views follows B.
    labels: int64 (B,).
    """

    pixels: torch.Tensor
    labels: torch.Tensor
    records: list[Record]

    def pin_memory(self) -> "Batch":
        """The same batch in page-locked memory (what a DataLoader with pin_memory calls)."""
        return Batch(self.pixels.pin_memory(), self.labels.pin_memory(), self.records)


def normalize(pixels: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """uint8 pixels as floats of zero mean and unit deviation, on the pixels' device."""
    return pixels.to(dtype).mul_(1 / (255 * STD)).sub_(MEAN / STD)
