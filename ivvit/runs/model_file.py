"""model.safetensors: a trained model with everything needed to use it, wherever it is copied to."""

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ivvit.config.experiment import Experiment
from ivvit.ground.errors import UserError
from ivvit.ground.files import write_atomically
from ivvit.numerics.pixels import Pixels
from ivvit.numerics.sizes import short_side_range
from ivvit.weights.sealed import read_content, read_sealed, seal

if TYPE_CHECKING:
    from torch import Tensor

    from ivvit.numerics.models.common import JointModel

FORMAT = 2
NAME = "model.safetensors"


@dataclass(frozen=True)
class HeadCard:
    """What a head was trained on."""

    classes: list[str]
    """The names of its outputs."""
    video: bool
    clip_seconds: float
    """Videos: the length of the window that a clip's frames are taken from."""
    short_side: int
    """Pixels that the short side is scaled to before a crop is evaluated."""
    antialias: bool = True
    """Whether pictures were resized with antialias."""
    store: dict[str, Any] | None = None
    """Videos: how the frame store coded them (`StoreOptions`); None where the original files were read."""


@dataclass(frozen=True)
class ModelCard:
    """A model file's metadata."""

    model: str
    options: dict[str, Any]
    """The model's own, such as fold_div."""
    backbone: str
    backbone_args: dict[str, Any]
    num_frames: int
    img_size: int
    heads: dict[str, HeadCard]
    """By data set, in the order of the model's heads."""
    precision: str
    """Of the forward passes, as in training."""
    identity: str | None
    """The run's; None for one outside a configuration."""
    seed: int
    iterations: int
    kept_iteration: int
    """The iteration whose weights these are."""
    skipped_steps: int
    """Steps skipped because their loss was not finite."""
    substitutes: dict[str, int]
    """Training samples replaced by others because they could not be read, by data set."""
    validation: dict[str, Any] | None
    """{"datasets", "mean"} of the validation that the weights were kept by, or None."""
    pixels: Pixels
    """How pixels are normalised and resized."""
    checksum: str = field(default="", compare=False)
    """SHA-256 over the tensors' names, types, shapes and bytes."""


def head_cards(experiment: Experiment, classes: dict[str, list[str]], img_size: int) -> dict[str, HeadCard]:
    """The heads of an experiment's model."""
    return {
        name: HeadCard(
            classes[name], data.is_video, data.clip_seconds, short_side_range(name, data, img_size)[0], data.antialias,
            data.store.model_dump(mode="json") if data.uses_store else None,
        )
        for name, data in experiment.data.items()
    }  # fmt: skip


def encode(tensors: "dict[str, Tensor]", card: ModelCard) -> bytes:
    """The file's content; equal models give equal bytes."""
    return seal(tensors, {"format": FORMAT, **asdict(card)})


def write_model(folder: Path, content: bytes) -> None:
    """The file of a run: it is written last, so that its existence means finished."""
    write_atomically(folder / NAME, lambda file: file.write(content))


def is_finished(folder: Path) -> bool:
    """Whether a run is finished."""
    return os.path.isfile(folder / NAME)


def read_card(file: Path) -> ModelCard:
    """The metadata of a model's file, read without its tensors.

    Raises:
        UserError: the file is missing, damaged, or not of this project.
    """
    from safetensors import SafetensorError

    try:
        content = read_content(file)
    except FileNotFoundError:
        raise UserError(f"{file} does not exist") from None
    except (OSError, SafetensorError) as error:
        remedy = "remove it to have it trained again" if file.name == NAME else "name another"
        raise UserError(
            f"{file} cannot be read as a model ({error}): it is damaged, or no safetensors file; copy it again, or "
            f"{remedy}"
        ) from None
    if content is None:
        raise UserError(f"{file} has no metadata of a model; only files that `ivvit train` wrote can be used")
    if content.pop("format") != FORMAT:
        raise UserError(f"{file} was written by another version of ivvit; train it again, or use that version")
    content["heads"] = {name: HeadCard(**head) for name, head in content["heads"].items()}
    seen = content["pixels"]
    content["pixels"] = Pixels(tuple(seen["mean"]), tuple(seen["std"]), seen["interpolation"])
    return ModelCard(**content)


def read_tensors(file: Path) -> "dict[str, Tensor]":
    """A model's tensors, as they were written.

    Raises:
        UserError: the file is damaged.
    """
    from safetensors import SafetensorError

    try:
        return read_sealed(file)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{file} is damaged ({error}); copy it again") from None


def load_model(file: Path, card: ModelCard) -> "JointModel":
    """The model, in evaluation mode on the CPU.

    Raises:
        UserError: its tensors are not those that were written.
    """
    from ivvit.numerics.models import create_model

    tensors = read_tensors(file)
    classes = {name: len(head.classes) for name, head in card.heads.items()}
    model = create_model(
        card.model, classes, backbone=card.backbone, num_frames=card.num_frames, backbone_args=card.backbone_args,
        **card.options,
    )  # fmt: skip
    model.load_state_dict(tensors)
    model.pixels = card.pixels
    return model.eval()
