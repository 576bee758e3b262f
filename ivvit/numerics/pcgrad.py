"""PCGrad (Yu et al., "Gradient surgery for multi-task learning", arXiv 2001.06782, algorithm 1)."""

from collections.abc import Iterable

import torch
from torch import Tensor

from ivvit.numerics.gradients import Held
from ivvit.numerics.rng import Rng


@torch.no_grad()
def pcgrad(tasks: list[Held], rng: Rng) -> Held:
    """The sum of the tasks' gradients, each first projected onto the normal plane of those that it conflicts with.

    Only what all tasks share decides and is projected; a head's gradient is its own task's. The others are met in an
    order that is drawn for each task.
    """
    shared = [i for i in range(len(tasks[0])) if all(task[i] is not None for task in tasks)]
    originals = [_present(task[i] for i in shared) for task in tasks]
    projected = [[gradient.clone() for gradient in task] for task in originals]
    for number, own in enumerate(projected):
        for other in _shuffled([n for n in range(len(tasks)) if n != number], rng):
            product, length = _dot(own, originals[other]), _dot(originals[other], originals[other])
            factor = torch.where((product < 0) & (length > 0), -product / length, torch.zeros_like(product))
            torch._foreach_add_(own, torch._foreach_mul(originals[other], factor))
    total = dict(zip(shared, map(_sum, zip(*projected, strict=True)), strict=True))
    return [total[i] if i in total else _sum(task[i] for task in tasks) for i in range(len(tasks[0]))]


def _dot(one: list[Tensor], two: list[Tensor]) -> Tensor:
    return torch.stack([(a * b).sum() for a, b in zip(one, two, strict=True)]).sum()


def _sum(gradients: Iterable[Tensor | None]) -> Tensor | None:
    present = _present(gradients)
    return torch.stack(present).sum(0) if present else None


def _present(gradients: Iterable[Tensor | None]) -> list[Tensor]:
    return [gradient for gradient in gradients if gradient is not None]


def _shuffled(items: list[int], rng: Rng) -> list[int]:
    """Fisher and Yates."""
    for last in range(len(items) - 1, 0, -1):
        chosen = rng.integer(last + 1)
        items[last], items[chosen] = items[chosen], items[last]
    return items
