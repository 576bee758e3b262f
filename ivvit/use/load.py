"""`load_run`: a trained model from its file, wherever that was copied to, ready to predict."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from ivvit.ground.errors import UserError
from ivvit.numerics.sampling import subsample
from ivvit.runs.heads import head_of
from ivvit.runs.model_file import ModelCard, load_model, read_card
from ivvit.use.arrays import pixels_of_array, pixels_of_image
from ivvit.use.find import find_model
from ivvit.use.outcome import mean_scores, ranked
from ivvit.use.predict import Predictor
from ivvit.use.protocol import Protocol
from ivvit.use.views import crop

if TYPE_CHECKING:
    from ivvit.numerics.models.common import JointModel


@dataclass(frozen=True)
class TrainedModel:
    """A trained model, and what its file says about it."""

    file: Path
    card: ModelCard
    """Backbone, options, frames, pixels, heads, identity."""
    model: "JointModel"
    """In evaluation mode; called as model(pixels, data set): see `create_model`."""

    @property
    def classes(self) -> Mapping[str, list[str]]:
        """The names of each head's outputs, by data set."""
        return {name: head.classes for name, head in self.card.heads.items()}

    def predict(
        self, sample: "str | Path | Image.Image | np.ndarray | torch.Tensor", dataset: str, top: int = 5, *,
        clips: int | None = 1, crops: int = 1,
    ) -> list[tuple[str, float]]:  # fmt: skip
        """The most probable classes of an image or a video, by the numbers of `ivvit evaluate`.

        Args:
            sample: a file; a picture of PIL; an image (H, W, 3) or (3, H, W), or a clip with frames before that, RGB,
                0 to 255 or, in floating point, 0 to 1. Of an array's frames, as many as the model takes are used,
                evenly over all of them.
            dataset: the head that is asked.
            top: how many classes.
            clips: clips of a video file, spread evenly; None for windows that slide over all of it.
            crops: 1 or 3.

        Returns:
            (class name, probability) pairs, the most probable first.

        Raises:
            UserError: no such head, or the sample cannot be read.
        """
        head = head_of(self.card, dataset)
        predictor = self._predictor(Protocol(clips, crops))
        if isinstance(sample, str | Path):
            (found,) = predictor.files([str(Path(sample).expanduser())], [dataset])
            if found.damage:
                raise UserError(f"{sample} cannot be used: {found.damage}")
            return ranked(found.predictions[0].probabilities, head.classes, top)
        pixels = pixels_of_image(sample) if isinstance(sample, Image.Image) else pixels_of_array(sample)
        if pixels.dim() == 4:
            pixels = pixels[subsample(len(pixels), self.card.num_frames)]
        scores = predictor.scores(dataset, crop(pixels, self.card, head, crops)[None])
        return ranked(np.exp(mean_scores(list(scores))), head.classes, top)

    def _predictor(self, protocol: Protocol) -> Predictor:
        device = next(self.model.parameters()).device
        return Predictor(self.model, self.card, device, protocol)


def load_run(path: Path | str) -> TrainedModel:
    """A trained model, on the CPU.

    Args:
        path: a run's folder (results/experiments/<name>/seed<k>), or its model.safetensors, wherever it was copied.

    Raises:
        UserError: there is no model, or its file is damaged.
    """
    file = find_model(path)
    card = read_card(file)
    return TrainedModel(file, card, load_model(file, card))
