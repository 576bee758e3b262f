"""Layer 3: all that can change a trained number. Knows neither files' layouts nor identities."""
