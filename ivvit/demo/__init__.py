"""Layer 5: data sets and weights generated here, so that the demo and the motion study need no download."""
