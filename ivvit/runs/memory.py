"""What to do when a device's memory runs out."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ivvit.ground.errors import Failure


@contextmanager
def enough_memory(keys: str) -> Iterator[None]:
    """Within this context, running out of the device's memory is an error that names what to lower.

    Raises:
        UserError: the memory ran out; the run resumes from its last checkpoint.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        text = str(error).split(". ")[0]
        raise Failure(f"the GPU has too little memory ({text}); lower {keys} and start again") from error
