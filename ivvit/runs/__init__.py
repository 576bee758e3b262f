"""Layer 5: one run from start to end: session, checkpoints, resume, history, stop, progress, provenance."""
