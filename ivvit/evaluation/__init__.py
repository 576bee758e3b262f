"""Layer 4: views, metrics and predictions, given a model. Knows no training."""
