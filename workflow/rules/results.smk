"""Tables, figures and the report of the current runs, and the links by which people find them."""


# Waits for all runs. Where some failed, the tables of the others are written at the end, under another key (onerror).
rule tables:
    input:
        ancient(evaluations),
    output:
        report(
            RESULTS / "tables/{key}/comparison.csv",
            caption="../report/comparison.rst",
            category=f"Results of {CONFIG_NAMES}",
            subcategory="tables and report",
            labels={"what": "comparison of experiments"},
        ),
        RESULTS / "tables/{key}/comparison.md",
        RESULTS / "tables/{key}/comparison.tex",
        report(
            RESULTS / "tables/{key}/joint_vs_single.csv",
            caption="../report/joint_vs_single.rst",
            category=f"Results of {CONFIG_NAMES}",
            subcategory="tables and report",
            labels={"what": "joint against single"},
        ),
        report(
            RESULTS / "tables/{key}/pairs.csv",
            caption="../report/pairs.rst",
            category=f"Results of {CONFIG_NAMES}",
            subcategory="tables and report",
            labels={"what": "differences of every two experiments"},
        ),
        report(
            RESULTS / "tables/{key}/runs.csv",
            caption="../report/runs.rst",
            category=f"Results of {CONFIG_NAMES}",
            subcategory="tables and report",
            labels={"what": "every run and where it came from"},
        ),
        report(
            RESULTS / "tables/{key}/report.html",
            caption="../report/report.rst",
            category=f"Results of {CONFIG_NAMES}",
            subcategory="tables and report",
            labels={"what": "report: tables, figures, samples, studies, data, runs"},
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
        "Writing tables, figures and the report"
    shell:
        "ivvit tables --key {wildcards.key} 2>&1 | tee {log:q}"
