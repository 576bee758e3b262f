"""A model with some of its heads as one graph: torch.export's .pt2, or ONNX.

Input `pixels`: normalised floats (B, 3, S, S) or (B, T, 3, S, S), any B. Outputs: logits (B, classes), a head each.
"""

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ivvit.ground.errors import UserError
from ivvit.numerics.models.common import JointModel
from ivvit.numerics.models.heads import Heads
from ivvit.runs.model_file import ModelCard

TOLERANCE = 1e-4
"""How far an export's outputs may be from the model's, absolutely and relative to them."""
BATCHES = (1, 3)
"""The sizes that are tried; it is made with another one."""


class _Heads(nn.Module):
    """Several heads side by side, called as a model calls its heads: the backbone runs once for all."""

    def __init__(self, heads: Heads, names: Sequence[str]) -> None:
        super().__init__()
        self.heads, self.names, self.attentive = heads, names, heads.attentive

    def forward(self, features: Tensor, _: str) -> Tensor:
        return torch.cat([self.heads(features, name) for name in self.names], -1)


class _Graph(nn.Module):
    def __init__(self, model: JointModel, sizes: dict[str, int]) -> None:
        super().__init__()
        self.model = copy.copy(model)
        self.model._modules = dict(model._modules)  # the given model keeps its own heads
        self.model._modules["heads"] = _Heads(model.heads, list(sizes))
        self.sizes = list(sizes.values())

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return self.model(pixels, "").split(self.sizes, 1)


@dataclass(frozen=True)
class Graph:
    """What becomes one file."""

    name: str
    """images or clips."""
    heads: dict[str, int]
    """Head -> its number of classes."""
    shape: tuple[int, ...]
    """Of one sample."""

    def trace(self, model: JointModel) -> torch.export.ExportedProgram:
        """The graph by torch.export, with any batch size."""
        example = torch.zeros(2, *self.shape)
        with _quiet():
            batch = torch.export.Dim("batch", min=1)
            return torch.export.export(_Graph(model, self.heads), (example,), dynamic_shapes=({0: batch},))

    @torch.no_grad()
    def samples(self, model: JointModel) -> list[tuple[Tensor, list[Tensor]]]:
        """Random inputs of each batch size, and what the model makes of them."""
        generator = torch.Generator().manual_seed(0)
        inputs = [torch.randn(size, *self.shape, generator=generator) for size in BATCHES]
        return [(pixels, [model(pixels, head) for head in self.heads]) for pixels in inputs]


def graphs_of(card: ModelCard, heads: Sequence[str]) -> list[Graph]:
    """A graph for the heads trained on images, one for those trained on videos; of these alone, if any is named."""
    frame = (3, card.img_size, card.img_size)
    chosen = {name: card.heads[name] for name in heads or card.heads}
    shapes = {"images": (False, frame), "clips": (True, (card.num_frames, *frame))}
    found = []
    for name, (video, shape) in shapes.items():
        sizes = {head: len(of.classes) for head, of in chosen.items() if of.video == video}
        found += [Graph(name, sizes, shape)] if sizes else []
    return found


def write_torch(graph: Graph, model: JointModel, folder: Path) -> tuple[Path, float]:
    """<name>.pt2, read back and tried: (the file, the largest difference). Raises UserError if it is too large."""
    file = folder / f"{graph.name}.pt2"
    with _quiet():
        torch.export.save(graph.trace(model), file)
        program = torch.export.load(file).module()
    with torch.no_grad():
        found = [program(pixels) for pixels, _ in graph.samples(model)]
    return file, _difference(graph, model, found, file.name)


def write_onnx(graph: Graph, model: JointModel, folder: Path) -> tuple[Path, float]:
    """<name>.onnx, run by onnxruntime: (the file, the largest difference).

    Raises:
        UserError: the packages are missing, or the difference is too large.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  (what torch.onnx writes with)
    except ImportError as error:
        raise UserError(f"ONNX needs further packages ({error.name}): pip install 'ivvit[export]'") from None
    file = folder / f"{graph.name}.onnx"
    with _quiet():
        program = torch.onnx.export(
            graph.trace(model), dynamo=True, verbose=False, input_names=["pixels"], output_names=list(graph.heads)
        )
        assert program is not None  # it is with dynamo
        program.save(str(file), external_data=_bytes(model) > 1 << 30)  # a file of protobuf holds at most 2 GiB
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    outputs = [session.run(list(graph.heads), {"pixels": pixels.numpy()}) for pixels, _ in graph.samples(model)]
    found = [[torch.from_numpy(np.asarray(logits)) for logits in output] for output in outputs]
    return file, _difference(graph, model, found, file.name)


def _difference(graph: Graph, model: JointModel, found: Sequence[Sequence[Tensor]], what: str) -> float:
    pairs = [pair for (_, right), mine in zip(graph.samples(model), found, strict=True)
             for pair in zip(right, mine, strict=True)]  # fmt: skip
    return check_agreement(pairs, what)


def check_agreement(pairs: Sequence[tuple[Tensor, Tensor]], what: str) -> float:
    """The largest difference of the model's outputs (first of each pair) and an export's.

    Raises:
        UserError: they differ by more than the tolerance.
    """
    for right, mine in pairs:
        if right.shape != mine.shape or not torch.allclose(mine, right, rtol=TOLERANCE, atol=TOLERANCE):
            raise UserError(f"{what} does not give the model's outputs (to {TOLERANCE:g}); nothing was exported")
    return max(float((right - mine).abs().max()) for right, mine in pairs)


def _bytes(model: JointModel) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporters' warnings about their own insides are not for users."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
