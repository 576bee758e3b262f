"""One linear classifier per data set."""

from collections.abc import Iterator, Mapping

import torch
from torch import nn

from ivvit.ground.errors import UserError


class Heads(nn.Module):
    """Linear heads by data set name, any name: ModuleDict alone refuses dots and names such as `type`.

    In a state dict the name is written with `%` and `.` escaped as in a URL: `heads.my%2Edata.weight`.
    """

    def __init__(self, num_features: int, num_classes: Mapping[str, int]) -> None:
        super().__init__()
        if not num_classes:
            raise UserError("num_classes is empty: a model needs at least one data set")
        self._keys = {name: _escape(name) for name in num_classes}
        for name, classes in num_classes.items():
            if classes < 1:
                raise UserError(f"num_classes[{name!r}] is {classes}: a data set needs at least one class")
            head = nn.Linear(num_features, classes)
            nn.init.trunc_normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
            self._modules[self._keys[name]] = head

    def __getitem__(self, name: str) -> nn.Linear:
        if name not in self._keys:
            raise UserError(f"the model has no head for data set {name!r}; it has {', '.join(self._keys)}")
        return self._modules[self._keys[name]]

    def __contains__(self, name: str) -> bool:
        return name in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def keys(self) -> Iterator[str]:
        """The data sets' names, in the order given."""
        return iter(self._keys)

    def items(self) -> Iterator[tuple[str, nn.Linear]]:
        """Pairs of data set and head."""
        return ((name, self[name]) for name in self._keys)

    def forward(self, features: torch.Tensor, dataset: str) -> torch.Tensor:
        """(B, D) -> (B, classes of the data set)."""
        return self[dataset](features)


def _escape(name: str) -> str:
    return name.replace("%", "%25").replace(".", "%2E")
