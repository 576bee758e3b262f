"""Floor 4: Comet and TensorBoard, fed from a run's own files; off unless asked for, and never in training's way."""

from ivvit.tracking.open import open_tracking
from ivvit.tracking.upload import upload

__all__ = ["open_tracking", "upload"]
