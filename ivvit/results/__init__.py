"""Layer 5: tables, statistics and figures of finished runs. Knows neither torch nor snakemake."""
