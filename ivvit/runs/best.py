"""The best model so far, by the configured criterion."""

from typing import Any

from torch import Tensor, nn

from ivvit.config.optimisation import EvaluationOptions
from ivvit.evaluation.evaluate import Evaluation, mean_metrics


class Best:
    """Keeps a copy of the best model (`evaluation.keep: best`) or of none (`last`)."""

    def __init__(self, options: EvaluationOptions, state: dict[str, Any] | None) -> None:
        self._options = options
        self.state = state
        """{"value", "iteration", "metrics", "confusion", "model"}, or None before the first evaluation."""

    def offer(self, iteration: int, results: dict[str, Evaluation], model: nn.Module) -> None:
        """Take the model over if it is better than all before; of equal ones the earliest is kept."""
        metrics = {name: result.metrics for name, result in results.items()}
        value = mean_metrics(metrics)[self._options.metric] * (-1 if self._options.metric == "loss" else 1)
        better = self.state is None or value > self.state["value"]
        if self._options.keep == "last" or better:
            self.state = {
                "value": value,
                "iteration": iteration,
                "metrics": metrics,
                "confusion": {name: result.confusion for name, result in results.items()},
                "model": model_copy(model) if self._options.keep == "best" else {},
            }


def model_copy(model: nn.Module) -> dict[str, Tensor]:
    """The state dict, copied to the CPU."""
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in model.state_dict().items()}
