"""Floor 4: data sets and weights that are made here, so that the demo and the motion study need no download."""
