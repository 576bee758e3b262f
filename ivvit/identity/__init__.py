"""What a result depends on: identities and paths. Knows neither torch nor snakemake."""
