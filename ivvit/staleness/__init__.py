"""What a result depends on, and why it is stale. Knows the specification; knows neither torch nor snakemake."""
