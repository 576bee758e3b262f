"""Floor 2: where weights come from, their checksums, and every checkpoint layout in timm's names."""

from ivvit.weights.fetch import fetch, load_converted
from ivvit.weights.load import LoadReport, load_weights
from ivvit.weights.read import read_state_dict

__all__ = ["LoadReport", "fetch", "load_converted", "load_weights", "read_state_dict"]
