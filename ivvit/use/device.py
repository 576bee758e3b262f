"""Where predictions are computed."""

import torch

from ivvit.ground.errors import UserError


def device_of(name: str | None) -> torch.device:
    """The named device; of none, a GPU where there is one.

    Raises:
        UserError: a GPU is named, and none can be used.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: no GPU can be used here; leave --device out to compute on the CPU")
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
