"""A data set for a head of a model: classes matched by name."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ivvit.config.optimisation import EvaluationOptions
from ivvit.config.splits import is_divided
from ivvit.data.manifest import read_lock
from ivvit.data.open import open_samples
from ivvit.evaluation.views import EvalData, make_eval_data
from ivvit.ground.errors import UserError
from ivvit.ground.names import did_you_mean
from ivvit.ground.names import unknown as unknown_name
from ivvit.ground.sequences import Computed
from ivvit.numerics.holdout import hold_out
from ivvit.numerics.samples import Samples
from ivvit.runs.evaluation_job import EvaluatedDataset
from ivvit.runs.model_file import HeadCard, ModelCard

_SHOWN = 3


def head_of(card: ModelCard, head: str) -> HeadCard:
    """One head's entry in a model file.

    Raises:
        UserError: the model has no such head.
    """
    if head not in card.heads:
        raise UserError(f"the model has no head {head}; {did_you_mean(head, card.heads)}it has {', '.join(card.heads)}")
    return card.heads[head]


def open_for_head(entry: EvaluatedDataset, card: ModelCard, root: Path, options: EvaluationOptions) -> EvalData:
    """A split with the views of an evaluation, as the model was trained to see it; labels are the head's outputs.

    Raises:
        UserError: the model has no such head, the head does not know all classes of the data set, the manifest or the
            frame store is missing, or the split is empty.
    """
    head = head_of(card, entry.head)
    samples = _samples(entry, root, options.split)
    output, names = {name: index for index, name in enumerate(head.classes)}, _names(entry, samples.classes)
    if unknown := [name for name in names if name not in output]:
        raise UserError(
            f"{entry.name} and the head {entry.head} do not have the same classes: the head knows none of "
            f"{', '.join(unknown[:_SHOWN])}{' and others' if len(unknown) > _SHOWN else ''} ({len(unknown)} of "
            f"{len(samples.classes)}); its own are {', '.join(head.classes[:_SHOWN])}, ..."
        )
    labels = _Outputs(samples.labels, [output[name] for name in names])
    seen = entry.options.model_copy(
        update={
            "clip_seconds": head.clip_seconds,
            "short_side": (head.short_side, head.short_side),
            "antialias": head.antialias,
        }
    )
    return make_eval_data(
        replace(samples, classes=head.classes, labels=labels), seen,
        img_size=card.img_size, num_frames=card.num_frames, clips=options.clips, crops=options.crops,
        interpolation=card.pixels.interpolation,
    )  # fmt: skip


def _samples(entry: EvaluatedDataset, root: Path, split: str) -> Samples:
    """Of a split as training sees it: a part of train where the data set has no val."""
    lock = read_lock(entry.manifest)
    if entry.holdout is not None and is_divided(lock, split, entry.holdout):
        train = open_samples(entry.name, entry.options, root, entry.manifest, "train")
        rest, held = hold_out(train, entry.holdout, "holdout")
        return held if split == "val" else rest
    if split == "val" and not lock["counts"]["val"]:
        raise UserError(
            f"{entry.name} has no samples in split val, and none of train are held out as val here; set "
            f"datasets.{entry.name}.holdout: 0.1, or evaluate by its name an experiment that has validation.holdout"
        )
    return open_samples(entry.name, entry.options, root, entry.manifest, split)


class _Outputs(Computed[int]):
    """The outputs of a head that belong to labels."""

    def __init__(self, labels: Sequence[int], outputs: list[int]) -> None:
        self._labels, self._outputs = labels, outputs

    def value(self, place: int) -> int:
        return self._outputs[self._labels[place]]

    def __len__(self) -> int:
        return len(self._labels)


def _names(entry: EvaluatedDataset, classes: list[str]) -> list[str]:
    """The classes of a data set as the head calls them."""
    if strange := [name for name in entry.classes if name not in classes]:
        raise UserError(f"the mapping of classes: {unknown_name(f'class of {entry.name}', strange[0], classes[:20])}")
    return [entry.classes.get(name, name) for name in classes]
