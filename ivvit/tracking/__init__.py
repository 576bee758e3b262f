"""Layer 5: Comet and TensorBoard, fed from a run's own files; off unless asked for, never holding up training."""

from ivvit.tracking.open import open_tracking
from ivvit.tracking.upload import upload

__all__ = ["open_tracking", "upload"]
