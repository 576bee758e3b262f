"""What the Snakefile asks. Knows neither torch nor snakemake."""
