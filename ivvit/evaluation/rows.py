"""The predictions of samples, as arrays: what processes hand to each other and write while an evaluation runs.

N samples, K = 5 (or all) classes of the highest probability, C classes.
"""

import json
from dataclasses import dataclass, field, fields, replace
from io import BytesIO
from typing import Any, Self

import numpy as np

TOP = 5
ALL_CLASSES = 1000
"""Up to so many classes, the probabilities of all are kept."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Predictions of some samples of a split."""

    index: np.ndarray
    """int64 (N,): positions in the split, in the manifest's order."""
    label: np.ndarray
    """int32 (N,)."""
    top: np.ndarray
    """int32 (N, K): the predicted classes, the most probable first."""
    top_probability: np.ndarray
    """float32 (N, K)."""
    probability: np.ndarray
    """float32 (N,): of the true class."""
    loss: np.ndarray
    """float32 (N,): minus the logarithm of that."""
    probabilities: np.ndarray | None
    """float16 (N, C), or None where C is above ALL_CLASSES or nothing was predicted."""
    unreadable: dict[int, str] = field(default_factory=dict)
    """Positions of the samples that had to be left out, and why."""

    @classmethod
    def none(cls, unreadable: dict[int, str] | None = None) -> Self:
        """No predictions."""
        flat, wide = np.zeros(0, np.float32), np.zeros((0, 0), np.float32)
        return cls(
            np.zeros(0, np.int64), flat.astype(np.int32), wide.astype(np.int32), wide, flat, flat, None,
            unreadable or {},
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.index)

    def lean(self) -> Self:
        """The same without the probabilities of all classes."""
        return replace(self, probabilities=None)

    def not_finite(self) -> np.ndarray:
        """Positions of samples whose prediction is no number."""
        wrong = ~(np.isfinite(self.loss) & np.isfinite(self.top_probability).all(1))
        return self.index[wrong]


def join(parts: list[Rows]) -> Rows:
    """The rows of all parts, by position."""
    unreadable = {index: reason for part in parts for index, reason in part.unreadable.items()}
    full = [part for part in parts if len(part)]
    if not full:
        return Rows.none(unreadable)
    order = np.argsort(np.concatenate([part.index for part in full]), kind="stable")
    arrays: dict[str, Any] = {
        name: None if getattr(full[0], name) is None else np.concatenate([getattr(p, name) for p in full])[order]
        for name in _ARRAYS
    }
    return Rows(**arrays, unreadable=dict(sorted(unreadable.items())))


def to_bytes(rows: Rows) -> bytes:
    """The rows as a file's content."""
    arrays = {name: value for name in _ARRAYS if (value := getattr(rows, name)) is not None}
    unreadable = np.frombuffer(json.dumps(list(rows.unreadable.items())).encode(), np.uint8)
    stream = BytesIO()
    np.savez(stream, **arrays, unreadable=unreadable)
    return stream.getvalue()


def from_bytes(content: bytes) -> Rows:
    """The rows that `to_bytes` was given."""
    with np.load(BytesIO(content)) as found:
        arrays = {name: found.get(name) for name in _ARRAYS}
        return Rows(**arrays, unreadable=dict(json.loads(found["unreadable"].tobytes())))


_ARRAYS = [entry.name for entry in fields(Rows) if entry.name != "unreadable"]
