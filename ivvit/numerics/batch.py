"""What a loader hands to training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch


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
    reason: str | None = None
    """Why that file cannot be read; in `Batch.unreadable`, why this one cannot."""


@dataclass
class Batch:
    """Rows of one data set.

    pixels: uint8 (B, C, H, W) images or (B, T, C, H, W) clips; in evaluation a dimension of views follows B.
    labels: int64 (B,).
    unreadable: in evaluation, samples that had to be left out.
    """

    pixels: torch.Tensor
    labels: torch.Tensor
    records: list[Record]
    unreadable: list[Record] = field(default_factory=list)
    step: int = 0
    """Training: which of the data set's batches this is."""

    def pin_memory(self) -> "Batch":
        """The same batch in page-locked memory (what a DataLoader with pin_memory calls)."""
        return replace(self, pixels=self.pixels.pin_memory(), labels=self.labels.pin_memory())

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device; from page-locked memory, without waiting for the copy."""
        pixels, labels = (tensor.to(device, non_blocking=True) for tensor in (self.pixels, self.labels))
        return replace(self, pixels=pixels, labels=labels)

    def record_stream(self, stream: torch.cuda.Stream) -> "Batch":
        """The same batch, its memory kept until the stream is done with it."""
        self.pixels.record_stream(stream)
        self.labels.record_stream(stream)
        return self


def collate(
    samples: Sequence[torch.Tensor],
    labels: Sequence[int],
    records: list[Record],
    step: int = 0,
    allocate: Callable[..., torch.Tensor] = torch.empty,
) -> Batch:
    """One batch of samples (of equal shape); of none, an empty one. In memory the channels come last."""
    *outer, channels, height, width = samples[0].shape if samples else (0, 0, 0)
    pixels = allocate((len(samples), *outer, height, width, channels), dtype=torch.uint8).movedim(-1, -3)
    for row, sample in zip(pixels, samples, strict=True):
        row.copy_(sample)  # mostly one pass in order: kernels that scale leave channels last as well
    return Batch(pixels, torch.tensor(labels, dtype=torch.int64), records, step=step)
