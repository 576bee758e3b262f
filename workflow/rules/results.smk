"""Tables and figures of the current runs, and the links by which people find them."""


def tables(wildcards):
    """The tables of today's runs, once all of these are known; their key names what they list."""
    await_checkpoints()
    return expand(rules.tables.output[0], key=JOBS.tables_keys())


# Waits for all runs. Where some failed, the tables of the others are written at the end, under another key (onerror).
rule tables:
    input:
        ancient(evaluations),
    output:
        report(
            RESULTS / "tables/{key}/comparison.csv",
            caption="../report/comparison.rst",
            category="Results",
            labels={"what": "comparison of experiments"},
        ),
        RESULTS / "tables/{key}/comparison.md",
        RESULTS / "tables/{key}/comparison.tex",
        report(
            RESULTS / "tables/{key}/runs.csv",
            caption="../report/runs.rst",
            category="Results",
            labels={"what": "every run and where it came from"},
        ),
        report(
            RESULTS / "tables/{key}/comparison.svg",
            caption="../report/comparison.rst",
            category="Results",
            labels={"what": "comparison, as a figure"},
        ),
        report(
            RESULTS / "tables/{key}/learning_curves.svg",
            caption="../report/learning_curves.rst",
            category="Results",
            labels={"what": "losses while training"},
        ),
    log:
        "logs/tables/{key}.log",
    benchmark:
        RESULTS / "benchmarks/tables/{key}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    message:
        "Writing tables and figures"
    shell:
        "ivvit tables --key {wildcards.key} 2>&1 | tee {log:q}"
