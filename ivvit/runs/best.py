"""The best model so far, by the configured criterion."""

from dataclasses import asdict
from typing import Any

from torch import Tensor, nn

from ivvit.config.optimisation import ValidationOptions
from ivvit.evaluation.summary import Summary, mean_metrics
from ivvit.ground.errors import UserError


class Best:
    """Keeps a copy of the best model (`validation.keep: best`) or of none (`last`)."""

    def __init__(self, options: ValidationOptions, state: dict[str, Any] | None) -> None:
        self._options = options
        self.state = state
        """{"value", "iteration", "metrics", "model"}, or None before the first validation; metrics: as plain values,
        {"datasets": {name: Summary}, "mean": MeanMetrics}."""

    def offer(self, iteration: int, results: dict[str, Summary], model: nn.Module) -> None:
        """Keep the model if it is better than all before; of equally good ones, the earliest.

        Raises:
            UserError: the criterion is undefined for a data set.
        """
        mean = mean_metrics(results)
        value = getattr(mean, self._options.metric)
        if value is None:
            raise UserError("validation.metric: top5 means nothing for fewer than six classes; take top1 or loss")
        value *= -1 if self._options.metric == "loss" else 1
        if self._options.keep == "last" or self.state is None or value > self.state["value"]:
            self.state = {
                "value": value,
                "iteration": iteration,
                "metrics": plain(results),
                "model": model_copy(model) if self._options.keep == "best" else {},
            }


def plain(results: dict[str, Summary]) -> dict[str, Any]:
    """A validation as plain values: {"datasets", "mean"}."""
    return {
        "datasets": {name: asdict(result) for name, result in results.items()},
        "mean": asdict(mean_metrics(results)),
    }


def model_copy(model: nn.Module) -> dict[str, Tensor]:
    """The state dict, copied to the CPU."""
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in model.state_dict().items()}
