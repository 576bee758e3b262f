"""Layer 5: a trained model in use: load, predict, export, compare, pack up. Knows no training."""
