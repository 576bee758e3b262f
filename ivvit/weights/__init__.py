"""Layer 3: where weights come from, their checksums, and every checkpoint layout in timm's names.

Downloading is `ivvit.weights.fetch`, left out here: what a training run imports decides what makes it stale.
"""

from ivvit.numerics.load import LoadReport
from ivvit.weights.load import load_weights
from ivvit.weights.lock import load_converted
from ivvit.weights.read import read_state_dict

__all__ = ["LoadReport", "load_converted", "load_weights", "read_state_dict"]
