"""Views of files, as a head of a model was trained to see them, made by worker processes."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.data import Dataset

from ivvit.config.datasets import StoreOptions
from ivvit.data.open import READERS
from ivvit.ground.errors import UserError
from ivvit.numerics.decode import UnreadableError, read_frames
from ivvit.numerics.images import read_image
from ivvit.numerics.sampling import Clip
from ivvit.numerics.transforms import Resize, eval_views
from ivvit.runs.heap import allocate
from ivvit.runs.model_file import HeadCard, ModelCard
from ivvit.use.arrays import pixels_of_image
from ivvit.use.media import Medium, look, store_key


@dataclass(frozen=True)
class Looks(Dataset["Medium | UserError"]):
    """Files by number; see `look`."""

    paths: list[str]
    stores: list[StoreOptions]
    folder: Path
    pictures: bool

    def __getitem__(self, index: int) -> "Medium | UserError":
        try:
            return look(self.paths[index], self.stores, self.folder, self.pictures)
        except UserError as error:  # raised in a worker, it would come with that worker's traceback in its message
            return error


@dataclass(frozen=True)
class View:
    """An image, or a clip of a video."""

    file: int
    """The number of its file."""
    medium: Medium
    clip: Clip | None


@dataclass(frozen=True)
class Views:
    """Some views of one kind."""

    views: list[View]
    pixels: torch.Tensor
    """uint8 (N, crops, C, S, S) images or (N, crops, T, C, S, S) clips of the views that could be read."""
    unreadable: dict[int, str]
    """Files that could not be read after all, and why."""


@dataclass(frozen=True)
class ViewBatches(Dataset[Views]):
    """Batches of views for a head."""

    batches: list[list[View]]
    card: ModelCard
    head: HeadCard
    crops: int

    def __getitem__(self, index: int) -> Views:
        read, rows, unreadable = [], [], dict[int, str]()
        for view in self.batches[index]:
            try:
                rows.append(crop(pixels_of(view, self.head), self.card, self.head, self.crops))
                read.append(view)
            except UnreadableError as error:
                unreadable[view.file] = str(error)
        pixels = allocate((len(rows), *rows[0].shape) if rows else (0,), dtype=torch.uint8)
        for target, row in zip(pixels, rows, strict=True):
            target.copy_(row)
        return Views(read, pixels, unreadable)


def pixels_of(view: View, head: HeadCard) -> torch.Tensor:
    """(C, H, W) or (T, C, H, W) uint8. Raises UnreadableError."""
    medium, clip = view.medium, view.clip
    if clip is None or medium.timeline is None:
        return pixels_of_image(read_image(medium.path))
    indices, store = clip.indices.tolist(), store_of(head)
    if store is None:
        frames = read_frames(medium.path, medium.timeline, indices)
    else:
        frames = READERS[store.codec](medium.stored[store_key(store)], medium.timeline, indices)
    return torch.from_numpy(frames).permute(0, 3, 1, 2)


def crop(pixels: torch.Tensor, card: ModelCard, head: HeadCard, crops: int) -> torch.Tensor:
    """(..., C, H, W) -> (crops, ..., C, S, S), as an evaluation does it."""
    resize = Resize(card.pixels.interpolation, head.antialias)
    return eval_views(pixels, card.img_size, head.short_side, crops, resize)


def store_of(head: HeadCard) -> StoreOptions | None:
    """How the frame store encoded what a head was trained on."""
    return None if head.store is None else StoreOptions(**head.store)
