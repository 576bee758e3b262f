"""Layer 5: hyperparameter studies with Optuna that survive kills. Knows no workflow; imports optuna only when used."""
