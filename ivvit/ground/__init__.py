"""Layer 1: files, digests, locks, errors. Knows nothing of the rest."""
