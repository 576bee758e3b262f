"""Tables and figures of the current runs, and the links by which people find them."""


rule tables:
    input:
        current_runs,
    output:
        report(
            RESULTS / "tables/comparison.csv",
            caption="../report/comparison.rst",
            category="Results",
            labels={"what": "comparison of experiments"},
        ),
        RESULTS / "tables/comparison.md",
        RESULTS / "tables/comparison.tex",
        report(
            RESULTS / "tables/runs.csv",
            caption="../report/runs.rst",
            category="Results",
            labels={"what": "every run and where it came from"},
        ),
        report(
            RESULTS / "figures/comparison.svg",
            caption="../report/comparison.rst",
            category="Results",
            labels={"what": "comparison, as a figure"},
        ),
        report(
            RESULTS / "figures/learning_curves.svg",
            caption="../report/learning_curves.rst",
            category="Results",
            labels={"what": "losses while training"},
        ),
    log:
        "logs/tables.log",
    benchmark:
        RESULTS / "benchmarks/tables.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        runs=lambda wildcards: JOBS.listing(),
    message:
        "Writing tables and figures"
    shell:
        "ivvit tables 2>&1 | tee {log}"
