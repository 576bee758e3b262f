"""Predictions for image and video files, the same numbers as an evaluation's for the same file and protocol."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor

from ivvit.evaluation.score import score
from ivvit.ground.errors import UserError
from ivvit.numerics.precision import Precision
from ivvit.runs.heads import head_of
from ivvit.runs.loader import load_items
from ivvit.runs.memory import enough_memory
from ivvit.runs.model_file import HeadCard, ModelCard
from ivvit.use.media import Medium
from ivvit.use.outcome import FileResult, Prediction, Window
from ivvit.use.protocol import Protocol, duration, end_of
from ivvit.use.views import Looks, View, ViewBatches, store_of

if TYPE_CHECKING:
    from ivvit.numerics.models.common import JointModel

T = TypeVar("T")

_GROUP = 64  # files at a time: bounds the disk that they take as the frame store would keep them


@dataclass(frozen=True)
class Predictor:
    """A model on its device, and how it is shown files."""

    model: "JointModel"
    card: ModelCard
    device: torch.device
    protocol: Protocol
    batch_size: int = 16
    """Views at a time."""
    workers: int = 0
    pictures: bool = False
    """Whether results have pictures for a page."""

    def files(self, paths: Sequence[str], heads: Sequence[str] = ()) -> Iterator[FileResult]:
        """A result for each file, in order; damaged files do not stop the others.

        Args:
            paths: images and videos.
            heads: whose classes to tell; by default of an image those trained on images, of a video on videos.

        Raises:
            UserError: no such head, the model's output is not finite, or the GPU's memory does not suffice.
        """
        for head in heads:
            head_of(self.card, head)
        for group in _parts(paths, _GROUP):
            with tempfile.TemporaryDirectory(prefix="ivvit-predict-") as folder:
                yield from self._group(group, heads, Path(folder))

    def _group(self, paths: list[str], heads: Sequence[str], folder: Path) -> list[FileResult]:
        media, wanted = self._look(paths, heads, folder), dict[str, list[View]]()
        for file, medium in enumerate(media):
            for head in [] if medium.damage else list(heads) or heads_for(self.card, medium.timeline is not None):
                wanted.setdefault(head, []).extend(self._views(file, medium, self.card.heads[head]))
        damage = {file: medium.damage for file, medium in enumerate(media) if medium.damage}
        windows: dict[tuple[int, str], list[Window]] = {}
        for head, views in wanted.items():
            for view, scores in self._scores(head, views, damage):
                windows.setdefault((view.file, head), []).append(_window(view, self.card.heads[head], scores))
        return [
            FileResult(medium.path, damage=damage[file]) if file in damage else FileResult(
                medium.path, duration(medium.timeline) if medium.timeline else None,
                tuple(Prediction(head, found) for (of, head), found in windows.items() if of == file),
                sha256=medium.sha256, pictures=medium.pictures,
            )
            for file, medium in enumerate(media)
        ]  # fmt: skip

    def _look(self, paths: list[str], heads: Sequence[str], folder: Path) -> list[Medium]:
        stores = [store_of(self.card.heads[head]) for head in list(heads) or heads_for(self.card, video=True)]
        different = list({options.model_dump_json(): options for options in stores if options}.values())
        looks = Looks(paths, different, folder, self.pictures)
        return list(_raised(load_items(looks, range(len(paths)), min(self.workers, len(paths)))))

    def _views(self, file: int, medium: Medium, head: HeadCard) -> list[View]:
        if medium.timeline is None:
            return [View(file, medium, None)]
        clips = self.protocol.place(medium.timeline, head.clip_seconds, self.card.num_frames)
        return [View(file, medium, clip) for clip in clips]

    def _scores(self, head: str, views: list[View], damage: dict[int, str]) -> Iterator[tuple[View, np.ndarray]]:
        """(view, its logarithms of probabilities); files that cannot be read after all are added to `damage`."""
        kinds = [[view for view in views if (view.clip is None) == still] for still in (True, False)]
        batches = [batch for kind in kinds for batch in _parts(kind, self.batch_size)]
        items = ViewBatches(batches, self.card, self.card.heads[head], self.protocol.crops)
        with closing(load_items(items, range(len(batches)), min(self.workers, len(batches)))) as loaded:
            for item in loaded:
                damage |= item.unreadable
                if item.views:
                    yield from zip(item.views, self.scores(head, item.pixels), strict=True)

    @torch.no_grad()
    def scores(self, head: str, pixels: Tensor) -> np.ndarray:
        """uint8 (N, crops, ...) -> (N, classes) float32, logarithms of probabilities.

        Raises:
            UserError: the model's output is not finite, or the GPU's memory does not suffice.
        """
        with enough_memory("--batch-size"):
            found = score(self.model, head, pixels.to(self.device), Precision(self.card.precision, self.device))
        if not torch.isfinite(found.exp()).all():
            raise UserError("the model's output is not finite: its weights are destroyed")
        return found.cpu().numpy()


def heads_for(card: ModelCard, video: bool) -> list[str]:
    """The heads trained on videos (or images); all heads where there is none."""
    return [name for name, head in card.heads.items() if head.video == video] or list(card.heads)


def _parts(items: Sequence[T], size: int) -> Iterator[list[T]]:
    for begin in range(0, len(items), size):
        yield list(items[begin : begin + size])


def _window(view: View, head: HeadCard, scores: np.ndarray) -> Window:
    if view.clip is None or view.medium.timeline is None:
        return Window(0.0, 0.0, scores)
    return Window(view.clip.start_seconds, end_of(view.medium.timeline, view.clip, head.clip_seconds), scores)


def _raised(items: Iterator[Medium | UserError]) -> Iterator[Medium]:
    for item in items:
        if isinstance(item, UserError):
            raise item
        yield item
