"""What is trained, and one iteration of it. B samples of a data set, R <= B of them on this process."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ivvit.numerics.batch import Batch
from ivvit.numerics.compiled import compile_blocks
from ivvit.numerics.dropping import Dropping
from ivvit.numerics.ema import WeightAverage
from ivvit.numerics.finite import FiniteCheck
from ivvit.numerics.gradients import Gradients, Held
from ivvit.numerics.layers import freeze
from ivvit.numerics.loss_weighting import make_weighting
from ivvit.numerics.losses import batch_sums
from ivvit.numerics.lr_schedule import lr_factor, set_lr
from ivvit.numerics.mixing import mixed
from ivvit.numerics.optimizers import keeps_gradients, make_optimizers, trained
from ivvit.numerics.pcgrad import pcgrad
from ivvit.numerics.pixels import normalize
from ivvit.numerics.precision import Precision
from ivvit.numerics.rng import Rng
from ivvit.numerics.train_data import rows_of
from ivvit.numerics.uncompiled import spare_compiler
from ivvit.numerics.update_rules import UPDATE_RULES
from ivvit.numerics.world import World

if TYPE_CHECKING:
    from ivvit.config.experiment import Experiment
    from ivvit.numerics.models.common import JointModel


@dataclass
class Iteration:
    """What an iteration did: sums over all samples of loss and hits (see accuracy.SUMS), by data set."""

    number: int
    sums: dict[str, Tensor] = field(default_factory=dict)
    learning_rates: dict[str, float] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    """Data sets whose loss was not finite: the loss weighting must not hear of it."""


class Trainer:
    """Model, optimisers, loss weighting, precision and average; `run` is one iteration, a state dict is all of it."""

    def __init__(
        self, model: "JointModel", experiment: "Experiment", seed: int, device: torch.device, world: World,
        compiled: bool = False,
    ) -> None:  # fmt: skip
        self.model, self.experiment, self.device, self.world = model.to(device), experiment, device, world
        self._seed = seed
        freeze(model, experiment.freeze)
        self._parameters = trained(model)
        if not compiled:
            spare_compiler()
        self._gradients = Gradients(self._parameters, experiment.grad_clip)
        self._optimizers = make_optimizers(model, experiment)
        self._weighting = make_weighting(experiment, device)
        self.precision = Precision(experiment.precision, device)
        self._average = WeightAverage(model, experiment.ema, experiment.ema_warmup) if experiment.ema else None
        self._finite = FiniteCheck(experiment.max_skipped)
        self._dropping = Dropping(model, seed)
        if compiled:
            compile_blocks(model)
        self._rule = UPDATE_RULES[experiment.update_rule if experiment.gradient_surgery == "none" else "surgery"]
        self._aside: list[Held] = []
        partial = len(experiment.datasets) > 1 or experiment.model.name == "polyvit"  # other heads, other tokenisers
        self._forward: nn.Module = DistributedDataParallel(
            model, find_unused_parameters=partial, device_ids=[device.index] if device.type == "cuda" else None
        ) if world.size > 1 else model  # fmt: skip

    def run(self, iteration: int, batches: dict[str, Batch]) -> Iteration:
        """Iteration 0, 1, ... on one batch of each data set whose turn it is."""
        self.model.train()
        # What a backbone draws for a whole batch (DINOv3's jitter of coordinates); there is no generator state to save.
        torch.manual_seed(Rng(self._seed, "dropout", iteration).integer(2**63))
        for name, optimizer in self._optimizers.items():
            options = self.experiment.lr_schedule[name]
            set_lr(optimizer, lr_factor(options, iteration, self.experiment.iterations) * self._turn_factor(batches))
        self._now, self._batches = Iteration(iteration + 1), batches
        self._rule(self, list(batches))
        self.precision.finish_iteration()
        if self._weighting.needs_losses:
            heard = [name for name in self._now.sums if name not in self._now.skipped]
            self._weighting.update({name: self._mean_loss(name) for name in heard})
        if self._average:
            self._average.update(iteration)
        return self._now

    def clear(self) -> None:
        """Forget all gradients."""
        self._gradients.clear()

    def backward(self, dataset: str) -> bool:
        """Forward and backward of a data set's batch; False if it is left out and nothing was added.

        It is left out if its loss is not finite and training may go on, or if its gradients overflowed in fp16.
        """
        now = self._now
        now.weights[dataset] = self._weighting.weight(dataset)
        now.learning_rates[dataset] = self.lr(dataset, now.number - 1)
        now.sums[dataset] = torch.zeros(3, device=self.device)
        parts = self._parts(self._batches[dataset])
        # What was added before must outlive a batch that is left out after its gradients are there.
        apart = self.precision.scales or (len(parts) > 1 and self.experiment.max_skipped > 0)
        before = self._gradients.take() if apart else None
        finite = self._add_gradients(dataset, parts)
        if not finite:
            now.skipped.add(dataset)
        added = finite and self.precision.unscale(self._parameters)
        if before is not None:
            (self._gradients.add if added else self._gradients.put)(before)
        return added

    def _add_gradients(self, dataset: str, parts: list[tuple[Tensor, Tensor]]) -> bool:
        """Forward and backward, part by part; False if a loss is not finite and training may go on."""
        now, batch, total = self._now, self._batches[dataset], self.experiment.datasets[dataset].batch_size
        recipe, share = self.experiment.recipe[dataset], self.world.size / total
        first = rows_of(self.world.rank, self.world.size, total).start
        for number, (pixels, labels) in enumerate(parts, 1):
            last = number == len(parts)
            with self._exchanging(last):
                self._dropping.prepare(now.number, dataset, range(first, first + len(labels)), self.device)
                x = normalize(pixels, self.model.pixels)
                x, target = mixed(x, labels, recipe, (self._seed, dataset, batch.step), first, total)
                with self.precision.autocast():
                    logits = self._forward(x, dataset)
                sums = batch_sums(logits.float(), target, recipe.label_smoothing)
                now.sums[dataset] += sums.detach()
                if not self._finite.check(sums[0].detach(), self.world, iteration=now.number, dataset=dataset,
                                          records=batch.records):  # fmt: skip
                    return False
                first += len(labels)
                self.precision.scale(sums[0] * now.weights[dataset] * share).backward()
        return True

    def _exchanging(self, last: bool) -> contextlib.AbstractContextManager[None]:
        """Processes add up their gradients once, in the last part's backward pass."""
        if last or not isinstance(self._forward, DistributedDataParallel):
            return contextlib.nullcontext()
        return self._forward.no_sync()

    def step(self, optimizer: str, keep: bool = False) -> None:
        """Update the parameters by one optimiser; `keep`: more gradients will be added to those that are there."""
        chosen = self._optimizers[optimizer]
        with self._gradients.for_step(keep, writes=not keeps_gradients(chosen)):
            chosen.step()

    def set_aside(self) -> None:
        """Keep the gradients that are there apart; there are none afterwards."""
        self._aside.append(self._gradients.take())

    def combine(self) -> None:
        """The sum of all gradients that were set aside, after surgery."""
        self._gradients.put(pcgrad(self._aside, Rng(self._seed, "pcgrad", self._now.number)))
        self._aside = []

    def lr(self, dataset: str, iteration: int) -> float:
        """The learning rate of the heads in iteration 0, 1, ... (earlier layers' may be less)."""
        name = dataset if dataset in self._optimizers else "default"
        options = self.experiment.lr_schedule[name]
        factor = lr_factor(options, iteration, self.experiment.iterations)
        return self.experiment.optimizer[name].lr * factor * self.experiment.datasets[dataset].lr_factor

    def _turn_factor(self, datasets: Iterable[str]) -> float:
        """`joint` with one data set an iteration: that data set's factor on the one learning rate."""
        factors = [self.experiment.datasets[name].lr_factor for name in datasets]
        return factors[0] if len(factors) == 1 else 1.0

    def result_weights(self) -> contextlib.AbstractContextManager[None]:
        """Within this context the model has the weights that count: the average's, where there is one."""
        return self._average.in_place() if self._average else contextlib.nullcontext()

    def assert_finite(self) -> None:
        """Wait for the losses not looked at yet (see FiniteCheck)."""
        self._finite.flush_pending(self.world)

    @property
    def skipped(self) -> int:
        """Batches left out so far as their loss was not finite, or their gradients overflowed in fp16."""
        return self._finite.skipped + self.precision.overflows

    def state_dict(self) -> dict[str, Any]:
        """Everything that later iterations depend on."""
        return {
            "model": self.model.state_dict(),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self._optimizers.items()},
            "weighting": self._weighting.state_dict(),
            "precision": self.precision.state_dict(),
            "average": self._average.state_dict() if self._average else {},
            "skipped": self._finite.skipped,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the state of `state_dict`."""
        self.model.load_state_dict(state["model"])
        for name, optimizer in self._optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self._weighting.load_state_dict(state["weighting"])
        self.precision.load_state_dict(state["precision"])
        if self._average:
            self._average.load_state_dict(state["average"])
        self._finite.skipped = state["skipped"]

    def _parts(self, batch: Batch) -> list[tuple[Tensor, Tensor]]:
        batch, parts = batch.to(self.device), self.experiment.accumulate
        return list(zip(batch.pixels.tensor_split(parts), batch.labels.tensor_split(parts), strict=True))

    def _mean_loss(self, dataset: str) -> Tensor:
        total = self.world.sum(self._now.sums[dataset][0].clone())
        return total / self.experiment.datasets[dataset].batch_size
