"""How the data sets' losses are weighed against each other.

Every weighting gives a factor for a data set's loss before its backward pass, and hears the losses after the iteration.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ivvit.config.experiment import Experiment


class Fixed:
    """`equal` and `fixed`: constants."""

    needs_losses = False

    def __init__(self, weights: dict[str, float], device: torch.device) -> None:
        self._weights = {name: torch.tensor(weight, device=device) for name, weight in weights.items()}

    def weight(self, dataset: str) -> Tensor:
        """The factor on the data set's loss, a scalar on the device."""
        return self._weights[dataset]

    def update(self, losses: dict[str, Tensor]) -> None:
        """Hear the iteration's mean losses (scalars on the device)."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a checkpoint's state."""


class Uncertainty(Fixed):
    """Homoscedastic uncertainty (Kendall et al., CVPR 2018, section 3): L_i exp(-s_i) + s_i / 2, s_i = log variance.

    The s_i are learned by an Adam of their own, one step an iteration for the data sets that had their turn.
    """

    needs_losses = True

    def __init__(self, datasets: list[str], lr: float, device: torch.device) -> None:
        self._log_variances = {name: torch.zeros((), device=device, requires_grad=True) for name in datasets}
        self._optimizer = torch.optim.Adam(list(self._log_variances.values()), lr=lr, fused=True)

    def weight(self, dataset: str) -> Tensor:
        return torch.exp(-self._log_variances[dataset].detach())

    def update(self, losses: dict[str, Tensor]) -> None:
        self._optimizer.zero_grad()
        for name, loss in losses.items():
            s = self._log_variances[name]
            s.grad = 0.5 - torch.exp(-s.detach()) * loss
        self._optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        values = {name: s.detach() for name, s in self._log_variances.items()}
        return {"log_variances": values, "optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            for name, s in self._log_variances.items():
                s.copy_(state["log_variances"][name])
        self._optimizer.load_state_dict(state["optimizer"])


class DynamicWeightAverage(Fixed):
    """DWA (Liu et al., CVPR 2019, section 3.2), on windows of iterations in place of epochs.

    Weights are K softmax(r / T) over the K data sets, r the ratio of the mean losses of the last two windows; they are
    1 until there are two, and r is 1 for a data set that gave no batch in one of them.
    """

    needs_losses = True

    def __init__(self, datasets: list[str], window: int, temperature: float, device: torch.device) -> None:
        self._index = {name: i for i, name in enumerate(datasets)}
        self._window, self._temperature = window, temperature
        self._iterations = 0
        zeros = torch.zeros(len(datasets), device=device)
        self._values = {"weights": zeros + 1, "sums": zeros, "counts": zeros.clone(), "last": zeros * torch.nan}

    def weight(self, dataset: str) -> Tensor:
        return self._values["weights"][self._index[dataset]]

    def update(self, losses: dict[str, Tensor]) -> None:
        for name, loss in losses.items():
            self._values["sums"][self._index[name]] += loss
            self._values["counts"][self._index[name]] += 1
        self._iterations += 1
        if self._iterations % self._window == 0:
            self._close_window()

    def _close_window(self) -> None:
        values = self._values
        means = values["sums"] / values["counts"]  # nan where there was no batch
        ratios = torch.nan_to_num(means / values["last"], nan=1.0, posinf=1.0)
        weights = len(ratios) * torch.softmax(ratios / self._temperature, 0)
        zeros = torch.zeros_like(means)
        self._values = {"weights": weights, "sums": zeros, "counts": zeros.clone(), "last": means}

    def state_dict(self) -> dict[str, Any]:
        return {"iterations": self._iterations, **self._values}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._iterations = state["iterations"]
        self._values = {name: state[name].to(value.device) for name, value in self._values.items()}


def make_weighting(experiment: "Experiment", device: torch.device) -> Fixed:
    """The experiment's weighting."""
    options, datasets = experiment.loss_weighting, experiment.datasets
    match options.name:
        case "uncertainty":
            return Uncertainty(list(datasets), options.lr, device)
        case "dwa":
            return DynamicWeightAverage(list(datasets), options.window, options.temperature, device)
        case "fixed":
            return Fixed({name: use.loss_weight for name, use in datasets.items()}, device)
        case _:
            return Fixed(dict.fromkeys(datasets, 1.0), device)
