"""The frame store: videos turned into an all-intra form made for random access."""

from ivvit.data.extraction.lock import lock_store
from ivvit.data.extraction.run import extract

__all__ = ["extract", "lock_store"]
