"""Data sets: official layouts, validation, the frame store, and the batch of (seed, data set, step).

Import from the submodules; this file stays empty so that training never reaches layouts, validation or
extraction, whose changes must not make trained results stale.
"""
