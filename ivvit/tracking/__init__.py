"""Floor 4: trackers that training may tell its numbers to."""
